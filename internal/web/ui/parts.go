package ui

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Hue is one of the colours that mark statuses, types and people. They have light and dark values
// with enough contrast for text, which colours chosen by administrators rarely have.
type Hue string

// The hues.
const (
	Gray   Hue = "gray"
	Blue   Hue = "blue"
	Teal   Hue = "teal"
	Green  Hue = "green"
	Yellow Hue = "yellow"
	Orange Hue = "orange"
	Red    Hue = "red"
	Purple Hue = "purple"
	Pink   Hue = "pink"
)

// HueOf is the hue nearest to a stored colour such as "#1A67A3"; Gray when it is none.
func HueOf(hex string) Hue {
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(strings.TrimPrefix(hex, "#")) != 6 {
		return Gray
	}
	r, g, b := float64(n>>16&255)/255, float64(n>>8&255)/255, float64(n&255)/255
	high, low := max(r, g, b), min(r, g, b)
	if span := high - low; span >= 0.12 {
		return hueAt(degrees(r, g, b, high, span))
	}
	return Gray
}

func degrees(r, g, b, high, span float64) float64 {
	switch high {
	case r:
		return math.Mod((g-b)/span*60+360, 360)
	case g:
		return (b-r)/span*60 + 120
	}
	return (r-g)/span*60 + 240
}

func hueAt(deg float64) Hue {
	for _, h := range []struct {
		below float64
		hue   Hue
	}{{16, Red}, {42, Orange}, {70, Yellow}, {160, Green}, {192, Teal}, {250, Blue}, {292, Purple}, {340, Pink}} {
		if deg < h.below {
			return h.hue
		}
	}
	return Red
}

// Chip is a small mark with a word: a status, a type, a priority or a label.
type Chip struct {
	Kind  string // "status", "type", "priority" or "label"
	Label string
	Hue   Hue
	Icon  string
}

// Class is the class attribute.
func (c Chip) Class() string {
	return "chip chip-" + or(c.Kind, "label") + " hue-" + or(string(c.Hue), string(Gray))
}

// Status is the chip of a status.
func Status(label string, hue Hue) Chip { return Chip{Kind: "status", Label: label, Hue: hue} }

// Type is the chip of a work package's type.
func Type(label string, hue Hue) Chip { return Chip{Kind: "type", Label: label, Hue: hue} }

// Label is the chip of anything else.
func Label(label string, hue Hue) Chip { return Chip{Kind: "label", Label: label, Hue: hue} }

// Priority is the chip of a priority. Rank is its distance from the normal one: below, at or above.
func Priority(label string, rank int) Chip {
	c := Chip{Kind: "priority", Label: label, Hue: Gray, Icon: "equal"}
	switch {
	case rank >= 2:
		c.Icon, c.Hue = "chevrons-up", Red
	case rank == 1:
		c.Icon, c.Hue = "chevron-up", Orange
	case rank < 0:
		c.Icon, c.Hue = "chevron-down", Blue
	}
	return c
}

// Avatar shows a person by initials in a colour of their own.
type Avatar struct {
	Person
	Size string // "l", "xl" or ""
}

// Initials are those of the first and the last name.
func (a Avatar) Initials() string {
	words := strings.FieldsFunc(a.Name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "?"
	}
	out := first(words[0])
	if len(words) > 1 {
		out += first(words[len(words)-1])
	}
	return strings.ToUpper(out)
}

func first(word string) string {
	_, size := utf8.DecodeRuneInString(word)
	return word[:size]
}

// Class is the class attribute.
func (a Avatar) Class() string {
	hues := []Hue{Teal, Blue, Purple, Pink, Orange, Green, Yellow, Red}
	class := "avatar hue-" + string(hues[uint64(a.ID)%uint64(len(hues))])
	if a.Size != "" {
		class += " avatar-" + a.Size
	}
	return class
}

// Sort is the head of a table column by which rows can be ordered.
type Sort struct {
	Label, Href string // Href orders by this column, or turns the order round
	Order       string // "ascending", "descending" or "" when ordered by another column
	Class       string // of the cell
}

// Icon shows the order.
func (s Sort) Icon() string {
	switch s.Order {
	case "ascending":
		return "arrow-up"
	case "descending":
		return "arrow-down"
	}
	return "arrow-up-down"
}

// Pagination leads through a long list. Href builds the address of a page, counted from 1.
type Pagination struct {
	Page, PerPage, Total int
	Href                 func(page int) string
}

// PageLink is one entry of a Pagination; a Number of zero is a gap.
type PageLink struct {
	Number  int
	Href    string
	Current bool
	Far     bool // left out on a phone
}

// Pages is the number of pages, at least one.
func (p Pagination) Pages() int { return max(1, (p.Total+p.per()-1)/p.per()) }

func (p Pagination) per() int { return cmp.Or(max(p.PerPage, 0), 1) }

// From and To are the numbers of the first and last row on the page.
func (p Pagination) From() int { return min((p.Page-1)*p.per()+1, p.Total) }

// To is the number of the last row on the page.
func (p Pagination) To() int { return min(p.Page*p.per(), p.Total) }

// Previous is the address of the page before; empty on the first.
func (p Pagination) Previous() string { return p.at(p.Page - 1) }

// Next is the address of the page after; empty on the last.
func (p Pagination) Next() string { return p.at(p.Page + 1) }

func (p Pagination) at(page int) string {
	if page < 1 || page > p.Pages() || p.Href == nil {
		return ""
	}
	return p.Href(page)
}

// Links are the first, the last and the neighbouring pages, with gaps between.
func (p Pagination) Links() []PageLink {
	var links []PageLink
	before, last := 0, p.Pages()
	add := func(n int) {
		if n <= before || n > last {
			return
		}
		if n > before+1 {
			links = append(links, PageLink{})
		}
		links = append(links, PageLink{Number: n, Href: p.at(n), Current: n == p.Page, Far: n == p.Page-2 || n == p.Page+2})
		before = n
	}
	add(1)
	for n := p.Page - 2; n <= p.Page+2; n++ {
		add(n)
	}
	add(last)
	return links
}

// FileList is attachments.
type FileList struct{ Items []FileItem }

// FileItem is one attachment. DeleteHref, when set, is a page that asks before it deletes.
type FileItem struct {
	Name, Href, DeleteHref string
	ContentType            string
	Size                   int64
	Author                 string
	At                     time.Time
	Picture                bool // of a kind that is shown in the list
	Shown                  bool // the browser shows it in a window of its own, and does not save it
}

// Icon suits the kind of file.
func (f FileItem) Icon() string {
	switch major, _, _ := strings.Cut(f.ContentType, "/"); {
	case major == "image":
		return "image"
	case major == "text" || f.ContentType == "application/pdf":
		return "file-text"
	case strings.Contains(f.ContentType, "zip"):
		return "archive"
	}
	return "file"
}

// ActivityItem is one entry of the activity stream: a comment, changes, or both.
type ActivityItem struct {
	Anchor   string // identifier in the page, such as "activity-12"
	Author   Person
	At       time.Time
	Comment  template.HTML // rendered by package markup
	Changes  []Change
	Verb     string // what was done, for entries without a comment: "created this", "changed"
	EditHref string
	// QuoteHref leads to a comment that quotes this one; a POST to Undo takes the change back.
	QuoteHref, Undo string
}

// Fold takes a later entry of the same person in: what changed twice changed once, from its first
// value to its last.
func (a *ActivityItem) Fold(later ActivityItem) {
	a.Anchor, a.At, a.Undo = later.Anchor, later.At, later.Undo
	for _, c := range later.Changes {
		i := slices.IndexFunc(a.Changes, func(b Change) bool {
			return b.Label == c.Label && b.Text == nil && c.Text == nil && b.To == c.From && c.From != ""
		})
		if i < 0 {
			a.Changes = append(a.Changes, c)
			continue
		}
		a.Changes[i].To = c.To
	}
	a.Changes = slices.DeleteFunc(a.Changes, func(c Change) bool { return c.Text == nil && c.From == c.To })
}

// Long says that the changes are folded up at first.
func (a ActivityItem) Long() bool { return len(a.Changes) > 5 }

// Change is one changed value. Text, when there is one, stands for both values: where a long text differs.
type Change struct {
	Label, From, To string
	Text            []DiffLine
}

// Order is the buttons by which a row of a list moves up and down.
type Order struct {
	Href, UpLabel, DownLabel string
	// Up and Down are the places to move to, counted from 1; 0 at the ends of the list.
	Up, Down int
	// FocusUp and FocusDown put the keyboard back where it was before the row moved.
	FocusUp, FocusDown bool
}
