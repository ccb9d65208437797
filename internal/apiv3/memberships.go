package apiv3

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
)

func memberDoc(m membership.Member, a access.Actor) *hal.Object {
	o := hal.New("Membership")
	o.Int("id", int64(m.ID))
	o.Time("createdAt", m.CreatedAt.Time)
	o.Time("updatedAt", m.UpdatedAt.Time)
	memberLinks(o, m)
	o.To("self", to(memberships, m.ID), m.PrincipalName)
	o.Link("schema", memberships+"schema", "")
	if a.Admin {
		o.Action("update", below(memberships, m.ID, "/form"), "post")
		o.Action("updateImmediately", to(memberships, m.ID), "patch")
	}
	return o
}

func memberLinks(o *hal.Object, m membership.Member) {
	if m.Project == nil {
		o.LinkNull("project")
	} else {
		o.To("project", to(projects, *m.Project), m.ProjectName)
	}
	if m.Principal == 0 {
		o.LinkNull("principal")
	} else {
		o.To("principal", hal.Path{Base: principalBase(m.PrincipalKind), ID: int64(m.Principal)}, m.PrincipalName)
	}
	links := make([]hal.Link, len(m.Roles))
	for i, r := range m.Roles {
		links[i] = hal.Link{Path: to(roles, r.Role), Title: r.Name}
	}
	o.LinkArray("roles", links)
}

func memberID(r *http.Request) (id.Member, error) {
	return id.Parse[id.Member]("membership", chi.URLParam(r, "id"))
}

func (s *API) listMemberships(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	page, err := s.app.Memberships.List(r.Context(), a, membership.ListInput{Filters: l.filters, Sort: l.sort, Page: l.page, Location: zone(a)})
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	for _, m := range page.Items {
		c.Add(memberDoc(m, a))
	}
	return respond(w, r, http.StatusOK, c.Page(l.paging(r, page.Total)))
}

func (s *API) showMembership(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := memberID(r)
	if err != nil {
		return err
	}
	m, err := s.app.Memberships.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, memberDoc(*m, a))
}

func (s *API) memberIn(r *http.Request, a access.Actor, o object) (membership.CreateInput, bool, error) {
	p := newPayload(o, a)
	var in membership.CreateInput
	var principal opt.Value[id.User]
	var pr opt.Value[id.Project]
	link(p, "principal", &principal, "users", "groups", "placeholder_users", "principals")
	if err := s.projectLink(r, a, p, "project", &pr); err != nil {
		return in, false, err
	}
	var given bool
	in.Principal, in.Project = principal.V, pr.V
	in.Roles, given = linkList[id.Role](p, "roles", "roles")
	return in, given, p.err()
}

func (s *API) createMembership(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in, _, err := s.memberIn(r, a, body)
	if err != nil {
		return err
	}
	m, err := s.app.Memberships.Create(r.Context(), a, in)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusCreated, memberDoc(*m, a))
}

func (s *API) updateMembership(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := memberID(r)
	if err != nil {
		return err
	}
	old, err := s.app.Memberships.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in, given, err := s.memberIn(r, a, body)
	if err != nil {
		return err
	}
	if !given {
		in.Roles = old.RoleIDs()
	}
	m, err := s.app.Memberships.Update(r.Context(), a, n, in.Roles)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, memberDoc(*m, a))
}

func (s *API) deleteMembership(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := memberID(r)
	if err != nil {
		return err
	}
	if err := s.app.Memberships.Delete(r.Context(), a, n); err != nil {
		return err
	}
	return noContent(w)
}

func memberSchema(self string) *hal.Object {
	o := hal.New("Schema")
	o.Raw("_dependencies", hal.Doc("[]"))
	o.Object("id", schemaProperty("Integer", "ID", true, false, false, false))
	o.Object("createdAt", schemaProperty("DateTime", "Created on", true, false, false, false))
	o.Object("updatedAt", schemaProperty("DateTime", "Updated on", true, false, false, false))
	for _, f := range [][3]string{{"project", "Project", "/memberships/available_projects"}, {"principal", "Principal", "/principals"}, {"roles", "Roles", "/roles"}} {
		kind := f[1]
		if f[0] == "roles" {
			kind = "[]Role"
		}
		p := schemaProperty(kind, f[1], f[0] != "project", false, true, true)
		p.Link("allowedValues", Root+f[2], "")
		o.Object(f[0], p)
	}
	note := schemaProperty("Formattable", "Message", false, false, true, false)
	note.Str("location", "_meta")
	o.Object("notificationMessage", note)
	o.Link("self", self, "")
	return o
}

func (s *API) membershipSchema(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	return respond(w, r, http.StatusOK, memberSchema(memberships+"schema"))
}

func (s *API) newMembershipForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	body, err := s.decode(w, r, true)
	if err != nil {
		return err
	}
	in, _, err := s.memberIn(r, a, body)
	if err != nil {
		return err
	}
	m, refused, err := s.app.Memberships.Preview(r.Context(), a, in)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, memberForm(m, refused, r.URL.Path, hal.Path{Base: Root + "/memberships"}, "post"))
}

func (s *API) membershipForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := memberID(r)
	if err != nil {
		return err
	}
	old, err := s.app.Memberships.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, true)
	if err != nil {
		return err
	}
	in, given, err := s.memberIn(r, a, body)
	if err != nil {
		return err
	}
	if !given {
		in.Roles = old.RoleIDs()
	}
	m, refused, err := s.app.Memberships.PreviewUpdate(r.Context(), a, n, in.Roles)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, memberForm(m, refused, r.URL.Path, to(memberships, n), "patch"))
}

func memberForm(m *membership.Member, refused []fault.Field, self string, commit hal.Path, method string) *hal.Object {
	payload := hal.New("")
	memberLinks(payload, *m)
	o := hal.New("Form")
	o.Embed("payload", payload)
	o.Embed("schema", memberSchema(self))
	o.Embed("validationErrors", validationErrors(refused))
	o.Action("self", hal.Path{Base: self}, "post")
	o.Action("validate", hal.Path{Base: self}, "post")
	if len(refused) == 0 {
		o.Action("commit", commit, method)
	}
	return o
}
