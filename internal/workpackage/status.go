package workpackage

import (
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/catalog"
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

// reachable returns the statuses that the actor may give a work package of the
// type that is in the status from, from among them.
func reachable(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, from id.Status) ([]id.Status, error) {
	return catalog.Transitions(ctx, tx, a, catalog.Situation{
		Project: w.ProjectID, Type: w.TypeID, From: from,
		IsAuthor: w.AuthorID == a.ID, IsAssignee: w.AssigneeID != nil && *w.AssigneeID == a.ID,
	})
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
	if !slices.Contains(next, w.StatusID) {
		d.errs.add("status", "no_transition")
	}
	return d.reopening(ctx, all)
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
