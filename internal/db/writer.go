package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Limits of one shared commit: a member waits for at most these many others
// and for about this long before its own commit starts.
const (
	maxBatch     = 64
	maxBatchTime = 5 * time.Millisecond
)

// writer is SQLite's one writing connection. Functions run one at a time,
// each in a savepoint of the open batch. Who finishes last commits for all:
// a function that sees others waiting leaves the batch open to them.
type writer struct {
	turn    chan struct{} // holds one token; whoever has it may use conn and batch
	waiting atomic.Int32
	conn    *sql.Conn
	batch   *batch
	commits atomic.Int64
}

type batch struct {
	began time.Time
	runs  int
	done  chan struct{}
	err   error // set before done is closed
}

func newWriter(conn *sql.Conn) *writer {
	w := &writer{turn: make(chan struct{}, 1), conn: conn}
	w.turn <- struct{}{}
	return w
}

func (w *writer) close() error {
	<-w.turn // never given back: nothing runs after close
	return w.conn.Close()
}

type aloneKey struct{}

// Alone returns a context in which Write does not share its commit. Long
// writes use it, so that short ones do not wait for them to commit.
func Alone(ctx context.Context) context.Context {
	return context.WithValue(ctx, aloneKey{}, true)
}

// run executes fn as a member of a batch and returns once the batch is
// durable. It does not give up waiting for its turn when ctx ends, because
// the open batch may be counting on it to commit; fn is then not run.
func (w *writer) run(ctx context.Context, d *DB, fn func(*Tx) error) error {
	w.waiting.Add(1)
	<-w.turn
	w.waiting.Add(-1)
	alone := ctx.Value(aloneKey{}) != nil
	if alone {
		w.commit()
	}
	b, err := w.join(ctx)
	if err != nil {
		w.turn <- struct{}{}
		return err
	}
	tx := &Tx{q: w.conn, d: d, write: true, noAbort: true}
	panicked, fnErr := w.member(ctx, tx, fn)
	if w.batch == b { // else the engine gave the whole batch up
		b.runs++
		if alone || w.waiting.Load() == 0 || b.runs >= maxBatch || time.Since(b.began) > maxBatchTime {
			w.commit()
		}
	}
	w.turn <- struct{}{}
	<-b.done
	if panicked != nil {
		panic(panicked)
	}
	if fnErr != nil {
		return fnErr
	}
	if b.err == nil {
		tx.committed()
	}
	return b.err
}

// join returns the open batch or begins one.
func (w *writer) join(ctx context.Context) (*batch, error) {
	if w.batch != nil {
		return w.batch, nil
	}
	if _, err := w.conn.ExecContext(context.WithoutCancel(ctx), "BEGIN IMMEDIATE"); err != nil {
		return nil, fmt.Errorf("begin write: %w", err)
	}
	w.batch = &batch{began: time.Now(), done: make(chan struct{})}
	return w.batch, nil
}

// member runs fn in a savepoint. When the savepoint itself fails, the engine
// has rolled the transaction back (disk full, I/O error) and all members fail.
func (w *writer) member(ctx context.Context, tx *Tx, fn func(*Tx) error) (panicked any, fnErr error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	bg := context.WithoutCancel(ctx)
	if _, err := w.conn.ExecContext(bg, "SAVEPOINT member"); err != nil {
		w.abandon(err)
		return nil, err
	}
	tx.now = tx.d.Now()
	panicked, fnErr = call(fn, tx)
	if fnErr != nil || panicked != nil {
		if _, err := w.conn.ExecContext(bg, "ROLLBACK TO member"); err != nil {
			w.abandon(errors.Join(fnErr, err))
			return panicked, fnErr
		}
	}
	if _, err := w.conn.ExecContext(bg, "RELEASE member"); err != nil {
		w.abandon(err)
		if fnErr == nil {
			fnErr = fmt.Errorf("write: %w", err)
		}
	}
	return panicked, fnErr
}

func call(fn func(*Tx) error, tx *Tx) (panicked any, err error) {
	defer func() { panicked = recover() }()
	return nil, fn(tx)
}

// commit makes the open batch durable and tells its members.
func (w *writer) commit() {
	b := w.batch
	if b == nil {
		return
	}
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		w.abandon(fmt.Errorf("commit: %w", err))
		return
	}
	w.batch = nil
	w.commits.Add(1)
	close(b.done)
}

// abandon rolls the batch back and fails its members. The rollback may find
// that the engine has done so already.
func (w *writer) abandon(err error) {
	b := w.batch
	_, _ = w.conn.ExecContext(context.Background(), "ROLLBACK")
	w.batch = nil
	b.err = err
	close(b.done)
}
