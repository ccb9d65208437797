package archive

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast/holdfast/internal/db"
)

// flushSize and reportRows are how much is collected before it is passed on.
const (
	flushSize  = 64 << 10
	reportRows = 8192
)

// A batch of rows goes from the one who reads the database to the one who works
// on them; it is full at either limit.
const (
	batchRows  = 256
	batchBytes = 256 << 10
)

// courtesy lets whatever else is ready go first after every few rows, as repo does
// between pieces of a content.
type courtesy int

func (c *courtesy) next() {
	if *c++; *c%8 == 0 {
		runtime.Gosched()
	}
}

// batch holds rows one after the other, each with as many values as the table has columns.
type batch struct{ vals, ptrs []any }

// eachRow calls fn with the values of each row of a table in key order, of those that
// meet the condition where there is one; the
// values are used again later. The database is read ahead meanwhile, by two batches.
func eachRow(ctx context.Context, tx *db.Tx, t Table, part db.Frag, fn func(vals []any) error) error {
	width := len(t.Columns)
	full, free, enough := make(chan *batch), make(chan *batch, 3), make(chan struct{})
	for range cap(free) {
		b := newBatch(width)
		defer batches.Put(b) // the reader has ended by then
		free <- b
	}
	var failed error
	var way courtesy
	go func() {
		defer close(full)
		failed = readAhead(ctx, tx, t, part, full, free, enough)
	}()
	for b := range full {
		for row := range slices.Chunk(b.vals, width) {
			way.next()
			if err := fn(row); err != nil {
				close(enough)
				for range full { // until the reader has let go of the transaction
				}
				return err
			}
		}
		free <- b
	}
	return failed
}

// batches are used again: a table is read in many shares.
var batches = sync.Pool{New: func() any { return &batch{} }}

func newBatch(width int) *batch {
	b, _ := batches.Get().(*batch)
	if n := batchRows * width; cap(b.vals) < n {
		b.vals, b.ptrs = make([]any, 0, n), make([]any, n)
		for i := range b.ptrs {
			b.ptrs[i] = &b.vals[:n][i]
		}
	}
	b.vals, b.ptrs = b.vals[:0], b.ptrs[:batchRows*width]
	return b
}

func readAhead(ctx context.Context, tx *db.Tx, t Table, part db.Frag, full chan<- *batch, free <-chan *batch, enough <-chan struct{}) error {
	rows, err := tx.Rows(ctx, query(t, part))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	width := len(t.Columns)
	var way courtesy
	for more := true; more; {
		var b *batch
		select {
		case b = <-free:
		case <-enough: // no batch is given back any more
			return nil
		}
		size, n := 0, 0
		for n < len(b.ptrs) && size < batchBytes {
			way.next()
			if more = rows.Next(); !more {
				break
			}
			if err := rows.Scan(b.ptrs[n : n+width]...); err != nil {
				return err
			}
			for _, v := range b.vals[n : n+width : cap(b.vals)] {
				if s, ok := v.(string); ok {
					size += len(s)
				}
			}
			n += width
		}
		b.vals = b.vals[:n]
		select {
		case full <- b:
		case <-enough:
			return nil
		}
	}
	return rows.Err()
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
		if slices.Contains(t.Key, c.Name) {
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
