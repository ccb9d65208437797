package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"github.com/holdfast/holdfast/internal/fault"
)

// Limits of the retries of a transaction that PostgreSQL could not put in order with
// others: how often, and the longest pause before the next.
const (
	writeAttempts = 24
	longestPause  = 200 * time.Millisecond
)

func openPostgres(ctx context.Context, o Options) (*DB, error) {
	pool, err := sql.Open("pgx", o.URL)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	pool.SetMaxOpenConns(o.Readers * 4)
	pool.SetMaxIdleConns(o.Readers)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fault.WithHint(fmt.Errorf("open PostgreSQL: %w", err),
			"check HOLDFAST_DATABASE_URL and that the server accepts connections")
	}
	return &DB{dialect: Postgres, opt: o, read: pool, write: pool, again: make(chan struct{}, 1)}, nil
}

// writePostgres tries until others do not stand in the way. Those that lost once go
// one at a time in this process: among writers of the same row each would make
// another lose, and the slowest of them would run out of attempts.
func (d *DB) writePostgres(ctx context.Context, fn func(*Tx) error) error {
	err := d.tryPostgres(ctx, fn)
	if !retryable(err) {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case d.again <- struct{}{}:
	}
	defer func() { <-d.again }()
	for attempt := 1; retryable(err) && attempt < writeAttempts; attempt++ {
		pause := rand.N(min(longestPause, 5*time.Millisecond<<min(attempt, 10)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		err = d.tryPostgres(ctx, fn)
	}
	return err
}

func (d *DB) tryPostgres(ctx context.Context, fn func(*Tx) error) error {
	stx, err := d.write.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return fmt.Errorf("begin write: %w", err)
	}
	defer func() { _ = stx.Rollback() }() // after Commit this does nothing
	tx := &Tx{q: stx, d: d, now: d.Now(), write: true}
	if err := fn(tx); err != nil {
		return err
	}
	if err := stx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	tx.committed()
	return nil
}

// chained is the constraint under which two simultaneous appends to the audit
// chain meet; the loser has read a head that is no longer the newest.
const chained = "audit_entries_prev_hash_key"

// retryable says whether err is PostgreSQL's serialization failure or deadlock,
// or the unique violation that stands for one.
func retryable(err error) bool {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return false
	}
	return pe.Code == "40001" || pe.Code == "40P01" || pe.Code == "23505" && pe.ConstraintName == chained
}
