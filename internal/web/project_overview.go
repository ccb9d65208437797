package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// projectPage is a project's overview: what it is for, how it is doing, what comes next
// and who takes part. Every number leads to the list behind it.
type projectPage struct {
	ui.Page
	Status       string
	Hue          ui.Hue
	Explanation  string
	Description  string
	Steps        []setupStep
	Facts        []ui.Fact
	Types        []typeCount
	Next         []nextDay
	Recent       []ui.PackageRow
	ShowPackages bool
	ListHref     string
	EditHref     string
	NewHref      string
	Roles        []roleFaces
	MembersHref  string
	MoreMembers  int
	Subprojects  []projectLine
	MoreProjects string
	Versions     []versionRow
	About        ui.DescriptionList
	NoPackages   ui.EmptyState
	Star         string // where a favourite is made, "" for visitors
	Favorite     bool
	work         int
	others       bool // somebody else is a member
	moved        bool // a work package has left the status it began with
	today        db.Day
}

// typeCount is how many work packages of a type are open.
type typeCount struct {
	Type  ui.Chip
	Count int
	Href  string
}

// nextDay is a date to come: a work package or a version that is due.
type nextDay struct {
	Day, Title, Href, Icon string
}

// roleFaces are the people of a role.
type roleFaces struct {
	Role   string
	People []ui.Avatar
}

// setupStep is something that makes a new project ready to be worked in.
type setupStep struct {
	Label, Text, Href string
	Done              bool
}

// showProject is a project's overview.
func (s *Site) showProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	base := projectHref(pr)
	p := projectPage{Page: s.projectFrame(r, a, pr, can, pr.Name), Description: pr.Description, Explanation: pr.StatusExplanation, ListHref: base + "/work_packages"}
	p.today = db.DayOf(s.app.DB.Now().In(location(a)))
	p.Status, p.Hue = speak(r).projectStatus(pr.Status)
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name})
	if can.Edit || can.Unarchive {
		p.EditHref = base + "/settings"
	}
	if a.SignedIn() {
		p.Star, p.Favorite = base+"/favorite", pr.Favorited
	}
	if can.AddWorkPackages {
		p.NewHref = base + "/work_packages/new"
	}
	fill := []func(*http.Request, access.Actor, *projectPage, *project.Project) error{s.projectBelow}
	if can.ViewWorkPackages {
		fill = append(fill, s.projectCounts, s.projectWork, s.projectVersionRows)
	}
	if can.ViewMembers {
		fill = append(fill, s.projectPeople)
	}
	for _, part := range fill {
		if err := part(r, a, &p, pr); err != nil {
			return err
		}
	}
	p.steps(speak(r), pr, can, s.app.DB.Now())
	p.about(speak(r), pr)
	return s.ui.Render(w, http.StatusOK, "project", p)
}

// projectCounts counts the work packages of a project and of what is below it, as the lists do that the numbers lead to.
func (s *Site) projectCounts(r *http.Request, a access.Actor, p *projectPage, pr *project.Project) error {
	say, ctx := speak(r), r.Context()
	groups := func(by string, conds ...filter.Condition) (map[int64]int, error) {
		return s.app.WorkPackages.Groups(ctx, a, workpackage.ListInput{Project: pr.ID, Filters: conds, Location: location(a)}, by)
	}
	byStatus, err := groups("status")
	if err != nil {
		return err
	}
	open := filter.Condition{Name: "status", Op: "o"}
	byType, err := groups("type", open)
	if err != nil {
		return err
	}
	byLate, err := groups("type", open, filter.Condition{Name: "due_date", Op: "<t-", Values: []string{"1"}})
	if err != nil {
		return err
	}
	statuses, err := s.app.Catalog.Statuses(ctx, a)
	if err != nil {
		return err
	}
	types, err := s.app.Catalog.Types(ctx, a)
	if err != nil {
		return err
	}
	closed := 0
	for _, st := range statuses {
		n := byStatus[int64(st.ID)]
		p.work += n
		if st.Closed {
			closed += n
		}
		p.moved = p.moved || n > 0 && !st.Default
	}
	late := 0
	for _, n := range byLate {
		late += n
	}
	p.Facts = []ui.Fact{
		{Label: say.T("package.status_open"), Value: say.Count(p.work - closed), Href: p.ListHref},
		{Label: say.T("project.overdue"), Value: say.Count(late), Href: p.ListHref + "?due=overdue"},
		{Label: say.T("package.status_closed"), Value: say.Count(closed), Href: p.ListHref + "?status=closed"},
	}
	if late > 0 {
		p.Facts[1].Tone = ui.Danger
	}
	p.countTypes(types, byType)
	return nil
}

func (p *projectPage) countTypes(types []catalog.Type, counts map[int64]int) {
	for _, t := range types {
		if n := counts[int64(t.ID)]; n > 0 {
			p.Types = append(p.Types, typeCount{Type: ui.Type(t.Name, ui.HueOf(t.Color)), Count: n, Href: p.ListHref + "?type=" + strconv.FormatInt(int64(t.ID), 10)})
		}
	}
}

// nextShown is how many dates to come the overview names.
const nextShown = 6

// projectWork shows the newest changes of a project, and what is due next.
func (s *Site) projectWork(r *http.Request, a access.Actor, p *projectPage, pr *project.Project) error {
	say := speak(r)
	list := func(size int, by filter.Sort, conds ...filter.Condition) (*workpackage.Page, error) {
		return s.app.WorkPackages.List(r.Context(), a, workpackage.ListInput{
			Project: pr.ID, Filters: conds, Page: filter.Page{Number: 1, Size: size}, Location: location(a), Sort: []filter.Sort{by},
		})
	}
	recent, err := list(8, filter.Sort{Name: "updated_at", Desc: true})
	if err != nil {
		return err
	}
	p.ShowPackages, p.Recent = true, packageRows(recent)
	due, err := list(nextShown, filter.Sort{Name: "due_date"}, filter.Condition{Name: "status", Op: "o"}, filter.Condition{Name: "due_date", Op: "<>d", Values: []string{string(p.today), ""}})
	if err != nil {
		return err
	}
	for i := range due.Items {
		w := &due.Items[i]
		p.Next = append(p.Next, nextDay{Day: string(*w.DueDate), Title: w.Subject, Href: packageHref(w.ID), Icon: "list-checks"})
	}
	p.NoPackages = ui.EmptyState{Icon: "list-checks", Title: say.T("project.no_packages"), Text: say.T("project.no_open_text"), Example: say.T("example.package")}
	if p.NewHref != "" {
		p.NoPackages.Actions = []ui.Button{ui.Link(say.T("project.create_one"), p.NewHref).As("primary")}
	}
	return nil
}

// projectVersionRows shows the open versions with their progress.
func (s *Site) projectVersionRows(r *http.Request, a access.Actor, p *projectPage, pr *project.Project) error {
	list, err := s.app.Versions.List(r.Context(), a, version.ListInput{
		Project: pr.ID, Page: version.Everything, Filters: []filter.Condition{{Name: "status", Op: "=", Values: []string{version.Open}}},
	})
	if err != nil || len(list.Items) == 0 {
		return err
	}
	ids := make([]id.Version, len(list.Items))
	for i, v := range list.Items {
		ids[i] = v.ID
	}
	progress, err := s.app.Versions.Progress(r.Context(), a, ids)
	if err != nil {
		return err
	}
	for _, v := range list.Items {
		row := speak(r).versionRow(pr, v, progress[v.ID])
		p.Versions = append(p.Versions, row)
		if v.DueDate != nil && *v.DueDate >= p.today {
			p.Next = append(p.Next, nextDay{Day: row.Due, Title: row.Name, Href: row.ListHref, Icon: "milestone"})
		}
	}
	slices.SortStableFunc(p.Next, func(x, y nextDay) int { return cmp.Compare(x.Day, y.Day) })
	p.Next = p.Next[:min(len(p.Next), nextShown)]
	return nil
}

// peopleShown is how many members the overview names.
const peopleShown = 24

// projectPeople shows the members, each by the first of their roles, those of roles that lead the project first.
func (s *Site) projectPeople(r *http.Request, a access.Actor, p *projectPage, pr *project.Project) error {
	list, err := s.app.Memberships.List(r.Context(), a, membership.ListInput{
		Project: pr.ID, Page: filter.Page{Number: 1, Size: peopleShown}, Sort: []filter.Sort{{Name: "principal"}},
	})
	if err != nil {
		return err
	}
	roles, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{Givable: true})
	if err != nil {
		return err
	}
	people := map[id.Role][]ui.Avatar{}
	for _, m := range list.Items {
		p.others = p.others || m.Principal != a.ID
		if len(m.Roles) > 0 {
			first := m.Roles[0].Role
			people[first] = append(people[first], ui.Avatar{Person: ui.Person{ID: int64(m.Principal), Name: m.PrincipalName}})
		}
	}
	leads := func(r membership.Role) int { // who answers for the project stands first
		return -cmp.Compare(slices.Index(r.Permissions, access.EditProject), -1)
	}
	slices.SortStableFunc(roles, func(x, y membership.Role) int { return cmp.Compare(leads(x), leads(y)) })
	for _, role := range roles {
		if faces := people[role.ID]; len(faces) > 0 {
			p.Roles = append(p.Roles, roleFaces{Role: role.Name, People: faces})
		}
	}
	p.MembersHref, p.MoreMembers = projectHref(pr)+"/members", max(0, list.Total-len(list.Items))
	return nil
}

// projectsShown is how many subprojects the overview names.
const projectsShown = 20

// projectBelow shows the subprojects.
func (s *Site) projectBelow(r *http.Request, a access.Actor, p *projectPage, pr *project.Project) error {
	ref := strconv.FormatInt(int64(pr.ID), 10)
	list, err := s.app.Projects.List(r.Context(), a, project.ListInput{
		Filters: []filter.Condition{{Name: "parent", Op: "=", Values: []string{ref}}, {Name: "active", Op: "=", Values: []string{"t"}}},
		Page:    filter.Page{Number: 1, Size: projectsShown}, Figures: true,
	})
	if err != nil || list.Total == 0 {
		return err
	}
	for i := range list.Items {
		below := &list.Items[i]
		p.Subprojects = append(p.Subprojects, speak(r).projectLine(view{of: ofActiveProjects}, below, list.Figures[below.ID]))
	}
	if list.Total > len(list.Items) {
		p.MoreProjects = "/projects?under=" + ref
	}
	return nil
}

// newFor is how long a project may want its first steps, once there is work in it.
const newFor = 30 * 24 * time.Hour

// steps are what a new project still wants from the reader. The list goes when all is done.
func (p *projectPage) steps(say reader, pr *project.Project, can project.Capabilities, now time.Time) {
	if !pr.Active || p.work > 0 && now.Sub(pr.CreatedAt.Time) > newFor {
		return
	}
	base := projectHref(pr)
	var steps []setupStep
	if can.ManageMembers && can.ViewMembers {
		steps = append(steps, setupStep{say.T("project.step_people"), say.T("project.step_people_text"), base + "/settings" + tabMembers, p.others})
	}
	if can.AddWorkPackages {
		steps = append(steps, setupStep{say.T("project.step_package"), say.T("project.step_package_text"), p.NewHref, p.work > 0})
		if pr.Has("board_view") {
			steps = append(steps, setupStep{say.T("project.step_board"), say.T("project.step_board_text"), base + "/work_packages?view=board", p.moved})
		}
	}
	if slices.ContainsFunc(steps, func(s setupStep) bool { return !s.Done }) {
		p.Steps = steps
	}
}

// about are the facts at the side.
func (p *projectPage) about(say reader, pr *project.Project) {
	visibility := say.T("ui.private")
	if pr.Public {
		visibility = say.T("ui.public")
	}
	p.About.Items = []ui.Description{
		{Label: say.T("ui.visibility"), Value: visibility},
		{Label: say.T("project.identifier"), Value: pr.Identifier},
		{Label: say.T("list.created"), Value: say.Date(pr.CreatedAt.Time)},
	}
}
