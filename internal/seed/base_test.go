package seed_test

import (
	"context"
	"errors"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/seed"
)

type settings struct {
	role id.Role
	err  error
}

func (s *settings) SetNewProjectRole(_ context.Context, _ *db.Tx, role id.Role) error {
	s.role = role
	return s.err
}

func base(d *db.DB, st *settings) seed.BaseServices {
	return seed.BaseServices{
		DB: d, Catalog: catalog.New(d), Settings: st,
		Membership: membership.New(membership.Deps{DB: d, Audit: audit.New([]byte("k"))}),
	}
}

func count(t *testing.T, d *db.DB, query string, args ...any) int {
	t.Helper()
	n, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) { return db.Scalar[int](t.Context(), tx, db.SQL(query, args...)) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBaseRunsOnceAndWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		broken := &settings{err: errors.New("no room")}
		if _, err := seed.Base(t.Context(), base(d, broken)); err == nil {
			t.Fatal("a failure in the middle is not reported")
		}
		if n := count(t, d, `SELECT (SELECT COUNT(*) FROM roles) + (SELECT COUNT(*) FROM types)`); n != 0 {
			t.Errorf("%d rows stayed of a seed that failed", n)
		}
		st := &settings{}
		if did, err := seed.Base(t.Context(), base(d, st)); !did || err != nil {
			t.Fatalf("seed: %v, %v", did, err)
		}
		for query, want := range map[string]int{
			`SELECT COUNT(*) FROM roles`:                                                                     7,
			`SELECT COUNT(*) FROM statuses`:                                                                  14,
			`SELECT COUNT(*) FROM types`:                                                                     7,
			`SELECT COUNT(*) FROM priorities`:                                                                4,
			`SELECT COUNT(*) FROM workflows`:                                                                 2 * (25 + 2*49 + 3*121 + 100),
			`SELECT COUNT(*) FROM statuses WHERE is_default AND name = 'New'`:                                1,
			`SELECT COUNT(*) FROM priorities WHERE is_default AND name = 'Normal'`:                           1,
			`SELECT COUNT(*) FROM statuses WHERE is_closed`:                                                  2,
			`SELECT COUNT(*) FROM types WHERE is_default`:                                                    3,
			`SELECT COUNT(*) FROM role_permissions rp JOIN roles r ON r.id = rp.role_id WHERE r.builtin = 8`: 0,
		} {
			if got := count(t, d, query); got != want {
				t.Errorf("%s: got %d, want %d", query, got, want)
			}
		}
		if n := count(t, d, `SELECT COUNT(*) FROM roles WHERE id = ? AND name = ?`, st.role, seed.RoleProjectAdmin); n != 1 {
			t.Errorf("the role of creators is %d", st.role)
		}
		before := count(t, d, `SELECT COUNT(*) FROM journals`)
		if did, err := seed.Base(t.Context(), base(d, st)); did || err != nil {
			t.Errorf("second run: %v, %v", did, err)
		}
		if after := count(t, d, `SELECT COUNT(*) FROM journals`); after != before {
			t.Errorf("the second run wrote %d journals", after-before)
		}
	})
}

func TestPeopleMoveWorkPackagesAlongTheWorkflow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if _, err := seed.Base(t.Context(), base(d, &settings{})); err != nil {
			t.Fatal(err)
		}
		got, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]id.Status, error) {
			bug, err := db.Scalar[id.Type](t.Context(), tx, db.SQL(`SELECT id FROM types WHERE name = 'Bug'`))
			if err != nil {
				return nil, err
			}
			return catalog.Transitions(t.Context(), tx, access.System("test"), catalog.Situation{Project: 1, Type: bug})
		})
		if err != nil || len(got) != 10 {
			t.Errorf("an administrator can give a new bug %d statuses, %v; want 10", len(got), err)
		}
	})
}
