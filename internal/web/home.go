package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

type homePage struct {
	ui.Page
	Projects  []ui.ProjectRow
	Mine      []homeBlock
	MineTotal int
	MineHref  string
	MayCreate bool
	None      ui.EmptyState
}

func (s *Site) home(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	tree, err := s.app.Projects.Tree(r.Context(), a)
	if err != nil {
		return err
	}
	p := homePage{Page: s.frame(r, a, say.T("home.home")), Projects: say.rowsOf(tree)}
	if a.SignedIn() {
		p.Title = say.T("home.welcome", "name", firstName(a.Name))
		if err := s.mine(r, a, &p); err != nil {
			return err
		}
	}
	if p.MayCreate, err = s.app.Projects.MayCreate(r.Context(), a); err != nil {
		return err
	}
	p.None = ui.EmptyState{Icon: "folder", Title: say.T("home.no_projects_yet"), Text: say.T("home.projects_appear_here")}
	if p.MayCreate {
		p.None.Actions = []ui.Button{ui.Link(say.T("home.create_a_project"), "/projects/new").As("primary")}
	}
	return s.ui.Render(w, http.StatusOK, "home", p)
}

// homeBlock is what waits for a person, of one urgency.
type homeBlock struct {
	Title string
	Rows  []ui.PackageRow
}

// homeRows bounds the rows of a block.
const homeRows = 8

// mine sorts what is open and assigned to a person: what is due today or was before,
// what has been begun, and what comes next. Each stands in the first that fits.
func (s *Site) mine(r *http.Request, a access.Actor, p *homePage) error {
	say := speak(r)
	list, err := s.app.WorkPackages.List(r.Context(), a, workpackage.ListInput{
		Filters:  []filter.Condition{{Name: "assignee", Op: "=", Values: []string{"me"}}, {Name: "status", Op: "o"}},
		Sort:     []filter.Sort{{Name: "due_date"}, {Name: "priority", Desc: true}},
		Page:     filter.Page{Number: 1, Size: 100},
		Location: location(a),
	})
	if err != nil {
		return err
	}
	p.MineTotal, p.MineHref = list.Total, "/work_packages?assignee=me"
	today := db.DayOf(s.app.DB.Now().In(location(a)))
	blocks := []homeBlock{{Title: say.T("home.needs_you_today")}, {Title: say.T("home.in_progress")}, {Title: say.T("home.next_up")}}
	rows := packageRows(list)
	for i := range list.Items {
		w := &list.Items[i]
		at := 2
		switch {
		case w.DueDate != nil && *w.DueDate <= today:
			at = 0
		case w.DoneRatio != nil && *w.DoneRatio > 0 || w.StartDate != nil && *w.StartDate <= today:
			at = 1
		}
		if b := &blocks[at]; len(b.Rows) < homeRows {
			b.Rows = append(b.Rows, rows[i])
		}
	}
	for _, b := range blocks {
		if len(b.Rows) > 0 {
			p.Mine = append(p.Mine, b)
		}
	}
	return nil
}

func firstName(name string) string {
	first, _, _ := strings.Cut(name, " ")
	return first
}

// projectHues colour the status of projects.
var projectHues = map[string]ui.Hue{
	project.OnTrack: ui.Green, project.AtRisk: ui.Orange, project.OffTrack: ui.Red,
	project.NotStarted: ui.Gray, project.Finished: ui.Blue, project.Discontinued: ui.Gray,
}

func (in reader) projectStatus(code *string) (string, ui.Hue) {
	if code == nil {
		return "", ""
	}
	for _, st := range project.Statuses {
		if st.Code == *code {
			return in.statusWord(st.Code, st.Name), projectHues[st.Code]
		}
	}
	return *code, ui.Gray
}

func (in reader) rowsOf(tree []project.Node) []ui.ProjectRow {
	out := make([]ui.ProjectRow, 0, len(tree))
	for _, n := range tree {
		row := ui.ProjectRow{Name: n.Name, Href: "/projects/" + n.Identifier, Depth: min(n.Depth, 5), Public: n.Public}
		row.Status, row.Hue = in.projectStatus(n.Status)
		out = append(out, row)
	}
	return out
}

// statusWord is the word for a project's status.
func (in reader) statusWord(code, name string) string {
	if key := "project.status." + code; in.Has(key) {
		return in.T(key)
	}
	return name
}

type projectsPage struct {
	ui.Page
	Projects  []ui.ProjectRow
	MayCreate bool
	None      ui.EmptyState
}

func (s *Site) projects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	tree, err := s.app.Projects.Tree(r.Context(), a)
	if err != nil {
		return err
	}
	may, err := s.app.Projects.MayCreate(r.Context(), a)
	if err != nil {
		return err
	}
	p := projectsPage{Page: s.frame(r, a, say.T("common.projects")), Projects: say.rowsOf(tree), MayCreate: may}
	p.None = ui.EmptyState{Icon: "folder", Title: say.T("home.no_projects_yet"), Text: say.T("home.projects_appear_here")}
	return s.ui.Render(w, http.StatusOK, "projects", p)
}

type projectFormPage struct {
	ui.Page
	Action, Cancel           string
	Name, Identifier         ui.Field
	Description              ui.Textarea
	Public                   ui.Checkbox
	Parent, Status           ui.Select
	New                      bool
	Submit                   string
	Problems                 ui.ErrorSummary
	MayArchive, MayUnarchive bool
	Archival                 string
}

func (s *Site) newProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	may, err := s.app.Projects.MayCreate(r.Context(), a)
	if err != nil {
		return err
	}
	if !may {
		return fault.Forbidden("you are not allowed to create projects")
	}
	return s.projectForm(w, r, a, nil, url.Values{"parent": {r.URL.Query().Get("parent")}}, nil)
}

// projectForm shows the form of a new or an existing project with the values
// given, and what is wrong with them.
func (s *Site) projectForm(w http.ResponseWriter, r *http.Request, a access.Actor, old *project.Project, v url.Values, refusal error) error {
	say := speak(r)
	var self id.Project
	p := projectFormPage{Page: s.frame(r, a, say.T("home.new_project")), Action: "/projects", Cancel: "/projects", New: true, Submit: say.T("project.create_project")}
	if old != nil {
		self = old.ID
		p.Title, p.New, p.Submit = say.T("project.edit", "name", old.Name), false, say.T("common.save")
		p.Action = "/projects/" + old.Identifier
		p.Cancel = p.Action
		grants, err := s.app.Projects.Grants(r.Context(), a, *old)
		if err != nil {
			return err
		}
		can := old.Capabilities(a, grants)
		p.Page = s.projectFrame(r, a, old, can, p.Title)
		p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: old.Name, Href: p.Action}, ui.Crumb{Label: say.T("project.edit_")})
		p.MayArchive, p.MayUnarchive, p.Archival = can.Archive, can.Unarchive, p.Action+"/archival"
	}
	parents, err := s.app.Projects.AvailableParents(r.Context(), a, self)
	if err != nil {
		return err
	}
	var options []ui.Option
	for _, q := range parents {
		options = append(options, ui.Option{Value: strconv.FormatInt(int64(q.ID), 10), Label: q.Name})
	}
	var statuses []ui.Option
	for _, st := range project.Statuses {
		statuses = append(statuses, ui.Option{Value: st.Code, Label: say.statusWord(st.Code, st.Name)})
	}
	m := say.messages(refusal)
	p.Width = "narrow"
	p.Name = ui.Text("name", say.T("common.name"), v.Get("name")).Require().Wrong(m["name"])
	p.Identifier = ui.Text("identifier", say.T("project.identifier"), v.Get("identifier")).Hinted(say.T("project.part_of_the_address")).Wrong(m["identifier"])
	p.Description = ui.Area("description", say.T("common.sum"), v.Get("description")).Hinted(say.T("common.markdown_works_here")).Wrong(m["description"])
	p.Public = ui.Check("public", say.T("project.public_hint"), v.Get("public") == "1")
	p.Parent = ui.Choose("parent", say.T("project.subproject_of"), v.Get("parent"), options...).Wrong(m["parent"])
	p.Parent.Blank = say.T("project.none")
	p.Status = ui.Choose("status", say.T("common.status"), v.Get("status"), statuses...).Wrong(m["status"])
	p.Status.Blank = say.T("project.not_set")
	p.Problems = ui.Problems(p.Name.Problem(), p.Identifier.Problem(), p.Description.Problem(), p.Parent.Problem(), p.Status.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "project_form", p)
}

// projectPatch reads the posted form.
func projectPatch(v url.Values) (project.Patch, error) {
	p := project.Patch{Name: opt.Of(v.Get("name")), Description: opt.Of(v.Get("description")), Public: opt.Of(v.Get("public") == "1")}
	if t := v.Get("identifier"); t != "" {
		p.Identifier = opt.Of(t)
	}
	p.Parent = opt.Null[id.Project]()
	if t := v.Get("parent"); t != "" {
		n, err := id.Parse[id.Project]("project", t)
		if err != nil {
			return p, fault.InvalidField("parent", "not_available")
		}
		p.Parent = opt.Ptr(n)
	}
	p.Status = opt.Null[string]()
	if t := v.Get("status"); t != "" {
		p.Status = opt.Ptr(t)
	}
	return p, nil
}

func (s *Site) createProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	patch, err := projectPatch(r.PostForm)
	var made *project.Project
	if err == nil {
		made, err = s.app.Projects.Create(r.Context(), a, patch)
	}
	if refused(err) {
		return s.projectForm(w, r, a, nil, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/projects/"+made.Identifier+"?done=created")
}

func (s *Site) editProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.app.Projects.FindRef(r.Context(), a, chi.URLParam(r, "project"))
	if err != nil {
		return err
	}
	grants, err := s.app.Projects.Grants(r.Context(), a, *p)
	if err != nil {
		return err
	}
	if can := p.Capabilities(a, grants); !can.Edit && !can.Unarchive {
		return fault.Forbidden("you are not allowed to edit this project")
	}
	return s.projectForm(w, r, a, p, valuesOf(p), nil)
}

func valuesOf(p *project.Project) url.Values {
	v := url.Values{"name": {p.Name}, "identifier": {p.Identifier}, "description": {p.Description}}
	if p.Public {
		v.Set("public", "1")
	}
	if p.ParentID != nil {
		v.Set("parent", strconv.FormatInt(int64(*p.ParentID), 10))
	}
	if p.Status != nil {
		v.Set("status", *p.Status)
	}
	return v
}

func (s *Site) updateProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	old, err := s.app.Projects.FindRef(r.Context(), a, chi.URLParam(r, "project"))
	if err != nil {
		return err
	}
	patch, err := projectPatch(r.PostForm)
	saved := old
	if err == nil {
		saved, err = s.app.Projects.Update(r.Context(), a, old.ID, patch)
	}
	if refused(err) {
		return s.projectForm(w, r, a, old, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/projects/"+saved.Identifier+"?done=saved")
}

// archive moves a project out of everybody's way, or back.
func (s *Site) archive(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	p, err := s.app.Projects.FindRef(r.Context(), a, chi.URLParam(r, "project"))
	if err != nil {
		return err
	}
	if r.PostForm.Get("undo") == "1" {
		_, err = s.app.Projects.Unarchive(r.Context(), a, p.ID)
	} else {
		_, err = s.app.Projects.Archive(r.Context(), a, p.ID)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/projects?done=saved")
}
