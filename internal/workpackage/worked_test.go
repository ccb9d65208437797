package workpackage_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func TestWhatSomebodyWorkedOnLast(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		first, _, third := mustCreate(t, s, in(p1, "first")), mustCreate(t, s, in(p1, "second")), mustCreate(t, s, in(p1, "third"))
		if _, err := s.Comment(t.Context(), rob, first.ID, "seen", false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Comment(t.Context(), ann, first.ID, "begun", false); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), ann, third.ID); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			who  access.Actor
			n    int
			want []string
		}{{ann, 5, []string{"first", "second"}}, {ann, 1, []string{"first"}}, {rob, 5, []string{"first"}}, {zoe, 5, nil}} {
			list, err := s.Worked(t.Context(), c.who, c.n)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range list.Items {
				got = append(got, w.Subject)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, at most %d (-want +got):\n%s", c.who.Name, c.n, diff)
			}
		}
		if _, err := s.Worked(t.Context(), access.Anonymous(""), 5); !fault.Is(err, fault.KindUnauthenticated) {
			t.Errorf("a visitor: %v", err)
		}
	})
}
