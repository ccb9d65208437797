package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// filterDef is something a list can be filtered by. Its name is a parameter of the
// address, and its kind says how the value of that parameter is written:
//
//	words     wall, or !wall for what has it not
//	choice    1,2 or !1,2 or none or any
//	days      2026-11-01..2026-11-30, either side open, or a word such as overdue
//	number    5 or >=5 or <=5 or none or any
type filterDef struct {
	name     string
	api      string // as the slice calls it
	kind     filterKind
	words    []filterWord // values besides, each a condition of its own
	standard string       // the word that holds where the address says nothing
	optional bool         // may be empty, which can be asked for
}

// filterWord is a value that stands for a condition.
type filterWord struct {
	word string
	cond filter.Condition
}

func (d filterDef) word(v string) (filterWord, bool) {
	i := slices.IndexFunc(d.words, func(w filterWord) bool { return w.word == v })
	if i < 0 {
		return filterWord{}, false
	}
	return d.words[i], true
}

type filterKind int

const (
	byWords filterKind = iota
	byChoice
	byPerson
	byNumber
	byDays
	byWatch
	byWord // one of the words
)

var filterDefs = []filterDef{
	{name: "q", api: "subject_or", kind: byWords},
	{
		name: "status", api: "status", kind: byChoice, standard: isOpen,
		words: []filterWord{{isOpen, filter.Condition{Op: "o"}}, {isClosed, filter.Condition{Op: "c"}}},
	},
	{name: "type", api: "type", kind: byChoice},
	{name: "priority", api: "priority", kind: byChoice},
	{name: "assignee", api: "assignee", kind: byPerson, optional: true},
	{name: "responsible", api: "responsible", kind: byPerson, optional: true},
	{name: "author", api: "author", kind: byPerson},
	{name: "project", api: "project", kind: byChoice},
	{name: "version", api: "version", kind: byChoice, optional: true},
	{name: "category", api: "category", kind: byChoice, optional: true},
	{name: "start", api: "start_date", kind: byDays, optional: true},
	{name: "due", api: "due_date", kind: byDays, optional: true},
	{name: "duration", api: "duration", kind: byNumber, optional: true},
	{name: "estimatedTime", api: "estimated_time", kind: byNumber, optional: true},
	{name: "remainingTime", api: "remaining_time", kind: byNumber, optional: true},
	{name: "percentageDone", api: "percentage_done", kind: byNumber, optional: true},
	{name: "description", api: "description", kind: byWords},
	{name: "parent", api: "parent", kind: byNumber, optional: true},
	{name: "created", api: "created_at", kind: byDays},
	{name: "updated", api: "updated_at", kind: byDays},
	{name: "watched", api: "watcher", kind: byWatch},
}

// Values of filters that are words.
const (
	noValue  = "none"
	anyValue = "any"
	isOpen   = "open"
	isClosed = "closed"
	isAll    = "all"
)

// spans are the days that people ask for by a word.
var spans = map[string]filter.Condition{
	"overdue": {Op: "<t-", Values: []string{"1"}},
	"today":   {Op: "t"},
	"week":    {Op: "<t+", Values: []string{"7"}},
	"month":   {Op: "<t+", Values: []string{"30"}},
	"past7":   {Op: ">t-", Values: []string{"7"}},
	"past30":  {Op: ">t-", Values: []string{"30"}},
}

// filterLabel names a filter.
func (in reader) filterLabel(name string) string {
	switch name {
	case "q":
		return in.T("list.text")
	case "start":
		return in.T("common.start")
	case "due":
		return in.T("common.finish")
	case "watched":
		return in.T("list.watched")
	}
	return in.column(name)
}

// conditions are the filters that the address asks for. A value that makes no sense
// filters nothing away here but is refused by the list.
func conditions(l *listing, q url.Values) []filter.Condition {
	var out []filter.Condition
	for _, d := range l.filters {
		if c, ok := d.condition(strings.TrimSpace(strings.Join(q[d.name], ","))); ok {
			c.Name = d.api
			out = append(out, c)
		}
	}
	return out
}

func (d filterDef) condition(v string) (filter.Condition, bool) {
	c := filter.Condition{Op: "="}
	if w, ok := d.word(cmp.Or(v, d.standard)); ok {
		return w.cond, true
	}
	switch {
	case v == "" || v == isAll:
		return c, false
	case v == noValue:
		c.Op = "!*"
		return c, true
	case v == anyValue:
		c.Op = "*"
		return c, true
	case d.kind == byWatch:
		c.Values = []string{"me"}
		return c, v == "1"
	}
	rest, not := strings.CutPrefix(v, "!")
	switch d.kind {
	case byWords:
		c.Op, c.Values = "~", []string{rest}
		switch {
		case d.name == "q":
			c.Op, c.Values = "**", []string{v}
		case not:
			c.Op = "!~"
		}
	case byDays:
		if s, ok := spans[v]; ok {
			return s, true
		}
		from, to, _ := strings.Cut(v, "..")
		c.Op, c.Values = "<>d", []string{from, to}
	case byNumber:
		for _, op := range []string{">=", "<="} {
			if n, ok := strings.CutPrefix(v, op); ok {
				c.Op, v = op, n
			}
		}
		c.Values = []string{v}
	default:
		if not {
			c.Op = "!"
		}
		c.Values = strings.Split(rest, ",")
	}
	return c, true
}

// choices are the values that fields of a list can be given, in their order.
type choices struct {
	types, statuses, priorities, people, projects []ui.Option
	versions, categories                          []ui.Option
	open                                          []ui.Option     // the versions that can be planned for
	closed                                        map[string]bool // statuses
}

func (c choices) of(name string) []ui.Option {
	switch name {
	case "type":
		return c.types
	case "status":
		return c.statuses
	case "priority":
		return c.priorities
	case "version":
		return c.versions
	case "category":
		return c.categories
	case "project":
		return c.projects
	}
	return c.people
}

// maxChoices bounds the people and projects that a list offers.
const maxChoices = 500

// loadChoices reads what can be chosen. People are those who can be given work in
// the project; without one, and the projects, only where a filter asks for them.
func (s *Site) loadChoices(r *http.Request, a access.Actor, in id.Project, v view) (choices, error) {
	c := choices{closed: map[string]bool{}}
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
		o := option(int64(t.ID), t.Name)
		c.statuses = append(c.statuses, o)
		c.closed[o.Value] = t.Closed
	}
	priorities, err := s.app.Catalog.Priorities(ctx, a)
	if err != nil {
		return c, err
	}
	for _, t := range priorities {
		c.priorities = append(c.priorities, option(int64(t.ID), t.Name))
	}
	if err := s.loadPlanning(r, a, &c, in, v); err != nil {
		return c, err
	}
	if err := s.loadPeople(r, a, in, v, &c); err != nil || !v.filters("project") {
		return c, err
	}
	list, err := s.app.Projects.List(ctx, a, projectsByName(maxChoices))
	if err != nil {
		return c, err
	}
	for i := range list.Items {
		c.projects = append(c.projects, option(int64(list.Items[i].ID), list.Items[i].Name))
	}
	return c, nil
}

func (s *Site) loadPeople(r *http.Request, a access.Actor, in id.Project, v view, c *choices) error {
	if in != 0 && !v.filters("author") {
		people, err := s.app.WorkPackages.AvailableAssignees(r.Context(), a, in)
		if err != nil && !fault.Is(err, fault.KindForbidden) { // who only reads assigns nobody
			return err
		}
		for _, p := range people {
			c.people = append(c.people, option(p.ID, p.Name))
		}
		if err == nil {
			return nil
		}
	}
	if in == 0 && !v.filters("assignee", "responsible", "author") && !(v.name == asBoard && v.q.Get("by") == "assignee") {
		return nil
	}
	people, _, err := s.app.Accounts.Principals(r.Context(), a, account.Filter{Limit: maxChoices})
	for i := range people {
		c.people = append(c.people, option(int64(people[i].ID), people[i].Name()))
	}
	return err
}

// loadPlanning reads the versions that a project may plan for and its categories;
// without a project the open versions, only where a filter asks for them.
func (s *Site) loadPlanning(r *http.Request, a access.Actor, c *choices, in id.Project, v view) error {
	if in == 0 && !v.filters("version") {
		return nil
	}
	list := version.ListInput{Project: in, Page: filter.Page{Number: 1, Size: maxChoices}}
	if in == 0 {
		list.Filters = []filter.Condition{{Name: "status", Op: "=", Values: []string{version.Open}}}
	}
	page, err := s.app.Versions.List(r.Context(), a, list)
	if in != 0 && fault.Is(err, fault.KindNotFound) { // who may not see work packages plans none
		return nil
	}
	if err != nil {
		return err
	}
	for _, v := range page.Items {
		o := option(int64(v.ID), v.Name)
		if v.ProjectID != in && v.ProjectSeen {
			o.Label += " (" + v.ProjectName + ")"
		}
		c.versions = append(c.versions, o)
		if v.Status == version.Open && in != 0 {
			c.open = append(c.open, o)
		}
	}
	if in == 0 {
		return nil
	}
	categories, err := s.app.Categories.List(r.Context(), a, in)
	for _, k := range categories {
		c.categories = append(c.categories, option(int64(k.ID), k.Name))
	}
	return err
}

func option(n int64, label string) ui.Option {
	return ui.Option{Value: strconv.FormatInt(n, 10), Label: label}
}

// filterChip is one filter in force: where it is changed, and the address without it.
type filterChip struct {
	Label, Value, Edit, Without string
	name                        string
}

// filterChips words the filters in force. Lists show what is open unless told
// otherwise, which is a filter too.
func (in reader) filterChips(v view, c choices) []filterChip {
	var out []filterChip
	for _, d := range v.of.filters {
		value := strings.Join(v.q[d.name], ",")
		chip := filterChip{Label: in.filterLabel(d.name), Edit: v.with("filter", d.name) + "#filter", Without: v.with(d.name, ""), name: d.name}
		switch {
		case d.standard != "" && value == isAll:
			continue
		case d.standard != "":
			chip.Without = v.with(d.name, isAll)
		case value == "" || d.name == "q" && strings.TrimSpace(value) == "":
			continue
		}
		chip.Value = in.filterValue(d, value, c)
		out = append(out, chip)
	}
	return out
}

// wordLabel words a value that is a word.
func (in reader) wordLabel(filter, word string) string {
	switch word {
	case isOpen:
		return in.T("package.status_open")
	case isClosed:
		return in.T("package.status_closed")
	}
	return in.projectWord(filter, word)
}

// filterValue words the value of a filter.
func (in reader) filterValue(d filterDef, v string, c choices) string {
	switch v {
	case noValue:
		return in.T("list.op_none")
	case anyValue:
		return in.T("list.op_any")
	}
	if w, ok := d.word(cmp.Or(v, d.standard)); ok {
		return in.wordLabel(d.name, w.word)
	}
	rest, not := strings.CutPrefix(v, "!")
	switch d.kind {
	case byWatch:
		return in.T("list.by_me")
	case byDays:
		return in.spanWords(v)
	case byNumber:
		if n, ok := strings.CutPrefix(v, ">="); ok {
			return "≥ " + n
		}
		if n, ok := strings.CutPrefix(v, "<="); ok {
			return "≤ " + n
		}
		return v
	case byWords:
		if not && d.name != "q" {
			return in.T("list.not_value", "value", rest)
		}
		return v
	case byChoice, byPerson, byWord:
	}
	var names []string
	for _, n := range strings.Split(rest, ",") {
		label := n
		if n == "me" {
			label = in.T("package.me")
		}
		for _, o := range c.of(d.name) {
			if o.Value == n {
				label = o.Label
			}
		}
		names = append(names, label)
	}
	if not {
		return in.T("list.not_value", "value", strings.Join(names, ", "))
	}
	return strings.Join(names, ", ")
}

func (in reader) spanWords(v string) string {
	for _, o := range append(in.spanOptions("due"), in.spanOptions("created")...) {
		if o.Value == v {
			return o.Label
		}
	}
	from, to, _ := strings.Cut(v, "..")
	return in.dayWords(from) + " – " + in.dayWords(to)
}

// dayWords is a day as people write it, or what stands there if it is none.
func (in reader) dayWords(day string) string {
	d, err := parseDay(day)
	if err != nil {
		return day
	}
	return in.Printer.Date(d)
}

// spanOptions are the spans that make sense for a filter: of days to come, or past.
func (in reader) spanOptions(name string) []ui.Option {
	if name == "created" || name == "updated" {
		return []ui.Option{{Value: "today", Label: in.T("list.today")}, {Value: "past7", Label: in.T("list.past_7_days")}, {Value: "past30", Label: in.T("list.past_30_days")}}
	}
	return []ui.Option{{Value: "overdue", Label: in.T("list.overdue")}, {Value: "today", Label: in.T("list.today")}, {Value: "week", Label: in.T("list.within_7_days")}, {Value: "month", Label: in.T("list.within_30_days")}}
}

// emptied says which filter leaves nothing: how many there would be without each.
func (in reader) emptied(v view, chips []filterChip, count func([]filter.Condition) (int, error)) ([]ui.Button, error) {
	var out []ui.Button
	for _, c := range chips {
		q := url.Values{}
		for k := range v.q {
			if k != c.name {
				q[k] = v.q[k]
			}
		}
		if d, _ := v.of.filter(c.name); d.standard != "" {
			q.Set(c.name, isAll)
		}
		n, err := count(conditions(v.of, q))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, ui.Link(in.T("list.without", "filter", c.Label+": "+c.Value, "n", n), c.Without))
		}
	}
	return out, nil
}
