package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Beside opens n more read-only transactions that see exactly what tx sees, so that
// rows can be read by several connections at once. Call it before tx has read
// anything: SQLite takes its view of the database at the first read, so all of them
// read for the first time while nobody can commit, which takes less than a
// millisecond. The connections are no others' (the pool's serve requests). end gives
// them back; tx has to last until then.
func Beside(ctx context.Context, tx *Tx, n int) (more []*Tx, end func() error, err error) {
	b := &beside{tx: tx}
	if n <= 0 {
		return nil, b.end, nil
	}
	if tx.d.dialect == SQLite {
		err = b.sqlite(ctx, n)
	} else {
		err = b.postgres(ctx, n)
	}
	if err != nil {
		return nil, b.end, errors.Join(fmt.Errorf("read beside: %w", err), b.end())
	}
	return b.more, b.end, nil
}

// beside holds what Beside opened, in the order in which it is to be closed from behind.
type beside struct {
	tx   *Tx
	more []*Tx
	done []func() error
}

func (b *beside) end() error {
	var errs []error
	for i := len(b.done) - 1; i >= 0; i-- {
		errs = append(errs, b.done[i]())
	}
	b.done = nil
	return errors.Join(errs...)
}

func (b *beside) postgres(ctx context.Context, n int) error {
	name, err := Scalar[string](ctx, b.tx, SQL(`SELECT pg_export_snapshot()`))
	if err != nil {
		return err
	}
	for range n {
		o, err := b.tx.d.read.BeginTx(ctx, b.tx.d.readOptions())
		if err != nil {
			return err
		}
		b.done = append(b.done, o.Rollback)
		// The name is the server's, of hexadecimal digits and dashes; a parameter is not allowed here.
		if _, err := o.ExecContext(ctx, `SET TRANSACTION SNAPSHOT '`+name+`'`); err != nil {
			return err
		}
		b.more = append(b.more, &Tx{q: o, d: b.tx.d, now: b.tx.now})
	}
	return nil
}

func (b *beside) sqlite(ctx context.Context, n int) error {
	if b.tx.reads {
		return errors.New("the transaction has read already, and others would see something else")
	}
	pool, err := sql.Open(sqliteDriver, dsn(b.tx.d.opt.Path, "ro"))
	if err != nil {
		return err
	}
	b.done = append(b.done, pool.Close)
	for range n {
		c, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		b.done = append(b.done, c.Close)
		if _, err := c.ExecContext(ctx, `BEGIN`); err != nil {
			return err
		}
		b.more = append(b.more, &Tx{q: c, d: b.tx.d, now: b.tx.now, conn: c})
	}
	return b.tx.d.writer.still(ctx, func() error {
		for _, tx := range append([]*Tx{b.tx}, b.more...) {
			if _, err := Scalar[int](ctx, tx, SQL(`SELECT COUNT(*) FROM sqlite_master`)); err != nil {
				return err
			}
		}
		return nil
	})
}

// still runs fn while no connection of any process can commit.
func (w *writer) still(ctx context.Context, fn func() error) error {
	select {
	case <-w.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { w.turn <- struct{}{} }()
	w.commit()
	if _, err := w.conn.ExecContext(context.WithoutCancel(ctx), "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn()
	_, undo := w.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, undo)
}

// Raw calls fn with the values of each row of a query as the engine keeps them: int64,
// float64, bool, nil, and texts as string or as bytes that are used again when fn
// returns. Transactions of Beside on SQLite copy nothing for it.
func (tx *Tx) Raw(ctx context.Context, f Frag, fn func(vals []any) error) error {
	if tx.conn == nil {
		return tx.rawRows(ctx, f, fn)
	}
	if err := refused(ctx, f.SQL); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	err := tx.conn.Raw(func(c any) error {
		lite, ok := c.(*liteConn)
		if !ok {
			return fmt.Errorf("a connection of type %T", c)
		}
		return lite.raw(ctx, f.SQL, f.Args, fn)
	})
	if err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	return nil
}

func (tx *Tx) rawRows(ctx context.Context, f Frag, fn func(vals []any) error) (err error) {
	rows, err := tx.Rows(ctx, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	vals, ptrs := make([]any, len(names)), make([]any, len(names))
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
