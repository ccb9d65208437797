package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/db"
)

// flushSize and reportRows are how much is collected before it is passed on.
const (
	flushSize  = 64 << 10
	reportRows = 8192
)

// eachRow calls fn with the values of each row of a table in key order; the
// values are used again for the next.
func eachRow(ctx context.Context, tx *db.Tx, t Table, fn func(vals []any) error) error {
	rows, err := tx.Rows(ctx, query(t))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	vals, ptrs := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return err
		}
		if err := fn(vals); err != nil {
			return err
		}
	}
	return rows.Err()
}

// writeRows writes the canonical rows of a table in key order, holding one row
// and one buffer in memory, and returns how many there were.
func writeRows(ctx context.Context, tx *db.Tx, t Table, w io.Writer, progress func(rows int64)) (int64, error) {
	buf, n := make([]byte, 0, 2*flushSize), int64(0)
	err := eachRow(ctx, tx, t, func(vals []any) (err error) {
		if buf, err = appendRow(buf, t.Columns, vals); err != nil {
			return fmt.Errorf("row %v: %w", keyOf(t, vals), err)
		}
		if len(buf) >= flushSize {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
		if n++; n%reportRows == 0 {
			progress(reportRows)
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	progress(n % reportRows)
	_, err = w.Write(buf)
	return n, err
}

// query selects the rows of a table in key order. Names come from the registry
// or from an archive whose schema was compared with the database.
func query(t Table) db.Frag {
	where := ""
	if t.Where != "" {
		where = " WHERE " + t.Where
	}
	return db.SQL("SELECT " + strings.Join(t.names(), ", ") + " FROM " + t.Name + where + " ORDER BY " + strings.Join(t.Key, ", "))
}

// keyOf returns the values of the key columns, to name a row in an error.
func keyOf(t Table, vals []any) []any {
	var key []any
	for i, c := range t.Columns {
		if slices.Contains(t.Key, c.Name) {
			key = append(key, vals[i])
		}
	}
	return key
}

// Digests returns row count and digest of every table of the database: two
// databases with equal digests hold the same rows, on whichever engine.
func Digests(ctx context.Context, d *db.DB) ([]TableSum, error) {
	var sums []TableSum
	err := db.Snapshot(ctx, d, func(ctx context.Context, tx *db.Tx) error {
		tables, err := present(ctx, tx)
		if err != nil {
			return err
		}
		sums, err = digests(ctx, tx, tables, func(int64) {})
		return err
	})
	return sums, err
}

func digests(ctx context.Context, tx *db.Tx, tables []Table, progress func(int64)) ([]TableSum, error) {
	sums := make([]TableSum, 0, len(tables))
	for _, t := range tables {
		sum := sha256.New()
		n, err := writeRows(ctx, tx, t, sum, progress)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		sums = append(sums, TableSum{t.Name, n, hex.EncodeToString(sum.Sum(nil))})
	}
	return sums, nil
}

// present returns the registry as far as the database has it: a database that
// waits for an upgrade lacks newer tables and columns.
func present(ctx context.Context, tx *db.Tx) ([]Table, error) {
	have, err := columns(ctx, tx)
	if err != nil {
		return nil, err
	}
	var found []Table
	for _, t := range tables {
		if have[t.Name] == nil {
			continue
		}
		t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return !have[t.Name][c.Name] })
		found = append(found, t)
	}
	return found, nil
}

// columns returns the columns of every table of the database.
func columns(ctx context.Context, tx *db.Tx) (map[string]map[string]bool, error) {
	type column struct {
		Table string `db:"tab"`
		Name  string `db:"col"`
	}
	cols, err := db.All[column](ctx, tx, db.SQL(tx.Pick(
		`SELECT m.name AS tab, c.name AS col FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`,
		`SELECT table_name AS tab, column_name AS col FROM information_schema.columns WHERE table_schema = CURRENT_SCHEMA()`)))
	if err != nil {
		return nil, err
	}
	byTable := map[string]map[string]bool{}
	for _, c := range cols {
		if byTable[c.Table] == nil {
			byTable[c.Table] = map[string]bool{}
		}
		byTable[c.Table][c.Name] = true
	}
	return byTable, nil
}
