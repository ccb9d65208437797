package catalog

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

const stepColumns = `type_id, role_id, old_status_id, new_status_id, author, assignee`

// Situation is a work package in the eyes of its workflow.
type Situation struct {
	Project id.Project
	Type    id.Type
	// From is its status, 0 for a new work package: it may take the default
	// status and those reachable from it.
	From id.Status
	// IsAuthor and IsAssignee say what the actor is to the work package.
	IsAuthor, IsAssignee bool
}

// Transitions returns the statuses that actor may give the work package, in
// their order. Staying is always possible. Administrators act with every role
// that makes assignable.
func Transitions(ctx context.Context, tx *db.Tx, a access.Actor, w Situation) ([]id.Status, error) {
	if w.From == 0 {
		first, ok, err := db.One[id.Status](ctx, tx, db.SQL(`SELECT id FROM statuses WHERE is_default`))
		if err != nil || !ok {
			return nil, err
		}
		w.From = first
	}
	return db.All[id.Status](ctx, tx, db.SQL(`SELECT s.id FROM statuses s WHERE s.id = ? OR s.id IN (
		SELECT f.new_status_id FROM workflows f WHERE f.type_id = ? AND f.old_status_id = ?
		AND (NOT f.author OR ?) AND (NOT f.assignee OR ?) AND f.role_id IN (`,
		w.From, w.Type, w.From, w.IsAuthor, w.IsAssignee).Append(actingRoles(a, w.Project)).Add(`)) ORDER BY s.position, s.id`))
}

// actingRoles is the query of the roles with which the actor takes steps.
func actingRoles(a access.Actor, project id.Project) db.Frag {
	if a.Admin {
		return db.SQL(`SELECT rp.role_id FROM role_permissions rp WHERE rp.permission = ?`, access.WorkPackageAssigned)
	}
	builtin := access.BuiltinNonMember
	if a.Kind == access.Visitor {
		builtin = access.BuiltinAnonymous
	}
	return db.SQL(`SELECT mr.role_id FROM members m JOIN member_roles mr ON mr.member_id = m.id
		WHERE m.user_id = ? AND m.project_id = ?
		UNION SELECT r.id FROM roles r WHERE r.builtin = ? AND NOT EXISTS (
			SELECT 1 FROM members m WHERE m.user_id = ? AND m.project_id = ?)`, a.ID, project, builtin, a.ID, project)
}

// Workflow returns the steps of a type for a role; role 0 stands for all roles.
//
// Faults: Forbidden for everyone but administrators.
func (s *Service) Workflow(ctx context.Context, a access.Actor, typ id.Type, role id.Role) ([]Step, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Step, error) {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
		if _, err := find[Type](ctx, tx, types, typ); err != nil {
			return nil, err
		}
		return steps(ctx, tx, typ, role)
	})
}

func steps(ctx context.Context, tx *db.Tx, typ id.Type, role id.Role) ([]Step, error) {
	q := db.SQL(`SELECT `+stepColumns+` FROM workflows WHERE type_id = ?`, typ)
	if role != 0 {
		q = q.Add(`AND role_id = ?`, role)
	}
	return db.All[Step](ctx, tx, q.Add(`ORDER BY role_id, old_status_id, new_status_id, author, assignee`))
}

// SetWorkflow replaces the steps of a type for a role; Type and Role of the
// given steps are ignored.
func (s *Service) SetWorkflow(ctx context.Context, a access.Actor, typ id.Type, role id.Role, matrix []Step) ([]Step, error) {
	return write(ctx, s, a, func(tx *db.Tx) ([]Step, error) {
		if err := checkPair(ctx, tx, typ, role); err != nil {
			return nil, err
		}
		if err := checkSteps(ctx, tx, matrix); err != nil {
			return nil, err
		}
		if err := replaceSteps(ctx, tx, typ, role, matrix); err != nil {
			return nil, err
		}
		if err := recordWorkflow(ctx, tx, a, typ, journal.Change{}); err != nil {
			return nil, err
		}
		return steps(ctx, tx, typ, role)
	})
}

// CopyWorkflow gives other types and roles the steps of one type and role.
//
// Faults: as SetWorkflow, Invalid without a type or a role to copy to.
func (s *Service) CopyWorkflow(ctx context.Context, a access.Actor, typ id.Type, role id.Role, toTypes []id.Type, toRoles []id.Role) error {
	_, err := write(ctx, s, a, func(tx *db.Tx) (int, error) {
		if err := checkPair(ctx, tx, typ, role); err != nil {
			return 0, err
		}
		var p problems
		if len(toTypes) == 0 {
			p.add("to_types", "blank")
		}
		if len(toRoles) == 0 {
			p.add("to_roles", "blank")
		}
		if err := p.err(); err != nil {
			return 0, err
		}
		matrix, err := steps(ctx, tx, typ, role)
		if err != nil {
			return 0, err
		}
		for _, t := range toTypes {
			for _, r := range toRoles {
				if t == typ && r == role {
					continue
				}
				if err := checkPair(ctx, tx, t, r); err != nil {
					return 0, err
				}
				if err := replaceSteps(ctx, tx, t, r, matrix); err != nil {
					return 0, err
				}
			}
			if err := recordWorkflow(ctx, tx, a, t, journal.Change{}); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	return err
}

func checkPair(ctx context.Context, tx *db.Tx, typ id.Type, role id.Role) error {
	if _, err := find[Type](ctx, tx, types, typ); err != nil {
		return err
	}
	_, err := db.Find[id.Role](ctx, tx, "role", db.SQL(`SELECT id FROM roles WHERE id = ? AND kind = 'ProjectRole'`, role))
	return err
}

func checkSteps(ctx context.Context, tx *db.Tx, matrix []Step) error {
	all, err := db.All[id.Status](ctx, tx, db.SQL(`SELECT id FROM statuses`))
	if err != nil {
		return err
	}
	known := make(map[id.Status]bool, len(all))
	for _, n := range all {
		known[n] = true
	}
	for _, st := range matrix {
		if !known[st.From] || !known[st.To] {
			return fault.InvalidField("status", "not_available")
		}
	}
	return nil
}

// insertBatch is the number of steps one statement writes.
const insertBatch = 500

func replaceSteps(ctx context.Context, tx *db.Tx, typ id.Type, role id.Role, matrix []Step) error {
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM workflows WHERE type_id = ? AND role_id = ?`, typ, role)); err != nil {
		return err
	}
	return insertSteps(ctx, tx, typ, role, matrix)
}

func insertSteps(ctx context.Context, tx *db.Tx, typ id.Type, role id.Role, matrix []Step) error {
	for len(matrix) > 0 {
		n := min(insertBatch, len(matrix))
		var rows []db.Frag
		for _, st := range matrix[:n] {
			rows = append(rows, db.SQL(`(?, ?, ?, ?, ?, ?)`, typ, role, st.From, st.To, st.Author, st.Assignee))
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO workflows (`+stepColumns+`) VALUES`).Append(db.List(rows...)).
			Add(`ON CONFLICT DO NOTHING`)); err != nil {
			return fmt.Errorf("workflow of type %d: %w", typ, err)
		}
		matrix = matrix[n:]
	}
	return nil
}

// flowState is what the journal keeps of the workflow of a type.
type flowState struct {
	Steps []Step `json:"steps"`
}

// recordWorkflow journals the whole workflow of a type under the type's id.
func recordWorkflow(ctx context.Context, tx *db.Tx, a access.Actor, typ id.Type, c journal.Change) error {
	all, err := steps(ctx, tx, typ, 0)
	if err != nil {
		return err
	}
	c.EntityType, c.EntityID, c.UserID, c.State = journal.Workflow, int64(typ), a.ID, flowState{all}
	_, err = journal.Record(ctx, tx, c)
	return err
}

// forgetStatus removes the steps from and to a status that goes.
func forgetStatus(ctx context.Context, tx *db.Tx, a access.Actor, n id.Status, c journal.Change) error {
	touched, err := db.All[id.Type](ctx, tx, db.SQL(`SELECT DISTINCT type_id FROM workflows
		WHERE old_status_id = ? OR new_status_id = ? ORDER BY type_id`, n, n))
	if err != nil || len(touched) == 0 {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM workflows WHERE old_status_id = ? OR new_status_id = ?`, n, n)); err != nil {
		return err
	}
	for _, t := range touched {
		if err := recordWorkflow(ctx, tx, a, t, c); err != nil {
			return err
		}
	}
	return nil
}
