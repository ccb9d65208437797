package apiv3

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/version"
)

func versionDoc(v *version.Version, g *access.Grants) *hal.Object {
	o := hal.New("Version")
	o.Int("id", int64(v.ID))
	versionFields(o, v)
	o.Time("createdAt", v.CreatedAt.Time)
	o.Time("updatedAt", v.UpdatedAt.Time)
	o.To("self", to(versions, v.ID), v.Name)
	o.Link("schema", versions+"schema", "")
	if v.ProjectSeen {
		o.To("definingProject", to(projects, v.ProjectID), v.ProjectName)
	} else {
		o.Link("definingProject", hal.Undisclosed, "Undisclosed")
	}
	o.To("availableInProjects", below(versions, v.ID, "/projects"), "")
	if v.Capabilities(g).Manage {
		o.Action("update", below(versions, v.ID, "/form"), "post")
		o.Action("updateImmediately", to(versions, v.ID), "patch")
		o.Action("delete", to(versions, v.ID), "delete")
	}
	return o
}

// versionFields are what a client can write.
func versionFields(o *hal.Object, v *version.Version) {
	o.Str("name", v.Name)
	o.Formattable("description", hal.Markdown, v.Description, string(markup.Render(v.Description)))
	o.Date("startDate", day(v.StartDate))
	o.Date("endDate", day(v.DueDate))
	o.Str("status", v.Status)
	o.Str("sharing", v.Sharing)
}

func versionID(r *http.Request) (id.Version, error) {
	return id.Parse[id.Version]("version", chi.URLParam(r, "id"))
}

func (s *API) listVersions(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	page, err := s.app.Versions.List(r.Context(), a, version.ListInput{Filters: l.filters, Sort: l.sort, Page: l.page})
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, versionCollection(page).Page(l.paging(r, page.Total)))
}

func versionCollection(page *version.Page) *hal.Collection {
	c := hal.NewCollection(hal.TypeCollection)
	for i := range page.Items {
		c.Add(versionDoc(&page.Items[i], page.Grants))
	}
	return c
}

// listProjectVersions are those that the project may plan for, of others included.
func (s *API) listProjectVersions(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p, err := s.projectOf(r, a)
	if err != nil {
		return err
	}
	page, err := s.app.Versions.List(r.Context(), a, version.ListInput{Project: p.ID, Page: version.Everything})
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, versionCollection(page).All(r.URL.Path))
}

// respondVersion answers with a version.
func (s *API) respondVersion(w http.ResponseWriter, r *http.Request, a access.Actor, status int, v *version.Version) error {
	g, err := s.app.Projects.Grants(r.Context(), a, project.Project{ID: v.ProjectID})
	if err != nil {
		return err
	}
	return respond(w, r, status, versionDoc(v, g))
}

func (s *API) showVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := versionID(r)
	if err != nil {
		return err
	}
	v, err := s.app.Versions.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return s.respondVersion(w, r, a, http.StatusOK, v)
}

// versionPatch reads a body.
func (s *API) versionPatch(r *http.Request, a access.Actor, o object) (version.Patch, error) {
	in := newPayload(o, a)
	var p version.Patch
	in.text("name", &p.Name)
	in.formattable("description", &p.Description)
	in.date("startDate", &p.StartDate)
	in.date("endDate", &p.DueDate)
	in.text("status", &p.Status)
	in.text("sharing", &p.Sharing)
	if err := s.projectLink(r, a, in, "definingProject", &p.Project); err != nil {
		return p, err
	}
	return p, in.err()
}

func (s *API) createVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	patch, err := s.versionPatch(r, a, body)
	if err != nil {
		return err
	}
	v, err := s.app.Versions.Create(r.Context(), a, patch)
	if err != nil {
		return err
	}
	return s.respondVersion(w, r, a, http.StatusCreated, v)
}

func (s *API) updateVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := versionID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.Versions.Find(r.Context(), a, n); err != nil {
		return err // before the body: what is wrong with it is no stranger's business
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	patch, err := s.versionPatch(r, a, body)
	if err != nil {
		return err
	}
	v, err := s.app.Versions.Update(r.Context(), a, n, patch)
	if err != nil {
		return err
	}
	return s.respondVersion(w, r, a, http.StatusOK, v)
}

func (s *API) deleteVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := versionID(r)
	if err != nil {
		return err
	}
	if err := s.app.Versions.Delete(r.Context(), a, n); err != nil {
		return err
	}
	return noContent(w)
}

func (s *API) newVersionForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.versionForm(w, r, a, 0, hal.Path{Base: Root + "/versions"}, "post")
}

func (s *API) editVersionForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := versionID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.Versions.Find(r.Context(), a, n); err != nil {
		return err
	}
	return s.versionForm(w, r, a, n, to(versions, n), "patch")
}

// versionForm answers what saving the body would do.
func (s *API) versionForm(w http.ResponseWriter, r *http.Request, a access.Actor, n id.Version, commit hal.Path, method string) error {
	body, err := s.decode(w, r, true)
	if err != nil {
		return err
	}
	patch, err := s.versionPatch(r, a, body)
	if err != nil {
		return err
	}
	f, err := s.app.Versions.Preview(r.Context(), a, n, patch)
	if err != nil {
		return err
	}
	payload := hal.New("")
	versionFields(payload, &f.Draft)
	if n == 0 {
		optional(payload, "definingProject", projects, int64(f.Draft.ProjectID), f.Draft.ProjectName)
	}
	o := hal.New("Form")
	o.Embed("payload", payload)
	o.Embed("schema", versionSchemaDoc(f.Sharings, n == 0, r.URL.Path))
	o.Embed("validationErrors", validationErrors(f.Errors))
	o.Action("self", hal.Path{Base: r.URL.Path}, "post")
	o.Action("validate", hal.Path{Base: r.URL.Path}, "post")
	if len(f.Errors) == 0 {
		o.Action("commit", commit, method)
	}
	return respond(w, r, http.StatusOK, o)
}

func (s *API) versionSchema(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := s.app.Versions.MayKnow(r.Context(), a); err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, versionSchemaDoc(version.Sharings, true, versions+"schema"))
}

// versionSchemaDoc publishes the fields; the project is chosen only once.
func versionSchemaDoc(sharings []string, isNew bool, self string) *hal.Object {
	o := hal.New("Schema")
	o.Raw("_dependencies", hal.Doc("[]"))
	o.Object("id", schemaProperty("Integer", "ID", true, false, false, false))
	name := schemaText("Name", version.MaxName)
	o.Object("name", name)
	o.Object("description", schemaProperty("Formattable", "Description", false, false, true, false))
	o.Object("startDate", schemaProperty("Date", "Start date", false, false, true, false))
	o.Object("endDate", schemaProperty("Date", "Finish date", false, false, true, false))
	for _, f := range []struct {
		name, label string
		values      []string
	}{{"status", "Status", version.Statuses}, {"sharing", "Sharing", sharings}} {
		p := hal.New("")
		p.Str("type", "String")
		p.Str("name", f.label)
		p.Bool("required", true)
		p.Bool("hasDefault", true)
		p.Bool("writable", true)
		p.Strs("allowedValues", f.values)
		o.Object(f.name, p)
	}
	o.Object("createdAt", schemaProperty("DateTime", "Created on", true, false, false, false))
	o.Object("updatedAt", schemaProperty("DateTime", "Updated on", true, false, false, false))
	p := schemaProperty("Project", "Project", true, false, isNew, true)
	p.Link("allowedValues", versions+"available_projects", "")
	o.Object("definingProject", p)
	o.Link("self", self, "")
	return o
}

// schemaText is the property of a short text that cannot be empty.
func schemaText(name string, longest int64) *hal.Object {
	p := hal.New("")
	p.Str("type", "String")
	p.Str("name", name)
	p.Bool("required", true)
	p.Bool("hasDefault", false)
	p.Bool("writable", true)
	p.Int("minLength", 1)
	p.Int("maxLength", longest)
	return p
}

// availableVersionProjects are those whose versions the actor manages.
func (s *API) availableVersionProjects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := s.app.Versions.MayManage(r.Context(), a); err != nil {
		return err
	}
	return s.projectsWhere(w, r, a, func(can project.Capabilities) bool { return can.ManageVersions })
}

// listVersionProjects are those that may plan for a version, as far as the actor sees them.
func (s *API) listVersionProjects(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := versionID(r)
	if err != nil {
		return err
	}
	ids, err := s.app.Versions.Projects(r.Context(), a, n)
	if err != nil {
		return err
	}
	in := make([]string, len(ids))
	for i, p := range ids {
		in[i] = idText(p)
	}
	var found []project.Project
	if len(in) > 0 {
		page, err := s.app.Projects.List(r.Context(), a, project.ListInput{
			Filters: []filter.Condition{{Name: "id", Op: "=", Values: in}}, Page: filter.Page{Number: 1, Size: len(in)},
		})
		if err != nil {
			return err
		}
		found = page.Items
	}
	return s.projectList(w, r, a, found)
}
