package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// filterEditor is the form of one filter: how, and which values.
type filterEditor struct {
	Label, Action, Cancel string
	Kept                  map[string]string
	Name                  string
	Op                    ui.Select
	Choices               []ui.Checkbox
	Fields                []ui.Field
}

// What the form of a filter sends; the address it leads to has one parameter instead.
const (
	setFilter  = "set"
	filterOp   = "f-op"
	filterText = "f-value"
	filterFrom = "f-from"
	filterTo   = "f-to"
)

var filterFormFields = []string{"filter", setFilter, filterOp, filterText, filterFrom, filterTo}

func projectsByName(limit int) project.ListInput {
	return project.ListInput{Sort: []filter.Sort{{Name: "name"}}, Page: filter.Page{Number: 1, Size: limit}}
}

func parseDay(s string) (time.Time, error) { return time.Parse(time.DateOnly, s) }

// filterMenu leads to the forms of the filters that are not in force yet.
func (in reader) filterMenu(v view) []ui.NavItem {
	var out []ui.NavItem
	for _, d := range v.of.filters {
		value := v.q.Get(d.name)
		if d.standard != "" && value == isAll {
			value = "" // it is not in force
		} else if value == "" {
			value = d.standard
		}
		if d.name == "q" || value != "" {
			continue
		}
		href := v.with("filter", d.name) + "#filter"
		if d.kind == byWatch {
			href = v.with(d.name, "1")
		}
		out = append(out, ui.NavItem{Label: in.filterLabel(d.name), Href: href})
	}
	return out
}

// filterEditor is the form of the filter that the address asks to change, nil when it asks for none.
func (in reader) filterEditor(v view, c choices) *filterEditor {
	d, ok := v.of.filter(v.q.Get("filter"))
	if !ok || d.kind == byWatch || d.name == "q" {
		return nil
	}
	value := strings.Join(v.q[d.name], ",")
	e := &filterEditor{Label: in.filterLabel(d.name), Action: v.base, Cancel: v.with(), Name: d.name}
	e.Kept = v.kept(d.name)
	op, ops := "", []ui.Option(nil)
	add := func(value, label string) { ops = append(ops, ui.Option{Value: value, Label: label}) }
	rest, not := strings.CutPrefix(value, "!")
	if not {
		op = "!"
	}
	switch d.kind {
	case byWords:
		add("", in.T("list.op_contains"))
		add("!", in.T("list.op_contains_not"))
		e.Fields = []ui.Field{ui.Text(filterText, in.T("list.text"), rest)}
	case byDays:
		op = in.daysEditor(e, d, value, add)
	case byNumber:
		op = in.numberEditor(e, value, add)
	default:
		for _, w := range d.words {
			add(w.word, in.wordLabel(d.name, w.word))
		}
		if value == "" {
			op = d.standard
		}
		if d.kind == byWord {
			break
		}
		add("", in.T("list.op_is"))
		add("!", in.T("list.op_is_not"))
		in.choiceEditor(e, d, strings.Split(rest, ","), c)
	}
	if d.optional {
		add(noValue, in.T("list.op_none"))
		add(anyValue, in.T("list.op_any"))
	}
	if slices.ContainsFunc(ops, func(o ui.Option) bool { return o.Value == value && value != "" }) {
		op = value
	}
	e.Op = ui.Choose(filterOp, e.Label, op, ops...)
	e.Op.Autofocus = true
	return e
}

func (in reader) daysEditor(e *filterEditor, d filterDef, value string, add func(value, label string)) (op string) {
	for _, o := range in.spanOptions(d.name) {
		add(o.Value, o.Label)
	}
	add("..", in.T("list.op_between"))
	from, to, ok := strings.Cut(value, "..")
	if !ok {
		from, to = "", ""
	} else {
		op = ".."
	}
	e.Fields = []ui.Field{ui.Date(filterFrom, in.T("list.from"), from), ui.Date(filterTo, in.T("list.to"), to)}
	return op
}

func (in reader) numberEditor(e *filterEditor, value string, add func(value, label string)) (op string) {
	add("", in.T("list.op_is"))
	n := value
	if e.Name != "parent" {
		for _, o := range []struct{ op, label string }{{">=", in.T("list.op_at_least")}, {"<=", in.T("list.op_at_most")}} {
			add(o.op, o.label)
			if rest, ok := strings.CutPrefix(value, o.op); ok {
				op, n = o.op, rest
			}
		}
	}
	if n == noValue || n == anyValue {
		n = ""
	}
	f := ui.Text(filterText, in.T("list.value"), n)
	f.InputMode = "decimal"
	e.Fields = []ui.Field{f}
	return op
}

func (in reader) choiceEditor(e *filterEditor, d filterDef, chosen []string, c choices) {
	options := c.of(d.name)
	if d.kind == byPerson {
		options = append([]ui.Option{{Value: "me", Label: in.T("package.me")}}, options...)
	}
	for _, o := range options {
		box := ui.Check(filterText, o.Label, slices.Contains(chosen, o.Value))
		box.Value = o.Value
		e.Choices = append(e.Choices, box)
	}
}

// filterSet is the address that the form of a filter leads to; ok is false when none was sent.
func (v view) filterSet() (to string, ok bool) {
	d, ok := v.of.filter(v.q.Get(setFilter))
	if !ok {
		return "", false
	}
	return v.with(d.name, d.written(v.q)), true
}

// written is the value of the filter as the address writes it, from what its form sent.
func (d filterDef) written(q url.Values) string {
	op, values := q.Get(filterOp), q[filterText]
	if _, ok := d.word(op); ok {
		return op
	}
	text := strings.TrimSpace(strings.Join(values, ","))
	switch {
	case op == noValue || op == anyValue || spans[op].Op != "":
		return op
	case d.kind == byDays:
		if from, to := q.Get(filterFrom), q.Get(filterTo); from != "" || to != "" {
			return from + ".." + to
		}
		return ""
	case text == "" && d.standard != "":
		return isAll
	case text == "":
		return ""
	case d.kind == byNumber:
		return op + strings.ReplaceAll(strings.TrimPrefix(text, "#"), ",", ".")
	}
	return op + text
}
