package seed_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/seed"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

type rules struct{}

func (rules) NewProjectRole() id.Role   { return 0 }
func (rules) ProjectModules() []string  { return nil }
func (rules) ProjectsPublic() bool      { return false }
func (rules) WorkingDays() []int        { return []int{1, 2, 3, 4, 5} }
func (rules) NonWorkingDays() []db.Day  { return nil }
func (rules) StatusBasedProgress() bool { return false }
func (rules) CompleteOnClose() bool     { return false }

func services(t *testing.T, d *db.DB) seed.DemoServices {
	t.Helper()
	log := audit.New([]byte("k"))
	members := membership.New(membership.Deps{DB: d, Audit: log})
	files := attachment.New(attachment.Deps{DB: d, Blobs: store(t), MaxSize: func() int64 { return 1 << 20 }})
	wps := workpackage.New(workpackage.Deps{DB: d, Settings: rules{}, Attachments: files})
	files.Register("WorkPackage", wps)
	n := 0
	return seed.DemoServices{
		DB: d, Catalog: catalog.New(d), Membership: members, WorkPackages: wps, Attachments: files,
		Accounts: account.New(account.Deps{DB: d, Keys: secret.NewKeyring(), Hasher: secret.NewHasher(2, secret.Cost{Memory: 8, Passes: 1}), Audit: log, Memberships: members}),
		Versions: version.New(d, wps), Categories: category.New(d, wps),
		Projects: project.New(project.Deps{DB: d, Audit: log, Settings: rules{}, Creators: members}),
		Password: func() string { n++; return fmt.Sprintf("violet-otter-%d-ladder", n) },
	}
}

func store(t *testing.T) blob.Store {
	t.Helper()
	s, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDemoTellsItsStory(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if _, err := seed.Base(t.Context(), base(d, &settings{})); err != nil {
			t.Fatal(err)
		}
		s := services(t, d)
		began := time.Now()
		// A Sunday: dates must fall on working days all the same.
		logins, err := seed.Demo(t.Context(), s, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("the demo took %v", time.Since(began))
		if len(logins) != 3 || logins[0].Login != "mara" || logins[0].Password == logins[1].Password {
			t.Errorf("logins: %+v", logins)
		}
		checkStory(t, d)
		checkReader(t, s)
		if _, err := seed.Demo(t.Context(), s, time.Now()); !fault.Is(err, fault.KindConflict) {
			t.Errorf("a second demo: %v", err)
		}
	})
}

func checkStory(t *testing.T, d *db.DB) {
	t.Helper()
	for query, want := range map[string]int{
		`SELECT COUNT(*) FROM projects`:                                         5,
		`SELECT COUNT(*) FROM projects WHERE public`:                            1,
		`SELECT COUNT(*) FROM projects WHERE parent_id IS NOT NULL`:             2,
		`SELECT COUNT(*) FROM users WHERE kind = 'User'`:                        10,
		`SELECT COUNT(*) FROM attachments WHERE container_type = 'WorkPackage'`: 4,
		`SELECT COUNT(*) FROM watchers`:                                         10,
		`SELECT COUNT(*) FROM versions`:                                         5,
		`SELECT COUNT(*) FROM versions WHERE status = 'closed'`:                 1,
		`SELECT COUNT(*) FROM categories`:                                       5,
		`SELECT COUNT(*) FROM journals WHERE notes <> ''`:                       19,
		`SELECT COUNT(*) FROM work_packages WHERE start_date IS NULL`:           0,
	} {
		if got := count(t, d, query); got != want {
			t.Errorf("%s: got %d, want %d", query, got, want)
		}
	}
	for query, least := range map[string]int{
		`SELECT COUNT(*) FROM work_packages`:                                                                 90,
		`SELECT COUNT(*) FROM work_packages WHERE version_id IS NOT NULL`:                                    30,
		`SELECT COUNT(*) FROM work_packages WHERE category_id IS NOT NULL`:                                   30,
		`SELECT COUNT(*) FROM work_packages WHERE parent_id IS NOT NULL`:                                     60,
		`SELECT COUNT(*) FROM work_packages w JOIN statuses s ON s.id = w.status_id WHERE s.is_closed`:       15,
		`SELECT COUNT(*) FROM work_packages w JOIN statuses s ON s.id = w.status_id WHERE s.name = 'New'`:    15,
		`SELECT COUNT(DISTINCT status_id) FROM work_packages`:                                                8,
		`SELECT COUNT(DISTINCT author_id) FROM work_packages`:                                                6,
		`SELECT COUNT(*) FROM journals WHERE entity_type = 'WorkPackage' AND version > 1`:                    20,
		`SELECT COUNT(*) FROM member_roles WHERE inherited_from IS NOT NULL`:                                 9,
		`SELECT COUNT(*) FROM work_packages WHERE start_date < '2026-11-01' AND due_date > '2026-11-01'`:     5,
		`SELECT COUNT(*) FROM work_packages WHERE start_date > '2026-11-23' AND done_ratio IS NOT NULL`:      15,
		`SELECT COUNT(*) FROM journals WHERE entity_type = 'Member'`:                                         30,
		`SELECT COUNT(*) FROM work_packages w JOIN statuses s ON s.id = w.status_id WHERE s.name = 'Closed'`: 15,
	} {
		if got := count(t, d, query); got < least {
			t.Errorf("%s: got %d, want at least %d", query, got, least)
		}
	}
}

// checkReader looks at the story with the eyes of somebody of the visitor services.
func checkReader(t *testing.T, s seed.DemoServices) {
	t.Helper()
	who, err := db.Read(t.Context(), s.DB, func(tx *db.Tx) (id.User, error) {
		return db.Scalar[id.User](t.Context(), tx, db.SQL(`SELECT id FROM users WHERE login = 'samuel'`))
	})
	if err != nil {
		t.Fatal(err)
	}
	a := access.Actor{Kind: access.Person, ID: who}
	page, err := s.Projects.List(context.Background(), a, project.ListInput{Page: filter.Page{Number: 1, Size: 20}})
	if err != nil || page.Total != 4 {
		t.Errorf("samuel sees %+v, %v; want 4 projects", page, err)
	}
}
