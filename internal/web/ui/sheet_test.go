package ui

import (
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/message"
)

// What Go writes without the template engine escapes as it does.
func TestWrittenPartsEscape(t *testing.T) {
	const evil = `"><script>alert('x')</script>&`
	person := &Person{ID: 1, Name: evil, Href: "javascript:alert(1)"}
	chip := Chip{Kind: "status", Label: evil, Hue: Hue(evil)}
	row := SheetRow{ID: 7, PeekHref: "/list?peek=7&q=" + evil, Parent: true, Closed: true, Cells: []SheetCell{
		{Title: true, Cell: Cell{Text: evil, Href: "/work_packages/7", Edit: "/work_packages/7/cell/subject", Frame: evil}},
		{Class: evil, Cell: Cell{Label: evil, Chip: &chip, Edit: "javascript:alert(1)", Frame: "f"}},
		{Class: "cell-num", Field: "created", Cell: Cell{Label: evil, Text: evil}},
		{Cell: Cell{Person: person, Href: "//elsewhere.example"}},
		{Cell: Cell{Day: evil}},
		{Cell: Cell{}},
	}}
	w := writerFor(message.In("en"))
	w.row(Sheet{Choose: true, Tree: true, Beside: 7}, &row)
	w.card(&Card{ID: 8, Href: "data:text/html,x", Subject: evil, Type: chip, Priority: &chip, Assignee: person, Due: evil, Lock: 3, Move: "/work_packages/8/cell/" + evil})
	got := string(w.html())
	for _, bad := range []string{"<script", "javascript:", "data:text", "alert('x')", "elsewhere"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q stands in %s", bad, got)
		}
	}
	for _, part := range []string{
		`<tr class="row-muted" data-grid-target="row" data-live="7" id="row-7" data-part aria-current="true" aria-level="1" aria-expanded="true">`,
		`aria-label="Choose #7"`, `data-edit="/work_packages/7/cell/subject" data-turbo-frame="_top">&#34;&gt;&lt;script&gt;`, `<a class="cell-edit" href="#">`,
		`<span class="muted">–</span></td></tr>`, `id="card-8" data-live="8" data-board-target="card" draggable="true" tabindex="0"`, `data-lock="3"`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is missing in %s", part, got)
		}
	}
}
