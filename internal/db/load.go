package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Load fills a migrated database that nobody else uses, such as one that a
// restore builds. It is not safe against a crash: until Finish has returned,
// the database is worth nothing. Constraints are checked by Finish and Check, not
// by row, so that tables come in any order and rows may point at later ones.
type Load struct {
	dialect Dialect
	opt     Options
	pool    *sql.DB
	conn    *sql.Conn
	keys    []foreignKey
	indexes []index
	files   *loadFiles // on SQLite
	bare    []string   // tables whose constraints have no indexes yet
}

// foreignKey is a constraint that is put back by Finish, and index an index:
// both are cheaper for all rows than for each.
type (
	foreignKey struct{ table, name, definition string }
	index      struct{ name, definition string }
)

// OpenLoad begins to fill the database that o names. On SQLite nobody else may
// have it open.
func OpenLoad(ctx context.Context, o Options) (*Load, error) {
	l := &Load{dialect: SQLite, opt: o}
	driver, source := sqliteDriver, ""
	if o.URL != "" {
		l.dialect, driver, source = Postgres, "pgx", o.URL
	} else {
		l.files = newLoadFiles(o.Path)
		source = loadSource(o.Path, l.files.name)
	}
	var err error
	if l.pool, err = sql.Open(driver, source); err != nil { // which opens nothing yet
		return nil, fmt.Errorf("load: %w", err)
	}
	if l.conn, err = l.pool.Conn(ctx); err == nil {
		err = l.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load: %w", err), l.Close())
	}
	return l, nil
}

// Close releases the connection.
func (l *Load) Close() error {
	var err error
	if l.conn != nil {
		err = l.conn.Close()
	}
	err = errors.Join(err, l.pool.Close())
	if l.files != nil {
		l.files.close()
	}
	return err
}

func (l *Load) exec(ctx context.Context, q string, args ...any) error {
	if _, err := l.conn.ExecContext(ctx, q, args...); err != nil {
		return l.opt.named(fmt.Errorf("%s: %w", q, err))
	}
	return nil
}

func (l *Load) prepare(ctx context.Context) error {
	if l.dialect == Postgres {
		if err := l.dropForeignKeys(ctx); err != nil {
			return err
		}
		return l.dropIndexes(ctx, `SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			WHERE c.relnamespace = CURRENT_SCHEMA()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid) ORDER BY 1`)
	}
	for _, p := range []string{"journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-8192"} {
		if err := l.exec(ctx, "PRAGMA "+p); err != nil {
			return err
		}
	}
	return l.dropIndexes(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`)
}

// dropIndexes takes away the indexes that the query names with their definitions:
// those that are no part of a constraint.
func (l *Load) dropIndexes(ctx context.Context, query string) error {
	rows, err := l.conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var i index
		if err := rows.Scan(&i.name, &i.definition); err != nil {
			return err
		}
		l.indexes = append(l.indexes, i)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, i := range l.indexes {
		if err := l.exec(ctx, "DROP INDEX "+i.name); err != nil {
			return err
		}
	}
	return nil
}

// dropForeignKeys takes the constraints away: checking them by row is slow, and
// an ordinary role cannot put the checks off.
func (l *Load) dropForeignKeys(ctx context.Context) error {
	rows, err := l.conn.QueryContext(ctx, `SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
		FROM pg_constraint WHERE contype = 'f' AND connamespace = CURRENT_SCHEMA()::regnamespace ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k foreignKey
		if err := rows.Scan(&k.table, &k.name, &k.definition); err != nil {
			return err
		}
		l.keys = append(l.keys, k)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, k := range l.keys {
		if err := l.exec(ctx, "ALTER TABLE "+k.table+" DROP CONSTRAINT "+quote(k.name)); err != nil {
			return err
		}
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// Table replaces the rows of a table, of which there are about rows. next returns
// one after the other, with the values in the order of columns, and io.EOF after the
// last; the slice and what is in it may be used again. Numbered rows come in the order
// of their numbers. Names are trusted.
func (l *Load) Table(ctx context.Context, table string, columns []string, rows int64, next func() ([]Cell, error)) (int64, error) {
	if err := l.exec(ctx, "DELETE FROM "+table); err != nil {
		return 0, err
	}
	var n int64
	var err error
	if l.dialect == Postgres {
		n, err = l.copyRows(ctx, table, columns, next)
	} else {
		n, err = l.sqliteRows(ctx, table, columns, rows, next)
	}
	if err != nil {
		return n, l.opt.named(fmt.Errorf("load %s: %w", table, err))
	}
	return n, nil
}

// copyText gives the rows as COPY reads them.
type copyText struct {
	next func() ([]Cell, error)
	buf  []byte // not yet read
	all  []byte
	err  error
}

// Read implements io.Reader.
func (c *copyText) Read(p []byte) (int, error) {
	for len(c.buf) == 0 && c.err == nil {
		c.buf = c.all[:0]
		c.fill(len(p))
	}
	if len(c.buf) == 0 {
		return 0, c.err
	}
	n := copy(p, c.buf)
	c.buf = c.buf[n:]
	return n, nil
}

// fill collects rows of about size bytes.
func (c *copyText) fill(size int) {
	for len(c.buf) < size {
		row, err := c.next()
		if err != nil {
			c.err = err
			break
		}
		for i := range row {
			if i > 0 {
				c.buf = append(c.buf, '\t')
			}
			c.buf = row[i].appendCopy(c.buf)
		}
		c.buf = append(c.buf, '\n')
	}
	c.all = c.buf
}

func (l *Load) copyRows(ctx context.Context, table string, columns []string, next func() ([]Cell, error)) (n int64, err error) {
	rawErr := l.conn.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("unexpected driver connection %T", c)
		}
		rows := &copyText{next: next}
		done, err := conn.Conn().PgConn().CopyFrom(ctx, rows, "COPY "+table+" ("+strings.Join(columns, ", ")+") FROM STDIN")
		n = done.RowsAffected()
		if rows.err != nil && !errors.Is(rows.err, io.EOF) {
			return rows.err // the server tells only that it was given up
		}
		return err
	})
	return n, rawErr
}

// Sequence sets the highest number given out of a numbered table.
func (l *Load) Sequence(ctx context.Context, table string, last int64) error {
	if l.dialect == Postgres {
		return l.exec(ctx, `SELECT setval(pg_get_serial_sequence($1, 'id'), GREATEST($2::bigint, 1), $2::bigint > 0)`, table, last)
	}
	if err := l.exec(ctx, `DELETE FROM sqlite_sequence WHERE name = ?`, table); err != nil {
		return err
	}
	return l.exec(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)`, table, last)
}

// Finish builds the indexes and makes the database durable. PostgreSQL checks then that
// every reference has its row; on SQLite Check does.
func (l *Load) Finish(ctx context.Context) error {
	for _, t := range l.bare {
		if err := l.exec(ctx, "REINDEX "+t); err != nil {
			return fmt.Errorf("build the indexes of a constraint: %w", err)
		}
	}
	for _, i := range l.indexes {
		if err := l.exec(ctx, i.definition); err != nil {
			return fmt.Errorf("build an index again: %w", err)
		}
	}
	if l.dialect == Postgres {
		for _, k := range l.keys {
			if err := l.exec(ctx, "ALTER TABLE "+k.table+" ADD CONSTRAINT "+quote(k.name)+" "+k.definition); err != nil {
				return fmt.Errorf("a row refers to one that is not there: %w", err)
			}
		}
		return l.exec(ctx, "ANALYZE")
	}
	// Figures for the planner come from a part of each index, as SQLite advises.
	if err := l.exec(ctx, "PRAGMA optimize=0x10012"); err != nil {
		return err
	}
	return syncFile(l.opt.Path)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("make durable: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
