package membership

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// causeGroup is the journaled cause of what follows from a group.
const causeGroup = "group_changed"

// affected returns the principal and, for a group, its people.
func affected(ctx context.Context, tx *db.Tx, principal id.User) ([]id.User, error) {
	people, err := db.All[id.User](ctx, tx, db.SQL(`SELECT user_id FROM group_users WHERE group_id = ? ORDER BY user_id`, principal))
	return append([]id.User{principal}, people...), err
}

// inherit gives the people every role that the group holds and they do not
// yet have from it. For a principal that is no group it finds nothing to do,
// because nobody inherits from a person.
func inherit(ctx context.Context, tx *db.Tx, group id.User, people []id.User) error {
	people = slices.DeleteFunc(slices.Clone(people), func(n id.User) bool { return n == group })
	if len(people) == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO members (user_id, project_id, created_at, updated_at)
		SELECT u.id, g.project_id, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM members g CROSS JOIN users u
		WHERE g.user_id = ? AND`, tx.Stamp(), tx.Stamp(), group).Append(db.In("u.id", people)).
		Add(`AND NOT EXISTS (SELECT 1 FROM members x WHERE x.user_id = u.id AND x.project_id IS NOT DISTINCT FROM g.project_id)`)); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO member_roles (member_id, role_id, inherited_from)
		SELECT m.id, gr.role_id, gr.id FROM members g JOIN member_roles gr ON gr.member_id = g.id
		JOIN members m ON m.project_id IS NOT DISTINCT FROM g.project_id
		WHERE g.user_id = ? AND`, group).Append(db.In("m.user_id", people)).
		Add(`AND NOT EXISTS (SELECT 1 FROM member_roles x WHERE x.member_id = m.id AND x.inherited_from = gr.id)`))
	return err
}

// disinherit takes from the people what they have from the group.
func disinherit(ctx context.Context, tx *db.Tx, group id.User, people []id.User) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM member_roles WHERE inherited_from IN (
		SELECT gr.id FROM members g JOIN member_roles gr ON gr.member_id = g.id WHERE g.user_id = ?)
		AND member_id IN (SELECT m.id FROM members m WHERE`, group).Append(db.In("m.user_id", people)).Add(`)`))
	if err != nil {
		return err
	}
	return dropEmpty(ctx, tx, people)
}

// dropEmpty removes memberships of the people that have no role left.
func dropEmpty(ctx context.Context, tx *db.Tx, people []id.User) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM members WHERE`).Append(db.In("user_id", people)).
		Add(`AND NOT EXISTS (SELECT 1 FROM member_roles mr WHERE mr.member_id = members.id)`))
	return err
}

// GroupUsersChanged gives people who came into a group its roles and takes
// them from those who left. It runs in the transaction of the group's change.
func (s *Service) GroupUsersChanged(ctx context.Context, tx *db.Tx, group id.User, added, removed []id.User) error {
	people := slices.Concat(added, removed)
	if len(people) == 0 {
		return nil
	}
	return s.changing(ctx, tx, access.System("groups"), causeGroup, people, func() error {
		if len(removed) > 0 {
			if err := disinherit(ctx, tx, group, removed); err != nil {
				return err
			}
		}
		return inherit(ctx, tx, group, added)
	})
}

// PrincipalRemoved removes every membership of a deleted user or group, and
// with a group what its people had from it.
func (s *Service) PrincipalRemoved(ctx context.Context, tx *db.Tx, principal id.User) error {
	heirs, err := db.All[id.User](ctx, tx, db.SQL(`SELECT DISTINCT m.user_id FROM members m JOIN member_roles mr ON mr.member_id = m.id
		WHERE mr.inherited_from IN (SELECT gr.id FROM members g JOIN member_roles gr ON gr.member_id = g.id WHERE g.user_id = ?)
		ORDER BY m.user_id`, principal))
	if err != nil {
		return err
	}
	people := append([]id.User{principal}, heirs...)
	return s.changing(ctx, tx, access.System("accounts"), "principal_removed", people, func() error {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM members WHERE user_id = ?`, principal)); err != nil {
			return err
		}
		return dropEmpty(ctx, tx, people)
	})
}

// state is what the journal keeps of a membership.
type state struct {
	Principal id.User     `json:"principal"`
	Project   *id.Project `json:"project"`
	Roles     []id.Role   `json:"roles"`
	Inherited []id.Role   `json:"inherited,omitempty"`
	Deleted   bool        `json:"deleted,omitempty"`
}

func (m Member) state() state {
	st := state{Principal: m.Principal, Project: m.Project, Roles: []id.Role{}}
	for _, r := range m.Roles {
		if r.Own {
			st.Roles = append(st.Roles, r.Role)
		}
		if r.Inherited {
			st.Inherited = append(st.Inherited, r.Role)
		}
	}
	return st
}

func (st state) equal(o state) bool {
	return slices.Equal(st.Roles, o.Roles) && slices.Equal(st.Inherited, o.Inherited)
}

// changing runs change and journals, audits and reports every difference it
// makes to the memberships of the people. All writing of memberships goes
// through it.
func (s *Service) changing(ctx context.Context, tx *db.Tx, a access.Actor, cause string, people []id.User, change func() error) error {
	before, err := snapshot(ctx, tx, people)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	after, err := snapshot(ctx, tx, people)
	if err != nil {
		return err
	}
	var global []id.User
	for _, d := range differences(before, after) {
		if d.now.Project == nil {
			global = append(global, d.now.Principal)
		}
		if err := s.recordMember(ctx, tx, a, cause, d); err != nil {
			return err
		}
	}
	slices.Sort(global)
	return s.noteRights(ctx, tx, slices.Compact(global))
}

func snapshot(ctx context.Context, tx *db.Tx, people []id.User) ([]Member, error) {
	ms, err := db.All[Member](ctx, tx, db.SQL(`SELECT `+memberColumns+memberTables+` WHERE`).Append(db.In("m.user_id", people)).Add(`ORDER BY m.id`))
	if err != nil {
		return nil, err
	}
	return ms, fill(ctx, tx, ms)
}

type difference struct {
	id     id.Member
	action string
	now    state
}

func differences(before, after []Member) []difference {
	was := make(map[id.Member]state, len(before))
	for _, m := range before {
		was[m.ID] = m.state()
	}
	var out []difference
	for _, m := range after {
		old, known := was[m.ID]
		delete(was, m.ID)
		switch now := m.state(); {
		case !known:
			out = append(out, difference{m.ID, "membership.create", now})
		case !now.equal(old):
			out = append(out, difference{m.ID, "membership.update", now})
		}
	}
	for _, m := range before {
		if old, gone := was[m.ID]; gone {
			old.Deleted, old.Roles, old.Inherited = true, []id.Role{}, nil
			out = append(out, difference{m.ID, "membership.delete", old})
		}
	}
	return out
}

func (s *Service) recordMember(ctx context.Context, tx *db.Tx, a access.Actor, cause string, d difference) error {
	if err := s.record(ctx, tx, a, d.action, fmt.Sprintf("user %d", d.now.Principal), map[string]any{
		"project": d.now.Project, "roles": d.now.Roles, "inherited": d.now.Inherited,
	}); err != nil {
		return err
	}
	_, err := journal.Record(ctx, tx, journal.Change{
		EntityType: journal.Member, EntityID: int64(d.id), UserID: a.ID, State: d.now, Cause: cause,
		First: d.action == "membership.create" && cause != journal.CauseUndo, Apart: d.now.Deleted || cause == journal.CauseUndo,
	})
	return err
}
