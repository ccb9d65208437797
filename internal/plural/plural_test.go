package plural_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/plural"
)

func TestOf(t *testing.T) {
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files", -1: "-1 files", 1000: "1000 files"} {
		if got := plural.Of(n, "file"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := plural.Of(int64(3), "person", "people"); got != "3 people" {
		t.Errorf("got %q", got)
	}
	if got := plural.Noun(1, "entry", "entries"); got != "entry" {
		t.Errorf("got %q", got)
	}
}
