package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Watchers returns the people who watch a work package, by name.
//
// Faults: NotFound when actor may not see it, Forbidden without the right to
// see its watchers.
func (s *Service) Watchers(ctx context.Context, a access.Actor, wp id.WorkPackage) ([]Named, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Named, error) {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		if err := access.Require(ctx, tx, a, access.ViewWorkPackageWatchers, w.ProjectID); err != nil {
			return nil, err
		}
		return people(ctx, tx, db.SQL(`u.id IN (SELECT user_id FROM watchers WHERE work_package_id = ?)`, wp))
	})
}

// AvailableWatchers returns the people who could be added as watchers.
//
// Faults: as for Watch on behalf of others.
func (s *Service) AvailableWatchers(ctx context.Context, a access.Actor, wp id.WorkPackage) ([]Named, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Named, error) {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		if err := access.Require(ctx, tx, a, access.AddWorkPackageWatchers, w.ProjectID); err != nil {
			return nil, err
		}
		return people(ctx, tx, db.And(canSee(w.ProjectID),
			db.SQL(`u.id NOT IN (SELECT user_id FROM watchers WHERE work_package_id = ?)`, wp)))
	})
}

// AvailableAssignees returns the people and groups that work in the project can
// be assigned to.
//
// Faults: NotFound when actor may not see the project's work packages,
// Forbidden when actor may neither add nor edit them.
func (s *Service) AvailableAssignees(ctx context.Context, a access.Actor, project id.Project) ([]Named, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Named, error) {
		g, err := access.Load(ctx, tx, a, []id.Project{project})
		switch {
		case err != nil:
			return nil, err
		case !g.Has(access.ViewWorkPackages, project):
			return nil, fault.NotFound("project")
		case !g.Has(access.AddWorkPackages, project) && !g.Has(access.EditWorkPackages, project):
			return nil, fault.Forbidden("you may not assign work in this project")
		}
		return people(ctx, tx, access.Assignable(project))
	})
}

func people(ctx context.Context, tx *db.Tx, cond db.Frag) ([]Named, error) {
	ids, err := db.All[id.User](ctx, tx, db.SQL(`SELECT u.id FROM users u WHERE u.deleted_at IS NULL AND`).
		Append(cond.Paren()).Add(`ORDER BY u.name_folded, u.id`))
	if err != nil {
		return nil, err
	}
	byID, err := Principals(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Named, len(ids))
	for i, u := range ids {
		out[i] = byID[u]
	}
	return out, nil
}

// canSee is the condition that u.id is an active person who may see the work
// packages of the project.
func canSee(project id.Project) db.Frag { return access.Holders(access.ViewWorkPackages, project) }

// Watch adds a watcher and says whether it is new. Anyone who may see a work
// package may watch it; adding others needs a right of its own.
//
// Faults: NotFound when actor may not see it, Forbidden without the right,
// Invalid when the person may not see the work package.
func (s *Service) Watch(ctx context.Context, a access.Actor, wp id.WorkPackage, user id.User) (bool, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (bool, error) {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return false, err
		}
		if err := mayWatch(ctx, tx, a, w, user, access.AddWorkPackageWatchers); err != nil {
			return false, err
		}
		_, ok, err := db.One[id.User](ctx, tx, db.SQL(`SELECT u.id FROM users u WHERE u.id = ? AND u.deleted_at IS NULL AND`, user).
			Append(canSee(w.ProjectID)))
		if err != nil {
			return false, err
		}
		if !ok {
			return false, fault.InvalidField("user", "not_available")
		}
		n, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO watchers (work_package_id, user_id, created_at) VALUES (?, ?, ?)
			ON CONFLICT (work_package_id, user_id) DO NOTHING`, wp, user, tx.Stamp()))
		return n == 1, err
	})
}

// Unwatch removes a watcher; removing someone who does not watch is no error.
//
// Faults: NotFound when actor may not see it, Forbidden without the right.
func (s *Service) Unwatch(ctx context.Context, a access.Actor, wp id.WorkPackage, user id.User) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		w, err := visible(ctx, tx, a, wp)
		if err != nil {
			return err
		}
		if err := mayWatch(ctx, tx, a, w, user, access.DeleteWorkPackageWatchers); err != nil {
			return err
		}
		_, err = db.Exec(ctx, tx, db.SQL(`DELETE FROM watchers WHERE work_package_id = ? AND user_id = ?`, wp, user))
		return err
	})
}

func mayWatch(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, user id.User, others access.Permission) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	if user == a.ID {
		return nil
	}
	return access.Require(ctx, tx, a, others, w.ProjectID)
}
