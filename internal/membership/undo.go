package membership

import (
	"cmp"
	"context"
	"slices"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Undo takes the newest change of each of the memberships back, all or none, which
// must be the actor's own: one that was removed comes back, one that was made goes,
// and the own roles are those before. It is a change like any other, so that undoing
// it in turn brings the change back.
//
// Faults: NotFound when actor may not see one, Conflict when someone else has changed
// it since, Forbidden and Invalid when the rights or the rules of today refuse.
func (s *Service) Undo(ctx context.Context, a access.Actor, ns ...id.Member) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		changes := make([]journal.Last[state], 0, len(ns))
		for _, n := range ns {
			last, err := journal.Newest[state](ctx, tx, journal.Member, int64(n))
			if err != nil {
				return err
			}
			last.EntityID = int64(n)
			changes = append(changes, last)
		}
		// Groups were made members after their people; those go in reverse.
		slices.SortFunc(changes, func(x, y journal.Last[state]) int {
			if x.Was == nil && y.Was == nil {
				x, y = y, x
			}
			return cmp.Compare(x.EntityID, y.EntityID)
		})
		for _, last := range changes {
			if err := s.undo(ctx, tx, a, last); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) undo(ctx context.Context, tx *db.Tx, a access.Actor, last journal.Last[state]) error {
	n := id.Member(last.EntityID)
	m, err := managed(ctx, tx, a, n)
	if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) {
		return s.bringBack(ctx, tx, a, n, *last.Was)
	}
	if err == nil {
		err = last.OwnedBy(a.ID)
	}
	switch {
	case err != nil:
		return err
	case last.Was == nil:
		return s.remove(ctx, tx, a, journal.CauseUndo, m)
	case slices.Equal(last.Was.Roles, last.Now.Roles): // only what a group gives has changed
		return journal.NothingToUndo()
	}
	return s.give(ctx, tx, a, journal.CauseUndo, m, last.Was.Roles)
}

// bringBack makes a membership again that the actor has removed.
func (s *Service) bringBack(ctx context.Context, tx *db.Tx, a access.Actor, n id.Member, was state) error {
	in := CreateInput{Principal: was.Principal, Roles: was.Roles}
	if was.Project != nil {
		in.Project = *was.Project
	}
	if err := mayManage(ctx, tx, a, in.Project); err != nil {
		return err
	}
	bad, err := in.check(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := fault.Invalid(bad...); err != nil {
		return err
	}
	_, err = s.create(ctx, tx, a, in, n)
	return err
}

// UndoRole takes the newest change of each of the roles back, all or none, as Undo
// does. A role that was just created goes while nothing has it, and then also comes
// back; one that was deleted does not, because its workflow is gone.
//
// Faults: Forbidden for everyone but administrators, else as Undo.
func (s *Service) UndoRole(ctx context.Context, a access.Actor, ns ...id.Role) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if err := access.RequireAdmin(a); err != nil {
			return err
		}
		for _, n := range ns {
			if err := s.undoRole(ctx, tx, a, n); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) undoRole(ctx context.Context, tx *db.Tx, a access.Actor, n id.Role) error {
	last, err := journal.Newest[roleState](ctx, tx, journal.Role, int64(n))
	if err != nil {
		return err
	}
	r, err := role(ctx, tx, n)
	if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) && last.Cause == journal.CauseUndo {
		return s.insertRole(ctx, tx, a, &Role{ID: n, Name: last.Was.Name, Kind: last.Was.Kind, Permissions: last.Was.Permissions}, journal.Undoing())
	}
	if err == nil {
		err = last.OwnedBy(a.ID)
	}
	switch {
	case err != nil:
		return err
	case last.Was == nil:
		return s.dropUnused(ctx, tx, a, r)
	}
	p := RolePatch{Name: opt.Back(last.Now.Name, last.Was.Name), Permissions: opt.BackAll(last.Now.Permissions, last.Was.Permissions)}
	if !p.Name.Set && !p.Permissions.Set {
		return s.placeRole(ctx, tx, a, r, last.Was.Position, journal.Undoing())
	}
	return s.changeRole(ctx, tx, a, r, p, journal.Undoing())
}

// dropUnused deletes a role that was just created, unless a workflow knows it already:
// that would not come back with it.
func (s *Service) dropUnused(ctx context.Context, tx *db.Tx, a access.Actor, r *Role) error {
	steps, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM workflows WHERE role_id = ?`, r.ID))
	if err != nil {
		return err
	}
	if steps > 0 {
		return fault.InvalidField("base", "role_has_workflow")
	}
	return s.dropRole(ctx, tx, a, r, journal.Undoing())
}
