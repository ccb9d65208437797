package access

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Grants say what an actor may do in a number of projects. They are loaded
// with two statements whatever their number.
type Grants struct {
	actor    Actor
	projects map[id.Project]grant
}

type grant struct {
	active  bool
	modules map[string]bool
	roles   []rolePermissions
	member  bool
}

type rolePermissions map[Permission]bool

// Load returns what the actor may do in the projects.
func Load(ctx context.Context, tx *db.Tx, a Actor, projects []id.Project) (*Grants, error) {
	g := &Grants{actor: a, projects: make(map[id.Project]grant, len(projects))}
	if len(projects) == 0 {
		return g, nil
	}
	type row struct {
		ID      id.Project
		Active  bool
		Public  bool
		Modules *string
		Roles   *string
		Member  bool
	}
	list := tx.Pick("GROUP_CONCAT(%s)", "STRING_AGG(CAST(%s AS TEXT), ',')")
	agg := func(col string) string { return strings.Replace(list, "%s", col, 1) }
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT p.id, p.active, p.public,
		(SELECT `+agg("em.name")+` FROM enabled_modules em WHERE em.project_id = p.id) AS modules,
		(SELECT `+agg("mr.role_id")+` FROM members m JOIN member_roles mr ON mr.member_id = m.id
			WHERE m.project_id = p.id AND m.user_id = ?) AS roles,
		EXISTS (SELECT 1 FROM members m WHERE m.project_id = p.id AND m.user_id = ?) AS member
		FROM projects p WHERE p.deleted_at IS NULL AND`, a.ID, a.ID).Append(db.In("p.id", projects)))
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, r := range rows {
		for n := range split(r.Roles) {
			needed[n] = true
		}
	}
	roles, err := loadRoles(ctx, tx, needed)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		gr := grant{active: r.Active, modules: split(r.Modules), member: r.Member}
		switch {
		case r.Member:
			for n := range split(r.Roles) {
				gr.roles = append(gr.roles, roles.byID[n])
			}
		case r.Public && a.Kind == Visitor:
			gr.roles = append(gr.roles, roles.anonymous)
		case r.Public:
			gr.roles = append(gr.roles, roles.nonMember)
		}
		g.projects[r.ID] = gr
	}
	return g, nil
}

// Has says whether the actor holds the permission in the project.
func (g *Grants) Has(p Permission, project id.Project) bool {
	def, ok := Lookup(p)
	gr, there := g.projects[project]
	if !ok || !there || def.Global {
		return false
	}
	admin := g.actor.Admin
	if !gr.active && !(admin && p == ViewProject) {
		return false
	}
	if def.Module != "" && !gr.modules[def.Module] {
		return false
	}
	if admin && p != WorkPackageAssigned {
		return true
	}
	if !gr.member && (def.Holder == MemberOnly || def.Holder == LoggedIn && g.actor.Kind == Visitor) {
		return false
	}
	for _, r := range gr.roles {
		if def.Public || r[p] {
			return true
		}
	}
	return false
}

// Module says whether the module is on in the project.
func (g *Grants) Module(name string, project id.Project) bool {
	return g.projects[project].modules[name]
}

// Merge adds the projects of other, which is of the same actor.
func (g *Grants) Merge(other *Grants) { maps.Copy(g.projects, other.projects) }

type roleSets struct {
	byID                 map[string]rolePermissions
	nonMember, anonymous rolePermissions
}

// loadRoles loads the roles with the ids, and those of people without a membership.
func loadRoles(ctx context.Context, tx *db.Tx, needed map[string]bool) (roleSets, error) {
	type row struct {
		ID          int64
		Builtin     int
		Permissions *string
	}
	ids := make([]int64, 0, len(needed))
	for text := range needed {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return roleSets{}, fmt.Errorf("role %q: %w", text, err)
		}
		ids = append(ids, n)
	}
	agg := tx.Pick("GROUP_CONCAT(rp.permission)", "STRING_AGG(rp.permission, ',')")
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT r.id, r.builtin,
		(SELECT `+agg+` FROM role_permissions rp WHERE rp.role_id = r.id) AS permissions
		FROM roles r WHERE r.kind = 'ProjectRole' AND`).
		Append(db.Or(db.In("r.id", ids), db.SQL(`r.builtin IN (?, ?)`, BuiltinNonMember, BuiltinAnonymous)).Paren()))
	if err != nil {
		return roleSets{}, err
	}
	s := roleSets{byID: make(map[string]rolePermissions, len(rows)), nonMember: rolePermissions{}, anonymous: rolePermissions{}}
	for _, r := range rows {
		set := permissions(r.Permissions)
		s.byID[strconv.FormatInt(r.ID, 10)] = set
		switch r.Builtin {
		case BuiltinNonMember:
			s.nonMember = set
		case BuiltinAnonymous:
			s.anonymous = set
		}
	}
	return s, nil
}

func permissions(list *string) rolePermissions {
	if list == nil || *list == "" {
		return rolePermissions{}
	}
	set := make(rolePermissions, strings.Count(*list, ",")+1)
	for p := range strings.SplitSeq(*list, ",") {
		set[Permission(p)] = true
	}
	return set
}

func split(s *string) map[string]bool {
	if s == nil || *s == "" {
		return map[string]bool{}
	}
	out := map[string]bool{}
	for part := range strings.SplitSeq(*s, ",") {
		out[part] = true
	}
	return out
}
