package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// board shows a list in columns, one for each value of a field. A card is moved by
// dragging, by keys, or with the link on it, which leads to the form of the field.
type board struct {
	By      ui.Tabs
	Field   string
	Columns []boardColumn
	Options []ui.Option // where a card can be moved
	Why     string      // a card may not go to a column
}

type boardColumn struct {
	Name  string
	Value string
	Count int
	Cards []ui.Card
	More  string // the board with more of the column, "" when all is shown
	All   string // the column as a table
	Next  int    // how many more that are
}

// boardCards is how many cards a column shows at first and how many more each time; a table does better
// with more than maxCards.
const (
	boardCards = 50
	maxCards   = 500
)

// boardFields are what a board can be made by; by version only in a project, whose
// versions are the columns.
var boardFields = []string{"status", "assignee", "version", "priority", "type"}

func (s *Site) fillBoard(r *http.Request, a access.Actor, p *listPage, v view, in workpackage.ListInput, c choices) error {
	b := &board{Field: "status", By: ui.Tabs{Label: speak(r).T("list.columns_by")}}
	fields := boardFields
	if in.Project == 0 {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == "version" })
	}
	for _, f := range fields {
		if v.q.Get("by") == f {
			b.Field = f
		}
	}
	for _, f := range fields {
		b.By.Items = append(b.By.Items, ui.NavItem{Label: speak(r).column(f), Href: v.with("by", f), Current: f == b.Field})
	}
	b.Why = speak(r).notThere(b.Field)
	b.Options = map[string][]ui.Option{"status": c.statuses, "assignee": c.people, "priority": c.priorities, "type": c.types, "version": c.open}[b.Field]
	if b.Field == "assignee" {
		b.Options = append([]ui.Option{{Value: "", Label: speak(r).T("common.nobody")}}, b.Options...)
	}
	if b.Field == "version" {
		b.Options = append([]ui.Option{{Value: "", Label: speak(r).T("planning.no_version")}}, b.Options...)
	}
	in.Sort = v.order()
	longer := boardMore(v.q)
	cols, err := s.app.WorkPackages.Columns(r.Context(), a, in, workpackage.Beginnings{By: b.Field, Each: boardCards, More: longer})
	if err != nil {
		return err
	}
	for _, o := range b.Options {
		n, _ := strconv.ParseInt(o.Value, 10, 64) // "" is nobody
		if cols.Counts[n] == 0 && b.Field == "status" && v.q.Get("status") == "" && c.closed[o.Value] {
			continue // a board of what is open
		}
		col := boardColumn{Name: o.Label, Value: o.Value, Count: cols.Counts[n]}
		col.fill(speak(r), v, b.Field, cols.Items[n], cols.Refs)
		p.Total += col.Count
		b.Columns = append(b.Columns, col)
	}
	p.Board = b
	return nil
}

// boardMore is the column of which the address asks for more, and how many cards of it.
func boardMore(q url.Values) map[int64]int {
	value, n, _ := strings.Cut(q.Get("more"), ":")
	column, err := strconv.ParseInt(value, 10, 64)
	cards, wrong := strconv.Atoi(n)
	if err != nil || wrong != nil {
		return nil
	}
	return map[int64]int{column: min(cards, maxCards)}
}

// fill puts the cards into a column, and ways to the rest of it under them.
func (c *boardColumn) fill(in reader, v view, field string, items []workpackage.WorkPackage, refs *workpackage.Refs) {
	for i := range items {
		c.Cards = append(c.Cards, in.cardOf(&items[i], refs, field))
	}
	left := c.Count - len(items)
	if left <= 0 {
		return
	}
	value, column := c.Value, c.Value
	if value == "" {
		value, column = "none", "0"
	}
	c.All = v.with("view", "", "by", "", field, value)
	if c.Next = min(boardCards, left, maxCards-len(items)); c.Next > 0 {
		c.More = v.with("more", column+":"+strconv.Itoa(len(items)+c.Next)) + "#card-" + strconv.FormatInt(int64(items[len(items)-1].ID), 10)
	}
}

// stillAfter is for how long nobody touches an open work package before its card says so.
const stillAfter = 14 * 24 * time.Hour

func (in reader) cardOf(w *workpackage.WorkPackage, refs *workpackage.Refs, field string) ui.Card {
	c := ui.Card{
		ID: int64(w.ID), Href: packageHref(w.ID), Subject: w.Subject, Type: typeChip(refs.Types[w.TypeID]),
		Assignee: personOf(refs.Users, w.AssigneeID), Due: dayText(w.DueDate), Lock: w.LockVersion,
	}
	if still := in.at.Sub(w.UpdatedAt.Time); still >= stillAfter && !refs.Statuses[w.StatusID].Closed {
		c.Still = in.T("list.untouched", "n", int(still.Hours()/24/7))
	}
	if mayEditCell(refs.Grants, w, field) {
		c.Move = packageHref(w.ID) + "/cell/" + field
	}
	if p := priorityChip(refs.Priorities[w.PriorityID]); field != "priority" && ranks[p.Label] != 0 {
		c.Priority = &p
	}
	return c
}

// notThere says why something cannot get a value of a field.
func (in reader) notThere(field string) string {
	if field == "status" {
		return in.T("list.workflow_forbids")
	}
	return in.T("list.not_allowed_here")
}
