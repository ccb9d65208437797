package ui

import (
	"strings"
	"testing"
)

func said(all []DiffLine) string {
	var b strings.Builder
	for _, l := range all {
		if l.Gap {
			b.WriteString("…\n")
			continue
		}
		b.WriteString(map[string]string{"same": " ", "del": "-", "ins": "+"}[l.Kind])
		for _, p := range l.Parts {
			if p.Mark {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestCompareShowsWhatChanged(t *testing.T) {
	for _, c := range []struct{ name, old, now, want string }{
		{"nothing", "a\nb", "a\nb", "…\n"},
		{"a word", "The old wall.", "The new wall.", "-The [old] wall.\n+The [new] wall.\n"},
		{"all of it came", "", "one\ntwo", "+one\n+two\n"},
		{"all of it went", "one\r\ntwo", "", "-one\n-two\n"},
		{"far from others", "1\n2\n3\n4\n5\n6\n7", "1\n2\n3\n4\n5\n6\nx", "…\n 5\n 6\n-[7]\n+[x]\n"},
		{"a line between", "a\nc", "a\nb\nc", " a\n+b\n c\n"},
	} {
		if got := said(Compare(c.old, c.now)); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, got, c.want)
		}
	}
	long := strings.Repeat("x\n", 3000)
	if got := Compare(long+"a", strings.Repeat("y\n", 3000)); len(got) != 6002 {
		t.Errorf("texts with nothing in common: %d lines", len(got))
	}
}
