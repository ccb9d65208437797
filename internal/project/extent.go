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
		lower, err := below(ctx, tx, n, inUse)
		if err != nil {
			return Extent{}, err
		}
		e, err := contents(ctx, tx, append(lower, n))
		e.Subprojects = len(lower)
		return e, err
	})
}

// ExtentOf counts what is in the projects that are not in the trash; Subprojects is
// how many they are.
//
// Faults: Forbidden for everyone but administrators.
func (s *Service) ExtentOf(ctx context.Context, a access.Actor, projects []id.Project) (Extent, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Extent, error) {
		if err := access.RequireAdmin(a); err != nil {
			return Extent{}, err
		}
		there, err := db.All[id.Project](ctx, tx, db.SQL(`SELECT c.id FROM projects c WHERE `+inUse+` AND`).Append(db.In("c.id", projects)))
		if err != nil {
			return Extent{}, err
		}
		e, err := contents(ctx, tx, there)
		e.Subprojects = len(there)
		return e, err
	})
}

func contents(ctx context.Context, tx *db.Tx, projects []id.Project) (Extent, error) {
	var e Extent
	var err error
	all := db.In("w.project_id", projects)
	if e.WorkPackages, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM work_packages w WHERE w.deleted_at IS NULL AND`).Append(all)); err != nil {
		return Extent{}, err
	}
	e.Files, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM attachments f JOIN work_packages w ON w.id = f.container_id
		WHERE f.container_type = 'WorkPackage' AND f.deleted_at IS NULL AND w.deleted_at IS NULL AND`).Append(all))
	return e, err
}
