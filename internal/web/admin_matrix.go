package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const permissionsHref = rolesHref + "/permissions"

// matrixHref is the address of the matrix of one kind of role, of one role only
// unless that is 0.
func matrixHref(kind membership.Kind, role id.Role, differs bool) string {
	v := url.Values{"kind": {string(kind)}}
	if role != 0 {
		v.Set("role", idText(role))
	}
	if differs {
		v.Set("differs", "1")
	}
	return permissionsHref + "?" + v.Encode()
}

type matrixPage struct {
	ui.Page
	Tabs     ui.Tabs
	Kind     membership.Kind
	Role     ui.Select
	Chosen   id.Role
	Differs  ui.Checkbox
	Heads    []matrixHead
	Groups   []matrixGroup
	None     ui.EmptyState
	Preview  []string // what the change would do
	About    string   // whom it concerns
	Confirm  bool
	Problems ui.ErrorSummary
	Changed  string // who was changed by somebody else
}

type matrixHead struct {
	ID                 id.Role
	Name, Href, People string
	Seen               int64
}

type matrixGroup struct {
	Title string
	Rows  []matrixRow
}

type matrixRow struct {
	Permission access.Permission
	Label, Why string
	Cells      []matrixCell
}

type matrixCell struct {
	Role    id.Role
	Label   string
	On, Can bool
}

// matrixInput is what the matrix shows, and after it was sent, what was ticked.
type matrixInput struct {
	kind    membership.Kind
	role    id.Role // only this one; 0 for all
	differs bool
	grants  []membership.Grant // nil before anything was sent
	shown   []access.Permission
}

func (s *Site) permissionMatrix(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.matrix(w, r, a, matrixFilter(r.URL.Query()), nil, nil)
}

func matrixFilter(q url.Values) matrixInput {
	in := matrixInput{kind: membership.ProjectRole, differs: q.Get("differs") == "1"}
	if q.Get("kind") == string(membership.GlobalRole) {
		in.kind = membership.GlobalRole
	}
	if n, err := strconv.ParseInt(q.Get("role"), 10, 64); err == nil {
		in.role = id.Role(n)
	}
	return in
}

// readMatrix reads the ticks of the form.
func readMatrix(r *http.Request) matrixInput {
	in := matrixFilter(r.PostForm)
	for _, p := range r.PostForm["shown"] {
		in.shown = append(in.shown, access.Permission(p))
	}
	for _, head := range r.PostForm["head"] {
		n, seen, _ := strings.Cut(head, ":")
		role, err := strconv.ParseInt(n, 10, 64)
		if err != nil {
			role = -1 // that nobody has
		}
		g := membership.Grant{Role: id.Role(role), Among: in.shown}
		g.Seen, _ = strconv.ParseInt(seen, 10, 64) // a form without it asks for no check
		for _, p := range r.PostForm["p"+n] {
			g.Permissions = append(g.Permissions, access.Permission(p))
		}
		in.grants = append(in.grants, g)
	}
	return in
}

// savePermissions saves the matrix. Where somebody loses something, or something is
// ticked along, it first says so and asks.
func (s *Site) savePermissions(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := readMatrix(r)
	shifts, err := s.app.Memberships.PreviewPermissions(r.Context(), a, in.grants)
	if err == nil && (r.PostForm.Get("do") == "preview" || shifts.Surprising() && r.PostForm.Get("do") != "confirmed") {
		return s.matrix(w, r, a, in, &shifts, nil)
	}
	if err == nil {
		shifts, err = s.app.Memberships.SetPermissions(r.Context(), a, in.grants)
	}
	if refused(err) || fault.Is(err, fault.KindConflict) {
		return s.matrix(w, r, a, in, nil, err)
	}
	if err != nil {
		return err
	}
	changed := make([]id.Role, len(shifts.Roles))
	for i, shift := range shifts.Roles {
		changed[i] = shift.Role.ID
	}
	return s.led(w, r, a, matrixHref(in.kind, in.role, in.differs), "saved", undoOf(undoRole, changed...))
}

func (s *Site) matrix(w http.ResponseWriter, r *http.Request, a access.Actor, in matrixInput, shifts *membership.Shifts, refusal error) error {
	say := speak(r)
	all, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{Kind: in.kind})
	if err != nil {
		return err
	}
	people, err := s.app.Memberships.Holders(r.Context(), a)
	if err != nil {
		return err
	}
	roles := slices.DeleteFunc(slices.Clone(all), func(role membership.Role) bool { return in.role != 0 && role.ID != in.role })
	if len(roles) == 0 {
		return fault.NotFound("role")
	}
	p := matrixPage{Page: s.adminFrame(r, a, say.T("roles.permissions")), Kind: in.kind, Chosen: in.role}
	p.Lead, p.Width = say.T("roles.matrix_lead"), "full"
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.administration"), Href: "/admin"}, {Label: say.T("admin.roles"), Href: rolesHref}, {Label: p.Title}}
	p.Tabs = ui.Tabs{Label: say.T("roles.kind"), Items: []ui.NavItem{
		{Label: say.T("roles.in_projects"), Href: matrixHref(membership.ProjectRole, 0, false), Current: in.kind == membership.ProjectRole},
		{Label: say.T("roles.global"), Href: matrixHref(membership.GlobalRole, 0, false), Current: in.kind == membership.GlobalRole},
	}}
	p.Role = ui.Choose("role", say.T("roles.role"), idText(in.role))
	p.Role.Blank = say.T("roles.all_roles")
	for _, role := range all {
		p.Role.Options = append(p.Role.Options, ui.Option{Value: idText(role.ID), Label: role.Name, Selected: role.ID == in.role})
	}
	p.Differs = ui.Check("differs", say.T("roles.differs"), in.differs)
	for _, role := range roles {
		p.Heads = append(p.Heads, matrixHead{ID: role.ID, Name: role.Name, Href: roleHref(role.ID), People: say.holders(role, people[role.ID]), Seen: role.UpdatedAt.UnixMicro()})
	}
	p.Groups = say.matrixGroups(in, roles)
	p.None = ui.EmptyState{Icon: "equal", Title: say.T("roles.nothing_differs"), Text: say.T("roles.nothing_differs_text"), Actions: []ui.Button{ui.Link(say.T("roles.see_all"), matrixHref(in.kind, in.role, false))}}
	p.refuse(say, refusal)
	status := statusOf(refusal)
	if shifts != nil {
		p.preview(say, *shifts)
		status = http.StatusUnprocessableEntity // saved is nothing, and a form's answer has to say so
	}
	return s.ui.Render(w, status, "admin_matrix", p)
}

// refuse puts what was refused on top, each with a link to its row.
func (p *matrixPage) refuse(say reader, refusal error) {
	if fault.Is(refusal, fault.KindConflict) {
		p.Changed = say.sentence(refusal)
	}
	for _, f := range fault.Fields(refusal) {
		name, _ := f.Params["permission"].(string)
		p.Problems.Items = append(p.Problems.Items, ui.Problem{Href: "#row-" + name, Label: say.either("permission.", name), Text: say.word(f)})
	}
}

// matrixGroups are the permissions by module, each with its cells.
func (in reader) matrixGroups(input matrixInput, roles []membership.Role) []matrixGroup {
	var out []matrixGroup
	var order []string
	rows := map[string][]matrixRow{}
	for _, def := range access.Definitions {
		if def.Public || def.Global != (input.kind == membership.GlobalRole) {
			continue
		}
		row, differs := in.matrixRow(def, input, roles)
		if input.grants == nil && input.differs && !differs || input.grants != nil && !slices.Contains(input.shown, def.Permission) {
			continue
		}
		if rows[def.Module] == nil {
			order = append(order, def.Module)
		}
		rows[def.Module] = append(rows[def.Module], row)
	}
	for _, module := range order {
		title := in.either("module.", module)
		switch {
		case module == "" && input.kind == membership.GlobalRole:
			title = in.T("module.instance")
		case module == "":
			title = in.T("module.project")
		}
		out = append(out, matrixGroup{title, rows[module]})
	}
	return out
}

// matrixRow is the row of a permission, and whether the roles that can hold it differ in it.
func (in reader) matrixRow(def access.Definition, input matrixInput, roles []membership.Role) (matrixRow, bool) {
	row := matrixRow{Permission: def.Permission, Label: in.either("permission.", string(def.Permission))}
	var needs []access.Permission
	for _, n := range def.Needs {
		if d, _ := access.Lookup(n); !d.Public {
			needs = append(needs, n)
		}
	}
	if len(needs) > 0 {
		row.Why = in.T("roles.needs", "names", in.permissions(needs))
	}
	with, without := 0, 0
	for _, role := range roles {
		c := matrixCell{Role: role.ID, Label: in.T("roles.cell", "permission", row.Label, "role", role.Name), On: role.Has(def.Permission), Can: role.Holdable(def)}
		for _, g := range input.grants {
			if g.Role == role.ID {
				c.On = slices.Contains(g.Permissions, def.Permission)
			}
		}
		switch {
		case c.Can && c.On:
			with++
		case c.Can:
			without++
		}
		row.Cells = append(row.Cells, c)
	}
	return row, with > 0 && without > 0
}

// mostNamed is how many permissions a sentence names.
const mostNamed = 12

// permissions names permissions in a sentence.
func (in reader) permissions(ps []access.Permission) string {
	names := make([]string, 0, len(ps))
	for i, p := range ps {
		if i == mostNamed && len(ps) > mostNamed+1 {
			names = append(names, in.T("roles.more", "n", len(ps)-mostNamed))
			break
		}
		names = append(names, in.T("roles.quoted", "name", in.either("permission.", string(p))))
	}
	return strings.Join(names, ", ")
}

// preview says what a change would do, and to how many people.
func (p *matrixPage) preview(say reader, shifts membership.Shifts) {
	p.About = say.T("roles.preview_title", "n", shifts.People)
	switch {
	case len(shifts.Roles) == 0:
		p.About = say.T("roles.preview_none")
		return
	case shifts.People == 0 && shifts.Roles[0].Role.Builtin == access.BuiltinAnonymous:
		p.About = say.T("roles.preview_visitors")
	}
	p.Confirm = true
	for _, c := range shifts.Roles {
		name := c.Role.Name + " (" + say.holders(c.Role, c.People) + ")"
		if len(c.Lost) > 0 {
			p.Preview = append(p.Preview, say.T("roles.loses", "role", name, "names", say.permissions(c.Lost)))
		}
		if len(c.Gained) > 0 {
			p.Preview = append(p.Preview, say.T("roles.gains", "role", name, "names", say.permissions(c.Gained)))
		}
		if len(c.Needed) > 0 {
			p.Preview = append(p.Preview, say.T("roles.needed", "role", c.Role.Name, "names", say.permissions(c.Needed)))
		}
	}
}
