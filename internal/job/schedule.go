package job

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

// periodic is a job that is enqueued again and again. It is used by one goroutine.
type periodic struct {
	name   string
	args   Args
	atOnce bool // the first run of a new instance does not wait
	after  func(t time.Time) time.Time
	known  time.Time // not due before this; other nodes only move it on
}

// Every enqueues a job at an interval. The times are kept in the database, so
// that several nodes run it once, and runs missed while the server was off are
// caught up once.
func (r *Runner) Every(name string, interval time.Duration, a Args) {
	r.periodic = append(r.periodic, &periodic{
		name: name, args: a, atOnce: true,
		after: func(t time.Time) time.Time { return t.Add(interval) },
	})
}

// Daily is like Every for a time of day in a place. It first runs when that
// time comes.
func (r *Runner) Daily(name string, hour, minute int, where *time.Location, a Args) {
	r.periodic = append(r.periodic, &periodic{name: name, args: a, after: func(t time.Time) time.Time {
		y, m, d := t.In(where).Date()
		next := time.Date(y, m, d, hour, minute, 0, 0, where)
		for !next.After(t) {
			d++
			next = time.Date(y, m, d, hour, minute, 0, 0, where)
		}
		return next.UTC()
	}})
}

// keepSchedule enqueues periodic jobs as they become due, until ctx ends. It
// asks the database only when one may be due.
func (r *Runner) keepSchedule(ctx context.Context) {
	tick := time.NewTicker(r.times.poll)
	defer tick.Stop()
	for {
		for _, p := range r.periodic {
			if p.known.After(r.db.Now()) {
				continue
			}
			if err := r.enqueueDue(ctx, p); err != nil && ctx.Err() == nil {
				r.log.Warn("periodic job could not be enqueued", "name", p.name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// enqueueDue enqueues p if it is due, and learns when it is due next.
func (r *Runner) enqueueDue(ctx context.Context, p *periodic) error {
	find := func(tx *db.Tx) (db.Time, error) {
		t, _, err := db.One[db.Time](ctx, tx, db.SQL(`SELECT next_run_at FROM job_schedule WHERE name = ?`, p.name))
		return t, err
	}
	next, err := db.Read(ctx, r.db, find)
	if err == nil && !next.After(r.db.Now()) {
		next, err = db.Write(ctx, r.db, func(tx *db.Tx) (db.Time, error) {
			if err := p.advance(ctx, tx); err != nil {
				return db.Time{}, err
			}
			return find(tx)
		})
	}
	if err == nil {
		p.known = next.Time
	}
	return err
}

// advance moves the schedule on and enqueues the run that was due, if no other
// node has done so.
func (p *periodic) advance(ctx context.Context, tx *db.Tx) error {
	next := db.At(p.after(tx.Now()))
	if !p.atOnce {
		n, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO job_schedule (name, next_run_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, p.name, next))
		if err != nil || n > 0 {
			return err
		}
	}
	n, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO job_schedule (name, next_run_at, last_run_at) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at, last_run_at = excluded.last_run_at
		WHERE job_schedule.next_run_at <= ?`, p.name, next, tx.Stamp(), tx.Stamp()))
	if err != nil || n == 0 {
		return err
	}
	_, err = Enqueue(ctx, tx, p.args, Unique("periodic:"+p.name))
	return err
}
