package project

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Undo takes the newest change of a project back, which must be the actor's own: one
// in the trash comes back with all that went along, and so does one that was archived.
// It is a change like any other, so that undoing it in turn brings the change back.
//
// Faults: NotFound when actor may not see it, Conflict when someone else has changed
// it since or it was only created, Forbidden and Invalid when the rights or the rules
// of today refuse.
func (s *Service) Undo(ctx context.Context, a access.Actor, n id.Project) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		last, err := journal.Newest[State](ctx, tx, journal.Project, int64(n))
		if err != nil {
			return err
		}
		how := change{cause: journal.CauseUndo, apart: true}
		before, err := visible(ctx, tx, a, n)
		if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) {
			_, err := s.restore(ctx, tx, a, n, how)
			return err
		}
		if err == nil {
			err = mayChange(ctx, tx, a, before)
		}
		if err == nil {
			err = last.OwnedBy(a.ID)
		}
		switch {
		case err != nil:
			return err
		case last.Was != nil:
			return s.goBack(ctx, tx, a, before, last, how)
		case last.Version > 1: // it came back from the trash
			how.deleted = true
			return s.remove(ctx, tx, a, before, how)
		}
		return journal.NothingToUndo()
	})
}

func (s *Service) goBack(ctx context.Context, tx *db.Tx, a access.Actor, before *Project, last journal.Last[State], how change) error {
	d, err := s.draft(ctx, tx, a, before, last.Now.backTo(*last.Was))
	if err != nil {
		return err
	}
	if err := d.errs.err(); err != nil {
		return err
	}
	if _, err := s.save(ctx, tx, a, before, &d.after, how); err != nil || before.Active || !d.after.Active {
		return err
	}
	return s.reviveAlong(ctx, tx, a, before.ID, last.Entry, how)
}

// reviveAlong brings back what was archived together with a project, from the top down:
// nothing is active under what is archived.
func (s *Service) reviveAlong(ctx context.Context, tx *db.Tx, a access.Actor, top id.Project, e journal.Entry, how change) error {
	along, err := journal.Along[State](ctx, tx, e, journal.Project)
	if err != nil {
		return err
	}
	active := map[id.Project]bool{top: true}
	for grown := true; grown; {
		grown = false
		for _, l := range along {
			n := id.Project(l.EntityID)
			if l.Now != nil && !l.Now.Active && l.Now.ParentID != nil && active[*l.Now.ParentID] && !active[n] {
				active[n], grown = true, true
			}
		}
	}
	delete(active, top)
	if len(active) == 0 {
		return nil
	}
	all := make([]id.Project, 0, len(active))
	for n := range active {
		all = append(all, n)
	}
	_, err = s.setActive(ctx, tx, a, all, true, how)
	return err
}

// backTo is the patch that makes was of now.
func (now State) backTo(was State) Patch {
	return Patch{
		Name: opt.Back(now.Name, was.Name), Identifier: opt.Back(now.Identifier, was.Identifier), Description: opt.Back(now.Description, was.Description),
		Public: opt.Back(now.Public, was.Public), Active: opt.Back(now.Active, was.Active), Templated: opt.Back(now.Templated, was.Templated),
		Parent: opt.BackPtr(now.ParentID, was.ParentID), Status: opt.BackPtr(now.Status, was.Status),
		StatusExplanation: opt.Back(now.StatusExplanation, was.StatusExplanation),
		Modules:           opt.BackAll(now.Modules, was.Modules), Types: opt.BackAll(now.Types, was.Types),
	}
}
