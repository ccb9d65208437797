package workpackage_test

import (
	"errors"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func TestUndoTakesBackTheLastChangeOnly(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		w := mustCreate(t, s, in(p1, "first"))
		if err := s.Undo(t.Context(), ann, w.ID); !fault.Is(err, fault.KindConflict) {
			t.Errorf("nothing changed yet: got %v, want Conflict", err)
		}
		change := func(who access.Actor, p workpackage.Patch) {
			t.Helper()
			var err error
			if w, err = s.Update(t.Context(), who, w.ID, p); err != nil {
				t.Fatal(err)
			}
		}
		p := at(w)
		p.Subject, p.StartDate, p.DueDate = opt.Of("second"), opt.Ptr(db.Day("2026-11-23")), opt.Ptr(db.Day("2026-11-25"))
		change(ann, p)
		p = at(w)
		p.Subject, p.EstimatedSeconds, p.Description = opt.Of("third"), opt.Ptr(int64(7200)), opt.Of("long")
		change(ann, p) // the history merges the two with the first
		if _, err := s.Comment(t.Context(), ann, w.ID, "a comment is no change", false); err != nil {
			t.Fatal(err)
		}
		is := func(what, subject string, work *int64) {
			t.Helper()
			err := s.Undo(t.Context(), ann, w.ID)
			now, ferr := s.Find(t.Context(), ann, w.ID)
			if err = errors.Join(err, ferr); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if now.Subject != subject || (now.EstimatedSeconds == nil) != (work == nil) || now.StartDate == nil || *now.DueDate != "2026-11-25" {
				t.Errorf("%s: got %+v", what, now)
			}
		}
		is("undone", "second", nil)
		is("undone again", "third", new(int64))
		acts, err := s.Activities(t.Context(), ann, w.ID)
		if err != nil || len(acts) < 3 || acts[len(acts)-1].Cause != journal.CauseUndo || len(acts[len(acts)-1].Changes) != 5 {
			t.Errorf("got %+v, %v, want each undo as a change of its own", acts, err)
		}
	})
}

func TestUndoIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := start(t, d, settings{})
		w := mustCreate(t, s, in(p1, "first"))
		p := at(w)
		p.Subject = opt.Of("second")
		w, err := s.Update(t.Context(), ann, w.ID, p)
		if err != nil {
			t.Fatal(err)
		}
		for who, want := range map[*access.Actor]fault.Kind{&bob: fault.KindNotFound, &rob: fault.KindConflict, &zoe: fault.KindConflict} {
			if err := s.Undo(t.Context(), *who, w.ID); fault.KindOf(err) != want {
				t.Errorf("%s: got %v, want %v", who.Name, err, want)
			}
		}
		p = at(w)
		p.Description = opt.Of("by zoe")
		if _, err := s.Update(t.Context(), zoe, w.ID, p); err != nil {
			t.Fatal(err)
		}
		if err := s.Undo(t.Context(), ann, w.ID); !fault.Is(err, fault.KindConflict) {
			t.Errorf("after someone else: got %v, want Conflict", err)
		}
		mine := mustCreate(t, s, in(p1, "mine"))
		p = at(mine)
		p.Subject = opt.Of("mine, too")
		if _, err := s.Update(t.Context(), ann, mine.ID, p); err != nil {
			t.Fatal(err)
		}
		err = db.Do(t.Context(), d, func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, db.SQL(`DELETE FROM role_permissions WHERE permission <> 'view_work_packages'`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Undo(t.Context(), ann, mine.ID); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("without the right any more: got %v, want Forbidden", err)
		}
	})
}

func TestTheEditOfACommentIsTakenBack(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		w := mustCreate(t, s, in(p1, "first"))
		act, err := s.Comment(t.Context(), ann, w.ID, "one", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.UndoComment(t.Context(), ann, act.ID); !fault.Is(err, fault.KindConflict) {
			t.Errorf("nobody has edited it: got %v, want Conflict", err)
		}
		for _, note := range []string{"two", "two"} { // the second changes nothing
			if act, err = s.EditComment(t.Context(), ann, act.ID, note); err != nil || !act.EditedBySelf {
				t.Fatalf("edited: %+v, %v", act, err)
			}
		}
		for _, want := range []string{"one", "two"} {
			err := s.UndoComment(t.Context(), ann, act.ID)
			now, ferr := s.Activity(t.Context(), ann, act.ID)
			if err = errors.Join(err, ferr); err != nil || now.Notes != want {
				t.Errorf("got %+v, %v, want %q", now, err, want)
			}
		}
	})
}
