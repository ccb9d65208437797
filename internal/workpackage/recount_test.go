package workpackage_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// holidays are settings whose non-working days can change.
type holidays struct {
	settings
	off *[]db.Day
}

func (h holidays) NonWorkingDays() []db.Day { return *h.off }

func TestDurationsAreCountedAnew(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, off := t.Context(), []db.Day{}
		start(t, d, settings{})
		s := workpackage.New(workpackage.Deps{DB: d, Settings: holidays{off: &off}, Attachments: noFiles{}})
		span := func(subject string, ignore bool) *workpackage.WorkPackage {
			p := in(p1, subject)
			p.StartDate, p.DueDate, p.IgnoreNonWorkingDays = opt.Ptr(db.Day("2026-12-21")), opt.Ptr(db.Day("2026-12-28")), opt.Of(ignore)
			return mustCreate(t, s, p)
		}
		week, all := span("counts", false), span("ignores", true)
		undated := mustCreate(t, s, in(p1, "without dates"))
		duration := func(w *workpackage.WorkPackage) int {
			t.Helper()
			got, err := s.Find(ctx, ann, w.ID)
			if err != nil {
				t.Fatal(err)
			}
			if w.StartDate != nil && (*got.StartDate != *w.StartDate || *got.DueDate != *w.DueDate) {
				t.Errorf("the dates of %s moved", got.Subject)
			}
			if got.Duration == nil {
				return 0
			}
			return *got.Duration
		}
		if duration(week) != 6 || duration(all) != 8 {
			t.Fatalf("before: %d and %d days", duration(week), duration(all))
		}
		off = []db.Day{"2026-12-25", "2026-12-26", "2026-12-24"}
		n, err := s.Recount(ctx, access.System("test"))
		if err != nil || n != 1 {
			t.Errorf("counted %d, %v; want 1", n, err)
		}
		if duration(week) != 4 || duration(all) != 8 || duration(undated) != 0 {
			t.Errorf("after: %d, %d and %d days", duration(week), duration(all), duration(undated))
		}
		if n, err := s.Recount(ctx, access.System("test")); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
		acts, err := s.Activities(ctx, ann, week.ID)
		if err != nil || len(acts) != 2 || acts[1].Cause != workpackage.CauseCalendar {
			t.Errorf("the activity is %+v, %v", acts, err)
		}
		moved, err := s.Update(ctx, ann, undated.ID, workpackage.Patch{LockVersion: opt.Of(0), StartDate: opt.Ptr(db.Day("2026-12-24")), Duration: opt.Ptr(2)})
		if err != nil || *moved.StartDate != "2026-12-28" || *moved.DueDate != "2026-12-29" {
			t.Errorf("a new date on a holiday: %+v, %v", moved, err)
		}
	})
}
