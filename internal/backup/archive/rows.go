package archive

import (
	"context"
	"runtime"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/db"
)

// flushSize and reportRows are how much is collected before it is passed on.
const (
	flushSize  = 64 << 10
	reportRows = 8192
)

// courtesy lets whatever else is ready go first after every few rows, as repo does
// between pieces of a content.
type courtesy int

func (c *courtesy) next() {
	if *c++; *c%8 == 0 {
		runtime.Gosched()
	}
}

// eachRow calls fn with the values of each row of a table in key order, of those that
// meet the condition where there is one. Texts are used again when fn returns.
func eachRow(ctx context.Context, tx *db.Tx, t Table, part db.Frag, fn func(vals []any) error) error {
	var way courtesy
	var refused error
	err := tx.Raw(ctx, query(t, part), func(vals []any) error {
		way.next()
		refused = fn(vals)
		return refused
	})
	if refused != nil {
		return refused // which says what it is about
	}
	return err
}

// query selects the rows of a table in key order. Names come from the registry
// or from an archive whose schema was compared with the database.
func query(t Table, part db.Frag) db.Frag {
	return db.SQL("SELECT " + strings.Join(t.names(), ", ") + " FROM " + t.Name + " WHERE").
		Append(db.And(db.SQL(t.Where), part)).Add("ORDER BY " + strings.Join(t.Key, ", "))
}

// keyOf returns the values of the key columns, to name a row in an error.
func keyOf(t Table, vals []any) []any {
	var key []any
	for i, c := range t.Columns {
		if !slices.Contains(t.Key, c.Name) {
			continue
		}
		if text, ok := vals[i].([]byte); ok {
			key = append(key, string(text))
		} else {
			key = append(key, vals[i])
		}
	}
	return key
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
