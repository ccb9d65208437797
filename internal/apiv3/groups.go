package apiv3

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
)

func idText[T ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

func groupDoc(g account.Group, a access.Actor) *hal.Object {
	o := hal.New("Group")
	o.Int("id", int64(g.ID))
	o.Str("name", g.Name())
	o.Time("createdAt", g.CreatedAt.Time)
	o.Time("updatedAt", g.UpdatedAt.Time)
	links := make([]hal.Link, len(g.Members))
	docs := make([]*hal.Object, len(g.Members))
	for i, u := range g.Members {
		links[i] = hal.Link{Path: to(users, u.ID), Title: u.Name()}
		docs[i] = userDoc(u, account.Standing{Admin: a.Admin, Self: u.ID == a.ID}, a)
	}
	o.EmbedArray("members", docs)
	o.LinkArray("members", links)
	o.To("self", to(groups, g.ID), g.Name())
	if a.Admin {
		o.Action("updateImmediately", to(groups, g.ID), "patch")
		o.Action("delete", to(groups, g.ID), "delete")
	}
	return o
}

func groupID(r *http.Request) (id.User, error) {
	return id.Parse[id.User]("group", chi.URLParam(r, "id"))
}

func (s *API) listGroups(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.accounts(w, r, a, account.KindGroup)
}

func (s *API) showGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := groupID(r)
	if err != nil {
		return err
	}
	g, err := s.app.Accounts.FindGroup(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, groupDoc(g, a))
}

func groupIn(o object, a access.Actor) (account.GroupPatch, error) {
	in := newPayload(o, a)
	var p account.GroupPatch
	in.text("name", &p.Name)
	if members, ok := linkList[id.User](in, "members", "users"); ok {
		p.Members = opt.Of(members)
	}
	return p, in.err()
}

func (s *API) createGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in, err := groupIn(body, a)
	if err != nil {
		return err
	}
	g, err := s.app.Accounts.CreateGroup(r.Context(), a, account.GroupInput{Name: in.Name.V, Members: in.Members.V})
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusCreated, groupDoc(g, a))
}

func (s *API) updateGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := groupID(r)
	if err != nil {
		return err
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in, err := groupIn(body, a)
	if err != nil {
		return err
	}
	g, err := s.app.Accounts.UpdateGroup(r.Context(), a, n, in)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, groupDoc(g, a))
}

func (s *API) deleteGroup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := groupID(r)
	if err != nil {
		return err
	}
	if err := s.app.Accounts.DeleteGroup(r.Context(), a, n); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func roleDoc(role membership.Role) *hal.Object {
	o := hal.New("Role")
	o.Int("id", int64(role.ID))
	o.Str("name", role.Name)
	o.To("self", to(roles, role.ID), role.Name)
	return o
}

func (s *API) listRoles(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	var f membership.RoleFilter
	for _, c := range l.filters {
		switch {
		case c.Name == "unit" && len(c.Values) == 1 && c.Values[0] == "project":
			f.Kind = membership.ProjectRole
		case c.Name == "unit" && len(c.Values) == 1 && c.Values[0] == "system":
			f.Kind = membership.GlobalRole
		case c.Name == "grantable":
			v, err := c.IsTrue()
			if err != nil {
				return err
			}
			f.Givable = v
		default:
			return filter.WrongValue(c, "a known filter: unit is project or system")
		}
	}
	all, err := s.app.Memberships.Roles(r.Context(), a, f)
	if err != nil {
		return err
	}
	return list(w, r, all, roleDoc)
}

func (s *API) showRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Role]("role", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	role, err := s.app.Memberships.Role(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, roleDoc(*role))
}
