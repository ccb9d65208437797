package workpackage

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Delete moves a work package with all its descendants to the trash, where
// Restore finds it until it is purged.
//
// Faults: NotFound when actor may not see it, Forbidden when actor may not
// delete it or one of its descendants.
func (s *Service) Delete(ctx context.Context, a access.Actor, wp id.WorkPackage) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return err
		}
		return s.remove(ctx, tx, a, w, change{deleted: true})
	})
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, c change) error {
	below, err := descendants(ctx, tx, w.ID)
	if err != nil {
		return err
	}
	all := append([]id.WorkPackage{w.ID}, below...)
	if err := mayDelete(ctx, tx, a, w, all); err != nil {
		return err
	}
	rows, err := db.All[WorkPackage](ctx, tx, db.SQL(`SELECT `+columns+` FROM work_packages w WHERE`).Append(db.In("w.id", all)))
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE work_packages SET deleted_at = ?, deleted_by = ?, lock_version = lock_version + 1 WHERE`,
		tx.Stamp(), a.ID).Append(db.In("id", all))); err != nil {
		return err
	}
	for i := range rows {
		if err := record(ctx, tx, a, &rows[i], c); err != nil {
			return err
		}
	}
	return s.rescheduleAncestors(ctx, tx, a, w.ParentID)
}

func mayDelete(ctx context.Context, tx *db.Tx, a access.Actor, top *WorkPackage, all []id.WorkPackage) error {
	if err := access.Require(ctx, tx, a, access.DeleteWorkPackages, top.ProjectID); err != nil {
		return err
	}
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM work_packages w WHERE`).Append(db.In("w.id", all)).
		Add(`AND NOT (`).Append(access.Visible("w.project_id", a, access.DeleteWorkPackages)).Add(`)`))
	if err != nil {
		return err
	}
	if n > 0 {
		return fault.Forbidden("some of the work packages below it may not be deleted by you")
	}
	return nil
}

// Restore takes a work package, with what was deleted together with it, out of
// the trash. The actor needs the right to delete in the project.
//
// Faults: NotFound when it is not in the trash or actor may not see it there.
func (s *Service) Restore(ctx context.Context, a access.Actor, wp id.WorkPackage) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error { return restore(ctx, tx, a, wp, change{apart: true}) })
}

func restore(ctx context.Context, tx *db.Tx, a access.Actor, wp id.WorkPackage, c change) error {
	at, err := db.Find[db.Time](ctx, tx, "work package", db.SQL(`SELECT w.deleted_at FROM work_packages w
		WHERE w.id = ? AND w.deleted_at IS NOT NULL AND`, wp).Append(access.Visible("w.project_id", a, access.DeleteWorkPackages)))
	if err != nil {
		return err
	}
	rows, err := db.All[WorkPackage](ctx, tx, db.SQL(`WITH RECURSIVE below (id) AS (
		SELECT CAST(? AS BIGINT) UNION SELECT c.id FROM work_packages c JOIN below b ON c.parent_id = b.id WHERE c.deleted_at = ?)
		SELECT `+columns+` FROM work_packages w WHERE w.deleted_at = ? AND w.id IN (SELECT id FROM below)`, wp, at, at))
	if err != nil {
		return err
	}
	for i := range rows {
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE work_packages SET deleted_at = NULL, deleted_by = NULL WHERE id = ?`, rows[i].ID)); err != nil {
			return err
		}
		if err := record(ctx, tx, a, &rows[i], c); err != nil {
			return err
		}
	}
	// A parent that stayed in the trash is let go of.
	_, err = db.Exec(ctx, tx, db.SQL(`UPDATE work_packages SET parent_id = NULL WHERE id = ? AND parent_id IN (
		SELECT id FROM work_packages WHERE deleted_at IS NOT NULL)`, wp))
	return err
}

// purgeBatch is the number of work packages removed in one transaction.
const purgeBatch = 200

// Purge removes for good what has been in the trash for longer than the
// retention, in short transactions, and returns how many work packages went.
// Their history goes with them; their files are trashed for package attachment.
func (s *Service) Purge(ctx context.Context, retention time.Duration) (int, error) {
	total := 0
	for {
		n, err := db.Write(ctx, s.db, func(tx *db.Tx) (int, error) {
			limit := db.At(tx.Now().Add(-retention))
			ids, err := db.All[int64](ctx, tx, db.SQL(`SELECT id FROM work_packages WHERE deleted_at < ? ORDER BY id LIMIT ?`, limit, purgeBatch))
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			return len(ids), s.purge(ctx, tx, ids)
		})
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

func (s *Service) purge(ctx context.Context, tx *db.Tx, ids []int64) error {
	if err := s.attachments.TrashAll(ctx, tx, container, ids); err != nil {
		return err
	}
	for _, f := range []db.Frag{
		db.SQL(`UPDATE work_packages SET parent_id = NULL WHERE`).Append(db.In("parent_id", ids)),
		db.SQL(`DELETE FROM watchers WHERE`).Append(db.In("work_package_id", ids)),
		db.SQL(`DELETE FROM work_packages WHERE`).Append(db.In("id", ids)),
	} {
		if _, err := db.Exec(ctx, tx, f); err != nil {
			return err
		}
	}
	return journal.Forget(ctx, tx, journal.WorkPackage, ids)
}

// PurgeProjects removes for good all work packages of projects that are about
// to be purged themselves. Those of other projects lose the versions of these.
func (s *Service) PurgeProjects(ctx context.Context, projects []id.Project) error {
	if err := db.Do(ctx, s.db, func(tx *db.Tx) error {
		shared := db.SQL(`w.version_id IN (SELECT id FROM versions WHERE`).Append(db.In("project_id", projects)).Add(`)`)
		return s.replan(ctx, tx, access.System("trash"), db.And(shared, db.Not(db.In("w.project_id", projects))), func(w *WorkPackage) { w.VersionID = nil })
	}); err != nil {
		return err
	}
	for {
		n, err := db.Write(ctx, s.db, func(tx *db.Tx) (int, error) {
			ids, err := db.All[int64](ctx, tx, db.SQL(`SELECT id FROM work_packages WHERE`).Append(db.In("project_id", projects)).
				Add(`ORDER BY id LIMIT ?`, purgeBatch))
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			return len(ids), s.purge(ctx, tx, ids)
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
