package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const rolesHref = "/admin/roles"

func roleHref(n id.Role) string { return rolesHref + "/" + strconv.FormatInt(int64(n), 10) }

type rolesPage struct {
	ui.Page
	Rows []roleRow
}

type roleRow struct {
	Href, Name, People, Permissions string
	Kind                            ui.Chip
	Builtin                         bool
	Order                           ui.Order
}

// roleList lists the roles in their order, with how many people have each.
func (s *Site) roleList(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	roles, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{})
	if err != nil {
		return err
	}
	people, err := s.app.Memberships.Holders(r.Context(), a)
	if err != nil {
		return err
	}
	p := rolesPage{Page: s.adminFrame(r, a, say.T("admin.roles"))}
	for i, role := range roles {
		row := roleRow{
			Href: roleHref(role.ID), Name: role.Name, Kind: say.roleChip(role), Builtin: !role.Givable(),
			People: say.holders(role, people[role.ID]), Permissions: say.T("roles.permission_count", "n", len(role.Permissions)),
			Order: say.order(r, roleHref(role.ID), role.Name, int64(role.ID), i, len(roles)),
		}
		p.Rows = append(p.Rows, row)
	}
	return s.ui.Render(w, http.StatusOK, "admin_roles", p)
}

func (in reader) roleChip(role membership.Role) ui.Chip {
	hue := ui.Blue
	if role.Kind == membership.GlobalRole {
		hue = ui.Purple
	}
	return ui.Label(in.either("roles.kind_", string(role.Kind)), hue)
}

// holders says how many people have a role; visitors are not counted.
func (in reader) holders(role membership.Role, n int) string {
	if role.Builtin == access.BuiltinAnonymous {
		return in.T("roles.visitors")
	}
	return in.T("roles.people", "n", n)
}

// order are the buttons of the row at the 0-based index among n. What has just
// moved keeps the focus, so that it can go on by the keyboard.
func (in reader) order(r *http.Request, href, name string, row int64, index, n int) ui.Order {
	o := ui.Order{Href: href + "/position", UpLabel: in.T("roles.move_up", "name", name), DownLabel: in.T("roles.move_down", "name", name), Up: index, Down: index + 2}
	if o.Down > n {
		o.Down = 0
	}
	q := r.URL.Query()
	if q.Get("moved") == strconv.FormatInt(row, 10) {
		o.FocusUp = o.Up > 0 && (q.Get("way") == "up" || o.Down == 0)
		o.FocusDown = !o.FocusUp && o.Down > 0
	}
	return o
}

// moveTo reads where a row is to go, moves it and leads back to the list.
func moveTo[T ~int64](s *Site, w http.ResponseWriter, r *http.Request, a access.Actor, what, list string, move func(T, int) error) error {
	n, err := id.Parse[T](what, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	way := "down"
	if r.PostForm.Has("up") {
		way = "up"
	}
	to, err := strconv.Atoi(r.PostForm.Get(way))
	if err != nil {
		return fault.InvalidField("position", "not_a_number")
	}
	if err := move(n, to); err != nil {
		return err
	}
	return s.led(w, r, a, list+"?moved="+strconv.FormatInt(int64(n), 10)+"&way="+way, "moved", undoOf(what, n))
}

func (s *Site) moveRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return moveTo(s, w, r, a, undoRole, rolesHref, func(n id.Role, to int) error { return s.app.Memberships.MoveRole(r.Context(), a, n, to) })
}

type rolePage struct {
	ui.Page
	Action, Submit, Permissions, Copy, Deletion string
	Name                                        ui.Field
	Kinds                                       []ui.Checkbox
	CopyFrom                                    ui.Select
	Note                                        string
	Problems                                    ui.ErrorSummary
}

// roleInput is a role as the form has it.
type roleInput struct {
	name, kind string
	copyFrom   id.Role
}

func (s *Site) newRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	in := roleInput{kind: string(membership.ProjectRole)}
	if n, err := id.Parse[id.Role]("role", r.URL.Query().Get("copy")); err == nil {
		from, err := s.app.Memberships.Role(r.Context(), a, n)
		if err != nil {
			return err
		}
		in = roleInput{name: speak(r).T("roles.copy_of", "name", from.Name), kind: string(from.Kind), copyFrom: n}
	}
	return s.newRoleForm(w, r, a, in, nil)
}

func (s *Site) newRoleForm(w http.ResponseWriter, r *http.Request, a access.Actor, in roleInput, refusal error) error {
	say := speak(r)
	roles, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{})
	if err != nil {
		return err
	}
	m := say.messages(refusal)
	p := rolePage{Page: s.adminPage(r, a, say.T("roles.new_role"), ui.Crumb{Label: say.T("admin.roles"), Href: rolesHref}), Action: rolesHref, Submit: say.T("roles.create_role")}
	p.Name = ui.Text("name", say.T("common.name"), in.name).Require().Wrong(m["name"])
	for _, k := range []membership.Kind{membership.ProjectRole, membership.GlobalRole} {
		c := ui.Check("kind", say.either("roles.kind_", string(k)), in.kind == string(k))
		c.Radio, c.Value = true, string(k)
		p.Kinds = append(p.Kinds, c)
	}
	p.CopyFrom = ui.Choose("copy", say.T("roles.copy_from"), idText(in.copyFrom)).Hinted(say.T("roles.copy_hint"))
	p.CopyFrom.Blank = say.T("roles.copy_nothing")
	for _, role := range roles {
		p.CopyFrom.Options = append(p.CopyFrom.Options, ui.Option{Value: idText(role.ID), Label: role.Name, Selected: role.ID == in.copyFrom})
	}
	p.Problems = ui.Problems(p.Name.Problem(), ui.Problem{Href: "#f-kind-" + string(membership.ProjectRole), Label: say.T("roles.kind"), Text: m["kind"]},
		ui.Problem{Href: "#f-copy", Label: p.CopyFrom.Label, Text: m["permissions"]})
	return s.ui.Render(w, statusOf(refusal), "admin_role", p)
}

// idText is an id as a form carries it; 0 is nothing.
func idText[T ~int64](n T) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

func (s *Site) createRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := roleInput{name: r.PostForm.Get("name"), kind: r.PostForm.Get("kind")}
	if v := r.PostForm.Get("copy"); v != "" {
		n, err := id.Parse[id.Role]("role", v)
		if err != nil {
			return err
		}
		in.copyFrom = n
	}
	role, err := s.app.Memberships.CreateRole(r.Context(), a, membership.RolePatch{Name: opt.Of(in.name), Kind: opt.Of(membership.Kind(in.kind)), CopyFrom: in.copyFrom})
	if refused(err) {
		return s.newRoleForm(w, r, a, in, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, matrixHref(role.Kind, role.ID, false), "created", undoOf(undoRole, role.ID))
}

// roleOf finds the role of the address.
func (s *Site) roleOf(r *http.Request, a access.Actor) (*membership.Role, error) {
	n, err := id.Parse[id.Role]("role", chi.URLParam(r, "id"))
	if err != nil {
		return nil, err
	}
	return s.app.Memberships.Role(r.Context(), a, n)
}

func (s *Site) editRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	role, err := s.roleOf(r, a)
	if err != nil {
		return err
	}
	return s.roleForm(w, r, a, *role, role.Name, nil)
}

func (s *Site) roleForm(w http.ResponseWriter, r *http.Request, a access.Actor, role membership.Role, name string, refusal error) error {
	say := speak(r)
	people, err := s.app.Memberships.Holders(r.Context(), a)
	if err != nil {
		return err
	}
	p := rolePage{Page: s.adminPage(r, a, role.Name, ui.Crumb{Label: say.T("admin.roles"), Href: rolesHref}), Action: roleHref(role.ID), Submit: say.T("common.save")}
	p.Permissions, p.Copy = matrixHref(role.Kind, role.ID, false), rolesHref+"/new?copy="+idText(role.ID)
	p.Name = ui.Text("name", say.T("common.name"), name).Require().Wrong(say.messages(refusal)["name"])
	p.Note = say.T("roles.people_with", "n", people[role.ID])
	if role.Givable() {
		p.Deletion = roleHref(role.ID) + "/deletion"
	} else {
		p.Name.ReadOnly, p.Note = true, say.T("roles.everybody_has")
	}
	p.Problems = ui.Problems(p.Name.Problem())
	return s.ui.Render(w, statusOf(refusal), "admin_role", p)
}

func (s *Site) updateRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	role, err := s.roleOf(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	name := r.PostForm.Get("name")
	_, err = s.app.Memberships.UpdateRole(r.Context(), a, role.ID, membership.RolePatch{Name: opt.Of(name)})
	if refused(err) {
		return s.roleForm(w, r, a, *role, name, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, rolesHref, "saved", undoOf(undoRole, role.ID))
}

func (s *Site) confirmRoleDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	role, err := s.roleOf(r, a)
	if err != nil {
		return err
	}
	return s.askRoleDelete(w, r, a, *role, nil)
}

func (s *Site) askRoleDelete(w http.ResponseWriter, r *http.Request, a access.Actor, role membership.Role, refusal error) error {
	say := speak(r)
	return s.confirmAdmin(w, r, a, confirmPage{
		Page:   s.adminPage(r, a, say.T("manage.delete_title", "name", role.Name), ui.Crumb{Label: say.T("admin.roles"), Href: rolesHref}),
		Cancel: roleHref(role.ID), Submit: say.T("roles.delete_role"), Text: say.T("roles.delete_text"),
	}, inUse(refusal, "memberships", "roles.delete_used"))
}

// inUse words the refusal to delete what is in use, with the number of what uses it.
func inUse(refusal error, what, key string) error {
	for _, f := range fault.Fields(refusal) {
		if n, ok := f.Params[what].(int); ok && f.Code == "in_use" {
			return fault.Said(fault.Invalid(f), key, "n", n)
		}
	}
	return refusal
}

func (s *Site) deleteRole(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	role, err := s.roleOf(r, a)
	if err != nil {
		return err
	}
	err = s.app.Memberships.DeleteRole(r.Context(), a, role.ID)
	if refused(err) {
		return s.askRoleDelete(w, r, a, *role, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, rolesHref+"?done=removed")
}
