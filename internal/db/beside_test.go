package db_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

func TestBesideSeesWhatTheSnapshotSees(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		add := func(name string) {
			t.Helper()
			err := db.Do(ctx, d, func(tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES (?, '1', 0)`, name))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		add("before")
		_, err := db.Read(ctx, d, func(tx *db.Tx) (struct{}, error) {
			count := func(tx *db.Tx) int {
				n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM settings WHERE name IN ('before', 'after')`))
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			if count(tx) != 1 {
				t.Error("the snapshot does not see what was there")
			}
			add("after")
			more, end, err := db.Beside(ctx, tx, 3)
			if err != nil {
				return struct{}{}, err
			}
			if want := map[db.Dialect]int{db.SQLite: 0, db.Postgres: 3}[d.Dialect()]; len(more) != want {
				t.Errorf("%d transactions, want %d", len(more), want)
			}
			for _, m := range more {
				if count(m) != 1 {
					t.Error("one beside sees what came after the snapshot")
				}
			}
			return struct{}{}, end()
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
