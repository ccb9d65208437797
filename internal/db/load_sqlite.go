package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// pageRows is from how many rows on a table is written page by page. Tests set it.
var pageRows int64 = 1000

// sqliteRows writes many numbered rows as pages, and others by INSERT.
func (l *Load) sqliteRows(ctx context.Context, table string, columns []string, rows int64, next func() ([]Cell, error)) (int64, error) {
	if rows < pageRows {
		return l.insertRows(ctx, table, columns, next)
	}
	form, ok, err := l.form(ctx, table, columns)
	if err != nil {
		return 0, err
	}
	if !ok {
		return l.insertRows(ctx, table, columns, next)
	}
	p, err := openPages(l.opt.Path)
	if errors.Is(err, errNoPages) {
		return l.insertRows(ctx, table, columns, next)
	}
	if err != nil {
		return 0, err
	}
	l.bare = append(l.bare, table)
	n, err := form.write(ctx, p, next)
	l.files.changes.Add(1)
	return n, errors.Join(err, p.f.Close())
}

// tableForm is how the rows of a table are kept.
type tableForm struct {
	root   uint32
	order  []int // of each column of the table its place in a row, -1 for the number
	number int   // the place of the number in a row
	kinds  []CellKind
	names  []string
	needed []bool // NULL is refused
}

// form says how the rows of a table are kept, and whether that is a form that is
// written page by page: a strict table of integers and texts with an integer as its
// key, of which every column is given.
func (l *Load) form(ctx context.Context, table string, columns []string) (f tableForm, ok bool, err error) {
	var strict, plain bool
	err = l.conn.QueryRowContext(ctx, `SELECT rootpage, strict, NOT wr FROM sqlite_master, pragma_table_list
		WHERE pragma_table_list.name = sqlite_master.name AND pragma_table_list.schema = 'main' AND sqlite_master.name = ?`, table).Scan(&f.root, &strict, &plain)
	if err != nil {
		return f, false, err
	}
	rows, err := l.conn.QueryContext(ctx, `SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid`, table)
	if err != nil {
		return f, false, err
	}
	defer func() { _ = rows.Close() }()
	f.number, f.names, f.kinds, f.needed = -1, columns, make([]CellKind, len(columns)), make([]bool, len(columns))
	ok = strict && plain
	for rows.Next() {
		var c tableColumn
		if err := rows.Scan(&c.name, &c.kind, &c.needed, &c.key, &c.hidden); err != nil {
			return f, false, err
		}
		ok = ok && f.add(c)
	}
	return f, ok && f.number >= 0 && len(f.order) == len(columns), rows.Err()
}

// tableColumn is a column as SQLite tells of it.
type tableColumn struct {
	name, kind  string
	needed      bool
	key, hidden int
}

// add notes the next column, and says whether it is one that can be written.
func (f *tableForm) add(c tableColumn) bool {
	at := slices.Index(f.names, c.name)
	if at < 0 || c.hidden > 0 || c.kind != "INTEGER" && c.kind != "TEXT" {
		return false
	}
	f.needed[at], f.kinds[at] = c.needed, CellInt
	if c.kind == "TEXT" {
		f.kinds[at] = CellText
	}
	place := at
	if c.key > 0 {
		if f.number >= 0 || c.kind == "TEXT" { // the key is no number
			return false
		}
		f.number, place = at, -1
	}
	f.order = append(f.order, place)
	return true
}

// write writes the rows into a table in which there are none.
func (f *tableForm) write(ctx context.Context, p *pageFile, next func() ([]Cell, error)) (n int64, err error) {
	t := newTree(p, f.root)
	var record, kinds []byte
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && n%1024 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return n, err
		}
		number, err := t.numberOf(row[f.number])
		if err == nil {
			err = f.fits(row)
		}
		if err != nil {
			return n, err
		}
		record, kinds = appendRecord(record[:0], kinds, row, f.order)
		if err := t.row(number, record); err != nil {
			return n, err
		}
		n++
	}
	if err := t.finish(); err != nil {
		return n, err
	}
	return n, p.finish()
}

// fits refuses what SQLite would refuse. Other constraints are for its check of the whole.
func (f *tableForm) fits(row []Cell) error {
	for i := range row {
		switch kind := row[i].Kind; {
		case kind == CellNull && f.needed[i]:
			return fmt.Errorf("there is no value for %s", f.names[i])
		case kind != CellNull && (kind == CellText) != (f.kinds[i] == CellText):
			return fmt.Errorf("a value of another type for %s", f.names[i])
		}
	}
	return nil
}

func (l *Load) insertRows(ctx context.Context, table string, columns []string, next func() ([]Cell, error)) (n int64, err error) {
	err = l.conn.Raw(func(c any) error {
		lite, ok := c.(*liteConn)
		if !ok {
			return fmt.Errorf("unexpected driver connection %T", c)
		}
		n, err = lite.insertRows(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+Marks(len(columns))+")", next)
		return err
	})
	return n, err
}

func (c *liteConn) insertRows(ctx context.Context, insert string, next func() ([]Cell, error)) (n int64, err error) {
	tx, err := c.Begin()
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	s, err := c.prepare(ctx, insert)
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.s.Close() }()
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return n, tx.Commit()
		}
		if err == nil {
			err = s.bindCells(row)
		}
		if err == nil {
			c.c.SetInterrupt(ctx)
			err = told(ctx, s.s.Exec())
		}
		if err != nil {
			return n, err
		}
		n++
	}
}

func (s *liteStmt) bindCells(row []Cell) error {
	for i := range row {
		if err := bindCell(s.s, i+1, &row[i]); err != nil {
			return err
		}
	}
	return nil
}

func bindCell(s *sqlite3.Stmt, at int, c *Cell) error {
	switch c.Kind {
	case CellNull:
		return s.BindNull(at)
	case CellText:
		return s.BindText(at, string(c.Text)) // the driver copies it once more anyway
	default:
		return s.BindInt64(at, c.Int)
	}
}
