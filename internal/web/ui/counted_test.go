package ui_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/web/ui"
)

func TestCountedPutsTheNounInItsForm(t *testing.T) {
	for got, want := range map[string]string{
		ui.Counted(1, "file"): "1 file", ui.Counted(0, "file"): "0 files", ui.Counted(12345, "row"): "12,345 rows",
		ui.Counted(2, "entry", "entries"): "2 entries", ui.Counted(1, "entry", "entries"): "1 entry",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
