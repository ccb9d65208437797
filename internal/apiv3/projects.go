package apiv3

import (
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
)

const projectStatuses = Root + "/project_statuses/"

func projectDoc(p *project.Project, a access.Actor, g *access.Grants) *hal.Object {
	o := hal.New("Project")
	can := p.Capabilities(a, g)
	o.Int("id", int64(p.ID))
	o.Str("identifier", p.Identifier)
	o.Str("name", p.Name)
	o.Bool("active", p.Active)
	o.Bool("public", p.Public)
	o.Bool("templated", p.Templated)
	o.Bool("favorited", p.Favorited)
	o.Formattable("description", hal.Markdown, p.Description, string(markup.Render(p.Description)))
	o.Formattable("statusExplanation", hal.Markdown, p.StatusExplanation, string(markup.Render(p.StatusExplanation)))
	o.Time("createdAt", p.CreatedAt.Time)
	o.Time("updatedAt", p.UpdatedAt.Time)
	o.To("self", to(projects, p.ID), p.Name)
	o.To("workPackages", below(projects, p.ID, "/work_packages"), "")
	o.To("types", below(projects, p.ID, "/types"), "")
	o.To("categories", below(projects, p.ID, "/categories"), "")
	o.To("versions", below(projects, p.ID, "/versions"), "")
	o.Link("memberships", Root+"/memberships?filters=%5B%7B%22project%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%22"+idText(p.ID)+"%22%5D%7D%7D%5D", "")
	projectLinks(o, p)
	switch favorite := below(projects, p.ID, "/favorite"); {
	case !a.SignedIn():
	case p.Favorited:
		o.Action("disfavor", favorite, "delete")
	default:
		o.Action("favor", favorite, "post")
	}
	if can.AddWorkPackages {
		o.Action("createWorkPackage", below(projects, p.ID, "/work_packages/form"), "post")
		o.Action("createWorkPackageImmediately", below(projects, p.ID, "/work_packages"), "post")
	}
	if can.Edit {
		o.Action("update", below(projects, p.ID, "/form"), "post")
		o.Action("updateImmediately", to(projects, p.ID), "patch")
	}
	if can.Delete {
		o.Action("delete", to(projects, p.ID), "delete")
	}
	return o
}

func projectLinks(o *hal.Object, p *project.Project) {
	up := make([]hal.Link, len(p.Ancestors))
	for i, r := range p.Ancestors {
		up[i] = hal.Link{Path: to(projects, r.ID), Title: r.Name}
	}
	o.LinkArray("ancestors", up)
	parent, seen := p.Parent()
	switch {
	case p.ParentID == nil:
		o.LinkNull("parent")
	case seen:
		o.To("parent", to(projects, parent.ID), parent.Name)
	default:
		o.Link("parent", hal.Undisclosed, "Undisclosed")
	}
	projectStatusLink(o, p.Status)
}

func projectStatusLink(o *hal.Object, code *string) {
	if code == nil {
		o.LinkNull("status")
		return
	}
	o.Link("status", projectStatuses+*code, projectStatusName(*code))
}

func projectStatusName(code string) string {
	for _, st := range project.Statuses {
		if st.Code == code {
			return st.Name
		}
	}
	return code
}

func (s *API) project(w http.ResponseWriter, r *http.Request, a access.Actor, status int, p *project.Project) error {
	g, err := s.app.Projects.Grants(r.Context(), a, *p)
	if err != nil {
		return err
	}
	return respond(w, r, status, projectDoc(p, a, g))
}

func (s *API) listProjects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	if !l.given { // absent filters mean the active ones
		l.filters = []filter.Condition{{Name: "active", Op: "=", Values: []string{"t"}}}
	}
	page, err := s.app.Projects.List(r.Context(), a, project.ListInput{Filters: l.filters, Sort: l.sort, Page: l.page, Location: zone(a)})
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	for i := range page.Items {
		c.Add(projectDoc(&page.Items[i], a, page.Grants))
	}
	return respond(w, r, http.StatusOK, c.Page(l.paging(r, page.Total)))
}

func (s *API) showProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	return s.project(w, r, a, http.StatusOK, p)
}

// projectPatch reads a body.
func (s *API) projectPatch(r *http.Request, a access.Actor, o object) (project.Patch, error) {
	in := newPayload(o, a)
	var p project.Patch
	in.text("name", &p.Name)
	in.text("identifier", &p.Identifier)
	in.formattable("description", &p.Description)
	in.formattable("statusExplanation", &p.StatusExplanation)
	in.boolean("public", &p.Public)
	in.boolean("active", &p.Active)
	in.boolean("templated", &p.Templated)
	ref, null, ok := in.ref("parent", "projects")
	switch {
	case !ok:
	case null:
		p.Parent = opt.Null[id.Project]()
	case ref.ID != 0:
		p.Parent = opt.Ptr(id.Project(ref.ID))
	default:
		found, err := s.app.Projects.FindRef(r.Context(), a, ref.Name)
		if fault.Is(err, fault.KindNotFound) {
			in.errs = append(in.errs, fault.Field{Name: "parent", Code: "not_available"})
		} else if err != nil {
			return p, err
		} else {
			p.Parent = opt.Ptr(found.ID)
		}
	}
	if ref, null, ok := in.ref("status", "project_statuses"); ok {
		p.Status = opt.Null[string]()
		if !null {
			p.Status = opt.Ptr(strings.ToLower(ref.Last()))
		}
	}
	return p, in.err()
}

func (s *API) createProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	patch, err := s.projectPatch(r, a, body)
	if err != nil {
		return err
	}
	p, err := s.app.Projects.Create(r.Context(), a, patch)
	if err != nil {
		return err
	}
	return s.project(w, r, a, http.StatusCreated, p)
}

func (s *API) updateProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	old, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	patch, err := s.projectPatch(r, a, body)
	if err != nil {
		return err
	}
	p, err := s.app.Projects.Update(r.Context(), a, old.ID, patch)
	if err != nil {
		return err
	}
	return s.project(w, r, a, http.StatusOK, p)
}

func (s *API) deleteProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	if err := s.app.Projects.Delete(r.Context(), a, p.ID); err != nil {
		return err
	}
	return noContent(w)
}

// favorProject and disfavorProject serve workspaces, too: those here are projects.
func (s *API) favorProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	if err := s.app.Projects.Favor(r.Context(), a, p.ID); err != nil {
		return err
	}
	return noContent(w)
}

func (s *API) disfavorProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	if err := s.app.Projects.Disfavor(r.Context(), a, p.ID); err != nil {
		return err
	}
	return noContent(w)
}

func (s *API) availableParents(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	var of id.Project
	if ref := r.URL.Query().Get("of"); ref != "" {
		p, err := s.app.Projects.FindRef(r.Context(), a, ref)
		if err != nil {
			return err
		}
		of = p.ID
	}
	found, err := s.app.Projects.AvailableParents(r.Context(), a, of)
	if err != nil {
		return err
	}
	return s.projectList(w, r, a, found)
}

// projectList answers with all of some projects.
func (s *API) projectList(w http.ResponseWriter, r *http.Request, a access.Actor, found []project.Project) error {
	g, err := s.app.Projects.Grants(r.Context(), a, found...)
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	for i := range found {
		c.Add(projectDoc(&found[i], a, g))
	}
	return respond(w, r, http.StatusOK, c.All(r.URL.Path))
}

// availableMembershipProjects are those whose members the actor manages.
func (s *API) availableMembershipProjects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.projectsWhere(w, r, a, func(can project.Capabilities) bool { return can.ManageMembers })
}

// availableWorkPackageProjects are those to which the actor adds work packages.
func (s *API) availableWorkPackageProjects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.projectsWhere(w, r, a, func(can project.Capabilities) bool { return can.AddWorkPackages })
}

// projectsToMoveTo are the same for a work package that the actor may see.
func (s *API) projectsToMoveTo(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Find(r.Context(), a, n); err != nil {
		return err
	}
	return s.availableWorkPackageProjects(w, r, a)
}

func (s *API) projectsWhere(w http.ResponseWriter, r *http.Request, a access.Actor, ok func(project.Capabilities) bool) error {
	page, err := s.app.Projects.List(r.Context(), a, project.ListInput{
		Filters: []filter.Condition{{Name: "active", Op: "=", Values: []string{"t"}}}, Page: filter.Page{Number: 1, Size: 1000},
	})
	if err != nil {
		return err
	}
	var found []project.Project
	for _, p := range page.Items {
		if ok(p.Capabilities(a, page.Grants)) {
			found = append(found, p)
		}
	}
	return s.projectList(w, r, a, found)
}

func (s *API) projectSchema(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	sc, err := s.app.Projects.SchemaOf(r.Context(), a, 0)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, projectSchemaDoc(sc, projects+"schema"))
}

func (s *API) newProjectForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.projectForm(w, r, a, 0, hal.Path{Base: Root + "/projects"}, "post")
}

func (s *API) editProjectForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	return s.projectForm(w, r, a, p.ID, to(projects, p.ID), "patch")
}

func (s *API) projectForm(w http.ResponseWriter, r *http.Request, a access.Actor, n id.Project, commit hal.Path, method string) error {
	body, err := s.decode(w, r, true)
	if err != nil {
		return err
	}
	patch, err := s.projectPatch(r, a, body)
	if err != nil {
		return err
	}
	f, err := s.app.Projects.Preview(r.Context(), a, n, patch)
	if err != nil {
		return err
	}
	o := hal.New("Form")
	o.Embed("payload", projectPayload(&f.Draft))
	o.Embed("schema", projectSchemaDoc(&f.Schema, r.URL.Path))
	o.Embed("validationErrors", validationErrors(f.Errors))
	o.Action("self", hal.Path{Base: r.URL.Path}, "post")
	o.Action("validate", hal.Path{Base: r.URL.Path}, "post")
	if len(f.Errors) == 0 {
		o.Action("commit", commit, method)
	}
	return respond(w, r, http.StatusOK, o)
}

func projectPayload(p *project.Project) *hal.Object {
	o := hal.New("")
	o.Str("name", p.Name)
	o.Str("identifier", p.Identifier)
	o.Formattable("description", hal.Markdown, p.Description, "")
	o.Formattable("statusExplanation", hal.Markdown, p.StatusExplanation, "")
	o.Bool("public", p.Public)
	o.Bool("active", p.Active)
	if p.ParentID == nil {
		o.LinkNull("parent")
	} else {
		o.To("parent", to(projects, *p.ParentID), "")
	}
	projectStatusLink(o, p.Status)
	return o
}

// projectFields are what the schema publishes, by API name.
var projectFields = []struct {
	name, label, kind  string
	required, defaults bool
	linked             bool
}{
	{"id", "ID", "Integer", true, false, false},
	{"name", "Name", "String", true, false, false},
	{"identifier", "Identifier", "String", true, true, false},
	{"description", "Description", "Formattable", false, false, false},
	{"public", "Public", "Boolean", false, true, false},
	{"active", "Active", "Boolean", false, true, false},
	{"statusExplanation", "Status description", "Formattable", false, false, false},
	{"status", "Status", "ProjectStatus", false, false, true},
	{"parent", "Subproject of", "Project", false, false, true},
	{"createdAt", "Created on", "DateTime", true, false, false},
	{"updatedAt", "Updated on", "DateTime", true, false, false},
}

func projectSchemaDoc(sc *project.Schema, self string) *hal.Object {
	o := hal.New("Schema")
	o.Raw("_dependencies", hal.Doc("[]"))
	o.Raw("_attributeGroups", hal.Doc("[]"))
	for _, f := range projectFields {
		p := schemaProperty(f.kind, f.label, f.required, f.defaults, sc.Writable[f.name], f.linked)
		switch f.name {
		case "parent":
			p.Link("allowedValues", projects+"available_parent_projects", "")
		case "status":
			links := make([]hal.Link, len(project.Statuses))
			docs := make([]*hal.Object, len(project.Statuses))
			for i, st := range project.Statuses {
				links[i] = hal.Link{Href: projectStatuses + st.Code, Title: st.Name}
				docs[i] = projectStatusDoc(st.Code, st.Name)
			}
			p.LinkArray("allowedValues", links)
			p.EmbedArray("allowedValues", docs)
		}
		o.Object(f.name, p)
	}
	o.Link("self", self, "")
	return o
}

func projectStatusDoc(code, name string) *hal.Object {
	o := hal.New("ProjectStatus")
	o.Str("id", code)
	o.Str("name", name)
	o.Link("self", projectStatuses+code, name)
	return o
}
