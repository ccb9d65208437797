package setting_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/setting"
)

func TestNonWorkingDays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), service(t, d)
		if err := s.AddNonWorkingDay(ctx, admin, setting.NonWorkingDay{Date: "2026-12-25", Name: " Christmas "}); err != nil {
			t.Fatal(err)
		}
		v := s.Get()
		if diff := cmp.Diff([]setting.NonWorkingDay{{Date: "2026-12-25", Name: "Christmas"}}, v.NonWorkingDays); diff != "" {
			t.Error(diff)
		}
		for day, works := range map[db.Day]bool{"2026-12-24": true, "2026-12-25": false, "2026-12-26": false, "2026-12-28": true} {
			if v.Works(day) != works {
				t.Errorf("%s is worked: %v", day, !works)
			}
		}
		if n := count(t, d, "jobs WHERE kind = 'workpackage.recount'"); n != 1 {
			t.Errorf("%d jobs count durations anew, want 1", n)
		}
		for _, c := range []struct {
			name  string
			actor access.Actor
			in    setting.NonWorkingDay
			want  fault.Kind
			field string
		}{
			{"a member", access.Actor{Kind: access.Person, ID: 11}, setting.NonWorkingDay{Date: "2026-12-24", Name: "Eve"}, fault.KindForbidden, ""},
			{"a visitor", access.Anonymous(""), setting.NonWorkingDay{}, fault.KindUnauthenticated, ""},
			{"the same day", admin, setting.NonWorkingDay{Date: "2026-12-25", Name: "Eve"}, fault.KindInvalid, "date:taken"},
			{"no day", admin, setting.NonWorkingDay{Name: "Eve"}, fault.KindInvalid, "date:blank"},
			{"no such day", admin, setting.NonWorkingDay{Date: "2026-02-30", Name: "Eve"}, fault.KindInvalid, "date:invalid"},
			{"no name", admin, setting.NonWorkingDay{Date: "2026-12-24", Name: " "}, fault.KindInvalid, "name:blank"},
			{"a long name", admin, setting.NonWorkingDay{Date: "2026-12-24", Name: strings.Repeat("x", 101)}, fault.KindInvalid, "name:too_long"},
		} {
			err := s.AddNonWorkingDay(ctx, c.actor, c.in)
			fields := fault.Fields(err)
			if !fault.Is(err, c.want) || c.field != "" && (len(fields) != 1 || fields[0].Name+":"+fields[0].Code != c.field) {
				t.Errorf("%s: got %v", c.name, err)
			}
		}
		if err := s.RemoveNonWorkingDay(ctx, access.Actor{Kind: access.Person, ID: 11}, "2026-12-25"); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a member removes it: %v", err)
		}
		if err := s.RemoveNonWorkingDay(ctx, admin, "2026-12-24"); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a day that is none: %v", err)
		}
		if err := s.RemoveNonWorkingDay(ctx, admin, "2026-12-25"); err != nil || len(s.Get().NonWorkingDays) != 0 {
			t.Errorf("removed: %v, %v", s.Get().NonWorkingDays, err)
		}
		change(t, s, func(v *setting.Values) { v.WorkingDays = []int{1, 2} })
		if n := count(t, d, "jobs WHERE kind = 'workpackage.recount'"); n != 3 {
			t.Errorf("%d jobs count durations anew, want 3", n)
		}
		if n := count(t, d, "audit_entries WHERE detail LIKE '%Christmas%'"); n != 2 {
			t.Errorf("%d entries of the audit log name the day, want 2", n)
		}
	})
}
