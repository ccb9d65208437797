package colour_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/hal/colour"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{"#1A67A3": "#1A67A3", "#1a67a3": "#1A67A3", "#abc": "#AABBCC"} {
		if got, err := colour.Parse(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "#", "red", "#12345", "#12345g", "1A67A3F", "#1234567", "#ééé"} {
		if got, err := colour.Parse(in); err == nil {
			t.Errorf("%s: got %s, want an error", in, got)
		}
	}
}
