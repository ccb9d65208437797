package membership

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// memberColumns is a membership's row, with the aliases m, u and p.
const (
	memberColumns = `m.id, m.user_id, m.project_id, m.created_at, m.updated_at,
	TRIM(u.firstname || ' ' || u.lastname) AS principal_name, u.kind AS principal_kind,
	COALESCE(p.name, '') AS project_name, COALESCE(p.identifier, '') AS project_identifier`
	memberTables = ` FROM members m JOIN users u ON u.id = m.user_id LEFT JOIN projects p ON p.id = m.project_id`
)

// visible is the condition on what memberships the actor may see: those of
// projects whose members it sees, and its own.
func visible(a access.Actor) db.Frag {
	if a.Admin {
		return db.SQL(`(m.project_id IS NULL OR p.deleted_at IS NULL)`)
	}
	return db.Or(
		access.Visible("m.project_id", a, access.ViewMembers),
		access.Visible("m.project_id", a, access.ManageMembers),
		db.SQL(`m.user_id = ? AND (m.project_id IS NULL OR p.active AND p.deleted_at IS NULL)`, a.ID),
	)
}

func find(ctx context.Context, tx *db.Tx, a access.Actor, n id.Member) (*Member, error) {
	m, err := db.Find[Member](ctx, tx, "membership", db.SQL(`SELECT `+memberColumns+memberTables+` WHERE`).
		Append(db.And(db.SQL(`m.id = ?`, n), visible(a))))
	if err != nil {
		return nil, err
	}
	one := []Member{m}
	return &one[0], fill(ctx, tx, one)
}

// fill loads the roles of the memberships with one statement.
func fill(ctx context.Context, tx *db.Tx, ms []Member) error {
	type row struct {
		Member    id.Member `db:"member_id"`
		Role      id.Role   `db:"role_id"`
		Name      string    `db:"name"`
		Own       int       `db:"own"`
		Inherited int       `db:"inherited"`
	}
	if len(ms) == 0 {
		return nil
	}
	at := make(map[id.Member]int, len(ms))
	ids := make([]id.Member, len(ms))
	for i := range ms {
		at[ms[i].ID], ids[i] = i, ms[i].ID
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT mr.member_id, mr.role_id, r.name,
		MAX(CASE WHEN mr.inherited_from IS NULL THEN 1 ELSE 0 END) AS own,
		MAX(CASE WHEN mr.inherited_from IS NULL THEN 0 ELSE 1 END) AS inherited
		FROM member_roles mr JOIN roles r ON r.id = mr.role_id WHERE`).Append(db.In("mr.member_id", ids)).
		Add(`GROUP BY mr.member_id, mr.role_id, r.name, r.position ORDER BY r.position, mr.role_id`))
	for _, r := range rows {
		i := at[r.Member]
		ms[i].Roles = append(ms[i].Roles, MemberRole{Role: r.Role, Name: r.Name, Own: r.Own == 1, Inherited: r.Inherited == 1})
	}
	return err
}

// Find returns one membership.
//
// Faults: NotFound when actor may not see it.
func (s *Service) Find(ctx context.Context, a access.Actor, n id.Member) (*Member, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Member, error) { return find(ctx, tx, a, n) })
}

// Create gives a principal roles in a project, or global ones.
//
// Faults: NotFound when actor may not see the project, Forbidden when it does
// not manage its members (or, for global roles, is no administrator), Invalid
// with one entry per refused field.
func (s *Service) Create(ctx context.Context, a access.Actor, in CreateInput) (*Member, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Member, error) {
		if err := mayManage(ctx, tx, a, in.Project); err != nil {
			return nil, err
		}
		bad, err := in.check(ctx, tx, a)
		if err != nil {
			return nil, err
		}
		if err := fault.Invalid(bad...); err != nil {
			return nil, err
		}
		n, err := s.create(ctx, tx, a, in, 0)
		if err != nil {
			return nil, err
		}
		return load(ctx, tx, n)
	})
}

// CreateAll gives several principals the same roles in a project, all or none, and
// returns their memberships.
//
// Faults: as Create; Invalid also when there is nobody to add, or somebody twice.
func (s *Service) CreateAll(ctx context.Context, a access.Actor, project id.Project, principals []id.User, wanted []id.Role) ([]id.Member, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) ([]id.Member, error) {
		if err := mayManage(ctx, tx, a, project); err != nil {
			return nil, err
		}
		if len(principals) == 0 {
			bad := []fault.Field{{Name: "principal", Code: "blank"}}
			if code, err := givable(ctx, tx, wanted, project); err != nil {
				return nil, err
			} else if code != "" {
				bad = append(bad, fault.Field{Name: "roles", Code: code})
			}
			return nil, fault.Invalid(bad...)
		}
		// People before groups: a group makes its people members.
		ordered, err := db.All[id.User](ctx, tx, db.SQL(`SELECT u.id FROM users u WHERE`).Append(db.In("u.id", principals)).
			Add(`ORDER BY CASE WHEN u.kind = 'Group' THEN 1 ELSE 0 END, u.id`))
		if err != nil {
			return nil, err
		}
		if len(ordered) != len(principals) {
			return nil, fault.InvalidField("principal", "not_available")
		}
		made := make([]id.Member, 0, len(ordered))
		for _, n := range ordered {
			in := CreateInput{Principal: n, Project: project, Roles: wanted}
			bad, err := in.check(ctx, tx, a)
			if err != nil {
				return nil, err
			}
			if err := fault.Invalid(bad...); err != nil {
				return nil, err
			}
			m, err := s.create(ctx, tx, a, in, 0)
			if err != nil {
				return nil, err
			}
			made = append(made, m)
		}
		return made, nil
	})
}

// mayManage returns NotFound for projects the actor may not see and Forbidden
// when it does not manage their members.
func mayManage(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project) error {
	if project == 0 {
		return access.RequireAdmin(a)
	}
	seen, err := access.Allowed(ctx, tx, a, access.ViewProject, project)
	if err != nil {
		return err
	}
	if !seen {
		return fault.NotFound("project")
	}
	return access.Require(ctx, tx, a, access.ManageMembers, project)
}

// check lists what is wrong with a new membership.
func (in CreateInput) check(ctx context.Context, tx *db.Tx, a access.Actor) ([]fault.Field, error) {
	var bad []fault.Field
	code, err := in.principal(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	if code != "" {
		bad = append(bad, fault.Field{Name: "principal", Code: code})
	}
	code, err = givable(ctx, tx, in.Roles, in.Project)
	if code != "" {
		bad = append(bad, fault.Field{Name: "roles", Code: code})
	}
	return bad, err
}

func (in CreateInput) principal(ctx context.Context, tx *db.Tx, a access.Actor) (string, error) {
	if in.Principal == 0 {
		return "blank", nil
	}
	seen, err := access.VisiblePrincipals(ctx, tx, a, "u.id")
	if err != nil {
		return "", err
	}
	_, ok, err := db.One[id.User](ctx, tx, db.SQL(`SELECT u.id FROM users u WHERE u.id = ? AND u.deleted_at IS NULL AND u.status <> 3
		AND u.kind IN ('User', 'Group', 'PlaceholderUser') AND`, in.Principal).Append(seen.Paren()))
	if err != nil {
		return "", err
	}
	if !ok {
		return "not_available", nil
	}
	_, ok, err = existing(ctx, tx, in.Principal, in.Project)
	if ok {
		return "taken", err
	}
	return "", err
}

// givable says what is wrong with the roles, "" when nothing.
func givable(ctx context.Context, tx *db.Tx, wanted []id.Role, project id.Project) (string, error) {
	if len(wanted) == 0 {
		return "blank", nil
	}
	kind := ProjectRole
	if project == 0 {
		kind = GlobalRole
	}
	fit, err := db.All[id.Role](ctx, tx, db.SQL(`SELECT id FROM roles WHERE kind = ? AND builtin = ? AND`, kind, access.BuiltinNone).
		Append(db.In("id", wanted)))
	if err != nil {
		return "", err
	}
	for _, n := range wanted {
		if !slices.Contains(fit, n) {
			return "not_assignable", nil
		}
	}
	return "", nil
}

func existing(ctx context.Context, tx *db.Tx, principal id.User, project id.Project) (id.Member, bool, error) {
	return db.One[id.Member](ctx, tx, db.SQL(`SELECT id FROM members WHERE user_id = ? AND`, principal).Append(in(project)))
}

// in is the condition that a membership is of the project, or global for 0.
func in(project id.Project) db.Frag {
	if project == 0 {
		return db.SQL(`project_id IS NULL`)
	}
	return db.SQL(`project_id = ?`, project)
}

func load(ctx context.Context, tx *db.Tx, n id.Member) (*Member, error) {
	m, err := db.Find[Member](ctx, tx, "membership", db.SQL(`SELECT `+memberColumns+memberTables+` WHERE m.id = ?`, n))
	if err != nil {
		return nil, err
	}
	one := []Member{m}
	return &one[0], fill(ctx, tx, one)
}

// create writes a checked membership and what follows from it. One that comes back
// has its number.
func (s *Service) create(ctx context.Context, tx *db.Tx, a access.Actor, in CreateInput, back id.Member) (id.Member, error) {
	people, err := affected(ctx, tx, in.Principal)
	if err != nil {
		return 0, err
	}
	var project *id.Project
	if in.Project != 0 {
		project = &in.Project
	}
	cols, vals, cause := "", db.SQL(``), ""
	if back != 0 {
		cols, vals, cause = "id, ", db.SQL(`?,`, back), journal.CauseUndo
	}
	var n id.Member
	err = s.changing(ctx, tx, a, cause, people, func() error {
		var err error
		n, err = db.Insert[id.Member](ctx, tx, db.SQL(`INSERT INTO members (`+cols+`user_id, project_id, created_at, updated_at) VALUES (`).
			Append(vals).Add(`?, ?, ?, ?) RETURNING id`, in.Principal, project, tx.Stamp(), tx.Stamp()))
		if err != nil {
			return err
		}
		if err := addOwn(ctx, tx, n, in.Roles); err != nil {
			return err
		}
		return inherit(ctx, tx, in.Principal, people)
	})
	return n, err
}

func addOwn(ctx context.Context, tx *db.Tx, n id.Member, wanted []id.Role) error {
	wanted = slices.Clone(wanted)
	slices.Sort(wanted)
	var rows []db.Frag
	for _, r := range slices.Compact(wanted) {
		rows = append(rows, db.SQL(`(?, ?)`, n, r))
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO member_roles (member_id, role_id) VALUES`).Append(db.List(rows...)))
	return err
}

// Update replaces the own roles of a membership; inherited ones stay. No own
// roles at all are allowed where a group gives some.
//
// Faults: NotFound when actor may not see it, Forbidden and Invalid as Create.
func (s *Service) Update(ctx context.Context, a access.Actor, n id.Member, wanted []id.Role) (*Member, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Member, error) {
		m, err := managed(ctx, tx, a, n)
		if err != nil {
			return nil, err
		}
		if err := s.give(ctx, tx, a, "", m, ownOnly(*m, wanted)); err != nil {
			return nil, err
		}
		return load(ctx, tx, n)
	})
}

// give replaces the own roles of a membership.
func (s *Service) give(ctx context.Context, tx *db.Tx, a access.Actor, cause string, m *Member, wanted []id.Role) error {
	bad, err := m.checkUpdate(ctx, tx, wanted)
	if err != nil {
		return err
	}
	if bad != "" {
		return fault.InvalidField("roles", bad)
	}
	people, err := affected(ctx, tx, m.Principal)
	if err != nil {
		return err
	}
	return s.changing(ctx, tx, a, cause, people, func() error { return replaceOwn(ctx, tx, m, wanted, people) })
}

// ownOnly leaves out the wanted roles that a group gives and the membership
// does not have by itself: clients send back the whole list.
func ownOnly(m Member, wanted []id.Role) []id.Role {
	var out []id.Role
	for _, n := range wanted {
		if !slices.ContainsFunc(m.Roles, func(r MemberRole) bool { return r.Role == n && r.Inherited && !r.Own }) {
			out = append(out, n)
		}
	}
	return out
}

func (m *Member) checkUpdate(ctx context.Context, tx *db.Tx, wanted []id.Role) (string, error) {
	if len(wanted) == 0 && m.Inherited() {
		return "", nil
	}
	return givable(ctx, tx, wanted, m.projectID())
}

func (m *Member) projectID() id.Project {
	if m.Project == nil {
		return 0
	}
	return *m.Project
}

func replaceOwn(ctx context.Context, tx *db.Tx, m *Member, wanted []id.Role, people []id.User) error {
	stale := db.SQL(`DELETE FROM member_roles WHERE member_id = ? AND inherited_from IS NULL`, m.ID)
	if len(wanted) > 0 {
		stale = stale.Add(`AND NOT (`).Append(db.In("role_id", wanted)).Add(`)`)
	}
	if _, err := db.Exec(ctx, tx, stale); err != nil {
		return err
	}
	var missing []id.Role
	for _, n := range wanted {
		if !slices.ContainsFunc(m.Roles, func(r MemberRole) bool { return r.Role == n && r.Own }) {
			missing = append(missing, n)
		}
	}
	if err := addOwn(ctx, tx, m.ID, missing); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE members SET updated_at = ? WHERE id = ?`, tx.Stamp(), m.ID)); err != nil {
		return err
	}
	if err := inherit(ctx, tx, m.Principal, people); err != nil {
		return err
	}
	return dropEmpty(ctx, tx, people)
}

// managed returns a membership that the actor may change.
func managed(ctx context.Context, tx *db.Tx, a access.Actor, n id.Member) (*Member, error) {
	m, err := find(ctx, tx, a, n)
	if err != nil {
		return nil, err
	}
	if m.Project == nil {
		return m, access.RequireAdmin(a)
	}
	return m, access.Require(ctx, tx, a, access.ManageMembers, *m.Project)
}

// CodeInherited is the fault code of removing what a group gives.
const CodeInherited = "inherited"

// Delete removes a membership with its own roles.
//
// Faults: NotFound when actor may not see it, Forbidden when actor does not
// manage members there, and when a group gives roles in it (CodeInherited):
// those go only with the group.
func (s *Service) Delete(ctx context.Context, a access.Actor, n id.Member) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		m, err := managed(ctx, tx, a, n)
		if err != nil {
			return err
		}
		return s.remove(ctx, tx, a, "", m)
	})
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, a access.Actor, cause string, m *Member) error {
	if m.Inherited() {
		return fault.ForbiddenCode(CodeInherited, "these roles come from a group and are removed there")
	}
	people, err := affected(ctx, tx, m.Principal)
	if err != nil {
		return err
	}
	return s.changing(ctx, tx, a, cause, people, func() error {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM members WHERE id = ?`, m.ID)); err != nil {
			return err
		}
		return dropEmpty(ctx, tx, people)
	})
}

// AddCreator makes the person who created a project its member. Role 0 stands
// for the first role that manages members. Package project calls it.
func (s *Service) AddCreator(ctx context.Context, tx *db.Tx, a access.Actor, project id.Project, n id.Role) error {
	if n != 0 {
		if code, err := givable(ctx, tx, []id.Role{n}, project); err != nil {
			return err
		} else if code != "" {
			n = 0
		}
	}
	if n == 0 {
		var ok bool
		var err error
		n, ok, err = db.One[id.Role](ctx, tx, db.SQL(`SELECT r.id FROM roles r JOIN role_permissions rp ON rp.role_id = r.id
			WHERE r.kind = ? AND r.builtin = ? AND rp.permission = ? ORDER BY r.position, r.id LIMIT 1`,
			ProjectRole, access.BuiltinNone, access.ManageMembers))
		if err != nil {
			return err
		}
		if !ok {
			return fault.InvalidField("base", "no_role_for_creator")
		}
	}
	_, err := s.create(ctx, tx, a, CreateInput{Principal: a.ID, Project: project, Roles: []id.Role{n}}, 0)
	return err
}
