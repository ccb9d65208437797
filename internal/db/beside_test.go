package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
			more, end, err := db.Beside(ctx, tx, 3)
			if err != nil {
				return struct{}{}, err
			}
			add("after")
			if len(more) != 3 {
				t.Errorf("%d transactions, want 3", len(more))
			}
			for _, m := range append(more, tx) {
				if count(m) != 1 {
					t.Error("one sees what came after the snapshot")
				}
			}
			return struct{}{}, end()
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestBesideWhileOthersWrite: all see the same, whatever is committed meanwhile.
func TestBesideWhileOthersWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		defer writers.Wait()
		defer stop()
		for w := range 2 {
			writers.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					_ = db.Do(ctx, d, func(tx *db.Tx) error {
						_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES (?, '1', 0)`, fmt.Sprint(w, "-", n)))
						return err
					})
				}
			})
		}
		for range 20 {
			err := db.Snapshot(ctx, d, func(ctx context.Context, tx *db.Tx) error {
				more, end, err := db.Beside(ctx, tx, 2)
				if err != nil {
					return err
				}
				var seen []int
				for _, m := range append(more, tx) {
					n, err := db.Scalar[int](ctx, m, db.SQL(`SELECT COUNT(*) FROM settings`))
					if err != nil {
						return errors.Join(err, end())
					}
					seen = append(seen, n)
				}
				if seen[0] != seen[1] || seen[0] != seen[2] {
					t.Errorf("they see %v rows", seen)
				}
				return end()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestBesideTooLate: a transaction that has read sees what no other can be made to see.
func TestBesideTooLate(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	_, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
		if _, err := db.Scalar[int](t.Context(), tx, db.SQL(`SELECT COUNT(*) FROM settings`)); err != nil {
			return 0, err
		}
		_, _, err := db.Beside(t.Context(), tx, 1)
		return 0, err
	})
	if err == nil {
		t.Error("others were opened after the first read")
	}
	gone, cancel := context.WithCancel(t.Context())
	_, err = db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
		cancel()
		_, _, err := db.Beside(gone, tx, 1)
		return 0, err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// TestRawRowsAreTheRows: the values are those of an ordinary query, on each way to them.
func TestRawRowsAreTheRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := db.Snapshot(ctx, d, func(ctx context.Context, tx *db.Tx) error {
			more, end, err := db.Beside(ctx, tx, 1)
			if err != nil {
				return err
			}
			f := db.SQL(`SELECT 7 AS a, 'text' AS b, NULL AS c, '' AS d WHERE 1 = ?`, int64(1))
			for _, m := range append(more, tx) {
				rows := 0
				err := m.Raw(ctx, f, func(vals []any) error {
					rows++
					if got := fmt.Sprintf("%v %s %v %s", vals...); got != "7 text <nil> " {
						t.Errorf("%q", got)
					}
					return nil
				})
				if err != nil || rows != 1 {
					t.Errorf("%d rows, %v", rows, err)
				}
				enough := errors.New("enough")
				if err := m.Raw(ctx, f, func([]any) error { return enough }); !errors.Is(err, enough) {
					t.Error(err)
				}
				refusing := db.RefuseStatements(ctx, func(string) error { return enough })
				if err := m.Raw(refusing, f, nil); !errors.Is(err, enough) {
					t.Error(err)
				}
			}
			if tx.Dialect() == db.SQLite { // after a failed statement, the transaction of the other engine is over
				for _, wrong := range []db.Frag{db.SQL(`SELECT nothing`), db.SQL(`SELECT ?`)} {
					if err := more[0].Raw(ctx, wrong, nil); err == nil {
						t.Errorf("%s was run", wrong.SQL)
					}
				}
			}
			return end()
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
