package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// ErrWALBudget ends a snapshot that kept SQLite's write-ahead log from being
// reset for so long that it outgrew its budget. Writers are never made to wait.
var ErrWALBudget = errors.New("the write-ahead log outgrew its budget while the snapshot was open")

// Sizes of the write-ahead log at which the checkpointer acts.
const (
	walPassive  = 4 << 20
	walTruncate = 16 << 20
	ckptPeriod  = 250 * time.Millisecond
)

// checkpointer moves the write-ahead log into the database file. It is the
// only one to do so: SQLite's automatic checkpoint would make every commit
// retry in vain while a snapshot is open, which measured up to 100 times slower.
type checkpointer struct {
	d      *DB
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex
	snapshots map[*snapshot]struct{}
}

type snapshot struct{ abort context.CancelCauseFunc }

func startCheckpointer(d *DB) *checkpointer {
	ctx, cancel := context.WithCancel(context.Background())
	c := &checkpointer{d: d, cancel: cancel, done: make(chan struct{}), snapshots: map[*snapshot]struct{}{}}
	go c.loop(ctx)
	return c
}

func (c *checkpointer) stop() {
	c.cancel()
	<-c.done
}

func (c *checkpointer) loop(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(ckptPeriod)
	defer tick.Stop()
	var seen int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := c.d.writer.commits.Load(); n == seen {
			continue
		} else {
			seen = n
		}
		if err := c.step(ctx); err != nil && ctx.Err() == nil {
			c.d.opt.Log.Warn("checkpoint failed", "error", err)
		}
	}
}

// step checkpoints as far as the size of the log asks for it.
func (c *checkpointer) step(ctx context.Context) error {
	size := c.walSize()
	if size > c.d.opt.WALBudget {
		c.abortSnapshots()
	}
	if size < walPassive {
		return nil
	}
	if err := c.checkpoint(ctx, "PASSIVE"); err != nil {
		return err
	}
	if size < walTruncate || c.pinned() {
		return nil
	}
	// What is left to move after the passive pass is little; do it while our
	// own writers queue, so that the log starts over.
	<-c.d.writer.turn
	defer func() { c.d.writer.turn <- struct{}{} }()
	c.d.writer.commit()
	return c.checkpoint(ctx, "TRUNCATE")
}

func (c *checkpointer) checkpoint(ctx context.Context, mode string) error {
	conn, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if mode != "PASSIVE" { // a reader in the way must not hold writers up
		if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout=20"); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	var busy, log, moved int
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &log, &moved); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// open returns a connection of the checkpointer's own, closed after use.
func (c *checkpointer) open() (*sql.DB, error) {
	pool, err := sql.Open(sqliteDriver, dsn(c.d.opt.Path, "rw"))
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}

func (c *checkpointer) walSize() int64 {
	fi, err := os.Stat(c.d.opt.Path + "-wal")
	if err != nil {
		return 0
	}
	return fi.Size()
}

func (c *checkpointer) pinned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.snapshots) > 0
}

func (c *checkpointer) abortSnapshots() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.snapshots {
		s.abort(ErrWALBudget)
	}
}

func (c *checkpointer) pin(s *snapshot) func() {
	c.mu.Lock()
	c.snapshots[s] = struct{}{}
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		delete(c.snapshots, s)
		c.mu.Unlock()
	}
}

// Snapshot runs fn in a read-only transaction that may stay open for long, as
// a backup does. Writers go on meanwhile. On SQLite the snapshot is aborted
// with ErrWALBudget when the write-ahead log outgrows its budget.
func Snapshot(ctx context.Context, d *DB, fn func(ctx context.Context, tx *Tx) error) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	if d.ckpt != nil {
		defer d.ckpt.pin(&snapshot{abort: abort})()
	}
	_, err := Read(ctx, d, func(tx *Tx) (struct{}, error) { return struct{}{}, fn(ctx, tx) })
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrWALBudget) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
