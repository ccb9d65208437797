package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type categoriesPage struct {
	ui.Page
	Tabs    ui.Tabs
	Rows    []categoryRow
	NewHref string
	None    ui.EmptyState
}

type categoryRow struct {
	Name, EditHref string
	Assignee       *ui.Avatar
	Count          int
	ListHref       string
}

func manageCategories(can project.Capabilities) bool { return can.ManageCategories }

// projectCategories lists the categories of a project.
func (s *Site) projectCategories(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inPlanning(r, a, manageCategories)
	if err != nil {
		return err
	}
	all, err := s.app.Categories.List(r.Context(), a, pr.ID)
	if err != nil {
		return err
	}
	uses, err := s.app.Categories.Uses(r.Context(), a, pr.ID)
	if err != nil {
		return err
	}
	say := speak(r)
	base := projectHref(pr) + "/settings/categories/"
	p := categoriesPage{NewHref: base + "new"}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabCategories)
	for _, c := range all {
		n := strconv.FormatInt(int64(c.ID), 10)
		row := categoryRow{Name: c.Name, EditHref: base + n, Count: uses[c.ID], ListHref: projectHref(pr) + "/work_packages?status=all&category=" + n}
		if c.AssigneeID != nil {
			row.Assignee = &ui.Avatar{Person: ui.Person{ID: int64(*c.AssigneeID), Name: c.AssigneeName()}}
		}
		p.Rows = append(p.Rows, row)
	}
	p.None = ui.EmptyState{
		Example: say.T("example.category"),
		Icon:    "list-checks", Title: say.T("planning.no_categories"), Text: say.T("planning.no_categories_text"),
		Actions: []ui.Button{ui.Link(say.T("planning.new_category"), p.NewHref).As("primary")},
	}
	return s.ui.Render(w, http.StatusOK, "project_categories", p)
}

type categoryPage struct {
	ui.Page
	Tabs                             ui.Tabs
	Action, Cancel, Submit, Deletion string
	Name                             ui.Field
	Assignee                         ui.Select
	Problems                         ui.ErrorSummary
}

func (s *Site) newCategory(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inPlanning(r, a, manageCategories)
	if err != nil {
		return err
	}
	return s.categoryForm(w, r, a, pr, can, nil, nil, nil)
}

// categoryOf is the category of the address, which must belong to the project.
func (s *Site) categoryOf(r *http.Request, a access.Actor) (*project.Project, project.Capabilities, *category.Category, error) {
	pr, can, err := s.inPlanning(r, a, manageCategories)
	if err != nil {
		return nil, can, nil, err
	}
	n, err := id.Parse[id.Category]("category", chi.URLParam(r, "id"))
	if err != nil {
		return nil, can, nil, err
	}
	c, err := s.app.Categories.Find(r.Context(), a, n)
	if err == nil && c.ProjectID != pr.ID {
		err = fault.NotFound("category")
	}
	return pr, can, c, err
}

func (s *Site) editCategory(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, c, err := s.categoryOf(r, a)
	if err != nil {
		return err
	}
	return s.categoryForm(w, r, a, pr, can, c, nil, nil)
}

// categoryForm shows the form of a category, nil for a new one; typed are the values
// of a form that came back, and refusal why.
func (s *Site) categoryForm(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, c *category.Category, typed url.Values, refusal error) error {
	say := speak(r)
	people, err := s.app.Categories.Assignees(r.Context(), a, pr.ID)
	if err != nil {
		return err
	}
	base := projectHref(pr) + "/settings/categories"
	p := categoryPage{Action: base, Cancel: base, Submit: say.T("planning.create_category")}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabCategories)
	title, name, assignee := say.T("planning.new_category"), "", ""
	if c != nil {
		title, name = c.Name, c.Name
		p.Action, p.Submit = base+"/"+strconv.FormatInt(int64(c.ID), 10), say.T("common.save")
		p.Deletion = p.Action + "/deletion"
		if c.AssigneeID != nil {
			assignee = strconv.FormatInt(int64(*c.AssigneeID), 10)
		}
	}
	if typed != nil {
		name, assignee = typed.Get("name"), typed.Get("assignee")
	}
	below(&p.Page, title, base)
	m := say.messages(refusal)
	p.Name = ui.Text("name", say.T("common.name"), name).Require().Wrong(m["name"])
	p.Name.Max = category.MaxName
	options := make([]ui.Option, len(people))
	named := assignee == ""
	for i, u := range people {
		options[i] = option(int64(u.ID), u.Name())
		named = named || options[i].Value == assignee
	}
	if !named && c != nil && c.AssigneeID != nil { // who has left the project since stays until somebody else is chosen
		options = append(options, ui.Option{Value: assignee, Label: c.AssigneeName()})
	}
	p.Assignee = ui.Choose("assignee", say.T("common.assignee"), assignee, options...).Hinted(say.T("planning.assignee_hint")).Wrong(m["assignee"])
	p.Assignee.Blank = say.T("common.nobody")
	p.Problems = ui.Problems(p.Name.Problem(), p.Assignee.Problem())
	return s.ui.Render(w, statusOf(refusal), "project_category", p)
}

// categoryPatch reads a posted form.
func categoryPatch(v url.Values) (category.Patch, error) {
	p := category.Patch{Name: opt.Of(v.Get("name"))}
	var errs []fault.Field
	nullable(v, "assignee", &p.Assignee, func(name, code string) { errs = append(errs, fault.Field{Name: name, Code: code}) })
	return p, fault.Invalid(errs...)
}

func (s *Site) createCategory(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, can, err := s.inPlanning(r, a, manageCategories)
	if err != nil {
		return err
	}
	patch, err := categoryPatch(r.PostForm)
	made := &category.Category{}
	if err == nil {
		made, err = s.app.Categories.Create(r.Context(), a, pr.ID, patch)
	}
	if refused(err) {
		return s.categoryForm(w, r, a, pr, can, nil, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings/categories", "created", undoOf(undoCategory, made.ID))
}

func (s *Site) updateCategory(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, can, c, err := s.categoryOf(r, a)
	if err != nil {
		return err
	}
	patch, err := categoryPatch(r.PostForm)
	if err == nil {
		_, err = s.app.Categories.Update(r.Context(), a, c.ID, patch)
	}
	if refused(err) {
		return s.categoryForm(w, r, a, pr, can, c, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings/categories", "saved", undoOf(undoCategory, c.ID))
}

func (s *Site) confirmCategoryDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, c, err := s.categoryOf(r, a)
	if err != nil {
		return err
	}
	return s.categoryDeletion(w, r, a, pr, can, c, nil)
}

// categoryDeletion asks what its work packages get instead, where there are some.
func (s *Site) categoryDeletion(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, c *category.Category, refusal error) error {
	uses, err := s.app.Categories.Uses(r.Context(), a, pr.ID)
	if err != nil {
		return err
	}
	all, err := s.app.Categories.List(r.Context(), a, pr.ID)
	if err != nil {
		return err
	}
	say := speak(r)
	p := planningDelete{
		Action: r.URL.Path, Cancel: strings.TrimSuffix(r.URL.Path, "/deletion"), Submit: say.T("planning.delete_category"),
		Text: say.T("planning.delete_category_text", "n", uses[c.ID]),
	}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabCategories)
	below(&p.Page, say.T("planning.delete_title", "name", c.Name), projectHref(pr)+"/settings/categories")
	if uses[c.ID] > 0 && len(all) > 1 {
		var others []ui.Option
		for _, o := range all {
			if o.ID != c.ID {
				others = append(others, option(int64(o.ID), o.Name))
			}
		}
		replace := ui.Choose("reassignTo", say.T("planning.instead"), r.FormValue("reassignTo"), others...).Wrong(say.messages(refusal)["reassignTo"])
		replace.Blank = say.T("planning.no_category")
		p.Replace, p.Problems = &replace, ui.Problems(replace.Problem())
	}
	p.HideTitle = true
	return s.ui.Render(w, statusOf(refusal), "project_planning_delete", p)
}

func (s *Site) deleteCategory(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, can, c, err := s.categoryOf(r, a)
	if err != nil {
		return err
	}
	var to opt.Value[*id.Category]
	nullable(r.PostForm, "reassignTo", &to, func(name, code string) { err = fault.InvalidField(name, "not_available") })
	if err == nil {
		err = s.app.Categories.Delete(r.Context(), a, c.ID, to.V)
	}
	if refused(err) {
		return s.categoryDeletion(w, r, a, pr, can, c, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings/categories", "removed", undoOf(undoCategory, c.ID))
}
