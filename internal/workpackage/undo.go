package workpackage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
)

// CauseUndo marks the entries of the history that undo the one before.
const CauseUndo = "undo"

// Undo takes the newest change of a work package back, which must be the actor's
// own. It is a change like any other, under the same rules and with an entry of
// its own in the history, so that undoing it in turn brings the change back.
// Comments and files stay.
//
// Faults: NotFound when actor may not see it, Conflict when someone else has
// changed it since or nothing was changed since it was made, Forbidden and Invalid
// when the rights or the rules of today refuse the way back.
func (s *Service) Undo(ctx context.Context, a access.Actor, wp id.WorkPackage) (*WorkPackage, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (*WorkPackage, error) {
		before, err := visible(ctx, tx, a, wp)
		if err != nil {
			return nil, err
		}
		p, err := wayBack(ctx, tx, a, before)
		if err != nil {
			return nil, err
		}
		if err := s.mayChange(ctx, tx, a, before, p); err != nil {
			return nil, err
		}
		d, err := s.draft(ctx, tx, a, before, *p)
		if err != nil {
			return nil, err
		}
		if err := d.errs.err(); err != nil {
			return nil, err
		}
		return &d.after, s.saveAs(ctx, tx, a, before, &d.after, *p, change{cause: CauseUndo, apart: true})
	})
}

// wayBack is the patch that takes the newest change back.
func wayBack(ctx context.Context, tx *db.Tx, a access.Actor, w *WorkPackage) (*Patch, error) {
	last, data, err := journal.LastChange(ctx, tx, journal.WorkPackage, int64(w.ID))
	if fault.Is(err, fault.KindNotFound) {
		return nil, nothingToUndo()
	}
	if err != nil {
		return nil, err
	}
	if last.UserID != a.ID {
		return nil, fault.Conflict("someone else has changed this work package since, so the change can no longer be undone")
	}
	var was State
	if data != "" {
		if err := json.Unmarshal([]byte(data), &was); err != nil {
			return nil, fmt.Errorf("journal %d: %w", last.ID, err)
		}
	}
	p := w.state(nil).backTo(was)
	if data == "" || p.empty() {
		return nil, nothingToUndo()
	}
	return &p, nil
}

func nothingToUndo() error { return fault.Conflict("there is no change that could be undone") }

// backTo is the patch that makes was of now.
func (now State) backTo(was State) Patch {
	var p Patch
	differ(&p.Project, now.ProjectID, was.ProjectID)
	differ(&p.Type, now.TypeID, was.TypeID)
	differ(&p.Status, now.StatusID, was.StatusID)
	differ(&p.Priority, now.PriorityID, was.PriorityID)
	differ(&p.Subject, now.Subject, was.Subject)
	differ(&p.Description, now.Description, was.Description)
	point(&p.Assignee, now.AssigneeID, was.AssigneeID)
	point(&p.Responsible, now.ResponsibleID, was.ResponsibleID)
	point(&p.Version, now.VersionID, was.VersionID)
	point(&p.Category, now.CategoryID, was.CategoryID)
	point(&p.Parent, now.ParentID, was.ParentID)
	point(&p.StartDate, now.StartDate, was.StartDate)
	point(&p.DueDate, now.DueDate, was.DueDate)
	point(&p.Duration, now.Duration, was.Duration)
	differ(&p.IgnoreNonWorkingDays, now.IgnoreNonWorkingDays, was.IgnoreNonWorkingDays)
	differ(&p.ScheduleManually, now.ScheduleManually, was.ScheduleManually)
	point(&p.DoneRatio, now.DoneRatio, was.DoneRatio)
	point(&p.EstimatedSeconds, now.EstimatedSeconds, was.EstimatedSeconds)
	point(&p.RemainingSeconds, now.RemainingSeconds, was.RemainingSeconds)
	return p
}

func differ[T comparable](to *opt.Value[T], now, was T) {
	if now != was {
		*to = opt.Of(was)
	}
}

func point[T comparable](to *opt.Value[*T], now, was *T) {
	if text(now) != text(was) {
		*to = opt.Of(was)
	}
}
