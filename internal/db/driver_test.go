package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

func read(t *testing.T, d *db.DB, fn func(tx *db.Tx) error) error {
	t.Helper()
	_, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) { return 0, fn(tx) })
	return err
}

func TestDriverRefusesWhatItCannotRun(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	tests := []struct {
		name, want string
		frag       db.Frag
	}{
		{"two statements", "more than one statement", db.SQL(`SELECT 1; SELECT 2`)},
		{"no statement", "no statement", db.SQL(`-- nothing`)},
		{"too few values", "1 values for 2 placeholders", db.SQL(`SELECT ? + ?`, 1)},
		{"bad SQL", "syntax error", db.SQL(`SELEC`)},
	}
	for _, tt := range tests {
		err := read(t, d, func(tx *db.Tx) error {
			_, err := db.All[int64](t.Context(), tx, tt.frag)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// A query that is running ends with its context, and the connection serves on.
func TestInterruptedQueryTellsWhy(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := db.Read(ctx, d, func(tx *db.Tx) (int, error) {
		rows, err := tx.Rows(ctx, db.SQL(`WITH RECURSIVE v (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM v) SELECT n FROM v`))
		if err != nil {
			return 0, err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			cancel()
		}
		return 0, rows.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for range 8 {
		if n, err := one[int64](t, d, `SELECT 5`); n != 5 || err != nil {
			t.Fatalf("afterwards: %d, %v", n, err)
		}
	}
}

// A statement may be run while the rows of the same statement are being read,
// and far more different statements than are kept prepared.
func TestKeptStatements(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	err := read(t, d, func(tx *db.Tx) error {
		q := db.SQL(`WITH RECURSIVE v (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM v WHERE n < 3) SELECT n FROM v`)
		rows, err := tx.Rows(t.Context(), q)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		sum := 0
		for rows.Next() {
			inner, err := db.All[int](t.Context(), tx, q)
			if err != nil {
				return err
			}
			sum += len(inner)
		}
		if sum != 9 {
			return fmt.Errorf("read %d rows, want 9", sum)
		}
		return rows.Err()
	})
	if err != nil {
		t.Error(err)
	}
	for i := range 700 {
		n, err := one[int64](t, d, fmt.Sprintf(`SELECT ? + %d`, i%350), 1000)
		if err != nil || n != int64(1000+i%350) {
			t.Fatalf("statement %d: %d, %v", i, n, err)
		}
	}
}
