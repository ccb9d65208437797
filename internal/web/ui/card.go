package ui

import (
	"html/template"

	"github.com/holdfast/holdfast/internal/message"
)

// Card is a work package on a board ("cards" takes a slice). Move, where it may be moved, is the address
// of the form of the field that the board's columns are made of.
type Card struct {
	ID            int64
	Href, Subject string
	Type          Chip
	Priority      *Chip // where it is not the normal one
	Assignee      *Person
	Due           string
	Still         string // for how long nobody has touched it, where that is long
	Lock          int
	Move          string
}

func (w *writer) card(c *Card) {
	n := decimal(c.ID)
	w.markup(`<li class="board-card card" id="card-`, n, `" data-live="`, n, `" data-board-target="card"`)
	if c.Move != "" {
		w.markup(` draggable="true" tabindex="0"`)
		w.attr("data-move", c.Move)
		w.attr("data-lock", decimal(int64(c.Lock)))
	}
	w.markup(`><div class="board-top">`)
	w.label(c.Type)
	w.markup(`<span class="muted small">#`, n, `</span>`)
	if c.Move != "" {
		w.markup(`<a class="button button-quiet button-icon board-move"`)
		w.href(c.Move)
		w.markup(">")
		w.icon("ellipsis")
		w.hidden(w.p.T("list.move_to"))
		w.markup("</a>")
	}
	w.markup(`</div><a class="board-subject"`)
	w.href(c.Href)
	w.markup(">")
	w.text(c.Subject)
	w.markup(`</a><p class="board-foot">`)
	if c.Priority != nil {
		w.label(*c.Priority)
	}
	if c.Due != "" {
		w.markup(`<span class="small muted">`)
		w.day(c.Due)
		w.markup("</span>")
	}
	if c.Still != "" {
		w.markup(`<span class="board-still">`)
		w.icon("clock")
		w.text(c.Still)
		w.markup("</span>")
	}
	if c.Assignee != nil {
		w.face(*c.Assignee)
	}
	w.markup("</p></li>")
}

func cards(p *message.Printer, all []Card) template.HTML {
	w := writerFor(p)
	w.b.Grow(len(all) << 10)
	for i := range all {
		w.card(&all[i])
	}
	return w.html()
}
