package project_test

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/project"
)

// planned adds work packages to the cast: two open and one closed in project 1, one in 2, none elsewhere.
func planned(t *testing.T, d *db.DB) {
	t.Helper()
	for _, s := range []string{
		`INSERT INTO statuses (id, name, is_closed, position, created_at, updated_at) VALUES (1, 'New', FALSE, 1, 0, 0), (2, 'Done', TRUE, 2, 0, 0)`,
		`INSERT INTO priorities (id, name, position, created_at, updated_at) VALUES (1, 'Normal', 1, 0, 0)`,
		`INSERT INTO enabled_modules (project_id, name) VALUES (2, 'work_package_tracking')`,
		`INSERT INTO work_packages (project_id, type_id, status_id, priority_id, author_id, subject, subject_folded, created_at, updated_at) VALUES
			(1, 1, 1, 1, 11, 'a', 'a', 0, 10), (1, 1, 1, 1, 11, 'b', 'b', 0, 30), (1, 1, 2, 1, 11, 'c', 'c', 0, 20), (2, 1, 2, 1, 11, 'd', 'd', 0, 40)`,
	} {
		err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, db.SQL(s))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFigures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		planned(t, d)
		s := project.New(project.Deps{DB: d})
		in := project.ListInput{Page: filter.Page{Number: 1, Size: 10}, Figures: true}
		figures := func(a access.Actor) map[id.Project]project.Figures {
			t.Helper()
			list, err := s.List(t.Context(), a, in)
			if err != nil {
				t.Fatal(err)
			}
			for n, f := range list.Figures { // instants differ by engine in nothing but their zone
				if f.LatestChanged.UnixMicro() != map[bool]int64{true: map[id.Project]int64{1: 30, 2: 40}[n]}[f.Work] {
					t.Errorf("%s: project %d changed last at %v", a.Login, n, f.LatestChanged)
				}
				f.LatestChanged = db.Time{}
				list.Figures[n] = f
			}
			return list.Figures
		}
		want := map[id.Project]project.Figures{
			1: {Work: true, People: true, Open: 2, Closed: 1, Members: 2}, 2: {Work: true, People: true, Closed: 1, Members: 1},
			3: {People: true}, 4: {People: true},
		}
		if diff := cmp.Diff(want, figures(zoe)); diff != "" {
			t.Errorf("an administrator's (-want +got):\n%s", diff)
		}
		want = map[id.Project]project.Figures{1: {Work: true, Open: 2, Closed: 1}, 4: {}}
		if diff := cmp.Diff(want, figures(bob)); diff != "" {
			t.Errorf("of one who may not see members (-want +got):\n%s", diff)
		}
	})
}

func TestOrderByFigures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		planned(t, d)
		s := project.New(project.Deps{DB: d})
		if err := s.Favor(t.Context(), zoe, 3); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			by   string
			want []id.Project
		}{
			{"open_work_packages", []id.Project{1, 2, 3, 4}},
			{"closed_work_packages", []id.Project{1, 2, 3, 4}},
			{"members", []id.Project{1, 2, 3, 4}},
			{"latest_activity_at", []id.Project{2, 1, 3, 4}},
			{"favorited", []id.Project{3, 1, 2, 4}},
			{"status", []id.Project{1, 2, 3, 4}},
		} {
			list, err := s.List(t.Context(), zoe, project.ListInput{Sort: []filter.Sort{{Name: c.by, Desc: true}}, Page: filter.Page{Number: 1, Size: 10}})
			if err != nil {
				t.Fatalf("by %s: %v", c.by, err)
			}
			var got []id.Project
			for _, p := range list.Items {
				got = append(got, p.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("by %s (-want +got):\n%s", c.by, diff)
			}
		}
	})
}

func TestTreeOfAList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		s := project.New(project.Deps{DB: d})
		type row struct {
			ID id.Project
			project.Place
		}
		for _, c := range []struct {
			name         string
			in           project.ListInput
			want         []row
			total, shown int
		}{
			{"all, by name", project.ListInput{}, []row{{4, project.Place{}}, {1, project.Place{Parent: true}}, {2, project.Place{Depth: 1, Parent: true}}, {3, project.Place{Depth: 2}}}, 4, 4},
			{"a second page", project.ListInput{Page: filter.Page{Number: 2, Size: 3}}, []row{{3, project.Place{Depth: 2}}}, 4, 4},
			{"far behind the end", project.ListInput{Page: filter.Page{Number: 9, Size: 3}}, nil, 4, 4},
			{"folded", project.ListInput{Folded: []id.Project{2}}, []row{{4, project.Place{}}, {1, project.Place{Parent: true}}, {2, project.Place{Depth: 1, Parent: true}}}, 4, 3},
			{"without the one between", project.ListInput{Filters: []filter.Condition{{Name: "id", Op: "!", Values: []string{"2"}}}}, []row{{4, project.Place{}}, {1, project.Place{Parent: true}}, {3, project.Place{Depth: 1}}}, 3, 3},
			{"of a status that none has", project.ListInput{Filters: []filter.Condition{{Name: "status", Op: "=", Values: []string{"finished"}}}}, nil, 0, 0},
			{"siblings the other way round", project.ListInput{Sort: []filter.Sort{{Name: "name", Desc: true}}}, []row{{1, project.Place{Parent: true}}, {2, project.Place{Depth: 1, Parent: true}}, {3, project.Place{Depth: 2}}, {4, project.Place{}}}, 4, 4},
		} {
			c.in.Tree = true
			if c.in.Page.Size == 0 {
				c.in.Page = filter.Page{Number: 1, Size: 10}
			}
			list, err := s.List(t.Context(), zoe, c.in)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			var got []row
			for _, p := range list.Items {
				got = append(got, row{p.ID, list.Places[p.ID]})
			}
			if diff := cmp.Diff(c.want, got); diff != "" || list.Total != c.total || list.Shown != c.shown {
				t.Errorf("%s: %d in all, %d shown (-want +got):\n%s", c.name, list.Total, list.Shown, diff)
			}
		}
	})
}

// Queries for a page do not grow with its rows.
func TestQueriesOfAList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		cast(t, d)
		planned(t, d)
		s := project.New(project.Deps{DB: d})
		for _, tree := range []bool{false, true} {
			counts := map[int]int64{}
			for _, size := range []int{3, 4} {
				var n atomic.Int64
				if _, err := s.List(db.CountStatements(t.Context(), &n), zoe, project.ListInput{Tree: tree, Figures: true, Page: filter.Page{Number: 1, Size: size}}); err != nil {
					t.Fatal(err)
				}
				counts[size] = n.Load()
			}
			if counts[3] != counts[4] || counts[4] > 11 {
				t.Errorf("tree %v: %v statements", tree, counts)
			}
		}
	})
}
