package db_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/db"
)

// Every letter is folded with exactly those that Unicode's simple folding puts
// beside it: no fewer, or a search would miss, and no others.
func TestFoldFollowsSimpleFoldingForEveryCharacter(t *testing.T) {
	first := map[string]rune{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		folded := db.Fold(string(r))
		if again := db.Fold(folded); again != folded {
			t.Errorf("%U folds to %q and that to %q", r, folded, again)
		}
		if next := unicode.SimpleFold(r); db.Fold(string(next)) != folded {
			t.Errorf("%U and %U differ only in case and fold to %q and %q", r, next, folded, db.Fold(string(next)))
		}
		if other, ok := first[folded]; ok && !together(r, other) {
			t.Errorf("%U and %U are different letters and fold to %q", r, other, folded)
		}
		first[folded] = r
	}
}

func together(a, b rune) bool {
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return a == b
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"ÄÖÜ": "äöü", "STRASSE": "strasse", "Straße": "straße", "STRAẞE": "straße", "МОСКВА": "москва",
		"ΟΔΟΣ": "οδοσ", "οδος": "οδοσ", "DIYARBAKIR": "diyarbakir", "ıİ": "ıİ", "ſon": "son", "Plain-7": "plain-7", "": "",
	} {
		if got := db.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAnotherNameIsFreeAndNoLongerThanTheLimit(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit int
		used  []string
		want  string
	}{
		{"Roofs", 60, nil, "Roofs"},
		{"Roofs", 60, []string{"walls"}, "Roofs"},
		{"Roofs", 60, []string{"roofs", "roofs (2)"}, "Roofs (3)"},
		{"Dächer", 6, []string{"dächer"}, "Dä (2)"},
		{"Dächer", 6, []string{"dächer", "dä (2)"}, "Dä (3)"},
	} {
		if got := db.Another(tc.name, tc.limit, tc.used); got != tc.want {
			t.Errorf("%q beside %q is %q, want %q", tc.name, tc.used, got, tc.want)
		}
	}
}
