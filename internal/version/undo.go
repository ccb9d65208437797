package version

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Undo takes the newest change of a version back, which must be the actor's own: one
// that was deleted comes back under its number, one that was just created goes, and
// work packages that lost it get it back where nobody has changed them since. It is a
// change like any other, so that undoing it in turn brings the change back.
//
// Faults: NotFound when actor may not see it, Conflict when someone else has changed
// it since, Forbidden and Invalid when the rights or the rules of today refuse.
func (s *Service) Undo(ctx context.Context, a access.Actor, n id.Version) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		last, err := journal.Newest[state](ctx, tx, journal.Version, int64(n))
		if err != nil {
			return err
		}
		v, err := managed(ctx, tx, a, n)
		if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) {
			return s.bringBack(ctx, tx, a, n, last)
		}
		if err == nil {
			err = last.OwnedBy(a.ID)
		}
		if err != nil {
			return err
		}
		if last.Was == nil {
			if err := s.work.ReturnPlanning(ctx, tx, a, last.Entry); err != nil {
				return err
			}
			return s.remove(ctx, tx, a, v, journal.Undoing())
		}
		d, err := draft(ctx, tx, a, n, last.Now.backTo(*last.Was))
		if err != nil {
			return err
		}
		if _, err := s.save(ctx, tx, a, d, journal.Undoing()); err != nil {
			return err
		}
		return s.work.ReturnPlanning(ctx, tx, a, last.Entry)
	})
}

// bringBack makes a version again that the actor has deleted.
func (s *Service) bringBack(ctx context.Context, tx *db.Tx, a access.Actor, n id.Version, last journal.Last[state]) error {
	p := state{}.backTo(*last.Was)
	p.Project = opt.Of(last.Was.ProjectID)
	d, err := draft(ctx, tx, a, 0, p)
	if err != nil {
		return err
	}
	d.after.ID = n
	if _, err := insert(ctx, tx, a, d, journal.Undoing()); err != nil {
		return err
	}
	return s.work.ReturnPlanning(ctx, tx, a, last.Entry)
}

// backTo is the patch that makes was of now.
func (now state) backTo(was state) Patch {
	return Patch{
		Name: opt.Back(now.Name, was.Name), Description: opt.Back(now.Description, was.Description),
		StartDate: opt.BackPtr(now.StartDate, was.StartDate), DueDate: opt.BackPtr(now.DueDate, was.DueDate),
		Status: opt.Back(now.Status, was.Status), Sharing: opt.Back(now.Sharing, was.Sharing),
	}
}
