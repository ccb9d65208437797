package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// Undo takes the newest change of each of the work packages back, which must be the
// actor's own; what was deleted comes back from the trash. It is a change like any
// other, under the same rules and with an entry of its own in the history, so that
// undoing it in turn brings the change back. Comments and files stay. It is all or none.
//
// Faults: NotFound when actor may not see one, Conflict when someone else has
// changed it since or nothing was changed since it was made, Forbidden and Invalid
// when the rights or the rules of today refuse the way back.
func (s *Service) Undo(ctx context.Context, a access.Actor, wps ...id.WorkPackage) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		for _, wp := range wps {
			if err := s.undo(ctx, tx, a, wp); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) undo(ctx context.Context, tx *db.Tx, a access.Actor, wp id.WorkPackage) error {
	last, err := journal.Newest[State](ctx, tx, journal.WorkPackage, int64(wp))
	if err != nil {
		return err
	}
	how := change{cause: journal.CauseUndo, apart: true}
	before, err := visible(ctx, tx, a, wp)
	if fault.Is(err, fault.KindNotFound) && last.GoneBy(a.ID) {
		return restore(ctx, tx, a, wp, how)
	}
	if err == nil {
		err = last.OwnedBy(a.ID)
	}
	if err != nil {
		return err
	}
	if last.Was == nil && last.Version > 1 { // it came back from the trash
		how.deleted = true
		return s.remove(ctx, tx, a, before, how)
	}
	if last.Was == nil {
		return journal.NothingToUndo()
	}
	p := before.state(nil).backTo(*last.Was)
	if p.empty() {
		return journal.NothingToUndo()
	}
	if err := s.mayChange(ctx, tx, a, before, &p); err != nil {
		return err
	}
	d, err := s.draft(ctx, tx, a, before, p)
	if err != nil {
		return err
	}
	if err := d.errs.err(); err != nil {
		return err
	}
	return s.saveAs(ctx, tx, a, before, &d.after, p, how)
}

// backTo is the patch that makes was of now.
func (now State) backTo(was State) Patch {
	return Patch{
		Project: opt.Back(now.ProjectID, was.ProjectID), Type: opt.Back(now.TypeID, was.TypeID), Status: opt.Back(now.StatusID, was.StatusID),
		Priority: opt.Back(now.PriorityID, was.PriorityID), Subject: opt.Back(now.Subject, was.Subject), Description: opt.Back(now.Description, was.Description),
		Assignee: opt.BackPtr(now.AssigneeID, was.AssigneeID), Responsible: opt.BackPtr(now.ResponsibleID, was.ResponsibleID),
		Version: opt.BackPtr(now.VersionID, was.VersionID), Category: opt.BackPtr(now.CategoryID, was.CategoryID), Parent: opt.BackPtr(now.ParentID, was.ParentID),
		StartDate: opt.BackPtr(now.StartDate, was.StartDate), DueDate: opt.BackPtr(now.DueDate, was.DueDate), Duration: opt.BackPtr(now.Duration, was.Duration),
		IgnoreNonWorkingDays: opt.Back(now.IgnoreNonWorkingDays, was.IgnoreNonWorkingDays), ScheduleManually: opt.Back(now.ScheduleManually, was.ScheduleManually),
		DoneRatio: opt.BackPtr(now.DoneRatio, was.DoneRatio), EstimatedSeconds: opt.BackPtr(now.EstimatedSeconds, was.EstimatedSeconds),
		RemainingSeconds: opt.BackPtr(now.RemainingSeconds, was.RemainingSeconds),
	}
}
