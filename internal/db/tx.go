package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/holdfast/holdfast/internal/fault"
)

// queryer is what a transaction and a pinned connection have in common.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Tx is a transaction. It is used by one goroutine at a time and not kept
// after the function it was given to returns.
type Tx struct {
	q       queryer
	d       *DB
	now     time.Time
	write   bool
	noAbort bool
	reads   bool      // has read something
	conn    *sql.Conn // of one's own, on SQLite: see Beside
	after   []func()
	marks   map[any]bool
}

// Now returns the one instant of this transaction; everything it writes carries it.
func (tx *Tx) Now() time.Time { return tx.now }

// Stamp returns Now as a database value.
func (tx *Tx) Stamp() Time { return Time{tx.now} }

// AfterCommit has fn run once the transaction is durable, and never when it is
// not. fn is quick and does not use the transaction.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Mark remembers something for the time of this transaction; Marked says whether it
// was marked. A key has a type of the package that uses it.
func (tx *Tx) Mark(key any) {
	if tx.marks == nil {
		tx.marks = map[any]bool{}
	}
	tx.marks[key] = true
}

// Marked says whether Mark was called with the key in this transaction.
func (tx *Tx) Marked(key any) bool { return tx.marks[key] }

func (tx *Tx) committed() {
	for _, fn := range tx.after {
		fn()
	}
}

// SkipLocked ends a SELECT whose row is claimed by the statement around it:
// rows that others are claiming are passed over. SQLite has one writer, so
// there are no others.
func (tx *Tx) SkipLocked() Frag { return SQL(tx.Pick("", "FOR UPDATE SKIP LOCKED")) }

// Dialect returns the engine in use, for the few fragments that must differ.
func (tx *Tx) Dialect() Dialect { return tx.d.dialect }

// Pick returns the text for the engine in use.
func (tx *Tx) Pick(sqlite, postgres string) string {
	if tx.d.dialect == SQLite {
		return sqlite
	}
	return postgres
}

// Read runs fn in a read-only transaction that sees one snapshot.
func Read[T any](ctx context.Context, d *DB, fn func(tx *Tx) (T, error)) (T, error) {
	var zero T
	stx, err := d.read.BeginTx(ctx, d.readOptions())
	if err != nil {
		return zero, fmt.Errorf("begin read: %w", err)
	}
	defer func() { _ = stx.Rollback() }() // nothing was written; ends the snapshot also on panic
	out, err := fn(&Tx{q: stx, d: d, now: d.Now()})
	if err != nil {
		return zero, err
	}
	return out, nil
}

// Write runs fn in a read-write transaction and returns after its changes are
// durable. An error from fn undoes everything fn did. fn may run more than
// once and must have no effect outside the transaction; it must not open
// another transaction. On a full disk it returns the fault NoSpace.
func Write[T any](ctx context.Context, d *DB, fn func(tx *Tx) (T, error)) (T, error) {
	var out, zero T
	err := d.writeTx(ctx, func(tx *Tx) error {
		var err error
		out, err = fn(tx)
		return err
	})
	if err != nil {
		return zero, err
	}
	return out, nil
}

// Do is Write for functions without a result.
func Do(ctx context.Context, d *DB, fn func(tx *Tx) error) error {
	return d.writeTx(ctx, fn)
}

func (d *DB) writeTx(ctx context.Context, fn func(tx *Tx) error) error {
	if d.dialect == SQLite {
		return d.opt.named(d.writer.run(ctx, d, fn))
	}
	return d.opt.named(d.writePostgres(ctx, fn))
}

func (d *DB) readOptions() *sql.TxOptions {
	if d.dialect == SQLite {
		return &sql.TxOptions{ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}

type counterKey struct{}

// CountStatements returns a context in which every statement adds one to n.
// Tests pin the number of statements of a list with it.
func CountStatements(ctx context.Context, n *atomic.Int64) context.Context {
	return context.WithValue(ctx, counterKey{}, n)
}

type refusalKey struct{}

// RefuseStatements returns a context in which refuse is asked before every
// statement of a transaction, and its error is the statement's. Tests inject
// faults with it.
func RefuseStatements(ctx context.Context, refuse func(query string) error) context.Context {
	return context.WithValue(ctx, refusalKey{}, refuse)
}

func refused(ctx context.Context, query string) error {
	if refuse, ok := ctx.Value(refusalKey{}).(func(string) error); ok {
		return refuse(query)
	}
	return nil
}

// context prepares ctx for a statement. A statement of an SQLite write
// transaction is never interrupted: SQLite would roll back the transaction as
// a whole, and with it the writers that share it.
func (tx *Tx) context(ctx context.Context) context.Context {
	if n, ok := ctx.Value(counterKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	if tx.noAbort {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (tx *Tx) text(q string) string {
	if tx.d.dialect == Postgres {
		return numbered(q)
	}
	return q
}

// Rows runs a query; the caller closes the rows and checks their error.
func (tx *Tx) Rows(ctx context.Context, f Frag) (*sql.Rows, error) {
	if err := refused(ctx, f.SQL); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	tx.reads = true
	rows, err := tx.q.QueryContext(tx.context(ctx), tx.text(f.SQL), f.Args...)
	if err != nil {
		return nil, fmt.Errorf("query: %w", ended(ctx, err))
	}
	return rows, nil
}

// ended names the end of ctx as the cause: when it ends between two statements, the
// transaction is gone before the next one, and nothing says why.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// All returns every row of the query. T is a struct with `db:"column"` tags or
// a single column's type.
func All[T any](ctx context.Context, tx *Tx, f Frag) ([]T, error) {
	rows, err := tx.Rows(ctx, f) //nolint:rowserrcheck // readAll checks it
	if err != nil {
		return nil, err
	}
	out, err := readAll[T](rows, 0)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return out, nil
}

// One returns the first row of the query, and whether there was one.
func One[T any](ctx context.Context, tx *Tx, f Frag) (T, bool, error) {
	var zero T
	rows, err := tx.Rows(ctx, f) //nolint:rowserrcheck // readAll checks it
	if err != nil {
		return zero, false, err
	}
	out, err := readAll[T](rows, 1)
	switch {
	case err != nil:
		return zero, false, fmt.Errorf("read row: %w", err)
	case len(out) == 0:
		return zero, false, nil
	}
	return out[0], true, nil
}

// Find returns the row of the query, or a NotFound fault naming what is missing.
func Find[T any](ctx context.Context, tx *Tx, what string, f Frag) (T, error) {
	out, ok, err := One[T](ctx, tx, f)
	if err == nil && !ok {
		err = fault.NotFound(what)
	}
	return out, err
}

// Scalar returns the single value of a query that always has one, such as COUNT.
func Scalar[T any](ctx context.Context, tx *Tx, f Frag) (T, error) {
	out, ok, err := One[T](ctx, tx, f)
	if err == nil && !ok {
		err = errors.New("query returned no row")
	}
	return out, err
}

// Insert runs an INSERT ... RETURNING id and returns the id.
func Insert[T ~int64](ctx context.Context, tx *Tx, f Frag) (T, error) {
	n, err := Scalar[int64](ctx, tx, f)
	return T(n), err
}

// Exec runs a statement and returns the number of rows it changed.
func Exec(ctx context.Context, tx *Tx, f Frag) (int64, error) {
	if !tx.write {
		return 0, errors.New("statement in a read transaction: " + f.SQL)
	}
	if err := refused(ctx, f.SQL); err != nil {
		return 0, fmt.Errorf("execute: %w", err)
	}
	res, err := tx.q.ExecContext(tx.context(ctx), tx.text(f.SQL), f.Args...)
	if err != nil {
		return 0, fmt.Errorf("execute: %w", ended(ctx, err))
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("execute: %w", err)
	}
	return n, nil
}
