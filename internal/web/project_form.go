package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// projectFields are what a project is described by, in the form of a new one and in
// the settings.
type projectFields struct {
	Name, Identifier   ui.Field
	Description        ui.Textarea
	Public, Templated  ui.Checkbox
	Parent, Status     ui.Select
	Explanation        ui.Textarea
	Problems           ui.ErrorSummary
	Template           ui.Select
	New, TemplateKnown bool
}

type projectFormPage struct {
	ui.Page
	projectFields
}

func (s *Site) newProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	may, err := s.app.Projects.MayCreate(r.Context(), a)
	if err != nil {
		return err
	}
	if !may {
		return fault.Forbidden("you are not allowed to create projects")
	}
	q := r.URL.Query()
	return s.newProjectForm(w, r, a, url.Values{"parent": {q.Get("parent")}, "template": {q.Get("template")}}, nil)
}

// newProjectForm shows the form of a new project with the values given, and what is
// wrong with them.
func (s *Site) newProjectForm(w http.ResponseWriter, r *http.Request, a access.Actor, v url.Values, refusal error) error {
	say := speak(r)
	p := projectFormPage{Page: s.frame(r, a, say.T("home.new_project"))}
	p.Width = "narrow"
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.projects"), Href: "/projects"}, {Label: p.Title}}
	p.New = true
	if err := s.fillProject(r, a, &p.projectFields, 0, v, refusal); err != nil {
		return err
	}
	list, err := s.app.Projects.List(r.Context(), a, project.ListInput{
		Filters: []filter.Condition{{Name: "templated", Op: "=", Values: []string{"t"}}}, Page: filter.Page{Number: 1, Size: 100},
	})
	if err != nil {
		return err
	}
	var options []ui.Option
	for _, t := range list.Items {
		options = append(options, option(int64(t.ID), t.Name))
	}
	p.TemplateKnown = len(options) > 0
	p.Template = ui.Choose("template", say.T("settings.template"), v.Get("template"), options...).Hinted(say.T("settings.template_hint")).Wrong(say.messages(refusal)["template"])
	p.Template.Blank = say.T("settings.no_template")
	p.explain(say, refusal, &p.Page)
	return s.ui.Render(w, statusOf(refusal), "project_form", p)
}

// fillProject sets the controls; self is 0 for a new project.
func (s *Site) fillProject(r *http.Request, a access.Actor, p *projectFields, self id.Project, v url.Values, refusal error) error {
	say := speak(r)
	parents, err := s.app.Projects.AvailableParents(r.Context(), a, self)
	if err != nil {
		return err
	}
	var options []ui.Option
	for _, q := range parents {
		options = append(options, option(int64(q.ID), q.Name))
	}
	var statuses []ui.Option
	for _, st := range project.Statuses {
		statuses = append(statuses, ui.Option{Value: st.Code, Label: say.statusWord(st.Code, st.Name)})
	}
	m := say.messages(refusal)
	p.Name = ui.Text("name", say.T("common.name"), v.Get("name")).Require().Wrong(m["name"])
	p.Name.Autofocus = p.New
	p.Identifier = ui.Text("identifier", say.T("project.identifier"), v.Get("identifier")).Hinted(say.T("project.part_of_the_address")).Wrong(m["identifier"])
	p.Description = ui.Area("description", say.T("common.sum"), v.Get("description")).Hinted(say.T("common.markdown_works_here")).Wrong(m["description"]).With(editor(a, self))
	p.Public = ui.Check("public", say.T("project.public_hint"), v.Get("public") == "1")
	p.Templated = ui.Check("templated", say.T("settings.templated"), v.Get("templated") == "1")
	p.Parent = ui.Choose("parent", say.T("project.subproject_of"), v.Get("parent"), options...).Wrong(m["parent"])
	p.Parent.Blank = say.T("project.none")
	p.Status = ui.Choose("status", say.T("common.status"), v.Get("status"), statuses...).Wrong(m["status"])
	p.Status.Blank = say.T("project.not_set")
	p.Explanation = ui.Area("statusExplanation", say.T("settings.explanation"), v.Get("statusExplanation")).Hinted(say.T("settings.explanation_hint")).Wrong(m["statusExplanation"])
	return nil
}

// explain puts what was refused on top.
func (p *projectFields) explain(say reader, refusal error, page *ui.Page) {
	p.Problems = ui.Problems(p.Name.Problem(), p.Identifier.Problem(), p.Description.Problem(), p.Parent.Problem(), p.Status.Problem(), p.Explanation.Problem(), p.Template.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		page.Flash = append(page.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
}

// projectPatch reads the posted form. What is not in it is left alone.
func projectPatch(v url.Values) (project.Patch, error) {
	p := project.Patch{Name: opt.Of(v.Get("name")), Description: opt.Of(v.Get("description")), Public: opt.Of(v.Get("public") == "1"), Templated: opt.Of(v.Get("templated") == "1")}
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
	if v.Has("status") {
		p.Status = opt.Null[string]()
		if t := v.Get("status"); t != "" {
			p.Status = opt.Ptr(t)
		}
	}
	if v.Has("statusExplanation") {
		p.StatusExplanation = opt.Of(v.Get("statusExplanation"))
	}
	if t := v.Get("template"); t != "" {
		n, err := id.Parse[id.Project]("project", t)
		if err != nil {
			return p, fault.InvalidField("template", "not_available")
		}
		p.Template = n
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
		return s.newProjectForm(w, r, a, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, projectHref(made)+"?done=created")
}

func valuesOf(p *project.Project) url.Values {
	v := url.Values{"name": {p.Name}, "identifier": {p.Identifier}, "description": {p.Description}, "statusExplanation": {p.StatusExplanation}}
	if p.Public {
		v.Set("public", "1")
	}
	if p.Templated {
		v.Set("templated", "1")
	}
	if p.ParentID != nil {
		v.Set("parent", strconv.FormatInt(int64(*p.ParentID), 10))
	}
	if p.Status != nil {
		v.Set("status", *p.Status)
	}
	return v
}
