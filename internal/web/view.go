package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// listing is a kind of things that are listed: what lists of them show, and what they
// can be filtered by.
type listing struct {
	filters []filterDef
	columns []column
	title   string // the column by which a row is known
}

var ofPackages = &listing{filters: filterDefs, columns: columns, title: "subject"}

func (l *listing) column(name string) (column, bool) {
	i := slices.IndexFunc(l.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return l.columns[i], true
}

func (l *listing) filter(name string) (filterDef, bool) {
	i := slices.IndexFunc(l.filters, func(d filterDef) bool { return d.name == name })
	if i < 0 {
		return filterDef{}, false
	}
	return l.filters[i], true
}

// view is what the address of a list says: how it is shown, what is
// in it, in which order. Everything a person chooses stands in the address.
type view struct {
	of      *listing
	base    string // path of the page
	q       url.Values
	name    string // one of viewNames
	columns []string
	sort    []filter.Sort
	group   string
	tree    bool
	page    int
}

// The ways to show a list.
const (
	asTable    = "table"
	asBoard    = "board"
	asCalendar = "calendar"
	asGantt    = "gantt"
)

var viewNames = []string{asTable, asBoard, asCalendar, asGantt}

// viewKeys lead to the views, in a list and in the navigation of a project.
var viewKeys = map[string]string{asBoard: "g b", asCalendar: "g c", asGantt: "g g"}

// column is what a table can show.
type column struct {
	name    string
	sort    string // what it sorts by, "" for nothing
	numeric bool
	edit    bool // may be edited in its cell
}

var columns = []column{
	{"id", "id", false, false},
	{"type", "type", false, true},
	{"subject", "subject", false, true},
	{"status", "status", false, true},
	{"priority", "priority", false, true},
	{"assignee", "assignee", false, true},
	{"responsible", "responsible", false, true},
	{"project", "project", false, false},
	{"version", "version", false, true},
	{"category", "category", false, true},
	{"startDate", "start_date", true, true},
	{"dueDate", "due_date", true, true},
	{"duration", "duration", true, true},
	{"estimatedTime", "estimated_time", true, true},
	{"remainingTime", "remaining_time", true, true},
	{"percentageDone", "percentage_done", true, true},
	{"author", "author", false, false},
	{"updated", "updated_at", true, false},
	{"created", "created_at", true, false},
}

func columnOf(name string) (column, bool) { return ofPackages.column(name) }

// parseView reads the address of a list of work packages. What it does not know it leaves out.
func parseView(base string, q url.Values, inProject bool) view {
	v := view{of: ofPackages, base: base, q: q, name: asTable}
	if n := q.Get("view"); slices.Contains(viewNames, n) {
		v.name = n
	}
	standard := []string{"id", "type", "subject", "status", "priority", "assignee", "dueDate"}
	if !inProject {
		standard = slices.Insert(standard, 3, "project")
	}
	v.read(standard)
	if g := q.Get("group"); workpackage.Groupable(g) {
		v.group = g
	}
	v.tree = q.Get("tree") == "1" && v.group == ""
	return v
}

// read takes the columns, the order and the page from the address.
func (v *view) read(standard []string) {
	for _, c := range strings.Split(strings.Join(v.q["columns"], ","), ",") {
		if _, ok := v.of.column(c); ok && !slices.Contains(v.columns, c) {
			v.columns = append(v.columns, c)
		}
	}
	if len(v.columns) == 0 {
		v.columns = standard
	}
	if !slices.Contains(v.columns, v.of.title) {
		v.columns = append([]string{v.of.title}, v.columns...)
	}
	for _, s := range strings.Split(v.q.Get("sort"), ",") {
		name, dir, _ := strings.Cut(s, ":")
		if c, ok := v.of.column(name); ok && c.sort != "" && len(v.sort) < 3 {
			v.sort = append(v.sort, filter.Sort{Name: c.sort, Desc: dir == "desc"})
		}
	}
	v.page = 1
	if n, err := strconv.Atoi(v.q.Get("page")); err == nil && n > 0 {
		v.page = n
	}
}

// order is the order of the rows: by group first, and by number last.
func (v view) order() []filter.Sort {
	var out []filter.Sort
	if v.group != "" {
		out = append(out, filter.Sort{Name: v.group})
	}
	out = append(out, v.sort...)
	if len(v.sort) == 0 {
		out = append(out, filter.Sort{Name: "updated_at", Desc: true})
	}
	return out
}

// passing says what of an address is not part of the list: which page of it is shown,
// and the forms over it.
func passing(name string) bool {
	return name == "page" || name == "done" || name == "peek" || name == "more" || slices.Contains(filterFormFields, name)
}

// filters says whether the list is filtered by one of these, or is about to be.
func (v view) filters(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return v.q.Get(n) != "" || v.q.Get("filter") == n })
}

// with is the address with some of it changed; an empty value takes it away. Another
// list begins at its first page.
func (v view) with(pairs ...string) string {
	q := url.Values{}
	for k, vs := range v.q {
		if !passing(k) {
			q[k] = vs
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.base
	}
	return v.base + "?" + q.Encode()
}

// sorting is the address that sorts by a column, the other way round where it does.
func (v view) sorting(c column) (href, order string) {
	dir := "asc"
	if len(v.sort) > 0 && v.sort[0].Name == c.sort {
		order, dir = "ascending", "desc"
		if v.sort[0].Desc {
			order, dir = "descending", "asc"
		}
	}
	return v.with("sort", c.name+":"+dir), order
}

// kept are the parts of the address that a form which changes others carries along.
func (v view) kept(without ...string) map[string]string {
	out := map[string]string{}
	for k := range v.q {
		if !slices.Contains(without, k) && !passing(k) {
			out[k] = strings.Join(v.q[k], ",")
		}
	}
	return out
}

// column names a column.
func (in reader) column(name string) string {
	switch name {
	case "id":
		return in.T("list.number")
	case "author":
		return in.T("list.author")
	case "updated":
		return in.T("list.updated")
	case "created":
		return in.T("list.created")
	}
	return in.change(name, in.projectColumn(name))
}
