package archive_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

func TestNoTableAndNoColumnIsLeftBehind(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		have := introspect(t, d)
		known := map[string]bool{}
		for _, table := range archive.Tables() {
			known[table.Name] = true
			var want []string
			for _, c := range table.Columns {
				want = append(want, c.Name+" "+kind(c.Type, d.Dialect()))
			}
			slices.Sort(want)
			if diff := cmp.Diff(have[table.Name], want); diff != "" {
				t.Errorf("table %s, database against registry: %s", table.Name, diff)
			}
		}
		for _, x := range archive.ExcludedTables() {
			if known[x.Name] || x.Reason == "" || have[x.Name] == nil {
				t.Errorf("excluded table %+v is also included, has no reason or is not there", x)
			}
			known[x.Name] = true
		}
		for name := range have {
			if !known[name] {
				t.Errorf("table %s is neither included nor excluded: add it in tables.go", name)
			}
		}
	})
}

// kind is the engine's type for a logical type.
func kind(t archive.Type, d db.Dialect) string {
	switch t {
	case archive.Int, archive.Instant:
		return map[db.Dialect]string{db.SQLite: "INTEGER", db.Postgres: "bigint"}[d]
	case archive.Bool:
		return map[db.Dialect]string{db.SQLite: "INTEGER", db.Postgres: "boolean"}[d]
	}
	return map[db.Dialect]string{db.SQLite: "TEXT", db.Postgres: "text"}[d]
}

// introspect returns "column type" of every column by table, sorted.
func introspect(t *testing.T, d *db.DB) map[string][]string {
	t.Helper()
	type column struct {
		Table string `db:"tab"`
		Name  string `db:"col"`
		Type  string `db:"kind"`
	}
	cols, err := db.Read(context.Background(), d, func(tx *db.Tx) ([]column, error) {
		return db.All[column](context.Background(), tx, db.SQL(tx.Pick(
			`SELECT m.name AS tab, c.name AS col, c.type AS kind FROM sqlite_master m, pragma_table_info(m.name) c
				WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
			`SELECT table_name AS tab, column_name AS col, data_type AS kind FROM information_schema.columns
				WHERE table_schema = CURRENT_SCHEMA()`)))
	})
	if err != nil {
		t.Fatal(err)
	}
	byTable := map[string][]string{}
	for _, c := range cols {
		byTable[c.Table] = append(byTable[c.Table], c.Name+" "+c.Type)
	}
	for _, names := range byTable {
		slices.Sort(names)
	}
	return byTable
}
