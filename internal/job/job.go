// Package job is the queue of work that happens after a commit.
//
// A job is enqueued in the transaction that made it necessary, so that it
// exists exactly if that transaction does. Workers claim jobs with a lease that
// a heartbeat renews; a job whose worker died is taken over when the lease runs
// out. So a job runs at least once: handlers are idempotent. A failed attempt
// backs off; after the last one the job is dead, which administrators see and
// can retry. Jobs are kept in the database, so that any node can run them, and
// nothing is written while there is nothing to do.
//
// A job whose last attempt ended with its process is dead too: it may have been
// what ended the process.
package job

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Args are a job's arguments; they are kept as JSON and hold ids, not copies.
type Args interface {
	// Kind names the handler. Kinds never change once released.
	Kind() string
}

// States of a job.
const (
	Queued    = "queued"
	Running   = "running"
	Done      = "done"
	Dead      = "dead"
	Cancelled = "cancelled"
)

// Job is one job as stored.
type Job struct {
	ID          id.Job   `db:"id"`
	Kind        string   `db:"kind"`
	Args        string   `db:"args"`
	State       string   `db:"state"`
	RunAt       db.Time  `db:"run_at"`
	Attempt     int      `db:"attempt"`
	MaxAttempts int      `db:"max_attempts"`
	LastError   string   `db:"last_error"`
	CreatedAt   db.Time  `db:"created_at"`
	FinishedAt  *db.Time `db:"finished_at"`
	// Lease is who runs the job; each claim has its own.
	Lease string `db:"leased_by"`
}

const columns = `id, kind, args, state, run_at, attempt, max_attempts, last_error, created_at, finished_at, leased_by`

// defaultAttempts spread over about a day with the back-off below.
const defaultAttempts = 12

type options struct {
	runAt       time.Time
	maxAttempts int
	priority    int
	unique      *string
}

// Option adjusts Enqueue.
type Option func(*options)

// At delays the job until t.
func At(t time.Time) Option { return func(o *options) { o.runAt = t } }

// Attempts bounds how often the job is tried.
func Attempts(n int) Option { return func(o *options) { o.maxAttempts = n } }

// Urgent jobs run before others that are due.
func Urgent() Option { return func(o *options) { o.priority = 10 } }

// Unique makes Enqueue do nothing while a job with the key waits or runs.
func Unique(key string) Option { return func(o *options) { o.unique = &key } }

// Enqueue adds a job in the caller's transaction and returns its id, 0 when a
// job with the same unique key is there already.
func Enqueue(ctx context.Context, tx *db.Tx, a Args, opts ...Option) (id.Job, error) {
	o := options{runAt: tx.Now(), maxAttempts: defaultAttempts}
	for _, f := range opts {
		f(&o)
	}
	data, err := json.Marshal(a)
	if err != nil {
		return 0, fmt.Errorf("enqueue %s: %w", a.Kind(), err)
	}
	n, ok, err := db.One[id.Job](ctx, tx, db.SQL(`INSERT INTO jobs (kind, args, state, priority, run_at, max_attempts, unique_key, created_at)
		VALUES (?, ?, 'queued', ?, ?, ?, ?, ?)
		ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'running') DO NOTHING RETURNING id`,
		a.Kind(), string(data), o.priority, db.At(o.runAt), o.maxAttempts, o.unique, tx.Stamp()))
	if err != nil {
		return 0, fmt.Errorf("enqueue %s: %w", a.Kind(), err)
	}
	if ok && !o.runAt.After(tx.Now()) {
		tx.AfterCommit(wakeAll)
	}
	return n, nil
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that no further attempt can mend: the job is dead at once.
func Permanent(err error) error { return permanent{err} }

type later struct {
	error
	pause time.Duration
}

func (l later) Unwrap() error { return l.error }

// Later puts the job back in the queue for a while, without using up an
// attempt: nothing went wrong, but it cannot be done now. reason is shown.
func Later(pause time.Duration, reason error) error { return later{reason, pause} }

type lastKey struct{}

// IsLast says, inside a handler, whether the job is dead when this attempt fails.
func IsLast(ctx context.Context) bool { return ctx.Value(lastKey{}) != nil }

// backoff is the pause before the next attempt: 15 s, 1 min, 2.5 min, ... up to 12 h.
func backoff(attempt int) time.Duration {
	d := time.Duration(attempt*attempt) * 15 * time.Second
	for i := 6; i < attempt; i++ {
		d *= 2
	}
	return min(d, 12*time.Hour)
}

// Counts are the numbers of jobs by state, and the age of the oldest that is due.
type Counts struct {
	Queued, Running, Dead int
	OldestDue             time.Duration
}

// Count returns the numbers of jobs by state.
func Count(ctx context.Context, tx *db.Tx) (Counts, error) {
	type row struct {
		Queued, Running, Dead int
		First                 *db.Time
	}
	r, err := db.Scalar[row](ctx, tx, db.SQL(`SELECT
		(SELECT COUNT(*) FROM jobs WHERE state = 'queued') AS queued, (SELECT MIN(run_at) FROM jobs WHERE state = 'queued') AS first,
		(SELECT COUNT(*) FROM jobs WHERE state = 'running') AS running, (SELECT COUNT(*) FROM jobs WHERE state = 'dead') AS dead`))
	c := Counts{Queued: r.Queued, Running: r.Running, Dead: r.Dead}
	if r.First != nil {
		c.OldestDue = max(0, tx.Now().Sub(r.First.Time))
	}
	return c, err
}

// List returns jobs of a state, newest first, at most limit. The caller has
// checked that the reader is an administrator.
func List(ctx context.Context, tx *db.Tx, state string, limit int) ([]Job, error) {
	return db.All[Job](ctx, tx, db.SQL(`SELECT `+columns+` FROM jobs WHERE state = ? ORDER BY id DESC LIMIT ?`, state, limit))
}

// Retry queues a dead job again with all its attempts.
//
// Faults: NotFound when there is no dead job of that id, Conflict when a job
// with its unique key has taken its place.
func Retry(ctx context.Context, tx *db.Tx, job id.Job) error {
	n, err := db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET state = 'queued', attempt = 0, run_at = ?, finished_at = NULL
		WHERE id = ? AND state = 'dead'`, tx.Stamp(), job))
	switch {
	case db.IsUnique(err):
		return fault.Conflict("a newer job does the same")
	case err == nil && n == 0:
		return fault.NotFound("dead job")
	}
	tx.AfterCommit(wakeAll)
	return err
}

// Cancel takes a job that has not begun out of the queue.
//
// Faults: NotFound when there is no queued job of that id.
func Cancel(ctx context.Context, tx *db.Tx, job id.Job) error {
	n, err := db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET state = 'cancelled', finished_at = ? WHERE id = ? AND state = 'queued'`, tx.Stamp(), job))
	if err == nil && n == 0 {
		err = fault.NotFound("queued job")
	}
	return err
}

// Purge removes jobs that ended well longer ago than keep. Dead ones stay.
func Purge(ctx context.Context, tx *db.Tx, keep time.Duration) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM jobs WHERE state IN ('done', 'cancelled') AND finished_at < ?`, db.At(tx.Now().Add(-keep))))
	return err
}
