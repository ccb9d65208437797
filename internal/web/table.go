package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// listPage is a list of work packages in one of its views.
type listPage struct {
	ui.Page
	Views    ui.Tabs
	Query    ui.Field
	Chips    []filterChip
	Menu     []ui.NavItem // filters that can be added
	Editor   *filterEditor
	Action   string
	Kept     map[string]string // what the filter form carries along
	Group    *ui.Select        // nil where rows have no groups
	Columns  []columnChoice
	GroupFor map[string]string // what the form of groups and columns carries along
	Tree     ui.Button
	IsTree   bool
	Heads    []tableHead
	Groups   []rowGroup
	GroupBy  string // the field whose values the groups are, where a row can be moved between them
	Why      string // a row may not go to a group
	Bulk     bulkFields
	MayEdit  bool
	Back     string // the address itself
	Paging   ui.Pagination
	None     ui.EmptyState
	NewHref  string
	NewLabel string
	Projects *projectGrid
	Total    int
	Peek     *ui.Pane
	Board    *board
	Calendar *calendar
	Gantt    *gantt
	Span     int // columns of the table
}

type tableHead struct {
	Label, Href, Order, Class, Icon string
}

// rowGroup are the rows with one value of the field that groups them; without
// grouping there is one, without a name.
type rowGroup struct {
	Name  string
	Count int
	Rows  []ui.SheetRow
	Href  string // the group alone
	value int64
}

// Value is what a form of the field sends for the group.
func (g rowGroup) Value() string {
	if g.value == 0 {
		return ""
	}
	return strconv.FormatInt(g.value, 10)
}

// Sheet says how the rows are written.
func (p *listPage) Sheet() ui.Sheet {
	out := ui.Sheet{Choose: p.MayEdit, Tree: p.IsTree}
	if p.Peek != nil {
		out.Beside = p.Peek.ID
	}
	return out
}

const perList = 100

// workPackages shows those of all projects.
func (s *Site) workPackages(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p := listPage{Page: s.frame(r, a, speak(r).T("common.work_packages"))}
	return s.list(w, r, a, &p, parseView("/work_packages", r.URL.Query(), false), 0)
}

func (s *Site) list(w http.ResponseWriter, r *http.Request, a access.Actor, p *listPage, v view, in id.Project) error {
	say := speak(r)
	if to, ok := v.filterSet(); ok {
		return redirect(w, r, to)
	}
	c, err := s.loadChoices(r, a, in, v)
	if err != nil {
		return err
	}
	p.NewLabel = say.T("package.new_work_package")
	p.frameOf(say, v, c, r)
	p.views(say, v)
	input := workpackage.ListInput{Project: in, Filters: conditions(v.of, v.q), Location: location(a), Sort: v.order()}
	switch v.name {
	case asBoard:
		err = s.fillBoard(r, a, p, v, input, c)
	case asCalendar:
		err = s.fillCalendar(r, a, p, v, input)
	case asGantt:
		err = s.fillGantt(r, a, p, v, input)
	default:
		err = s.fillTable(r, a, p, v, input, c)
	}
	if err != nil {
		return err
	}
	if p.Total == 0 {
		if err := s.none(r, a, p, v, input); err != nil {
			return err
		}
	}
	return s.ui.Render(w, http.StatusOK, "list", p)
}

// frameOf fills what stands over every list: the search in it and its filters.
func (p *listPage) frameOf(say reader, v view, c choices, r *http.Request) {
	p.Page.Width = "full"
	p.Action, p.Back = v.base, r.URL.RequestURI()
	p.Query = ui.Text("q", say.T("package.subject_or_number"), v.q.Get("q"))
	p.Query.Type = "search"
	p.Chips, p.Menu, p.Editor = say.filterChips(v, c), say.filterMenu(v), say.filterEditor(v, c)
	p.Kept = v.kept("q")
}

func (p *listPage) views(say reader, v view) {
	labels := map[string]string{asTable: say.T("list.table"), asBoard: say.T("list.board"), asCalendar: say.T("list.calendar"), asGantt: say.T("list.gantt")}
	p.Views.Label = say.T("list.views")
	for _, n := range viewNames {
		to := n
		if n == asTable {
			to = ""
		}
		p.Views.Items = append(p.Views.Items, ui.NavItem{Label: labels[n], Href: v.with("view", to), Key: viewKeys[n], Current: n == v.name})
	}
	if v.name != asTable {
		p.Title = labels[v.name]
	}
}

// none says why there is nothing, and what would help.
func (s *Site) none(r *http.Request, a access.Actor, p *listPage, v view, in workpackage.ListInput) error {
	say := speak(r)
	p.None = ui.EmptyState{Icon: "list-checks", Title: say.T("package.no_work_packages"), Text: say.T("package.none_you_may_see")}
	asked := len(in.Filters)
	buttons, err := say.emptied(v, p.Chips, func(conds []filter.Condition) (int, error) {
		in.Filters, in.Page = conds, filter.Page{Number: 1}
		list, err := s.app.WorkPackages.List(r.Context(), a, in)
		if err != nil {
			return 0, err
		}
		return list.Total, nil
	})
	if err != nil {
		return err
	}
	if len(buttons) == 0 && asked < 2 {
		if p.NewHref != "" {
			p.None.Actions, p.None.Example = []ui.Button{ui.Link(say.T("package.create_the_first_one"), p.NewHref).As("primary")}, say.T("example.package")
		}
		return nil
	}
	p.None.Text = say.T("list.filters_leave_none")
	p.None.Actions = append(buttons, ui.Link(say.T("package.show_all_open_ones"), v.base))
	return nil
}

func (s *Site) fillTable(r *http.Request, a access.Actor, p *listPage, v view, in workpackage.ListInput, c choices) error {
	say := speak(r)
	p.tools(say, v)
	p.Heads = say.heads(v)
	p.Span = len(p.Heads) + 1
	list, depth, err := s.rows(r, a, v, in)
	if err != nil {
		return err
	}
	p.Total = list.Total
	counts := map[int64]int{}
	if v.group != "" {
		if col, ok := columnOf(v.group); ok && col.edit {
			p.GroupBy, p.Why = v.group, say.notThere(v.group)
		}
		if counts, err = s.app.WorkPackages.Groups(r.Context(), a, in, v.group); err != nil {
			return err
		}
	}
	for i := range list.Items {
		wp := &list.Items[i]
		row := say.rowOf(wp, list.Refs, v)
		row.Depth = depth[wp.ID]
		p.MayEdit = p.MayEdit || list.Refs.Grants.Has(access.EditWorkPackages, wp.ProjectID)
		name, value := say.groupOf(wp, list.Refs, v.group)
		if n := len(p.Groups); n == 0 || v.group != "" && p.Groups[n-1].value != value {
			p.Groups = append(p.Groups, rowGroup{Name: name, Count: counts[value], value: value})
		}
		g := &p.Groups[len(p.Groups)-1]
		if n := len(g.Rows); n > 0 && row.Depth > g.Rows[n-1].Depth {
			g.Rows[n-1].Parent = true
		}
		g.Rows = append(g.Rows, row)
	}
	p.Bulk = say.bulkForm(c)
	p.Paging = ui.Pagination{Page: v.page, PerPage: perList, Total: list.Total, Href: func(n int) string { return v.with("page", strconv.Itoa(n)) }}
	if peeked, err := strconv.ParseInt(v.q.Get("peek"), 10, 64); err == nil {
		return s.fillPeek(r, a, p, v, id.WorkPackage(peeked))
	}
	return nil
}

// heads are those of the columns in their order.
func (in reader) heads(v view) []tableHead {
	var out []tableHead
	for _, name := range v.columns {
		col, _ := v.of.column(name)
		h := tableHead{Label: in.column(col.name), Icon: "arrow-up-down"}
		if col.sort != "" {
			h.Href, h.Order = v.sorting(col)
		}
		switch h.Order {
		case "ascending":
			h.Icon = "arrow-up"
		case "descending":
			h.Icon = "arrow-down"
		}
		if col.numeric {
			h.Class = "cell-num"
		}
		out = append(out, h)
	}
	return out
}

// tools are the forms that change how the table is shown.
func (p *listPage) tools(say reader, v view) {
	p.columns(say, v)
	p.IsTree = v.tree
	on, off := "1", ""
	if v.of == ofPackages {
		groups := []ui.Option{{Value: "", Label: say.T("list.no_groups")}}
		for _, c := range columns {
			if workpackage.Groupable(c.name) {
				groups = append(groups, ui.Option{Value: c.name, Label: say.column(c.name)})
			}
		}
		group := ui.Choose("group", say.T("list.group_by"), v.group, groups...)
		p.Group, p.GroupFor = &group, v.kept("group", "columns", "tree")
	} else { // which stand in their hierarchy unless told otherwise
		on, off, p.GroupFor = "", "0", v.kept("columns")
	}
	p.Tree = ui.Link(say.T("list.show_hierarchy"), v.with("tree", on, "group", "")).WithIcon("list-tree").As("quiet")
	if v.tree {
		p.Tree.Label, p.Tree.Href = say.T("list.show_flat"), v.with("tree", off, "fold", "")
	}
}

// columnChoice is a column that can be shown; one that is shown can change places.
type columnChoice struct {
	ui.Checkbox
	Earlier, Later string
}

// columns offers those that are shown in their order, and then the others.
func (p *listPage) columns(say reader, v view) {
	add := func(name string) *columnChoice {
		box := ui.Check("columns", say.column(name), slices.Contains(v.columns, name))
		box.Value = name
		p.Columns = append(p.Columns, columnChoice{Checkbox: box})
		return &p.Columns[len(p.Columns)-1]
	}
	swapped := func(i, j int) string {
		if i < 0 || j >= len(v.columns) {
			return ""
		}
		order := slices.Clone(v.columns)
		order[i], order[j] = order[j], order[i]
		return v.with("columns", strings.Join(order, ","))
	}
	for i, name := range v.columns {
		c := add(name)
		c.Earlier, c.Later = swapped(i-1, i), swapped(i, i+1)
	}
	for _, c := range v.of.columns {
		if !slices.Contains(v.columns, c.name) {
			add(c.name)
		}
	}
}

// maxTree bounds how many work packages below those of a page a hierarchy shows.
const maxTree = 500

// rows reads a page of the list. In a hierarchy a page counts those at the top, and
// what is below them comes with them, so that no family is torn apart.
func (s *Site) rows(r *http.Request, a access.Actor, v view, in workpackage.ListInput) (*workpackage.Page, map[id.WorkPackage]int, error) {
	in.Page = filter.Page{Number: v.page, Size: perList}
	if !v.tree {
		list, err := s.app.WorkPackages.List(r.Context(), a, in)
		return list, nil, err
	}
	all := in.Filters
	in.Filters = append(slices.Clone(all), filter.Condition{Name: "parent", Op: "!*"})
	in.Page.Size = perList / 2
	top, err := s.app.WorkPackages.List(r.Context(), a, in)
	if err != nil || len(top.Items) == 0 {
		return top, nil, err
	}
	roots := make([]string, len(top.Items))
	for i := range top.Items {
		roots[i] = strconv.FormatInt(int64(top.Items[i].ID), 10)
	}
	in.Filters = append(slices.Clone(all), filter.Condition{Name: "ancestor", Op: "=", Values: roots})
	in.Page = filter.Page{Number: 1, Size: maxTree}
	below, err := s.app.WorkPackages.List(r.Context(), a, in)
	if err != nil {
		return nil, nil, err
	}
	items, depth := family(top.Items, below.Items)
	refs := *below.Refs
	refs.Merge(top.Refs)
	return &workpackage.Page{Items: items, Total: top.Total, Refs: &refs}, depth, nil
}

// family puts each work package under its parent.
func family(top, below []workpackage.WorkPackage) ([]workpackage.WorkPackage, map[id.WorkPackage]int) {
	children := map[id.WorkPackage][]workpackage.WorkPackage{}
	seen := map[id.WorkPackage]bool{}
	for _, w := range top {
		seen[w.ID] = true
	}
	for _, w := range below {
		if !seen[w.ID] && w.ParentID != nil {
			seen[w.ID] = true
			children[*w.ParentID] = append(children[*w.ParentID], w)
		}
	}
	var out []workpackage.WorkPackage
	depth := map[id.WorkPackage]int{}
	var walk func(ws []workpackage.WorkPackage, level int)
	walk = func(ws []workpackage.WorkPackage, level int) {
		for _, w := range ws {
			out, depth[w.ID] = append(out, w), min(level, 5)
			walk(children[w.ID], level+1)
		}
	}
	walk(top, 0)
	return out, depth
}

func (in reader) groupOf(w *workpackage.WorkPackage, refs *workpackage.Refs, by string) (string, int64) {
	user := func(u *id.User) (string, int64) {
		if u == nil {
			return in.T("common.nobody"), 0
		}
		return refs.Users[*u].Name, int64(*u)
	}
	switch by {
	case "status":
		return refs.Statuses[w.StatusID].Name, int64(w.StatusID)
	case "type":
		return refs.Types[w.TypeID].Name, int64(w.TypeID)
	case "priority":
		return refs.Priorities[w.PriorityID].Name, int64(w.PriorityID)
	case "project":
		return refs.Projects[w.ProjectID].Name, int64(w.ProjectID)
	case "assignee":
		return user(w.AssigneeID)
	case "responsible":
		return user(w.ResponsibleID)
	case "version":
		if w.VersionID == nil {
			return in.T("planning.no_version"), 0
		}
		return versionName(w, refs), int64(*w.VersionID)
	case "category":
		if w.CategoryID == nil {
			return in.T("planning.no_category"), 0
		}
		return categoryName(w, refs), int64(*w.CategoryID)
	}
	return "", 0
}

func (in reader) rowOf(w *workpackage.WorkPackage, refs *workpackage.Refs, v view) ui.SheetRow {
	row := ui.SheetRow{
		ID: int64(w.ID), Closed: refs.Statuses[w.StatusID].Closed,
		PeekHref: v.with("peek", strconv.FormatInt(int64(w.ID), 10)),
	}
	for _, name := range v.columns {
		col, _ := columnOf(name)
		row.Cells = append(row.Cells, in.cellOf(w, refs, col))
	}
	return row
}

// cellOf shows one field of a work package.
func (in reader) cellOf(w *workpackage.WorkPackage, refs *workpackage.Refs, col column) ui.SheetCell {
	c := ui.SheetCell{Field: col.name, Cell: ui.Cell{Label: in.column(col.name)}, Class: "cell-fit"}
	if col.numeric {
		c.Class = "cell-num"
	}
	chip := func(ch ui.Chip) { c.Chip = &ch }
	switch col.name {
	case "id":
		c.Text, c.Href, c.Class = "#"+strconv.FormatInt(int64(w.ID), 10), packageHref(w.ID), "cell-id"
	case "subject":
		c.Text, c.Href, c.Class, c.Title = w.Subject, packageHref(w.ID), "cell-title", true
	case "type":
		chip(typeChip(refs.Types[w.TypeID]))
	case "status":
		chip(statusChip(refs.Statuses[w.StatusID]))
	case "priority":
		chip(priorityChip(refs.Priorities[w.PriorityID]))
		c.Class = "cell-fit cell-hide"
	case "assignee":
		c.Person = personOf(refs.Users, w.AssigneeID)
	case "responsible":
		c.Person = personOf(refs.Users, w.ResponsibleID)
	case "author":
		c.Person = personOf(refs.Users, &w.AuthorID)
	case "version":
		c.Text = versionName(w, refs)
	case "category":
		c.Text = categoryName(w, refs)
	case "project":
		p := refs.Projects[w.ProjectID]
		c.Text, c.Href, c.Class = p.Name, "/projects/"+p.Identifier, "cell-fit cell-hide"
	default:
		in.plainCell(&c, w)
	}
	if col.edit && mayEditCell(refs.Grants, w, col.name) {
		n := strconv.FormatInt(int64(w.ID), 10)
		c.Edit, c.Frame = packageHref(w.ID)+"/cell/"+col.name, "cell-"+n+"-"+col.name
	}
	return c
}

// plainCell shows what is a day, a number or an instant.
func (in reader) plainCell(c *ui.SheetCell, w *workpackage.WorkPackage) {
	switch c.Field {
	case "startDate":
		c.Day = dayText(w.StartDate)
	case "dueDate":
		c.Day = dayText(w.DueDate)
	case "duration":
		if w.Duration != nil {
			c.Text = strconv.Itoa(*w.Duration) + " " + in.T("unit.d")
		}
	case "estimatedTime":
		c.Text = in.hours(w.EstimatedSeconds)
	case "remainingTime":
		c.Text = in.hours(w.RemainingSeconds)
	case "percentageDone":
		if w.DoneRatio != nil {
			c.Text = strconv.Itoa(*w.DoneRatio) + " %"
		}
	case "updated":
		c.Text = in.DateTime(w.UpdatedAt.Time)
	case "created":
		c.Text = in.DateTime(w.CreatedAt.Time)
	}
}

func versionName(w *workpackage.WorkPackage, refs *workpackage.Refs) string {
	if w.VersionID == nil {
		return ""
	}
	return refs.Versions[*w.VersionID].Name
}

func categoryName(w *workpackage.WorkPackage, refs *workpackage.Refs) string {
	if w.CategoryID == nil {
		return ""
	}
	return refs.Categories[*w.CategoryID].Name
}

func mayEditCell(g *access.Grants, w *workpackage.WorkPackage, field string) bool {
	if field == "version" {
		return g.Has(access.AssignVersions, w.ProjectID)
	}
	if field == "parent" {
		return g.Has(access.ManageSubtasks, w.ProjectID)
	}
	return g.Has(access.EditWorkPackages, w.ProjectID) || field == "status" && g.Has(access.ChangeWorkPackageStatus, w.ProjectID)
}
