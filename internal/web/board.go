package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// board shows a list in columns, one for each value of a field. A card is moved by
// dragging, by keys, or with the form on it.
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
	Cards []boardCard
	More  string // where the rest of the column is, "" when all is shown
}

type boardCard struct {
	ID             int64
	Href, Subject  string
	Type, Priority ui.Chip
	Assignee       *ui.Person
	Due            string
	Lock           int
	MayMove        bool
	Raised         bool // its priority is not the normal one
	Action         string
}

// boardCards bounds the cards that a column shows.
const boardCards = 50

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
	b.Why = speak(r).T("list.not_allowed_here")
	if b.Field == "status" {
		b.Why = speak(r).T("list.workflow_forbids")
	}
	counts, err := s.app.WorkPackages.Groups(r.Context(), a, in, b.Field)
	if err != nil {
		return err
	}
	b.Options = map[string][]ui.Option{"status": c.statuses, "assignee": c.people, "priority": c.priorities, "type": c.types, "version": c.open}[b.Field]
	if b.Field == "assignee" {
		b.Options = append([]ui.Option{{Value: "", Label: speak(r).T("common.nobody")}}, b.Options...)
	}
	if b.Field == "version" {
		b.Options = append([]ui.Option{{Value: "", Label: speak(r).T("planning.no_version")}}, b.Options...)
	}
	in.Sort = v.order()
	for _, o := range b.Options {
		n, _ := strconv.ParseInt(o.Value, 10, 64) // "" is nobody
		if counts[n] == 0 && b.Field == "status" && v.q.Get("status") == "" && c.closed[o.Value] {
			continue // a board of what is open
		}
		col := boardColumn{Name: o.Label, Value: o.Value, Count: counts[n]}
		if col.Count > 0 {
			if err := s.fillColumn(r, a, v, in, b.Field, &col); err != nil {
				return err
			}
		}
		p.Total += col.Count
		b.Columns = append(b.Columns, col)
	}
	p.Board = b
	return nil
}

func (s *Site) fillColumn(r *http.Request, a access.Actor, v view, in workpackage.ListInput, field string, col *boardColumn) error {
	cond := filter.Condition{Name: field, Op: "=", Values: []string{col.Value}}
	if col.Value == "" {
		cond = filter.Condition{Name: field, Op: "!*"}
	}
	in.Filters = append(append([]filter.Condition(nil), in.Filters...), cond)
	in.Page = filter.Page{Number: 1, Size: boardCards}
	list, err := s.app.WorkPackages.List(r.Context(), a, in)
	if err != nil {
		return err
	}
	for i := range list.Items {
		col.Cards = append(col.Cards, cardOf(&list.Items[i], list.Refs, field))
	}
	if list.Total > len(list.Items) {
		value := col.Value
		if value == "" {
			value = "none"
		}
		col.More = v.with("view", "", "by", "", field, value)
	}
	return nil
}

func cardOf(w *workpackage.WorkPackage, refs *workpackage.Refs, field string) boardCard {
	c := boardCard{
		ID: int64(w.ID), Href: packageHref(w.ID), Subject: w.Subject, Type: typeChip(refs.Types[w.TypeID]), Priority: priorityChip(refs.Priorities[w.PriorityID]),
		Assignee: personOf(refs.Users, w.AssigneeID), Due: dayText(w.DueDate), Lock: w.LockVersion, Action: packageHref(w.ID) + "/cell/" + field,
	}
	c.MayMove = mayEditCell(refs.Grants, w, field)
	c.Raised = field != "priority" && ranks[c.Priority.Label] != 0
	return c
}

// Others are where a card of a column can be moved.
func (b *board) Others(value string) []ui.Option {
	var out []ui.Option
	for _, o := range b.Options {
		if o.Value != value {
			out = append(out, o)
		}
	}
	return out
}
