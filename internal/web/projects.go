package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// Words of the filters of projects.
const (
	isActive   = "active"
	isArchived = "archived"
	isYes      = "yes"
	isNo       = "no"
)

func truth(yes bool) filter.Condition {
	return filter.Condition{Op: "=", Values: []string{map[bool]string{true: "t", false: "f"}[yes]}}
}

// ofProjects is the list of projects. What is archived only administrators see, so
// only they are asked about it.
var ofProjects = &listing{
	title: "name",
	columns: []column{
		{"name", "name", false, false},
		{"identifier", "identifier", false, false},
		{"status", "status", false, false},
		{"visibility", "public", false, false},
		{"progress", "open_work_packages", false, false},
		{"closed", "closed_work_packages", true, false},
		{"members", "members", true, false},
		{"activity", "latest_activity_at", true, false},
		{"updated", "updated_at", true, false},
		{"created", "created_at", true, false},
	},
	filters: []filterDef{
		{name: "q", api: "name_and_identifier", kind: byWords},
		{name: "state", api: "active", kind: byWord, standard: isActive, words: []filterWord{{isActive, truth(true)}, {isArchived, truth(false)}}},
		{name: "favorite", api: "favorited", kind: byWord, words: []filterWord{{isYes, truth(true)}, {isNo, truth(false)}}},
		{name: "status", api: "status", kind: byChoice, optional: true},
		{name: "visibility", api: "public", kind: byWord, words: []filterWord{{isYes, truth(true)}, {isNo, truth(false)}}},
		{name: "member", api: "principal", kind: byPerson},
		{name: "under", api: "ancestor", kind: byChoice},
		{name: "type", api: "type", kind: byChoice},
		{name: "created", api: "created_at", kind: byDays},
		{name: "updated", api: "updated_at", kind: byDays},
	},
}

// ofActiveProjects is the same for those who see no others.
var ofActiveProjects = &listing{
	title: ofProjects.title, columns: ofProjects.columns,
	filters: slices.DeleteFunc(slices.Clone(ofProjects.filters), func(d filterDef) bool { return d.name == "state" }),
}

// parseProjects reads the address of the list of projects.
func parseProjects(a access.Actor, q url.Values) view {
	v := view{of: ofActiveProjects, base: "/projects", q: q, name: asTable, tree: q.Get("tree") != "0"}
	if a.Admin {
		v.of = ofProjects
	}
	v.read([]string{"name", "status", "progress", "members", "activity"})
	return v
}

// projectWord words a value of a filter of projects that is a word.
func (in reader) projectWord(filter, word string) string {
	switch {
	case word == isActive:
		return in.T("project.active")
	case word == isArchived:
		return in.T("project.archived")
	case filter == "visibility" && word == isYes:
		return in.T("ui.public")
	case filter == "visibility":
		return in.T("ui.private")
	case word == isYes:
		return in.T("list.yes")
	}
	return in.T("list.no")
}

// projectColumn names a column or filter that only projects have.
func (in reader) projectColumn(name string) string {
	switch name {
	case "name":
		return in.T("common.project")
	case "identifier":
		return in.T("project.identifier")
	case "visibility":
		return in.T("ui.visibility")
	case "progress":
		return in.T("project.progress")
	case "closed":
		return in.T("package.status_closed")
	case "members":
		return in.T("project.members")
	case "activity":
		return in.T("project.latest_activity")
	case "state":
		return in.T("project.state")
	case "favorite":
		return in.T("favorite.remove")
	case "member":
		return in.T("project.member")
	case "under":
		return in.T("project.subproject_of")
	}
	return name
}

// projects is the list of projects.
func (s *Site) projects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say, v := speak(r), parseProjects(a, r.URL.Query())
	if to, ok := v.filterSet(); ok {
		return redirect(w, r, to)
	}
	c, err := s.projectChoices(r, a, v)
	if err != nil {
		return err
	}
	p := listPage{Page: s.frame(r, a, say.T("common.projects")), NewLabel: say.T("home.new_project")}
	p.frameOf(say, v, c, r)
	p.Query.Label = say.T("project.name_or_identifier")
	may, err := s.app.Projects.MayCreate(r.Context(), a)
	if err != nil {
		return err
	}
	if may {
		p.NewHref = "/projects/new"
	}
	p.tools(say, v)
	p.sights(say, a, v)
	in := project.ListInput{
		Filters: conditions(v.of, v.q), Sort: v.sort, Location: location(a), Tree: v.tree, Folded: foldedIn(v.q), Figures: true,
		Page: filter.Page{Number: v.page, Size: perList},
	}
	list, err := s.app.Projects.List(r.Context(), a, in)
	if err != nil {
		return err
	}
	p.Total = list.Total
	if list.Total == 0 {
		if err := s.noProjects(r, a, &p, v, in); err != nil {
			return err
		}
	}
	p.Projects = say.projectGrid(a, v, list)
	p.Paging = ui.Pagination{Page: v.page, PerPage: perList, Total: list.Shown, Href: func(n int) string { return v.with("page", strconv.Itoa(n)) }}
	return s.ui.Render(w, http.StatusOK, "list", p)
}

// sights are the selections of projects that people ask for most.
func (p *listPage) sights(say reader, a access.Actor, v view) {
	if !a.SignedIn() {
		return
	}
	marked, state := v.q.Get("favorite") == isYes, v.q.Get("state")
	p.Views = ui.Tabs{Label: say.T("list.views"), Items: []ui.NavItem{
		{Label: say.T("project.active_ones"), Href: v.with("favorite", "", "state", ""), Current: !marked && (state == "" || state == isActive)},
		{Label: say.T("favorite.favorites"), Href: v.with("favorite", isYes, "state", ""), Current: marked},
	}}
	if a.Admin {
		p.Views.Items = append(p.Views.Items, ui.NavItem{Label: say.T("project.archived_ones"), Href: v.with("favorite", "", "state", isArchived), Current: !marked && state == isArchived})
	}
}

// projectChoices reads what can be chosen in the filters that the address asks for.
func (s *Site) projectChoices(r *http.Request, a access.Actor, v view) (choices, error) {
	say := speak(r)
	var c choices
	for _, st := range project.Statuses {
		c.statuses = append(c.statuses, ui.Option{Value: st.Code, Label: say.statusWord(st.Code, st.Name)})
	}
	if v.filters("type") {
		types, err := s.app.Catalog.Types(r.Context(), a)
		if err != nil {
			return c, err
		}
		for _, t := range types {
			c.types = append(c.types, option(int64(t.ID), t.Name))
		}
	}
	if v.filters("member") {
		people, _, err := s.app.Accounts.Principals(r.Context(), a, account.Filter{Limit: maxChoices})
		if err != nil {
			return c, err
		}
		for i := range people {
			c.people = append(c.people, option(int64(people[i].ID), people[i].Name()))
		}
	}
	if v.filters("under") {
		list, err := s.app.Projects.List(r.Context(), a, projectsByName(maxChoices))
		if err != nil {
			return c, err
		}
		for i := range list.Items {
			c.projects = append(c.projects, option(int64(list.Items[i].ID), list.Items[i].Name))
		}
	}
	return c, nil
}

// noProjects says why there is none, and what would help.
func (s *Site) noProjects(r *http.Request, a access.Actor, p *listPage, v view, in project.ListInput) error {
	say := speak(r)
	p.None = ui.EmptyState{Icon: "folder", Title: say.T("home.no_projects_yet"), Text: say.T("home.projects_appear_here"), Example: say.T("example.project")}
	buttons, err := say.emptied(v, p.Chips, func(conds []filter.Condition) (int, error) {
		list, err := s.app.Projects.List(r.Context(), a, project.ListInput{Filters: conds, Location: in.Location})
		if err != nil {
			return 0, err
		}
		return list.Total, nil
	})
	if err != nil {
		return err
	}
	if len(buttons) == 0 && len(p.Chips) < 2 {
		if p.NewHref != "" {
			p.None.Actions = []ui.Button{ui.Link(say.T("home.create_a_project"), p.NewHref).As("primary")}
		}
		return nil
	}
	p.None.Title, p.None.Text, p.None.Example = say.T("project.none_fits"), say.T("list.filters_leave_none"), ""
	p.None.Actions = append(buttons, ui.Link(say.T("project.show_all_active"), v.base))
	return nil
}

// foldedIn are the projects whose subprojects the address folds away.
func foldedIn(q url.Values) []id.Project {
	var out []id.Project
	for _, text := range strings.Split(q.Get("fold"), ",") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && len(out) < maxTree {
			out = append(out, id.Project(n))
		}
	}
	return out
}

// projectGrid is the table of projects.
type projectGrid struct {
	Heads []tableHead
	Rows  []projectLine
	Tree  bool
}

// projectLine is a project in its table.
type projectLine struct {
	ui.ProjectRow
	ID                  int64
	Explanation         string
	Archived            bool
	Parent, Folded      bool
	FoldHref            string
	Cells               []projectCell
	Work, People        bool // may be counted by the reader
	Open, Closed, Total int
	Members             int
	Done                ui.Progress
	WorkHref            string // the work packages that are counted
}

// Level is the depth as assistive technology counts it.
func (l projectLine) Level() int { return l.Depth + 1 }

// projectCell is a column of a project. Text is what stands there unless the column has a look of its own.
type projectCell struct {
	Field, Label, Class, Text string
}

func (in reader) projectGrid(a access.Actor, v view, list *project.Page) *projectGrid {
	g := &projectGrid{Heads: in.heads(v), Tree: v.tree}
	folded := foldedIn(v.q)
	for i := range list.Items {
		p := &list.Items[i]
		line := in.projectLine(v, p, list.Figures[p.ID])
		line.Markable, line.Back = a.SignedIn(), v.with()
		place := list.Places[p.ID]
		line.Depth, line.Parent, line.Folded = min(place.Depth, 5), place.Parent, slices.Contains(folded, p.ID)
		if place.Parent {
			line.FoldHref = v.with("fold", foldText(folded, p.ID)) + "#p" + strconv.FormatInt(line.ID, 10)
		}
		g.Rows = append(g.Rows, line)
	}
	return g
}

// foldText is the folded projects with n among them, or without where it was.
func foldText(folded []id.Project, n id.Project) string {
	var out []string
	for _, f := range folded {
		if f != n {
			out = append(out, strconv.FormatInt(int64(f), 10))
		}
	}
	if len(out) == len(folded) {
		out = append(out, strconv.FormatInt(int64(n), 10))
	}
	return strings.Join(out, ",")
}

func (in reader) projectLine(v view, p *project.Project, f project.Figures) projectLine {
	line := projectLine{
		ProjectRow: ui.ProjectRow{Name: p.Name, Href: projectHref(p), Public: p.Public, Favorite: p.Favorited},
		ID:         int64(p.ID), Explanation: p.StatusExplanation, Archived: !p.Active,
		Work: f.Work, People: f.People, Open: f.Open, Closed: f.Closed, Total: f.All(), Members: f.Members,
	}
	line.Status, line.Hue = in.projectStatus(p.Status)
	line.WorkHref = line.Href + "/work_packages?project=" + strconv.FormatInt(line.ID, 10) // not of those below
	line.Done = ui.Progress{Label: in.T("project.progress_of", "name", p.Name), Value: int64(f.Closed), Max: int64(f.All()), Small: true}
	for _, name := range v.columns {
		col, _ := v.of.column(name)
		c := projectCell{Field: name, Label: in.column(name), Class: "cell-fit"}
		if col.numeric {
			c.Class = "cell-num"
		}
		switch name {
		case "identifier":
			c.Text = p.Identifier
		case "visibility":
			c.Text = in.T("ui.private")
			if p.Public {
				c.Text = in.T("ui.public")
			}
		case "activity":
			c.Text = in.Date(f.LatestChanged.Time)
		case "updated":
			c.Text = in.Date(p.UpdatedAt.Time)
		case "created":
			c.Text = in.Date(p.CreatedAt.Time)
		}
		line.Cells = append(line.Cells, c)
	}
	return line
}
