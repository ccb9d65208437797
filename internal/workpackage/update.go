package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Update applies p on behalf of actor and returns the new state; all of p is
// applied or none of it.
//
// Faults: NotFound when actor may not see it, Conflict on a stale or missing
// lock version, Forbidden when nothing of it may be changed by actor, Invalid
// with one entry per refused field.
func (s *Service) Update(ctx context.Context, a access.Actor, wp id.WorkPackage, p Patch) (*WorkPackage, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*WorkPackage, error) {
		before, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		return s.update(ctx, tx, a, before, p)
	})
}

func (s *Service) update(ctx context.Context, tx *db.Tx, a access.Actor, before *WorkPackage, p Patch) (*WorkPackage, error) {
	if err := s.mayChange(ctx, tx, a, before, &p); err != nil {
		return nil, err
	}
	if !p.LockVersion.Set || p.LockVersion.V != before.LockVersion {
		return nil, stale()
	}
	d, err := s.draft(ctx, tx, a, before, p)
	if err != nil {
		return nil, err
	}
	if err := d.errs.err(); err != nil {
		return nil, err
	}
	return &d.after, s.save(ctx, tx, a, before, &d.after, p)
}

// mayChange returns Forbidden when the actor may change nothing of a work
// package, and when a comment is given without the right to comment.
func (s *Service) mayChange(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage, p *Patch) error {
	g, err := access.Load(ctx, tx, a, []id.Project{w.ProjectID})
	if err != nil {
		return err
	}
	if p.Notes != "" && !g.Has(access.AddWorkPackageComments, w.ProjectID) && !g.Has(access.EditWorkPackages, w.ProjectID) {
		return fault.Forbidden("you are not allowed to comment on this work package")
	}
	if p.Notes != "" && p.empty() {
		return nil
	}
	for _, perm := range changing {
		if g.Has(perm, w.ProjectID) {
			return nil
		}
	}
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	return fault.Forbidden("you are not allowed to change this work package")
}

// changing are the permissions each of which allows some change.
var changing = []access.Permission{
	access.EditWorkPackages, access.ChangeWorkPackageStatus, access.MoveWorkPackages, access.ManageSubtasks, access.AssignVersions,
}

// empty says whether the patch sets no field.
func (p *Patch) empty() bool {
	for _, f := range Fields {
		if f.set(p) {
			return false
		}
	}
	return len(p.Attachments) == 0
}

func (s *Service) save(ctx context.Context, tx *db.Tx, a access.Actor, before, after *WorkPackage, p Patch) error {
	return s.saveAs(ctx, tx, a, before, after, p, change{notes: p.Notes})
}

// saveAs is save with a journal entry of its own kind.
func (s *Service) saveAs(ctx context.Context, tx *db.Tx, a access.Actor, before, after *WorkPackage, p Patch, c change) error {
	if before.same(after) && p.Notes == "" && len(p.Attachments) == 0 {
		*after = *before // nothing to save: no version, no history
		return nil
	}
	if len(p.Attachments) > 0 {
		if err := s.attachments.Claim(ctx, tx, a, p.Attachments, container, int64(after.ID)); err != nil {
			return err
		}
	}
	if err := update(ctx, tx, after); err != nil {
		return err
	}
	if err := record(ctx, tx, a, after, c); err != nil {
		return err
	}
	if before.ProjectID != after.ProjectID {
		if err := s.moveDescendants(ctx, tx, a, after); err != nil {
			return err
		}
	}
	if text(before.ParentID) == text(after.ParentID) {
		return s.rescheduleAncestors(ctx, tx, a, after.ParentID)
	}
	return s.rescheduleAncestors(ctx, tx, a, before.ParentID, after.ParentID)
}

// same says whether the two have equal values in every field.
func (w *WorkPackage) same(o *WorkPackage) bool {
	a, b := w.state(nil), o.state(nil)
	for _, f := range Fields {
		if fieldText(&a, f.Name) != fieldText(&b, f.Name) {
			return false
		}
	}
	return true
}

// moveDescendants takes everything below a moved work package along. A type
// that the new project does not use becomes its first one.
func (s *Service) moveDescendants(ctx context.Context, tx *db.Tx, a access.Actor, top *WorkPackage) error {
	below, err := descendants(ctx, tx, top.ID)
	if err != nil {
		return err
	}
	for _, child := range below {
		w, err := db.Find[WorkPackage](ctx, tx, "work package", db.SQL(`SELECT `+columns+` FROM work_packages w WHERE w.id = ?`, child))
		if err != nil {
			return err
		}
		before := w
		p := Patch{}
		p.Project.Set, p.Project.V = true, top.ProjectID
		d, err := s.draft(ctx, tx, a, &before, p)
		if err != nil {
			return err
		}
		if err := d.errs.err(); err != nil {
			return err
		}
		if err := update(ctx, tx, &d.after); err != nil {
			return err
		}
		if err := record(ctx, tx, a, &d.after, change{}); err != nil {
			return err
		}
	}
	return nil
}
