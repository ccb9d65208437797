package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Extent is what goes with a project when it is deleted, whoever may see it.
type Extent struct {
	Subprojects, WorkPackages, Files int
}

// Extent counts what Delete would move to the trash, so that people can be told
// before they confirm.
//
// Faults: NotFound when actor may not see the project, Forbidden for everyone
// but administrators.
func (s *Service) Extent(ctx context.Context, a access.Actor, n id.Project) (Extent, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Extent, error) {
		if _, err := visible(ctx, tx, a, n); err != nil {
			return Extent{}, err
		}
		if err := access.RequireAdmin(a); err != nil {
			return Extent{}, err
		}
		return extent(ctx, tx, n)
	})
}

func extent(ctx context.Context, tx *db.Tx, n id.Project) (Extent, error) {
	lower, err := below(ctx, tx, n, inUse)
	if err != nil {
		return Extent{}, err
	}
	e := Extent{Subprojects: len(lower)}
	all := db.In("w.project_id", append(lower, n))
	if e.WorkPackages, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM work_packages w WHERE w.deleted_at IS NULL AND`).Append(all)); err != nil {
		return Extent{}, err
	}
	e.Files, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM attachments f JOIN work_packages w ON w.id = f.container_id
		WHERE f.container_type = 'WorkPackage' AND f.deleted_at IS NULL AND w.deleted_at IS NULL AND`).Append(all))
	return e, err
}
