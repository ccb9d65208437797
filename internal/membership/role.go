package membership

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

const roleColumns = `r.id, r.name, r.kind, r.builtin, r.position, r.created_at, r.updated_at`

// RoleFilter selects roles; the zero value selects all.
type RoleFilter struct {
	Kind Kind
	// Givable leaves out the built-in roles.
	Givable bool
}

// Roles returns the roles in their order.
//
// Faults: Forbidden for people who neither see members anywhere nor manage users.
func (s *Service) Roles(ctx context.Context, a access.Actor, f RoleFilter) ([]Role, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Role, error) {
		if err := mayReadRoles(ctx, tx, a); err != nil {
			return nil, err
		}
		conds := []db.Frag{}
		if f.Kind != "" {
			conds = append(conds, db.SQL(`r.kind = ?`, f.Kind))
		}
		if f.Givable {
			conds = append(conds, db.SQL(`r.builtin = ?`, access.BuiltinNone))
		}
		return roles(ctx, tx, db.And(conds...))
	})
}

// Role returns one role.
//
// Faults: as Roles, NotFound when there is none.
func (s *Service) Role(ctx context.Context, a access.Actor, n id.Role) (*Role, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Role, error) {
		if err := mayReadRoles(ctx, tx, a); err != nil {
			return nil, err
		}
		return role(ctx, tx, n)
	})
}

// Held is a role that somebody has, and in how many projects; in none when it is global.
type Held struct {
	User     id.User `db:"user_id"`
	Role     string  `db:"name"`
	Projects int     `db:"projects"`
}

// HeldBy returns the roles that people have anywhere, in the order of the roles.
//
// Faults: Forbidden for people who do not manage users.
func (s *Service) HeldBy(ctx context.Context, a access.Actor, people []id.User) (map[id.User][]Held, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[id.User][]Held, error) {
		if ok, err := access.Allowed(ctx, tx, a, access.ManageUser, 0); err != nil {
			return nil, err
		} else if !ok {
			return nil, fault.Forbidden("you are not allowed to see which roles people have")
		}
		all, err := db.All[Held](ctx, tx, db.SQL(`SELECT m.user_id, r.name, COUNT(DISTINCT m.project_id) AS projects
			FROM members m JOIN member_roles h ON h.member_id = m.id JOIN roles r ON r.id = h.role_id WHERE`).
			Append(db.In("m.user_id", people)).Add(`GROUP BY m.user_id, r.id, r.name, r.position ORDER BY m.user_id, r.position, r.id`))
		out := map[id.User][]Held{}
		for _, h := range all {
			out[h.User] = append(out[h.User], h)
		}
		return out, err
	})
}

func mayReadRoles(ctx context.Context, tx *db.Tx, a access.Actor) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	for _, p := range []access.Permission{access.ViewMembers, access.ManageMembers, access.ManageUser, access.CreateUser} {
		ok, err := access.Allowed(ctx, tx, a, p, 0)
		if ok || err != nil {
			return err
		}
	}
	return access.RequireAdmin(a)
}

// roles returns the roles that fit, with their permissions, by two statements.
func roles(ctx context.Context, tx *db.Tx, cond db.Frag) ([]Role, error) {
	out, err := db.All[Role](ctx, tx, db.SQL(`SELECT `+roleColumns+` FROM roles r WHERE`).Append(cond).Add(`ORDER BY r.position, r.id`))
	if err != nil {
		return nil, err
	}
	type row struct {
		Role       id.Role           `db:"role_id"`
		Permission access.Permission `db:"permission"`
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT rp.role_id, rp.permission FROM role_permissions rp
		JOIN roles r ON r.id = rp.role_id WHERE`).Append(cond).Add(`ORDER BY rp.permission`))
	at := make(map[id.Role]int, len(out))
	for i := range out {
		at[out[i].ID] = i
	}
	for _, r := range rows {
		i := at[r.Role]
		out[i].Permissions = append(out[i].Permissions, r.Permission)
	}
	return out, err
}

func role(ctx context.Context, tx *db.Tx, n id.Role) (*Role, error) {
	found, err := roles(ctx, tx, db.SQL(`r.id = ?`, n))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFound("role")
	}
	return &found[0], nil
}

// CreateRole adds a role at the end.
//
// Faults: Forbidden for everyone but administrators, Invalid with one entry
// per refused field.
func (s *Service) CreateRole(ctx context.Context, a access.Actor, p RolePatch) (*Role, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Role, error) {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
		p.Builtin = access.BuiltinNone
		return s.createRole(ctx, tx, a, p)
	})
}

func (s *Service) createRole(ctx context.Context, tx *db.Tx, a access.Actor, p RolePatch) (*Role, error) {
	r := Role{Kind: p.Kind.Or(ProjectRole), Builtin: p.Builtin}
	if p.CopyFrom != 0 {
		from, err := role(ctx, tx, p.CopyFrom)
		if err != nil {
			return nil, err
		}
		r.Permissions, r.Kind = from.Permissions, from.Kind
	}
	r.apply(p)
	return &r, s.insertRole(ctx, tx, a, &r, journal.Change{})
}

// insertRole saves a new role at the end, or one that comes back under its number.
func (s *Service) insertRole(ctx context.Context, tx *db.Tx, a access.Actor, r *Role, c journal.Change) error {
	err := r.check(ctx, tx)
	if err != nil {
		return err
	}
	if r.Position, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COALESCE(MAX(position), 0) + 1 FROM roles`)); err != nil {
		return err
	}
	r.CreatedAt, r.UpdatedAt = tx.Stamp(), tx.Stamp()
	cols, vals := "", db.SQL(``)
	if r.ID != 0 {
		cols, vals = "id, ", db.SQL(`?,`, r.ID)
	}
	r.ID, err = db.Insert[id.Role](ctx, tx, db.SQL(`INSERT INTO roles (`+cols+`name, kind, builtin, position, created_at, updated_at) VALUES (`).
		Append(vals).Add(`?, ?, ?, ?, ?, ?) RETURNING id`, r.Name, r.Kind, r.Builtin, r.Position, r.CreatedAt, r.UpdatedAt))
	if err != nil {
		return err
	}
	if err := grant(ctx, tx, r.ID, r.Permissions); err != nil {
		return err
	}
	return s.recordRole(ctx, tx, a, "role.create", r, c)
}

func (r *Role) apply(p RolePatch) {
	r.Name = strings.TrimSpace(p.Name.Or(r.Name))
	if p.Permissions.Set {
		r.Permissions = slices.Clone(p.Permissions.V)
		slices.Sort(r.Permissions)
		r.Permissions = slices.Compact(r.Permissions)
	}
}

// grant writes the permissions of a role that has none yet.
func grant(ctx context.Context, tx *db.Tx, n id.Role, ps []access.Permission) error {
	if len(ps) == 0 {
		return nil
	}
	rows := make([]db.Frag, len(ps))
	for i, p := range ps {
		rows[i] = db.SQL(`(?, ?)`, n, p)
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO role_permissions (role_id, permission) VALUES`).Append(db.List(rows...)))
	return err
}

const maxName = 255

// check refuses names that are taken and permissions that the role cannot have.
func (r *Role) check(ctx context.Context, tx *db.Tx) error {
	var bad []fault.Field
	switch n := utf8.RuneCountInString(r.Name); {
	case n == 0:
		bad = append(bad, fault.Field{Name: "name", Code: "blank"})
	case n > maxName:
		bad = append(bad, fault.Field{Name: "name", Code: "too_long", Params: map[string]any{"count": maxName}})
	}
	names, err := db.All[string](ctx, tx, db.SQL(`SELECT name FROM roles WHERE id <> ?`, r.ID))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(names, func(o string) bool { return db.Fold(o) == db.Fold(r.Name) }) {
		bad = append(bad, fault.Field{Name: "name", Code: "taken"})
	}
	if r.Kind != ProjectRole && r.Kind != GlobalRole {
		bad = append(bad, fault.Field{Name: "kind", Code: "inclusion"})
	}
	return fault.Invalid(append(bad, r.refused()...)...)
}

// refused lists what is wrong with the permissions, one entry per permission.
func (r *Role) refused() []fault.Field {
	var bad []fault.Field
	add := func(p access.Permission, code string, needs ...access.Permission) {
		params := map[string]any{"permission": string(p)}
		if len(needs) > 0 {
			params["needs"] = needs
		}
		bad = append(bad, fault.Field{Name: "permissions", Code: code, Params: params})
	}
	for _, p := range r.Permissions {
		def, ok := access.Lookup(p)
		switch {
		case !ok:
			add(p, "unknown_permission")
		case def.Global != (r.Kind == GlobalRole), def.Public:
			add(p, "not_for_this_role")
		case !holdable(r.Builtin, def):
			add(p, "not_for_this_role")
		default:
			if missing := r.missing(def); len(missing) > 0 {
				add(p, "needs_permission", missing...)
			}
		}
	}
	return bad
}

// holdable says whether the holders of a built-in role may hold the permission.
func holdable(builtin int, def access.Definition) bool {
	switch builtin {
	case access.BuiltinAnonymous:
		return def.Holder == access.Anyone
	case access.BuiltinNonMember:
		return def.Holder != access.MemberOnly
	}
	return true
}

func (r *Role) missing(def access.Definition) []access.Permission {
	var out []access.Permission
	for _, n := range def.Needs {
		if d, _ := access.Lookup(n); !d.Public && !r.Has(n) {
			out = append(out, n)
		}
	}
	return out
}

// UpdateRole changes a role. Built-in roles keep their name.
//
// Faults: as CreateRole, NotFound when there is none.
func (s *Service) UpdateRole(ctx context.Context, a access.Actor, n id.Role, p RolePatch) (*Role, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Role, error) {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
		r, err := role(ctx, tx, n)
		if err != nil {
			return nil, err
		}
		if p.Kind.Set && p.Kind.V != r.Kind {
			return nil, fault.InvalidField("kind", "read_only")
		}
		return r, s.changeRole(ctx, tx, a, r, p, journal.Change{})
	})
}

func (s *Service) changeRole(ctx context.Context, tx *db.Tx, a access.Actor, r *Role, p RolePatch, c journal.Change) error {
	before := *r
	r.apply(p)
	if !r.Givable() && r.Name != before.Name {
		return fault.InvalidField("name", "read_only")
	}
	if err := r.check(ctx, tx); err != nil {
		return err
	}
	if r.Name == before.Name && slices.Equal(r.Permissions, before.Permissions) {
		return nil // nothing to save: no history
	}
	r.UpdatedAt = tx.Stamp()
	return s.saveRole(ctx, tx, a, &before, r, c)
}

func (s *Service) saveRole(ctx context.Context, tx *db.Tx, a access.Actor, before, r *Role, c journal.Change) error {
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE roles SET name = ?, updated_at = ? WHERE id = ?`, r.Name, r.UpdatedAt, r.ID)); err != nil {
		return err
	}
	if !slices.Equal(before.Permissions, r.Permissions) {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM role_permissions WHERE role_id = ?`, r.ID)); err != nil {
			return err
		}
		if err := grant(ctx, tx, r.ID, r.Permissions); err != nil {
			return err
		}
	}
	if before.Has(access.CreateBackup) != r.Has(access.CreateBackup) {
		if err := s.noteHolders(ctx, tx, r); err != nil {
			return err
		}
	}
	return s.recordRole(ctx, tx, a, "role.update", r, c)
}

// noteHolders notes that the rights of everyone with a global role changed.
func (s *Service) noteHolders(ctx context.Context, tx *db.Tx, r *Role) error {
	q := db.SQL(`SELECT u.id FROM users u WHERE u.kind = 'User' AND u.deleted_at IS NULL`)
	if r.Builtin != access.BuiltinStandardGlobal {
		q = q.Add(`AND u.id IN (SELECT m.user_id FROM members m JOIN member_roles mr ON mr.member_id = m.id
			WHERE m.project_id IS NULL AND mr.role_id = ?)`, r.ID)
	}
	people, err := db.All[id.User](ctx, tx, q.Add(`ORDER BY u.id`))
	if err != nil {
		return err
	}
	return s.noteRights(ctx, tx, people)
}

func (s *Service) noteRights(ctx context.Context, tx *db.Tx, people []id.User) error {
	if s.rights == nil || len(people) == 0 {
		return nil
	}
	return s.rights.RightsChanged(ctx, tx, people)
}

// DeleteRole removes a role that nobody has; its workflow goes with it.
//
// Faults: as UpdateRole; Invalid for built-in roles and, with the number of
// memberships, for roles in use.
func (s *Service) DeleteRole(ctx context.Context, a access.Actor, n id.Role) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if err := access.RequireAdmin(a); err != nil {
			return err
		}
		r, err := role(ctx, tx, n)
		if err != nil {
			return err
		}
		return s.dropRole(ctx, tx, a, r, journal.Change{Apart: true})
	})
}

func (s *Service) dropRole(ctx context.Context, tx *db.Tx, a access.Actor, r *Role, c journal.Change) error {
	if !r.Givable() {
		return fault.InvalidField("base", "builtin")
	}
	used, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(DISTINCT member_id) FROM member_roles WHERE role_id = ?`, r.ID))
	if err != nil {
		return err
	}
	if used > 0 {
		return fault.Invalid(fault.Field{Name: "base", Code: "in_use", Params: map[string]any{"memberships": used}})
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM roles WHERE id = ?`, r.ID)); err != nil {
		return err
	}
	if err := s.record(ctx, tx, a, "role.delete", fmt.Sprintf("role %d", r.ID), map[string]any{"name": r.Name}); err != nil {
		return err
	}
	c.EntityType, c.EntityID, c.UserID, c.State = journal.Role, int64(r.ID), a.ID, map[string]bool{"deleted": true}
	_, err = journal.Record(ctx, tx, c)
	return err
}

// MoveRole puts a role at the 1-based position among its peers.
func (s *Service) MoveRole(ctx context.Context, a access.Actor, n id.Role, to int) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if err := access.RequireAdmin(a); err != nil {
			return err
		}
		r, err := role(ctx, tx, n)
		if err != nil {
			return err
		}
		return s.placeRole(ctx, tx, a, r, to, journal.Change{})
	})
}

func (s *Service) placeRole(ctx context.Context, tx *db.Tx, a access.Actor, r *Role, to int, c journal.Change) error {
	ids, err := db.All[id.Role](ctx, tx, db.SQL(`SELECT id FROM roles WHERE id <> ? ORDER BY position, id`, r.ID))
	if err != nil {
		return err
	}
	to = min(max(to, 1), len(ids)+1) - 1
	ids = slices.Insert(ids, to, r.ID)
	set := db.SQL(`UPDATE roles SET position = CASE id`)
	for i, other := range ids {
		set = set.Add(`WHEN ? THEN CAST(? AS BIGINT)`, other, i+1)
	}
	if _, err := db.Exec(ctx, tx, set.Add(`ELSE position END`)); err != nil {
		return err
	}
	r.Position = to + 1
	return s.recordRole(ctx, tx, a, "role.move", r, c)
}

// roleState is what the journal keeps of a role: everything after a change.
type roleState struct {
	Name        string              `json:"name"`
	Kind        Kind                `json:"kind"`
	Builtin     int                 `json:"builtin"`
	Position    int                 `json:"position"`
	Permissions []access.Permission `json:"permissions"`
}

func (s *Service) recordRole(ctx context.Context, tx *db.Tx, a access.Actor, action string, r *Role, c journal.Change) error {
	if err := s.record(ctx, tx, a, action, fmt.Sprintf("role %d", r.ID), map[string]any{
		"name": r.Name, "permissions": r.Permissions,
	}); err != nil {
		return err
	}
	c.EntityType, c.EntityID, c.UserID = journal.Role, int64(r.ID), a.ID
	c.State = roleState{r.Name, r.Kind, r.Builtin, r.Position, r.Permissions}
	_, err := journal.Record(ctx, tx, c)
	return err
}

// InstallRoles makes the roles of a new instance in the caller's transaction
// and returns them by name. Seeds use it.
//
// Faults: Conflict when there are roles already.
func (s *Service) InstallRoles(ctx context.Context, tx *db.Tx, a access.Actor, in []RolePatch) (map[string]id.Role, error) {
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM roles`))
	if err != nil {
		return nil, err
	}
	if n > 0 {
		return nil, fault.Conflict("there are roles already")
	}
	out := make(map[string]id.Role, len(in))
	for _, p := range in {
		r, err := s.createRole(ctx, tx, a, p)
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", p.Name.V, err)
		}
		out[r.Name] = r.ID
	}
	return out, nil
}
