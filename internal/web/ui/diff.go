package ui

import (
	"slices"
	"strings"
	"unicode"
)

// DiffLine is a line of a comparison of two texts ("diff" takes a slice): one that stayed ("same"), that
// went ("del") or that came ("ins"), or a gap for lines that stayed and are not shown.
type DiffLine struct {
	Kind  string
	Gap   bool
	Parts []DiffPart
}

// DiffPart is a stretch of a line; marked ones are what differs from the line it replaced.
type DiffPart struct {
	Text string
	Mark bool
}

// Limits of a comparison: how many lines around a change are shown, and how many pairs of lines or
// words are compared before both sides are shown as a whole.
const (
	diffContext = 2
	diffPairs   = 1 << 20
)

// Compare shows where two texts differ, by lines, and by words within lines that replaced others.
func Compare(old, now string) []DiffLine {
	steps := edits(lines(old), lines(now))
	out := make([]DiffLine, 0, len(steps))
	for i := 0; i < len(steps); {
		if steps[i].kind == "same" {
			out = append(out, DiffLine{Kind: "same", Parts: []DiffPart{{Text: steps[i].text}}})
			i++
			continue
		}
		var gone, came []string
		for ; i < len(steps) && steps[i].kind != "same"; i++ {
			if steps[i].kind == "del" {
				gone = append(gone, steps[i].text)
			} else {
				came = append(came, steps[i].text)
			}
		}
		out = append(out, replaced(gone, came)...)
	}
	return shorten(out)
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
}

// replaced shows lines that went and those that came in their place, with their words compared.
func replaced(gone, came []string) []DiffLine {
	var out []DiffLine
	var after []DiffLine
	for i, g := range gone {
		del := DiffLine{Kind: "del", Parts: []DiffPart{{Text: g}}}
		if i < len(came) {
			ins := DiffLine{Kind: "ins"}
			del.Parts = nil
			for _, s := range edits(words(g), words(came[i])) {
				if s.kind != "ins" {
					del.add(s.text, s.kind == "del")
				}
				if s.kind != "del" {
					ins.add(s.text, s.kind == "ins")
				}
			}
			after = append(after, ins)
		}
		out = append(out, del)
	}
	for _, c := range came[min(len(gone), len(came)):] {
		after = append(after, DiffLine{Kind: "ins", Parts: []DiffPart{{Text: c}}})
	}
	return append(out, after...)
}

func (l *DiffLine) add(text string, mark bool) {
	if n := len(l.Parts); n > 0 && l.Parts[n-1].Mark == mark {
		l.Parts[n-1].Text += text
		return
	}
	l.Parts = append(l.Parts, DiffPart{text, mark})
}

// words are the words of a line and what is between them.
func words(s string) []string {
	var out []string
	letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	var inWord bool
	for _, r := range s {
		if len(out) > 0 && inWord && letter(r) {
			out[len(out)-1] += string(r)
			continue
		}
		out, inWord = append(out, string(r)), letter(r)
	}
	return out
}

type edit struct{ kind, text string }

// edits turns a into b by the longest common subsequence of what is between their equal ends.
func edits(a, b []string) []edit {
	var head, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, edit{"same", a[0]}), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail, a, b = append(tail, edit{"same", a[len(a)-1]}), a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return slices.Concat(head, middle(a, b), tail)
}

func middle(a, b []string) []edit {
	var out []edit
	if len(a)*len(b) > diffPairs {
		for _, s := range a {
			out = append(out, edit{"del", s})
		}
		for _, s := range b {
			out = append(out, edit{"ins", s})
		}
		return out
	}
	longest := make([][]int32, len(a)+1)
	for i := range longest {
		longest[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, edit{"same", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			out = append(out, edit{"del", a[i]})
			i++
		default:
			out = append(out, edit{"ins", b[j]})
			j++
		}
	}
	return out
}

// shorten leaves out lines that stayed and are far from any change.
func shorten(all []DiffLine) []DiffLine {
	near := make([]bool, len(all))
	for i, l := range all {
		if l.Kind == "same" {
			continue
		}
		for k := max(0, i-diffContext); k <= min(len(all)-1, i+diffContext); k++ {
			near[k] = true
		}
	}
	var out []DiffLine
	for i, l := range all {
		switch {
		case near[i]:
			out = append(out, l)
		case len(out) == 0 || !out[len(out)-1].Gap:
			out = append(out, DiffLine{Gap: true})
		}
	}
	return out
}
