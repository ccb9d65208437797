package loadgen_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/loadgen"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/seed"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func fill(t *testing.T, d *db.DB, p loadgen.Plan) (loadgen.Result, error) {
	t.Helper()
	base := seed.BaseServices{DB: d, Catalog: catalog.New(d), Membership: membership.New(membership.Deps{DB: d, Audit: audit.New([]byte("k"))})}
	if _, err := seed.Base(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	return loadgen.Fill(t.Context(), d, blobs, p)
}

func numbers(t *testing.T, d *db.DB, query string) []int64 {
	t.Helper()
	n, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]int64, error) { return db.All[int64](t.Context(), tx, db.SQL(query)) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var small = loadgen.Plan{Projects: 7, Users: 5, WorkPackages: 2300, Journals: 3, Files: 3, FileBytes: 30_000, Seed: 9}

func TestFillMakesWhatThePlanSays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		got, err := fill(t, d, small)
		if err != nil {
			t.Fatal(err)
		}
		want := loadgen.Result{Projects: 7, Users: 5, WorkPackages: 2300, Journals: 6900, Files: 3}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for query, want := range map[string]int64{
			`SELECT COUNT(*) FROM work_packages`:                                             2300,
			`SELECT COUNT(*) FROM journals WHERE entity_type = 'WorkPackage'`:                6900,
			`SELECT COUNT(DISTINCT entity_id) FROM journals WHERE entity_type='WorkPackage'`: 2300,
			`SELECT COUNT(*) FROM projects`:                                                  7,
			`SELECT COUNT(*) FROM attachments`:                                               3,
			`SELECT CAST(SUM(size) AS BIGINT) FROM attachments`:                              30_000,
			`SELECT COUNT(*) FROM work_packages w JOIN work_packages p ON p.id = w.parent_id
				WHERE p.project_id <> w.project_id`: 0,
		} {
			if n := numbers(t, d, query); n[0] != want {
				t.Errorf("%s: got %d, want %d", query, n[0], want)
			}
		}
	})
}

// What is made can be worked with: a member sees it, and new rows get new ids.
func TestFilledInstanceWorks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if _, err := fill(t, d, small); err != nil {
			t.Fatal(err)
		}
		member := access.Actor{Kind: access.Person, ID: id.User(numbers(t, d, `SELECT id FROM users WHERE login = '`+loadgen.Login(2)+`'`)[0])}
		s := workpackage.New(workpackage.Deps{DB: d, Settings: rules{}})
		page, err := s.List(t.Context(), member, workpackage.ListInput{Page: filter.Page{Number: 1, Size: 100}})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 100 || page.Total <= 100 || page.Total >= 2300 {
			t.Errorf("a member sees %d of %d work packages", len(page.Items), page.Total)
		}
		patch := workpackage.Patch{}
		patch.Project.Set, patch.Project.V = true, id.Project(numbers(t, d, `SELECT MIN(id) FROM projects`)[0])
		patch.Subject.Set, patch.Subject.V = true, "One more"
		w, err := s.Create(t.Context(), member, patch)
		if err != nil {
			t.Fatal(err)
		}
		if w.ID != 2301 {
			t.Errorf("the next work package has the id %d", w.ID)
		}
	})
}

type rules struct{}

func (rules) WorkingDays() []int        { return []int{1, 2, 3, 4, 5} }
func (rules) NonWorkingDays() []db.Day  { return nil }
func (rules) StatusBasedProgress() bool { return false }
func (rules) CompleteOnClose() bool     { return false }

func TestFillRefusesAnInstanceInUse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := loadgen.Plan{Projects: 1, Users: 1, WorkPackages: 1, Seed: 1}
		if _, err := fill(t, d, p); err != nil {
			t.Fatal(err)
		}
		if _, err := fill(t, d, p); !fault.Is(err, fault.KindConflict) {
			t.Errorf("filled again: %v", err)
		}
	})
}

func TestTheSameSeedMakesTheSameRows(t *testing.T) {
	sum := func(seed uint64) [2]int64 {
		d := dbtest.OpenSQLite(t, nil)
		p := small
		p.Seed, p.Files = seed, 0
		if _, err := fill(t, d, p); err != nil {
			t.Fatal(err)
		}
		return [2]int64{
			numbers(t, d, `SELECT SUM(project_id * 7 + status_id * 3 + COALESCE(assigned_to_id, 0) * LENGTH(subject)) FROM work_packages`)[0],
			numbers(t, d, `SELECT SUM(LENGTH(notes) * user_id) FROM journals`)[0],
		}
	}
	if a, b := sum(1), sum(1); a != b {
		t.Errorf("%v and %v", a, b)
	}
	if a, b := sum(1), sum(2); a == b {
		t.Errorf("two seeds made the same rows, %v", a)
	}
}
