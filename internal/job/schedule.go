package job

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

type periodic struct {
	name  string
	every time.Duration
	args  Args
}

// Every enqueues a job at an interval. The times are kept in the database, so
// that several nodes run it once, and a run missed while the server was off is
// caught up once.
func (r *Runner) Every(name string, interval time.Duration, a Args) {
	r.periodic = append(r.periodic, periodic{name, interval, a})
}

// schedule enqueues the periodic jobs that are due.
func (r *Runner) schedule(ctx context.Context) {
	type row struct {
		Name string
		Next db.Time `db:"next_run_at"`
	}
	rows, err := db.Read(ctx, r.db, func(tx *db.Tx) ([]row, error) {
		return db.All[row](ctx, tx, db.SQL(`SELECT name, next_run_at FROM job_schedule`))
	})
	if err != nil {
		r.log.Warn("schedule could not be read", "error", err)
		return
	}
	next := map[string]time.Time{}
	for _, w := range rows {
		next[w.Name] = w.Next.Time
	}
	now := r.db.Now()
	for _, p := range r.periodic {
		if t, ok := next[p.name]; ok && t.After(now) {
			continue
		}
		if err := r.enqueueDue(ctx, p); err != nil {
			r.log.Warn("periodic job could not be enqueued", "name", p.name, "error", err)
		}
	}
}

func (r *Runner) enqueueDue(ctx context.Context, p periodic) error {
	return db.Do(ctx, r.db, func(tx *db.Tx) error {
		n, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO job_schedule (name, next_run_at, last_run_at) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at, last_run_at = excluded.last_run_at
			WHERE job_schedule.next_run_at <= ?`, p.name, db.At(tx.Now().Add(p.every)), tx.Stamp(), tx.Stamp()))
		if err != nil || n == 0 {
			return err
		}
		_, err = Enqueue(ctx, tx, p.args, Unique("periodic:"+p.name))
		return err
	})
}
