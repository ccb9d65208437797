package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// choices are the values that a list can be filtered by, in their order.
type choices struct {
	types, statuses, priorities, people []ui.Option
}

// filterNames are the parameters that filter, in the order of the form.
var filterNames = []string{"q", "status", "type", "priority", "assignee", "due", "watched"}

// filterLabel names a filter.
func (in reader) filterLabel(name string) string {
	switch name {
	case "q":
		return in.T("list.text")
	case "due":
		return in.T("common.finish")
	case "watched":
		return in.T("list.watched")
	}
	return in.change(name, name)
}

// dueChoices are spans of days that people ask for.
func (in reader) dueChoices() []ui.Option {
	return []ui.Option{
		{Value: "", Label: in.T("list.any_time")},
		{Value: "overdue", Label: in.T("list.overdue")},
		{Value: "today", Label: in.T("list.today")},
		{Value: "week", Label: in.T("list.within_7_days")},
		{Value: "month", Label: in.T("list.within_30_days")},
		{Value: "none", Label: in.T("list.no_date")},
	}
}

// conditions are the filters that the address asks for. An unknown value filters
// nothing away but is refused by the list.
func conditions(q url.Values) []filter.Condition {
	var out []filter.Condition
	add := func(name, op string, values ...string) {
		out = append(out, filter.Condition{Name: name, Op: op, Values: values})
	}
	if t := strings.TrimSpace(q.Get("q")); t != "" {
		add("subject_or", "**", t)
	}
	switch s := q.Get("status"); s {
	case "":
		add("status", "o")
	case "closed":
		add("status", "c")
	case "all":
	default:
		add("status", "=", s)
	}
	for _, name := range []string{"type", "priority"} {
		if s := q.Get(name); s != "" {
			add(name, "=", s)
		}
	}
	switch s := q.Get("assignee"); s {
	case "":
	case "none":
		add("assignee", "!*")
	default:
		add("assignee", "=", s)
	}
	switch q.Get("due") {
	case "overdue":
		add("due_date", "<t-", "1")
	case "today":
		add("due_date", "t")
	case "week":
		add("due_date", "<t+", "7")
	case "month":
		add("due_date", "<t+", "30")
	case "none":
		add("due_date", "!*")
	}
	if q.Get("watched") == "1" {
		add("watcher", "=", "me")
	}
	return out
}

// loadChoices reads what can be chosen; people only where a project is known.
func (s *Site) loadChoices(r *http.Request, a access.Actor, in id.Project) (choices, error) {
	var c choices
	ctx := r.Context()
	types, err := s.app.Catalog.Types(ctx, a)
	if err != nil {
		return c, err
	}
	for _, t := range types {
		c.types = append(c.types, option(int64(t.ID), t.Name))
	}
	statuses, err := s.app.Catalog.Statuses(ctx, a)
	if err != nil {
		return c, err
	}
	for _, t := range statuses {
		c.statuses = append(c.statuses, option(int64(t.ID), t.Name))
	}
	priorities, err := s.app.Catalog.Priorities(ctx, a)
	if err != nil {
		return c, err
	}
	for _, t := range priorities {
		c.priorities = append(c.priorities, option(int64(t.ID), t.Name))
	}
	if in == 0 {
		return c, nil
	}
	people, err := s.app.WorkPackages.AvailableAssignees(ctx, a, in)
	for _, p := range people {
		c.people = append(c.people, option(p.ID, p.Name))
	}
	return c, err
}

func option(n int64, label string) ui.Option {
	return ui.Option{Value: strconv.FormatInt(n, 10), Label: label}
}

// filterForm is the form of the filters.
func (in reader) filterForm(q url.Values, c choices) (ui.Field, []ui.Select) {
	text := ui.Text("q", in.T("package.subject_or_number"), q.Get("q"))
	text.Type = "search"
	blank := func(label string) ui.Option { return ui.Option{Value: "", Label: label} }
	with := func(first []ui.Option, rest []ui.Option) []ui.Option { return append(first, rest...) }
	people := []ui.Option{blank(in.T("package.anyone")), {Value: "me", Label: in.T("package.me")}, {Value: "none", Label: in.T("common.nobody")}}
	return text, []ui.Select{
		ui.Choose("status", in.T("common.status"), q.Get("status"), with([]ui.Option{blank(in.T("package.status_open")), {Value: "closed", Label: in.T("package.status_closed")}, {Value: "all", Label: in.T("common.all")}}, c.statuses)...),
		ui.Choose("type", in.T("common.type"), q.Get("type"), with([]ui.Option{blank(in.T("list.any"))}, c.types)...),
		ui.Choose("priority", in.T("common.priority"), q.Get("priority"), with([]ui.Option{blank(in.T("list.any"))}, c.priorities)...),
		ui.Choose("assignee", in.T("common.assignee"), q.Get("assignee"), with(people, c.people)...),
		ui.Choose("due", in.T("common.finish"), q.Get("due"), in.dueChoices()...),
		ui.Choose("watched", in.T("list.watched"), q.Get("watched"), blank(in.T("list.by_anyone")), ui.Option{Value: "1", Label: in.T("list.by_me")}),
	}
}

// filterChip is one filter in force, and the address without it.
type filterChip struct {
	Label, Value, Without string
	name                  string
}

// filterChips words the filters in force.
func (in reader) filterChips(v view, selects []ui.Select) []filterChip {
	var out []filterChip
	for _, f := range filterNames {
		value := v.q.Get(f)
		if value == "" {
			continue
		}
		shown := value
		for _, s := range selects {
			for _, o := range s.Options {
				if s.Name == f && o.Value == value {
					shown = o.Label
				}
			}
		}
		out = append(out, filterChip{in.filterLabel(f), shown, v.with(f, ""), f})
	}
	return out
}

// emptied says which filter leaves nothing: how many there would be without each.
func (s *Site) emptied(r *http.Request, a access.Actor, v view, in workpackage.ListInput, chips []filterChip) ([]ui.Button, error) {
	var out []ui.Button
	for _, c := range chips {
		q := url.Values{}
		for k := range v.q {
			if k != c.name {
				q.Set(k, v.q.Get(k))
			}
		}
		in.Filters, in.Page = conditions(q), filter.Page{Number: 1}
		list, err := s.app.WorkPackages.List(r.Context(), a, in)
		if err != nil {
			return nil, err
		}
		if list.Total > 0 {
			out = append(out, ui.Link(speak(r).T("list.without", "filter", c.Label+": "+c.Value, "n", list.Total), c.Without))
		}
	}
	return out, nil
}
