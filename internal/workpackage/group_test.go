package workpackage_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func TestColumnsAreTheBeginningsOfGroups(t *testing.T) {
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		for i := range 5 {
			p := in(p1, fmt.Sprint("Stone ", i))
			if i < 4 {
				p.Assignee = opt.Ptr(ann.ID)
			}
			mustCreate(t, s, p)
		}
		if _, err := s.Create(ctx, zoe, in(p3, "hidden")); err != nil {
			t.Fatal(err)
		}
		list := workpackage.ListInput{Sort: []filter.Sort{{Name: "subject", Desc: true}, {Name: "assignee"}}}
		subjects := func(ws []workpackage.WorkPackage) (out []string) {
			for _, w := range ws {
				out = append(out, w.Subject)
			}
			return out
		}
		c, err := s.Columns(ctx, ann, list, workpackage.Beginnings{By: "assignee", Each: 2})
		if err != nil {
			t.Fatal(err)
		}
		own := int64(ann.ID)
		if d := cmp.Diff(map[int64]int{own: 4, 0: 1}, c.Counts); d != "" {
			t.Errorf("counts (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"Stone 3", "Stone 2"}, subjects(c.Items[own])); d != "" {
			t.Errorf("the first of a group (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"Stone 4"}, subjects(c.Items[0])); d != "" {
			t.Errorf("those without a value (-want +got):\n%s", d)
		}
		if c.Refs.Users[ann.ID].Name == "" {
			t.Error("the assignee has no name")
		}
		if c, err = s.Columns(ctx, ann, list, workpackage.Beginnings{By: "assignee", Each: 1, More: map[int64]int{own: 3}}); err != nil || len(c.Items[own]) != 3 {
			t.Errorf("more of one group: got %v, %v", subjects(c.Items[own]), err)
		}
		if _, err := s.Columns(ctx, ann, list, workpackage.Beginnings{By: "colour"}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("an unknown field: got %v", err)
		}
		list.Sort = []filter.Sort{{Name: "colour"}}
		if _, err := s.Columns(ctx, ann, list, workpackage.Beginnings{By: "status"}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("an unknown order: got %v", err)
		}
		list.Sort, list.Filters = nil, []filter.Condition{{Name: "color", Op: "="}}
		if _, err := s.Columns(ctx, ann, list, workpackage.Beginnings{By: "status"}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("an unknown filter: got %v", err)
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
