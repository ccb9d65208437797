package job_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

const lease = 60 * time.Second

// claimed is an attempt as the worker sees it; it may be a stale view.
type claimed struct {
	node  *job.Runner
	job   job.Job
	until time.Time
}

// expected is what a job must be.
type expected struct {
	state string
	key   string
	runs  int // attempts that count
	max   int
}

// model interleaves the steps of several nodes and knows what must come of them.
type model struct {
	ctx   context.Context
	db    *db.DB
	clock *dbtest.Clock
	nodes []*job.Runner
	jobs  map[id.Job]*expected
	live  map[id.Job]*claimed // who holds the lease, also when it has run out
	stale []claimed           // attempts whose worker lost the job and does not know
}

// TestNothingIsLostOrRunTwiceAtATime does random things in random order: jobs
// come in, succeed, fail, are interrupted, workers die or sleep past their
// lease and then report all the same.
func TestNothingIsLostOrRunTwiceAtATime(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newModel(t, d, c)
			rt.Repeat(map[string]func(*rapid.T){
				"enqueue": m.enqueue, "claim": m.claim, "renew": m.renew, "end": m.end,
				"zombie": m.zombie, "retry": m.retry, "cancel": m.cancel,
				"wait": func(rt *rapid.T) { c.Advance(time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second) },
				"":     m.check,
			})
		})
	})
}

func newModel(t *testing.T, d *db.DB, c *dbtest.Clock) *model {
	m := &model{ctx: t.Context(), db: d, clock: c, jobs: map[id.Job]*expected{}, live: map[id.Job]*claimed{}}
	for range 3 {
		m.nodes = append(m.nodes, job.NewRunner(d, slog.New(slog.DiscardHandler), 1))
	}
	err := db.Do(m.ctx, d, func(tx *db.Tx) error {
		_, err := db.Exec(m.ctx, tx, db.SQL(`DELETE FROM jobs`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *model) write(rt *rapid.T, fn func(tx *db.Tx) error) error {
	rt.Helper()
	return db.Do(m.ctx, m.db, fn)
}

func (m *model) held(key string) bool {
	for _, e := range m.jobs {
		if key != "" && e.key == key && (e.state == job.Queued || e.state == job.Running) {
			return true
		}
	}
	return false
}

func (m *model) enqueue(rt *rapid.T) {
	key := rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(rt, "key")
	limit := rapid.IntRange(1, 3).Draw(rt, "attempts")
	fails := rapid.IntRange(0, 4).Draw(rt, "rolled back") == 0
	opts := []job.Option{job.Attempts(limit)}
	if key != "" {
		opts = append(opts, job.Unique(key))
	}
	if rapid.Bool().Draw(rt, "urgent") {
		opts = append(opts, job.Urgent())
	}
	var n id.Job
	err := m.write(rt, func(tx *db.Tx) error {
		var err error
		if n, err = job.Enqueue(m.ctx, tx, greet{}, opts...); err == nil && fails {
			err = errors.New("rolled back")
		}
		return err
	})
	switch {
	case fails && err != nil && err.Error() == "rolled back":
	case err != nil:
		rt.Fatal(err)
	case (n == 0) != m.held(key):
		rt.Fatalf("enqueue with key %q gave %d while held is %v", key, n, m.held(key))
	case n != 0:
		m.jobs[n] = &expected{state: job.Queued, key: key, max: limit}
	}
}

func (m *model) claim(rt *rapid.T) {
	node := rapid.SampledFrom(m.nodes).Draw(rt, "node")
	before := m.clock.Now()
	j, ok, err := node.Claim(m.ctx)
	if err != nil {
		rt.Fatal(err)
	}
	for n, c := range m.live { // attempts that nobody finished in time and that were the last
		if e := m.jobs[n]; c.until.Before(before) && e.runs >= e.max {
			e.state = job.Dead
			m.stale = append(m.stale, *c)
			delete(m.live, n)
		}
	}
	if !ok {
		return
	}
	e := m.jobs[j.ID]
	if c := m.live[j.ID]; c != nil {
		if c.until.After(m.clock.Now()) {
			rt.Fatalf("job %d was claimed while another worker holds it", j.ID)
		}
		m.stale = append(m.stale, *c)
	} else if e.state != job.Queued {
		rt.Fatalf("job %d was claimed though it is %s", j.ID, e.state)
	}
	e.state, e.runs = job.Running, e.runs+1
	if j.Attempt != e.runs || e.runs > e.max {
		rt.Fatalf("job %d is at attempt %d, want %d of %d", j.ID, j.Attempt, e.runs, e.max)
	}
	m.live[j.ID] = &claimed{node, j, before.Add(lease)}
}

// holder picks a lease that is held; the worker need not have kept it alive.
func (m *model) holder(rt *rapid.T) *claimed {
	if len(m.live) == 0 {
		rt.Skip("nothing runs")
	}
	ids := make([]id.Job, 0, len(m.live))
	for n := range m.live {
		ids = append(ids, n)
	}
	slices.Sort(ids)
	return m.live[rapid.SampledFrom(ids).Draw(rt, "job")]
}

func (m *model) renew(rt *rapid.T) {
	c := m.holder(rt)
	before := m.clock.Now()
	ours, err := c.node.Renew(m.ctx, c.job)
	if err != nil || !ours {
		rt.Fatalf("renewing job %d gave %v, %v", c.job.ID, ours, err)
	}
	c.until = before.Add(lease)
}

func (m *model) end(rt *rapid.T) {
	c := m.holder(rt)
	e := m.jobs[c.job.ID]
	bad := errors.New("bad \x00 byte \xff")
	switch rapid.SampledFrom([]string{"ok", "fails", "permanent", "later", "interrupted"}).Draw(rt, "how") {
	case "ok":
		c.node.Finish(m.ctx, c.job, nil, false)
		e.state = job.Done
	case "fails":
		c.node.Finish(m.ctx, c.job, bad, false)
		if e.state = job.Queued; e.runs >= e.max {
			e.state = job.Dead
		}
	case "permanent":
		c.node.Finish(m.ctx, c.job, job.Permanent(bad), false)
		e.state = job.Dead
	case "later":
		c.node.Finish(m.ctx, c.job, job.Later(time.Minute, bad), false)
		e.state, e.runs = job.Queued, e.runs-1
	case "interrupted":
		c.node.Finish(m.ctx, c.job, context.Canceled, true)
		e.state, e.runs = job.Queued, e.runs-1
	}
	delete(m.live, c.job.ID)
}

// zombie lets a worker that lost its job report; nothing may come of it.
func (m *model) zombie(rt *rapid.T) {
	if len(m.stale) == 0 {
		rt.Skip("no worker lost its job")
	}
	c := rapid.SampledFrom(m.stale).Draw(rt, "worker")
	if ours, err := c.node.Renew(m.ctx, c.job); err != nil || ours {
		rt.Fatalf("a lost job was renewed: %v, %v", ours, err)
	}
	c.node.Finish(m.ctx, c.job, nil, false)
}

func (m *model) some(rt *rapid.T, state string) id.Job {
	var ids []id.Job
	for n, e := range m.jobs {
		if e.state == state {
			ids = append(ids, n)
		}
	}
	if len(ids) == 0 {
		rt.Skip("none is " + state)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(rt, "job")
}

func (m *model) retry(rt *rapid.T) {
	n := m.some(rt, job.Dead)
	e := m.jobs[n]
	err := m.write(rt, func(tx *db.Tx) error { return job.Retry(m.ctx, tx, n) })
	if (err != nil) != m.held(e.key) {
		rt.Fatalf("retry gave %v while the key's held is %v", err, m.held(e.key))
	}
	if err == nil {
		e.state, e.runs = job.Queued, 0
	}
}

func (m *model) cancel(rt *rapid.T) {
	n := m.some(rt, job.Queued)
	if err := m.write(rt, func(tx *db.Tx) error { return job.Cancel(m.ctx, tx, n) }); err != nil {
		rt.Fatal(err)
	}
	m.jobs[n].state = job.Cancelled
}

// check compares every job with what it must be.
func (m *model) check(rt *rapid.T) {
	type row struct {
		ID    id.Job
		State string
	}
	rows, err := db.Read(m.ctx, m.db, func(tx *db.Tx) ([]row, error) {
		return db.All[row](m.ctx, tx, db.SQL(`SELECT id, state FROM jobs`))
	})
	if err != nil {
		rt.Fatal(err)
	}
	if len(rows) != len(m.jobs) {
		rt.Fatalf("there are %d jobs, want %d", len(rows), len(m.jobs))
	}
	for _, r := range rows {
		if want := m.jobs[r.ID]; want == nil || want.state != r.State {
			rt.Fatalf("job %d is %s, want %+v", r.ID, r.State, want)
		}
	}
}
