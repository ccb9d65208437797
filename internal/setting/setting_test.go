package setting_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/setting"
)

var admin = access.Operator("test")

func service(t *testing.T, d *db.DB) *setting.Service {
	t.Helper()
	s := setting.New(d, audit.New([]byte("a key of the audit log, for tests")))
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func change(t *testing.T, s *setting.Service, fn func(*setting.Values)) {
	t.Helper()
	if _, err := s.Change(t.Context(), admin, fn); err != nil {
		t.Fatal(err)
	}
}

func title(to string) func(*setting.Values) { return func(v *setting.Values) { v.AppTitle = to } }

func exec(t *testing.T, d *db.DB, text string, args ...any) {
	t.Helper()
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, db.SQL(text, args...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *db.DB, table string) int {
	t.Helper()
	n, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
		return db.Scalar[int](t.Context(), tx, db.SQL(`SELECT COUNT(*) FROM `+table))
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestANewInstanceHasTheDefaults(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if diff := cmp.Diff(setting.Defaults(), service(t, d).Get()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAChangeIsSeenAtOnceHereAndSoonElsewhere(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		here, elsewhere := service(t, d), service(t, d)
		change(t, here, func(v *setting.Values) { v.AppTitle, v.WorkingDays = "Ünsere Pläne", []int{1, 2, 3} })
		want := setting.Defaults()
		want.AppTitle, want.WorkingDays = "Ünsere Pläne", []int{1, 2, 3}
		if diff := cmp.Diff(want, here.Get()); diff != "" {
			t.Errorf("here (-want +got):\n%s", diff)
		}
		if got := elsewhere.Get().AppTitle; got != "Holdfast" {
			t.Errorf("elsewhere at once: %q; the cache is not used", got)
		}
		c.Advance(4 * time.Second)
		if diff := cmp.Diff(want, elsewhere.Get()); diff != "" {
			t.Errorf("elsewhere soon (-want +got):\n%s", diff)
		}
	})
}

func TestReadersMayKeepAndChangeWhatTheyGot(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d)
		v := s.Get()
		v.WorkingDays[0], v.PerPage[0], v.DefaultModules[0] = 7, 1, "x"
		if diff := cmp.Diff(setting.Defaults(), s.Get()); diff != "" {
			t.Errorf("the cache has changed (-want +got):\n%s", diff)
		}
		change(t, s, func(v *setting.Values) { v.WorkingDays[0] = 7 }) // in place
		if got := service(t, d).Get().WorkingDays; got[0] != 7 {
			t.Errorf("stored are %v, the change in place is lost", got)
		}
	})
}

func TestOnlyAdministratorsChangeSettings(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d)
		for a, want := range map[access.Actor]fault.Kind{
			{Kind: access.Person, ID: 7}: fault.KindForbidden, access.Anonymous("192.0.2.1"): fault.KindUnauthenticated,
		} {
			if _, err := s.Change(t.Context(), a, title("mine")); !fault.Is(err, want) {
				t.Errorf("got %v", err)
			}
		}
		if got := s.Get().AppTitle; got != "Holdfast" || count(t, d, "settings") != 0 {
			t.Errorf("the title is %q", got)
		}
	})
}

func TestAllRefusedSettingsAreNamedAndNothingIsSaved(t *testing.T) {
	tests := []struct {
		name   string
		change func(*setting.Values)
		want   string
	}{
		{"no title", title(" "), "app_title:blank"},
		{"a long title", title(strings.Repeat("ü", 101)), "app_title:too_long"},
		{"a title of two lines", title("a\nBcc: x@example.org"), "app_title:invalid"},
		{"bytes that are no text", func(v *setting.Values) { v.WelcomeText = "\xff" }, "welcome_text:invalid"},
		{"a zero byte", func(v *setting.Values) { v.WelcomeText = "a\x00b" }, "welcome_text:invalid"},
		{"a novel", func(v *setting.Values) { v.WelcomeText = strings.Repeat("x", 65_537) }, "welcome_text:too_long"},
		{"an unknown module", func(v *setting.Values) { v.DefaultModules = []string{"teleport"} }, "default_projects_modules:inclusion"},
		{"a module twice", func(v *setting.Values) { v.DefaultModules = []string{"wiki", "wiki"} }, "default_projects_modules:taken"},
		{"no page size", func(v *setting.Values) { v.PerPage = nil }, "per_page_options:blank"},
		{"a page larger than the largest", func(v *setting.Values) { v.PerPage = []int{20, 1001} }, "per_page_options:out_of_range"},
		{"a largest page that is too small", func(v *setting.Values) { v.MaxPageSize = 49 }, "apiv3_max_page_size:out_of_range per_page_options:out_of_range"},
		{"a largest page that is too large", func(v *setting.Values) { v.MaxPageSize = 5001 }, "apiv3_max_page_size:out_of_range"},
		{"no working day", func(v *setting.Values) { v.WorkingDays = []int{} }, "working_days:blank"},
		{"an eighth day", func(v *setting.Values) { v.WorkingDays = []int{1, 8} }, "working_days:out_of_range"},
		{"a day twice", func(v *setting.Values) { v.WorkingDays = []int{1, 1} }, "working_days:taken"},
		{"a day of no hours", func(v *setting.Values) { v.HoursPerDay = 0 }, "hours_per_day:out_of_range"},
		{"time before now", func(v *setting.Values) { v.JournalAggregationMin = -1 }, "journal_aggregation_time_minutes:out_of_range"},
		{"a role that is not there", func(v *setting.Values) { v.NewProjectRole = 999 }, "new_project_user_role_id:inclusion"},
		{
			"several at once", func(v *setting.Values) { v.AppTitle, v.HoursPerDay, v.NewProjectRole = "", 25, 999 },
			"app_title:blank hours_per_day:out_of_range new_project_user_role_id:inclusion",
		},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d)
		for _, tt := range tests {
			_, err := s.Change(t.Context(), admin, tt.change)
			var got []string
			for _, f := range fault.Fields(err) {
				got = append(got, f.Name+":"+f.Code)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%s: got %v (%v), want %s", tt.name, got, err, tt.want)
			}
		}
		if diff := cmp.Diff(setting.Defaults(), s.Get()); diff != "" || count(t, d, "settings")+count(t, d, "journals") != 0 {
			t.Errorf("a refused change left something (-want +got):\n%s", diff)
		}
	})
}

func TestChangesAreJournaledAndAudited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), service(t, d)
		change(t, s, func(v *setting.Values) { v.AppTitle, v.HoursPerDay = "Plans", 7 })
		change(t, s, title("Plans")) // nothing differs
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			entries, err := journal.List(ctx, tx, journal.Setting, 1)
			if err != nil {
				return err
			}
			if len(entries) != 1 || entries[0].UserID != admin.ID || !strings.Contains(entries[0].Data, `"app_title":"Plans"`) {
				t.Errorf("the journal holds %+v", entries)
			}
			details, err := db.All[string](ctx, tx, db.SQL(`SELECT detail FROM audit_entries WHERE action = 'setting.change'`))
			if diff := cmp.Diff([]string{`{"changed":["app_title","hours_per_day"]}`}, details); diff != "" {
				t.Errorf("the audit log (-want +got):\n%s", diff)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestSimultaneousChangesAreAllKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d)
		changes := []func(*setting.Values){
			title("Plans"), func(v *setting.Values) { v.HoursPerDay = 7 }, func(v *setting.Values) { v.SelfRegistration = true },
			func(v *setting.Values) { v.MaxPageSize = 500 }, func(v *setting.Values) { v.WelcomeText = "Hello" },
		}
		var wg sync.WaitGroup
		for _, fn := range changes {
			wg.Go(func() {
				if _, err := s.Change(t.Context(), admin, fn); err != nil {
					t.Error(err)
				}
				s.Get()
			})
		}
		wg.Wait()
		want := setting.Defaults()
		for _, fn := range changes {
			fn(&want)
		}
		if diff := cmp.Diff(want, s.Get()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestTheRoleOfCreatorsIsSeenOnceItsTransactionCommits(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), service(t, d)
		set := func(end error) error {
			return db.Do(ctx, d, func(tx *db.Tx) error {
				role, err := db.Insert[id.Role](ctx, tx, db.SQL(`INSERT INTO roles (name, kind, position, created_at, updated_at)
					VALUES ('Creator', 'ProjectRole', 1, 0, 0) RETURNING id`))
				if err == nil {
					err = s.SetNewProjectRole(ctx, tx, role)
				}
				return errors.Join(err, end)
			})
		}
		if err := set(errors.New("rolled back")); err == nil || s.Get().NewProjectRole != 0 {
			t.Errorf("%v; the role is %d", err, s.Get().NewProjectRole)
		}
		if err := set(nil); err != nil || s.Get().NewProjectRole == 0 {
			t.Errorf("%v; the role is %d", err, s.Get().NewProjectRole)
		}
	})
}

func TestTheLastKnownSettingsServeWhileTheDatabaseIsAway(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		s := service(t, d)
		change(t, s, title("Plans"))
		s.Get()
		exec(t, d, `ALTER TABLE settings RENAME TO settings_out_of_reach`)
		c.Advance(time.Minute)
		if got := s.Get().AppTitle; got != "Plans" {
			t.Errorf("got %q", got)
		}
		if err := s.Load(t.Context()); err == nil {
			t.Error("Load said nothing")
		}
		exec(t, d, `ALTER TABLE settings_out_of_reach RENAME TO settings`)
		exec(t, d, `UPDATE settings SET value = '"Back"' WHERE name = 'app_title'`)
		c.Advance(time.Minute)
		if got := s.Get().AppTitle; got != "Back" {
			t.Errorf("got %q, want what the database holds again", got)
		}
	})
}

func TestASettingOfAnotherTypeIsReported(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d)
		exec(t, d, `INSERT INTO settings (name, value, updated_at) VALUES ('hours_per_day', '"eight"', 0), ('from_a_newer_version', '1', 0)`)
		if err := s.Load(context.Background()); err == nil || !strings.Contains(err.Error(), "hours_per_day") {
			t.Errorf("got %v, want the name of the setting", err)
		}
	})
}

func TestAnInstanceIsInstalledOnce(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		a, b := service(t, d), service(t, d)
		if err := a.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := a.Get()
		if len(first.InstanceID) != 36 || first.InstalledAt == 0 {
			t.Fatalf("got %q at %d", first.InstanceID, first.InstalledAt)
		}
		c.Advance(time.Second) // b does not know yet
		if err := b.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, b.Get()); diff != "" {
			t.Errorf("the second node (-first +second):\n%s", diff)
		}
	})
}

func TestTheTimeInWhichChangesAreMergedIsASetting(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := service(t, d)
		change(t, s, title("One"))
		change(t, s, title("Two"))
		if n := count(t, d, "journals"); n != 1 {
			t.Fatalf("%d entries within the time, want 1", n)
		}
		change(t, s, func(v *setting.Values) { v.JournalAggregationMin = 0 })
		change(t, s, title("Three"))
		if n := count(t, d, "journals"); n != 3 {
			t.Errorf("%d entries with the time set to 0, want 3", n)
		}
	})
}
