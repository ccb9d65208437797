package workpackage_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func TestCloseTakesTheFirstClosedStatusThatTheWorkflowAllows(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		w := mustCreate(t, s, in(p1, "Mend the gate"))
		if _, err := s.Close(ctx, ann, w.ID); !fault.Is(err, fault.KindConflict) {
			t.Errorf("from a status that leads to no closed one: got %v", err)
		}
		p := at(w)
		p.Status = opt.Of(busy)
		if _, err := s.Update(ctx, ann, w.ID, p); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Close(ctx, rob, w.ID); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a reader: got %v", err)
		}
		if _, err := s.Close(ctx, bob, w.ID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a stranger: got %v", err)
		}
		got, err := s.Close(ctx, ann, w.ID)
		if err != nil || got.StatusID != done {
			t.Fatalf("got %+v, %v", got, err)
		}
		again, err := s.Close(ctx, ann, w.ID)
		if err != nil || again.LockVersion != got.LockVersion {
			t.Errorf("what is closed stays as it is: got version %d after %d, %v", again.LockVersion, got.LockVersion, err)
		}
	})
}

func TestColumnsByUrgency(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		day := func(d string) opt.Value[*db.Day] { return opt.Ptr(db.Day(d)) }
		for _, dates := range [][2]string{{"", "2026-03-02"}, {"", "2026-03-04"}, {"2026-03-02", "2026-03-09"}, {"2026-03-05", "2026-03-09"}, {"", ""}} {
			p := in(p1, "Stone")
			if dates[0] != "" {
				p.StartDate = day(dates[0])
			}
			if dates[1] != "" {
				p.DueDate = day(dates[1])
			}
			mustCreate(t, s, p)
		}
		c, err := s.Columns(t.Context(), ann, workpackage.ListInput{Sort: []filter.Sort{{Name: "due_date"}}}, workpackage.Beginnings{By: workpackage.ByUrgency, Each: 1, Today: "2026-03-04"})
		if err != nil {
			t.Fatal(err)
		}
		if c.Counts[workpackage.Due] != 2 || c.Counts[workpackage.Begun] != 1 || c.Counts[workpackage.Later] != 2 {
			t.Errorf("got %v", c.Counts)
		}
		if due := c.Items[workpackage.Due]; len(due) != 1 || due[0].DueDate == nil || *due[0].DueDate != "2026-03-02" {
			t.Errorf("the first that is due: got %+v", due)
		}
	})
}
