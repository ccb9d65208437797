package version

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/id"
)

// The two sides of sharing agree: the projects that a version reaches are those in which it is available.
func TestSharingIsOneRuleFromBothEnds(t *testing.T) {
	// 1 > 2 > 3, 1 > 4, and 5 apart.
	want := map[string][]int64{
		None: {2}, Descendants: {2, 3}, Hierarchy: {1, 2, 3}, Tree: {1, 2, 3, 4}, System: {1, 2, 3, 4, 5},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var all []*Version
		exec(t, d, `INSERT INTO projects (id, identifier, identifier_folded, name, name_folded, parent_id, created_at, updated_at) VALUES
			(1, 'a', 'a', 'A', 'a', NULL, 0, 0), (2, 'b', 'b', 'B', 'b', 1, 0, 0), (3, 'c', 'c', 'C', 'c', 2, 0, 0),
			(4, 'd', 'd', 'D', 'd', 1, 0, 0), (5, 'e', 'e', 'E', 'e', NULL, 0, 0)`)
		for p := range 5 {
			for i, s := range Sharings {
				v := &Version{ID: id.Version(p*len(Sharings) + i + 1), ProjectID: id.Project(p + 1), Sharing: s}
				exec(t, d, fmt.Sprintf(`INSERT INTO versions (id, project_id, name, name_folded, sharing, created_at, updated_at)
					VALUES (%d, %d, '%s', '%s', '%s', 0, 0)`, v.ID, v.ProjectID, s, s, s))
				all = append(all, v)
			}
		}
		for _, v := range all {
			reached := numbers(t, d, db.SQL(`SELECT id FROM projects WHERE id IN (`).Append(reach(v)).Add(`) ORDER BY id`))
			var available []int64
			for p := range int64(5) {
				q := db.SQL(`SELECT COUNT(*) FROM versions v WHERE v.id = ? AND `, v.ID).Append(Available(id.Project(p + 1)))
				if numbers(t, d, q)[0] == 1 {
					available = append(available, p+1)
				}
			}
			if diff := cmp.Diff(reached, available); diff != "" {
				t.Errorf("a version of project %d shared as %s, reach against available: %s", v.ProjectID, v.Sharing, diff)
			}
			if diff := cmp.Diff(want[v.Sharing], reached); v.ProjectID == 2 && diff != "" {
				t.Errorf("shared as %s: %s", v.Sharing, diff)
			}
		}
	})
}

func exec(t *testing.T, d *db.DB, statement string) {
	t.Helper()
	_, err := db.Write(t.Context(), d, func(tx *db.Tx) (int64, error) { return db.Exec(t.Context(), tx, db.SQL(statement)) })
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(t *testing.T, d *db.DB, q db.Frag) []int64 {
	t.Helper()
	got, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]int64, error) { return db.All[int64](context.Background(), tx, q) })
	if err != nil {
		t.Fatal(err)
	}
	return got
}
