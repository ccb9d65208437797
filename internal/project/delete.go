package project

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// Delete moves a project with all its descendants to the trash. Their
// identifiers become free.
//
// Faults: NotFound when actor may not see it, Forbidden for everyone but
// administrators.
func (s *Service) Delete(ctx context.Context, a access.Actor, n id.Project) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		p, err := visible(ctx, tx, a, n)
		if err != nil {
			return err
		}
		return s.remove(ctx, tx, a, p, change{deleted: true})
	})
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, a access.Actor, p *Project, c change) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	lower, err := below(ctx, tx, p.ID, inUse)
	if err != nil {
		return err
	}
	all := append([]id.Project{p.ID}, lower...)
	rows, err := byIDs(ctx, tx, all)
	if err != nil {
		return err
	}
	// No identifier contains a colon, so the folded one collides with none.
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET deleted_at = ?, deleted_by = ?,
		identifier_folded = 'trash:' || CAST(id AS TEXT) WHERE`, tx.Stamp(), a.ID).Append(db.In("id", all))); err != nil {
		return err
	}
	if err := recordAll(ctx, tx, a, rows, c); err != nil {
		return err
	}
	return s.auditAct(ctx, tx, a, "project.delete", p)
}

// Trashed is a project in the trash.
type Trashed struct {
	ID         id.Project `db:"id"`
	Identifier string     `db:"identifier"`
	Name       string     `db:"name"`
	DeletedAt  db.Time    `db:"deleted_at"`
	DeletedBy  *id.User   `db:"deleted_by"`
	// Descendants is how many projects went together with it.
	Descendants int `db:"descendants"`
}

// Trash lists what was deleted, newest first; what went along is counted.
//
// Faults: Forbidden for everyone but administrators.
func (s *Service) Trash(ctx context.Context, a access.Actor) ([]Trashed, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Trashed, error) {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
		return db.All[Trashed](ctx, tx, db.SQL(`SELECT p.id, p.identifier, p.name, p.deleted_at, p.deleted_by,
			(SELECT COUNT(*) - 1 FROM projects o WHERE o.deleted_at = p.deleted_at) AS descendants
			FROM projects p LEFT JOIN projects up ON up.id = p.parent_id
			WHERE p.deleted_at IS NOT NULL AND (up.id IS NULL OR up.deleted_at IS NULL OR up.deleted_at <> p.deleted_at)
			ORDER BY p.deleted_at DESC, p.id`))
	})
}

// Restore takes a project, with the descendants deleted together with it, out
// of the trash. One whose identifier was taken meanwhile gets a number behind
// its own; a parent that stayed in the trash is let go of.
//
// Faults: Forbidden for everyone but administrators, NotFound when it is not
// in the trash.
func (s *Service) Restore(ctx context.Context, a access.Actor, n id.Project) (*Project, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Project, error) { return s.restore(ctx, tx, a, n, change{apart: true}) })
}

func (s *Service) restore(ctx context.Context, tx *db.Tx, a access.Actor, n id.Project, c change) (*Project, error) {
	if err := access.RequireAdmin(a); err != nil {
		return nil, err
	}
	at, err := db.Find[db.Time](ctx, tx, "project", db.SQL(`SELECT p.deleted_at FROM projects p WHERE p.id = ? AND p.deleted_at IS NOT NULL`, n))
	if err != nil {
		return nil, err
	}
	all, err := db.All[id.Project](ctx, tx, db.SQL(`WITH RECURSIVE down (id) AS (SELECT CAST(? AS BIGINT)
		UNION SELECT c.id FROM projects c JOIN down d ON c.parent_id = d.id WHERE c.deleted_at = ?) SELECT id FROM down ORDER BY id`, n, at))
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET parent_id = NULL WHERE id = ? AND parent_id IN (
		SELECT up.id FROM projects up WHERE up.deleted_at IS NOT NULL)`, n)); err != nil {
		return nil, err
	}
	if err := revive(ctx, tx, all); err != nil {
		return nil, err
	}
	rows, err := byIDs(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	if err := recordAll(ctx, tx, a, rows, c); err != nil {
		return nil, err
	}
	p, err := visible(ctx, tx, a, n)
	if err != nil {
		return nil, err
	}
	return p, s.auditAct(ctx, tx, a, "project.restore", p)
}

func revive(ctx context.Context, tx *db.Tx, all []id.Project) error {
	for _, n := range all {
		identifier, err := db.Scalar[string](ctx, tx, db.SQL(`SELECT identifier FROM projects WHERE id = ?`, n))
		if err != nil {
			return err
		}
		if identifier, err = freeIdentifier(ctx, tx, identifier); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET deleted_at = NULL, deleted_by = NULL, identifier = ?,
			identifier_folded = ?, updated_at = ? WHERE id = ?`, identifier, db.Fold(identifier), tx.Stamp(), n)); err != nil {
			return err
		}
	}
	return nil
}

// purgeBatch is the number of projects removed in one round.
const purgeBatch = 20

// Purge removes for good what has been in the trash for longer than the
// retention, contents first, and returns how many projects went. A project
// that still holds work packages waits for the next time.
func (s *Service) Purge(ctx context.Context, retention time.Duration) (int, error) {
	due, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]id.Project, error) {
		return db.All[id.Project](ctx, tx, db.SQL(`SELECT id FROM projects WHERE deleted_at < ? ORDER BY id DESC`,
			db.At(tx.Now().Add(-retention))))
	})
	total := 0
	for err == nil && len(due) > 0 {
		batch := due[:min(purgeBatch, len(due))]
		due = due[len(batch):]
		if s.contents != nil {
			if err := s.contents.PurgeProjects(ctx, batch); err != nil {
				return total, fmt.Errorf("purge projects: %w", err)
			}
		}
		var n int
		n, err = db.Write(ctx, s.db, func(tx *db.Tx) (int, error) { return s.purge(ctx, tx, batch) })
		total += n
	}
	return total, err
}

func (s *Service) purge(ctx context.Context, tx *db.Tx, batch []id.Project) (int, error) {
	empty, err := db.All[int64](ctx, tx, db.SQL(`SELECT p.id FROM projects p WHERE p.deleted_at IS NOT NULL AND`).
		Append(db.In("p.id", batch)).Add(`AND NOT EXISTS (SELECT 1 FROM work_packages w WHERE w.project_id = p.id)
		AND NOT EXISTS (SELECT 1 FROM work_packages w JOIN versions v ON v.id = w.version_id WHERE v.project_id = p.id)`))
	if err != nil || len(empty) == 0 {
		return 0, err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE projects SET parent_id = NULL WHERE`).Append(db.In("parent_id", empty))); err != nil {
		return 0, err
	}
	for _, n := range empty {
		if err := s.auditAct(ctx, tx, access.System("trash"), "project.purge", &Project{ID: id.Project(n)}); err != nil {
			return 0, err
		}
	}
	for kind, table := range map[string]string{journal.Version: "versions", journal.Category: "categories"} { // which go along
		gone, err := db.All[int64](ctx, tx, db.SQL(`SELECT id FROM `+table+` WHERE`).Append(db.In("project_id", empty)))
		if err != nil {
			return 0, err
		}
		if err := journal.Forget(ctx, tx, kind, gone); err != nil {
			return 0, err
		}
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM projects WHERE`).Append(db.In("id", empty))); err != nil {
		return 0, err
	}
	return len(empty), journal.Forget(ctx, tx, journal.Project, empty)
}
