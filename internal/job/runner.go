package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/holdfast/holdfast/internal/db"
)

// times are a runner's. A lease is renewed three times before it would run out.
type times struct {
	lease time.Duration // how long a claim holds without a heartbeat
	beat  time.Duration // between heartbeats
	poll  time.Duration // between looks for what other nodes enqueued or what became due
	grace time.Duration // how long Run waits for handlers when it ends
}

var usual = times{lease: 60 * time.Second, beat: 15 * time.Second, poll: 5 * time.Second, grace: 20 * time.Second}

// Runner runs jobs with a number of workers.
type Runner struct {
	db       *db.DB
	log      *slog.Logger
	workers  int
	times    times
	handlers map[string]func(ctx context.Context, args []byte) error
	periodic []*periodic
	wake     chan struct{}
}

// NewRunner returns a runner; handlers and periodic jobs are registered before Run.
func NewRunner(d *db.DB, log *slog.Logger, workers int) *Runner {
	return &Runner{
		db: d, log: log, workers: workers, times: usual,
		handlers: map[string]func(context.Context, []byte) error{}, wake: make(chan struct{}, 1),
	}
}

// Register says which function carries out jobs of T's kind. The function's
// context ends when the process does and when the job was lost to another worker.
func Register[T Args](r *Runner, fn func(ctx context.Context, args T) error) {
	var zero T
	r.handlers[zero.Kind()] = func(ctx context.Context, data []byte) error {
		var args T
		if err := json.Unmarshal(data, &args); err != nil {
			return Permanent(fmt.Errorf("arguments: %w", err))
		}
		return fn(ctx, args)
	}
}

// listening are the runners of this process, to be woken by a new job.
var listening struct {
	sync.Mutex
	runners map[*Runner]struct{}
}

// wakeAll tells the runners of this process to look.
func wakeAll() {
	listening.Lock()
	defer listening.Unlock()
	for r := range listening.runners {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

func (r *Runner) listen() func() {
	listening.Lock()
	defer listening.Unlock()
	if listening.runners == nil {
		listening.runners = map[*Runner]struct{}{}
	}
	listening.runners[r] = struct{}{}
	return func() {
		listening.Lock()
		defer listening.Unlock()
		delete(listening.runners, r)
	}
}

// Run claims and carries out jobs until ctx ends, gives those under way back to
// the queue, and returns when their handlers have. A handler that does not heed
// its context is waited for only so long; its job stays leased, because it may
// still be at work, and is taken over once the process is gone.
func (r *Runner) Run(ctx context.Context) {
	defer r.listen()()
	var scheduling, working sync.WaitGroup
	scheduling.Go(func() { r.keepSchedule(ctx) })
	r.work(ctx, &working)
	scheduling.Wait()
	ended := make(chan struct{})
	go func() { working.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(r.times.grace):
		r.log.Warn("jobs are left behind: their handlers do not end")
	}
}

// work keeps the workers busy until ctx ends.
func (r *Runner) work(ctx context.Context, working *sync.WaitGroup) {
	slots := make(chan struct{}, r.workers)
	for {
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		j, ok, err := r.claim(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("jobs could not be claimed", "error", err)
		}
		if ok {
			working.Go(func() {
				defer func() { <-slots }()
				r.carryOut(ctx, j)
			})
			continue
		}
		<-slots
		r.wait(ctx)
	}
}

// wait returns when there may be something to do.
func (r *Runner) wait(ctx context.Context) {
	t := time.NewTimer(r.times.poll)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-t.C:
	}
}

// The jobs that may be claimed; each condition has an index of its own.
const (
	dueJob  = `SELECT id FROM jobs WHERE state = 'queued' AND run_at <= ? ORDER BY priority DESC, run_at, id LIMIT 1`
	lostJob = `SELECT id FROM jobs WHERE state = 'running' AND lease_until < ? ORDER BY lease_until, id LIMIT 1`
)

// claim takes a job whose lease has run out, or the next that is due. It looks
// before it writes, so that an idle queue costs no write.
func (r *Runner) claim(ctx context.Context) (Job, bool, error) {
	type sight struct{ Lost, Due *int64 }
	see, err := db.Read(ctx, r.db, func(tx *db.Tx) (sight, error) {
		return db.Scalar[sight](ctx, tx, db.SQL(`SELECT (`+lostJob+`) AS lost, (`+dueJob+`) AS due`, tx.Stamp(), tx.Stamp()))
	})
	if err != nil || see.Lost == nil && see.Due == nil {
		return Job{}, false, err
	}
	var ok bool
	j, err := db.Write(ctx, r.db, func(tx *db.Tx) (Job, error) {
		var j Job
		var err error
		if ok = false; see.Lost != nil {
			if j, ok, err = r.takeOver(ctx, tx); ok || err != nil {
				return j, err
			}
		}
		j, ok, err = r.take(ctx, tx, dueJob)
		return j, err
	})
	return j, ok && err == nil, err
}

// take leases the job that the query finds.
func (r *Runner) take(ctx context.Context, tx *db.Tx, query string) (Job, bool, error) {
	return db.One[Job](ctx, tx, db.SQL(`UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_until = ?, leased_by = ? WHERE id = (`+query,
		db.At(tx.Now().Add(r.times.lease)), uuid.NewString(), tx.Stamp()).Append(tx.SkipLocked()).Add(`) RETURNING `+columns))
}

// takeOver leases a job whose worker is gone, after putting away those that
// have no attempt left.
func (r *Runner) takeOver(ctx context.Context, tx *db.Tx) (Job, bool, error) {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET state = 'dead', last_error = ?, finished_at = ?, lease_until = NULL, leased_by = ''
		WHERE state = 'running' AND lease_until < ? AND attempt >= max_attempts`,
		"the process ended during the last attempt", tx.Stamp(), tx.Stamp()))
	if err != nil {
		return Job{}, false, err
	}
	return r.take(ctx, tx, lostJob)
}

// renew extends the lease and says whether the job is still this runner's.
func (r *Runner) renew(ctx context.Context, j Job) (bool, error) {
	n, err := db.Write(ctx, r.db, func(tx *db.Tx) (int64, error) {
		return db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET lease_until = ? WHERE id = ? AND state = 'running' AND leased_by = ?`,
			db.At(tx.Now().Add(r.times.lease)), j.ID, j.Lease))
	})
	return n > 0, err
}

// errLost ends a handler whose lease was lost, or could not be renewed in time.
var errLost = errors.New("the job's lease was lost")
