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

// Grant says what the permissions of a role become.
type Grant struct {
	Role id.Role
	// Permissions are those that the role has of Among; all others stay as they are.
	Permissions, Among []access.Permission
	// Seen is when the role had last been changed as the actor saw it, in
	// microseconds; 0 does not ask.
	Seen int64
}

// Shift is what a grant does to a role.
type Shift struct {
	// Role is the role as it becomes.
	Role Role
	// Gained and Lost are the permissions that come and go. Needed are those
	// that the grant left out and others need: they come, or stay, on their own.
	Gained, Lost, Needed []access.Permission
	// People is how many people have the role.
	People int
}

// Shifts are the roles that change, and how many people that concerns.
type Shifts struct {
	Roles []Shift
	// People are counted once, also those who have several of the roles.
	People int
}

// Surprising says that somebody loses a permission, or that some come or stay
// because others need them.
func (s Shifts) Surprising() bool {
	return slices.ContainsFunc(s.Roles, func(r Shift) bool { return len(r.Lost)+len(r.Needed) > 0 })
}

// PreviewPermissions tells what SetPermissions would do, and does nothing.
//
// Faults: as SetPermissions.
func (s *Service) PreviewPermissions(ctx context.Context, a access.Actor, grants []Grant) (Shifts, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Shifts, error) {
		plan, err := s.planShifts(ctx, tx, a, grants)
		return plan.shifts, err
	})
}

// SetPermissions gives roles their permissions, with those that they need, all
// or none. Roles that stay as they are are not touched.
//
// Faults: Forbidden for everyone but administrators, NotFound for a role that
// is not there, Conflict when one was changed since it was seen, Invalid for
// permissions that a role cannot have.
func (s *Service) SetPermissions(ctx context.Context, a access.Actor, grants []Grant) (Shifts, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (Shifts, error) {
		plan, err := s.planShifts(ctx, tx, a, grants)
		if err != nil {
			return Shifts{}, err
		}
		for i := range plan.shifts.Roles {
			after := &plan.shifts.Roles[i].Role
			if slices.Equal(plan.before[i].Permissions, after.Permissions) {
				continue
			}
			after.UpdatedAt = tx.Stamp()
			if err := s.saveRole(ctx, tx, a, &plan.before[i], after, journal.Change{}); err != nil {
				return Shifts{}, err
			}
		}
		return plan.shifts, nil
	})
}

// shiftPlan has the roles as they are beside what becomes of them.
type shiftPlan struct {
	shifts Shifts
	before []Role
}

func (s *Service) planShifts(ctx context.Context, tx *db.Tx, a access.Actor, grants []Grant) (shiftPlan, error) {
	var plan shiftPlan
	if err := access.RequireAdmin(a); err != nil {
		return plan, err
	}
	all, err := roles(ctx, tx, db.True)
	if err != nil {
		return plan, err
	}
	var bad []fault.Field
	for _, g := range grants {
		at := slices.IndexFunc(all, func(r Role) bool { return r.ID == g.Role })
		if at < 0 {
			return plan, fault.NotFound("role")
		}
		before := all[at]
		if g.Seen != 0 && g.Seen != before.UpdatedAt.UnixMicro() {
			return plan, fault.Said(fault.Conflict("a role has been changed meanwhile"), "roles.changed_meanwhile", "role", before.Name)
		}
		shift := before.shift(g)
		bad = append(bad, shift.Role.refused()...)
		if len(shift.Gained)+len(shift.Lost)+len(shift.Needed) > 0 {
			plan.shifts.Roles, plan.before = append(plan.shifts.Roles, shift), append(plan.before, before)
		}
	}
	if err := fault.Invalid(bad...); err != nil {
		return plan, err
	}
	return plan, countHolders(ctx, tx, &plan.shifts)
}

// shift is what becomes of the role by the grant, with what its permissions need.
func (r Role) shift(g Grant) Shift {
	ps := slices.Clone(g.Permissions)
	for _, p := range r.Permissions {
		if !slices.Contains(g.Among, p) {
			ps = append(ps, p)
		}
	}
	after := r
	after.Permissions = withNeeds(ps)
	out := Shift{Role: after}
	for _, p := range after.Permissions {
		if !r.Has(p) {
			out.Gained = append(out.Gained, p)
		}
		if !slices.Contains(ps, p) {
			out.Needed = append(out.Needed, p)
		}
	}
	for _, p := range r.Permissions {
		if !after.Has(p) {
			out.Lost = append(out.Lost, p)
		}
	}
	return out
}

// withNeeds are the permissions, sorted, with all that they need.
func withNeeds(ps []access.Permission) []access.Permission {
	out := slices.Clone(ps)
	for i := 0; i < len(out); i++ {
		def, _ := access.Lookup(out[i])
		for _, n := range def.Needs {
			if d, _ := access.Lookup(n); !d.Public && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// holders are pairs of a role and a person who has it: by a membership, or as
// everybody has the roles Non member and the standard global one.
const holders = `SELECT mr.role_id AS role_id, m.user_id AS user_id FROM member_roles mr JOIN members m ON m.id = mr.member_id
	JOIN users u ON u.id = m.user_id WHERE u.kind = 'User' AND u.deleted_at IS NULL
	UNION SELECT r.id, u.id FROM roles r, users u WHERE r.builtin IN (1, 8) AND u.kind = 'User' AND u.deleted_at IS NULL`

func countHolders(ctx context.Context, tx *db.Tx, s *Shifts) error {
	if len(s.Roles) == 0 {
		return nil
	}
	ids := make([]id.Role, len(s.Roles))
	for i, r := range s.Roles {
		ids[i] = r.Role.ID
	}
	counts, err := peopleOf(ctx, tx, db.In("h.role_id", ids))
	if err != nil {
		return err
	}
	for i := range s.Roles {
		s.Roles[i].People = counts[s.Roles[i].Role.ID]
	}
	s.People, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(DISTINCT h.user_id) FROM (`+holders+`) h WHERE`).Append(db.In("h.role_id", ids)))
	return err
}

func peopleOf(ctx context.Context, tx *db.Tx, cond db.Frag) (map[id.Role]int, error) {
	type row struct {
		Role id.Role `db:"role_id"`
		N    int     `db:"n"`
	}
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT h.role_id, COUNT(*) AS n FROM (`+holders+`) h WHERE`).Append(cond).Add(`GROUP BY h.role_id ORDER BY h.role_id`))
	out := make(map[id.Role]int, len(rows))
	for _, r := range rows {
		out[r.Role] = r.N
	}
	return out, err
}

// Holders counts the people who have each role; roles that nobody has are left out.
//
// Faults: Forbidden for everyone but administrators.
func (s *Service) Holders(ctx context.Context, a access.Actor) (map[id.Role]int, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (map[id.Role]int, error) {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
		return peopleOf(ctx, tx, db.True)
	})
}

// Holdable says whether the role can be given the permission at all.
func (r Role) Holdable(def access.Definition) bool {
	return def.Global == (r.Kind == GlobalRole) && !def.Public && holdable(r.Builtin, def)
}
