package category

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Undo takes the newest change of a category back, which must be the actor's own: one
// that was deleted comes back under its number and to its work packages, as far as
// nobody has changed them since; one that was just created goes while no work package
// has it. It is a change like any other, so that undoing it in turn brings the change back.
//
// Faults: NotFound when actor may not see its project, Conflict when someone else has
// changed it since, Forbidden and Invalid when the rights or the rules of today refuse.
func (s *Service) Undo(ctx context.Context, a access.Actor, n id.Category) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		last, err := journal.Newest[state](ctx, tx, journal.Category, int64(n))
		if err != nil {
			return err
		}
		c, err := managed(ctx, tx, a, n)
		if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) {
			return s.bringBack(ctx, tx, a, n, last)
		}
		if err == nil {
			err = last.OwnedBy(a.ID)
		}
		if err != nil {
			return err
		}
		if last.Was != nil {
			_, err := c.save(ctx, tx, a, last.Now.backTo(*last.Was), journal.Undoing())
			return err
		}
		if err := s.work.ReturnPlanning(ctx, tx, a, last.Entry); err != nil {
			return err
		}
		used, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM work_packages WHERE category_id = ?`, n))
		if err != nil {
			return err
		}
		if used > 0 {
			return fault.Invalid(fault.Field{Name: "base", Code: "category_in_use", Params: map[string]any{"n": used}})
		}
		return remove(ctx, tx, a, c, journal.Undoing())
	})
}

// bringBack makes a category again that the actor has deleted.
func (s *Service) bringBack(ctx context.Context, tx *db.Tx, a access.Actor, n id.Category, last journal.Last[state]) error {
	if err := mayManage(ctx, tx, a, last.Was.ProjectID); err != nil {
		return err
	}
	if _, err := insert(ctx, tx, a, Category{ID: n, ProjectID: last.Was.ProjectID}, state{}.backTo(*last.Was), journal.Undoing()); err != nil {
		return err
	}
	return s.work.ReturnPlanning(ctx, tx, a, last.Entry)
}

// backTo is the patch that makes was of now.
func (now state) backTo(was state) Patch {
	return Patch{Name: opt.Back(now.Name, was.Name), Assignee: opt.BackPtr(now.AssigneeID, was.AssigneeID)}
}
