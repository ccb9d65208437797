package ui

import (
	"html/template"

	"github.com/holdfast/holdfast/internal/message"
)

// Sheet is how the rows of a table whose cells can be edited are written ("sheet-rows" takes it and rows).
type Sheet struct {
	Choose bool  // rows can be ticked
	Tree   bool  // rows stand in their hierarchy
	Beside int64 // the row that is shown beside the table
}

// SheetRow is a row: Depth is its level in a tree, from 0, and Parent says that rows below it follow.
type SheetRow struct {
	ID             int64
	PeekHref       string
	Depth          int
	Closed, Parent bool
	Cells          []SheetCell
}

// SheetCell is a field of a thing in a table. Title marks the cell by which the row is known.
type SheetCell struct {
	Cell
	Field, Class string
	Title        bool
}

// writer writes cells and rows for one reader. What repeats from row to row is worded once.
type writer struct {
	builder
	p     *message.Printer
	edit  map[string]string        // by the label of the field
	chips map[Chip]template.HTML   // statuses, types and priorities are few
	faces map[Person]template.HTML // and so are people
	days  map[string]template.HTML
}

func writerFor(p *message.Printer) *writer {
	return &writer{p: p, edit: map[string]string{}, chips: map[Chip]template.HTML{}, faces: map[Person]template.HTML{}, days: map[string]template.HTML{}}
}

// once gives what make makes for key, and keeps it.
func once[K comparable, V any](kept map[K]V, key K, make func() V) V {
	v, ok := kept[key]
	if !ok {
		v = make()
		kept[key] = v
	}
	return v
}

func (w *writer) label(c Chip) {
	w.made(once(w.chips, c, func() template.HTML { var b builder; b.chip(c); return b.html() }))
}

func (w *writer) face(p Person) {
	w.made(once(w.faces, p, func() template.HTML { var b builder; b.person(Avatar{Person: p}); return b.html() }))
}

func (w *writer) day(d string) {
	w.made(once(w.days, d, func() template.HTML { return Day(w.p, d) }))
}

// value writes what a cell shows.
func (w *writer) value(c *Cell) {
	switch {
	case c.Chip != nil:
		w.label(*c.Chip)
	case c.Person != nil:
		w.face(*c.Person)
	case c.Day != "":
		w.day(c.Day)
	case c.Text != "":
		w.text(c.Text)
	default:
		w.markup(`<span class="muted">–</span>`)
	}
}

// cell writes a cell, with a way to edit it where there is one.
func (w *writer) cell(c *Cell) {
	switch {
	case c.Edit != "":
		w.frame(c.Frame)
		w.markup(`<a class="cell-edit"`)
		w.href(c.Edit)
		w.markup(">")
		w.value(c)
		w.hidden(once(w.edit, c.Label, func() string { return ", " + w.p.T("list.edit_field", "field", c.Label) }))
		w.markup("</a></turbo-frame>")
	case c.Href != "":
		w.markup("<a")
		w.href(c.Href)
		w.markup(">")
		w.value(c)
		w.markup("</a>")
	default:
		w.value(c)
	}
}

func (w *writer) frame(name string) {
	w.markup("<turbo-frame")
	w.attr("id", name)
	w.markup(">")
}

// title writes the link of the cell by which a row is known.
func (w *writer) title(c *Cell) {
	if c.Edit != "" {
		w.frame(c.Frame)
	}
	w.markup("<a")
	w.href(c.Href)
	if c.Edit != "" {
		w.attr("data-edit", c.Edit)
		w.markup(` data-turbo-frame="_top"`)
	}
	w.markup(">")
	w.text(c.Text)
	w.markup("</a>")
	if c.Edit != "" {
		w.markup("</turbo-frame>")
	}
}

// row writes a row of a sheet.
func (w *writer) row(s Sheet, r *SheetRow) {
	n := decimal(r.ID)
	w.markup("<tr")
	if r.Closed {
		w.markup(` class="row-muted"`)
	}
	w.markup(` data-grid-target="row" data-live="`, n, `" id="row-`, n, `"`)
	if r.ID == s.Beside {
		w.markup(` data-part aria-current="true"`)
	}
	if s.Tree {
		w.attr("aria-level", decimal(int64(r.Depth+1)))
		if r.Parent {
			w.markup(` aria-expanded="true"`)
		}
	}
	w.markup(">")
	if s.Choose {
		w.markup(`<td class="cell-check"><input type="checkbox" name="id" value="`, n, `"`)
		w.attr("aria-label", w.p.T("list.choose", "id", n))
		w.markup(` form="bulk"></td>`)
	}
	w.markup("\n")
	for i := range r.Cells {
		w.column(r, &r.Cells[i], n)
	}
	w.markup("</tr>")
}

// column writes one cell of a row with what is around it.
func (w *writer) column(r *SheetRow, c *SheetCell, n string) {
	if c.Title {
		w.markup(`<th scope="row" class="cell-title indent-`, decimal(int64(r.Depth)), `">`)
		if r.Parent {
			w.markup(`<button class="fold" type="button" aria-expanded="true" hidden>`)
			w.icon("chevron-down")
			w.hidden(w.p.T("list.fold"))
			w.markup("</button>")
		}
		w.title(&c.Cell)
		w.markup(`<a class="peek-link"`)
		w.href(r.PeekHref)
		w.attr("aria-label", w.p.T("list.show_beside", "id", n))
		w.markup(">")
		w.icon("eye")
		w.markup("</a></th>")
		return
	}
	w.markup("<td")
	w.attr("class", c.Class)
	if c.Class == "cell-num" && c.Field != "dueDate" {
		w.attr("data-label", c.Label)
	}
	w.markup(">")
	w.cell(&c.Cell)
	w.markup("</td>")
}

// written are the functions of templates that write parts without the template engine.
func written(p *message.Printer) template.FuncMap {
	return template.FuncMap{
		"chip":   func(c Chip) template.HTML { var b builder; b.chip(c); return b.html() },
		"avatar": func(a Avatar) template.HTML { var b builder; b.avatar(a); return b.html() },
		"face":   func(a Avatar) template.HTML { var b builder; b.person(a); return b.html() },
		"cell": func(c Cell) template.HTML {
			w := writerFor(p)
			w.cell(&c)
			return w.html()
		},
		"title": func(c Cell) template.HTML {
			w := writerFor(p)
			w.title(&c)
			return w.html()
		},
		"cards": func(all []Card) template.HTML { return cards(p, all) },
		"rows": func(s Sheet, rows []SheetRow) template.HTML {
			w := writerFor(p)
			w.b.Grow(len(rows) * 2 << 10)
			for i := range rows {
				w.row(s, &rows[i])
			}
			return w.html()
		},
	}
}
