package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

type statusRow struct {
	ID       id.Status `db:"id"`
	Default  bool      `db:"is_default"`
	Closed   bool      `db:"is_closed"`
	ReadOnly bool      `db:"is_readonly"`
	Ratio    *int      `db:"default_done_ratio"`
}

func statuses(ctx context.Context, tx *db.Tx) ([]statusRow, error) {
	return db.All[statusRow](ctx, tx, db.SQL(`SELECT id, is_default, is_closed, is_readonly, default_done_ratio
		FROM statuses ORDER BY position, id`))
}

// actingRoles is the query of the roles with which the actor takes workflow
// steps: those of its membership; every assignable one for administrators.
func actingRoles(a access.Actor, project id.Project) db.Frag {
	if a.Admin {
		return db.SQL(`SELECT role_id FROM role_permissions WHERE permission = ?`, access.WorkPackageAssigned)
	}
	builtin := access.BuiltinNonMember
	if a.Kind == access.Visitor {
		builtin = access.BuiltinAnonymous
	}
	return db.SQL(`SELECT mr.role_id FROM members m JOIN member_roles mr ON mr.member_id = m.id
		WHERE m.user_id = ? AND m.project_id = ?
		UNION SELECT id FROM roles WHERE builtin = ? AND NOT EXISTS (
			SELECT 1 FROM members m WHERE m.user_id = ? AND m.project_id = ?)`, a.ID, project, builtin, a.ID, project)
}

// reachable returns the statuses that the actor may set on a work package of
// the type that is in the status from, in their order and without from itself.
func reachable(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, from id.Status) ([]id.Status, error) {
	isAuthor := w.AuthorID == a.ID
	isAssignee := w.AssigneeID != nil && *w.AssigneeID == a.ID
	return db.All[id.Status](ctx, tx, db.SQL(`SELECT s.id FROM statuses s WHERE s.id <> ? AND s.id IN (
		SELECT f.new_status_id FROM workflows f WHERE f.type_id = ? AND f.old_status_id = ?
		AND (NOT f.author OR ?) AND (NOT f.assignee OR ?) AND f.role_id IN (`,
		from, w.TypeID, from, isAuthor, isAssignee).Append(actingRoles(a, w.ProjectID)).
		Add(`)) ORDER BY s.position, s.id`))
}

func (d *drafting) status(ctx context.Context) error {
	all, err := statuses(ctx, d.tx)
	if err != nil {
		return err
	}
	w := &d.after
	from := w.StatusID
	if d.before == nil {
		from = defaultStatus(all)
		w.StatusID = from
	}
	w.StatusID = d.patch.Status.Or(w.StatusID)
	now, ok := statusByID(all, w.StatusID)
	if !ok {
		d.errs.add("status", "not_available")
		return nil
	}
	d.isClosed, d.ratio = now.Closed, now.Ratio
	if w.StatusID == from {
		return d.frozen(all)
	}
	next, err := reachable(ctx, d.tx, d.actor, w, from)
	if err != nil {
		return err
	}
	for _, s := range next {
		if s == w.StatusID {
			return nil
		}
	}
	d.errs.add("status", "no_transition")
	return nil
}

// frozen refuses changes of a work package whose status makes it read-only.
func (d *drafting) frozen(all []statusRow) error {
	if d.before == nil {
		return nil
	}
	if s, ok := statusByID(all, d.before.StatusID); ok && s.ReadOnly {
		for _, f := range Fields {
			if f.Name != "status" && f.set(&d.patch) && d.changed(f.Name) {
				d.errs.add(f.Name, "status_read_only")
			}
		}
	}
	return nil
}

func defaultStatus(all []statusRow) id.Status {
	for _, s := range all {
		if s.Default {
			return s.ID
		}
	}
	if len(all) > 0 {
		return all[0].ID
	}
	return 0
}

func statusByID(all []statusRow, want id.Status) (statusRow, bool) {
	for _, s := range all {
		if s.ID == want {
			return s, true
		}
	}
	return statusRow{}, false
}
