package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

const columns = `w.id, w.project_id, w.type_id, w.status_id, w.priority_id, w.subject, w.description, w.author_id,
	w.assigned_to_id, w.responsible_id, w.version_id, w.category_id, w.parent_id, w.start_date, w.due_date, w.duration, w.ignore_non_working_days,
	w.schedule_manually, w.done_ratio, w.estimated_seconds, w.remaining_seconds, w.lock_version, w.created_at, w.updated_at`

func insert(ctx context.Context, tx *db.Tx, w *WorkPackage) error {
	n, err := db.Insert[id.WorkPackage](ctx, tx, db.SQL(`INSERT INTO work_packages
		(project_id, type_id, status_id, priority_id, subject, subject_folded, description, author_id, assigned_to_id,
		responsible_id, version_id, category_id, parent_id, start_date, due_date, duration, ignore_non_working_days, schedule_manually, done_ratio,
		estimated_seconds, remaining_seconds, lock_version, created_at, updated_at, description_folded)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?) RETURNING id`,
		w.ProjectID, w.TypeID, w.StatusID, w.PriorityID, w.Subject, db.Fold(w.Subject), w.Description, w.AuthorID, w.AssigneeID,
		w.ResponsibleID, w.VersionID, w.CategoryID, w.ParentID, w.StartDate, w.DueDate, w.Duration, w.IgnoreNonWorkingDays, w.ScheduleManually, w.DoneRatio,
		w.EstimatedSeconds, w.RemainingSeconds, tx.Stamp(), tx.Stamp(), db.Fold(w.Description)))
	w.ID, w.LockVersion, w.CreatedAt, w.UpdatedAt = n, 0, tx.Stamp(), tx.Stamp()
	return err
}

// update saves w if nobody has changed it since lock version w.LockVersion.
func update(ctx context.Context, tx *db.Tx, w *WorkPackage) error {
	n, err := db.Exec(ctx, tx, db.SQL(`UPDATE work_packages SET project_id = ?, type_id = ?, status_id = ?, priority_id = ?,
		subject = ?, subject_folded = ?, description = ?, assigned_to_id = ?, responsible_id = ?, version_id = ?, category_id = ?, parent_id = ?, start_date = ?,
		due_date = ?, duration = ?, ignore_non_working_days = ?, schedule_manually = ?, done_ratio = ?, estimated_seconds = ?,
		remaining_seconds = ?, lock_version = lock_version + 1, updated_at = ?, description_folded = ? WHERE id = ? AND lock_version = ?`,
		w.ProjectID, w.TypeID, w.StatusID, w.PriorityID, w.Subject, db.Fold(w.Subject), w.Description, w.AssigneeID,
		w.ResponsibleID, w.VersionID, w.CategoryID, w.ParentID, w.StartDate, w.DueDate, w.Duration, w.IgnoreNonWorkingDays, w.ScheduleManually, w.DoneRatio,
		w.EstimatedSeconds, w.RemainingSeconds, tx.Stamp(), db.Fold(w.Description), w.ID, w.LockVersion))
	if err != nil {
		return err
	}
	if n == 0 {
		return stale()
	}
	w.LockVersion++
	w.UpdatedAt = tx.Stamp()
	return nil
}

func stale() error {
	return fault.Conflict("the work package was changed by someone else in the meantime")
}

// touch marks a work package as changed without changing its fields.
func touch(ctx context.Context, tx *db.Tx, wp id.WorkPackage) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE work_packages SET updated_at = ? WHERE id = ?`, tx.Stamp(), wp))
	return err
}

// change says how a change is journaled.
type change struct {
	notes    string
	internal bool
	cause    string
	first    bool
	deleted  bool
	apart    bool
}

// record journals the state of w.
func record(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, c change) error {
	_, err := recordID(ctx, tx, a, w, c)
	return err
}

func recordID(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, c change) (id.Journal, error) {
	var files []AttachedFile
	if !c.first {
		var err error
		if files, err = attached(ctx, tx, w.ID); err != nil {
			return 0, err
		}
	}
	st := w.state(files)
	st.Deleted = c.deleted
	jid, err := journal.Record(ctx, tx, journal.Change{
		EntityType: journal.WorkPackage, EntityID: int64(w.ID), UserID: a.ID, State: st,
		Notes: c.notes, Internal: c.internal, Cause: c.cause, First: c.first, Apart: c.apart || c.deleted,
	})
	if err != nil {
		return 0, err
	}
	return jid, announce(ctx, tx, a, w, Changed{Journal: jid})
}

func attached(ctx context.Context, tx *db.Tx, wp id.WorkPackage) ([]AttachedFile, error) {
	return db.All[AttachedFile](ctx, tx, db.SQL(`SELECT id, file_name FROM attachments
		WHERE container_type = ? AND container_id = ? AND deleted_at IS NULL ORDER BY id`, container, wp))
}

// descendants returns the ids of all work packages below wp.
func descendants(ctx context.Context, tx *db.Tx, wp id.WorkPackage) ([]id.WorkPackage, error) {
	return db.All[id.WorkPackage](ctx, tx, db.SQL(`WITH RECURSIVE below (id) AS (
		SELECT id FROM work_packages WHERE parent_id = ? AND deleted_at IS NULL
		UNION SELECT c.id FROM work_packages c JOIN below b ON c.parent_id = b.id WHERE c.deleted_at IS NULL)
		SELECT id FROM below ORDER BY id`, wp))
}
