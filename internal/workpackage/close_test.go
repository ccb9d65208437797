package workpackage_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/fault"
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
