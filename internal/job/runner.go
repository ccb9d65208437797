package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/holdfast/holdfast/internal/db"
)

// Times of claiming. A lease is renewed three times before it would run out.
const (
	leaseTime = 60 * time.Second
	beat      = leaseTime / 4
	pollTime  = 5 * time.Second
)

// Runner runs jobs with a number of workers.
type Runner struct {
	db       *db.DB
	log      *slog.Logger
	name     string
	workers  int
	handlers map[string]func(ctx context.Context, args []byte) error
	periodic []periodic
	wake     chan struct{}
}

// NewRunner returns a runner; handlers and periodic jobs are registered before Run.
func NewRunner(d *db.DB, log *slog.Logger, workers int) *Runner {
	return &Runner{
		db: d, log: log, name: uuid.NewString(), workers: workers,
		handlers: map[string]func(context.Context, []byte) error{}, wake: make(chan struct{}, 1),
	}
}

// Register says which function carries out jobs of T's kind.
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

// wakeAll tells the runners to look. It may be called before the job's
// transaction commits, so that they look too early; they look again soon.
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

// Run claims and carries out jobs until ctx ends, then gives those under way
// back to the queue and returns when their handlers have returned.
func (r *Runner) Run(ctx context.Context) {
	defer r.listen()()
	slots := make(chan struct{}, r.workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	var woken bool
	for {
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		j, ok := r.claim(ctx)
		if ok {
			woken = false
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer func() { <-slots }()
				r.carryOut(ctx, j)
			}()
			continue
		}
		<-slots
		woken = r.wait(ctx, woken)
	}
}

// wait returns when there may be something to do. A runner that was woken and
// found nothing looks once more shortly after, because the job's transaction
// may have been about to commit.
func (r *Runner) wait(ctx context.Context, woken bool) bool {
	pause := pollTime
	if woken {
		pause = 50 * time.Millisecond
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
		return true
	case <-t.C:
		r.schedule(ctx)
	}
	return false
}

// claim takes the next due job, or one whose lease has run out. It looks
// before it writes, so that an idle queue costs no write.
func (r *Runner) claim(ctx context.Context) (Job, bool) {
	due := func(tx *db.Tx) db.Frag {
		return db.SQL(`SELECT id FROM jobs WHERE state = 'queued' AND run_at <= ? OR state = 'running' AND lease_until < ?
			ORDER BY priority DESC, run_at, id LIMIT 1`, tx.Stamp(), tx.Stamp())
	}
	_, err := db.Read(ctx, r.db, func(tx *db.Tx) (int64, error) { return db.Find[int64](ctx, tx, "job", due(tx)) })
	if err != nil {
		return Job{}, false
	}
	j, err := db.Write(ctx, r.db, func(tx *db.Tx) (Job, error) {
		q := due(tx).Add(tx.Pick("", "FOR UPDATE SKIP LOCKED"))
		return db.Find[Job](ctx, tx, "job", db.SQL(`UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_until = ?, leased_by = ? WHERE id = (`,
			db.At(tx.Now().Add(leaseTime)), r.name).Append(q).Add(`) RETURNING `+columns))
	})
	return j, err == nil
}

// carryOut runs a job's handler under a heartbeat and records how it ended.
func (r *Runner) carryOut(ctx context.Context, j Job) {
	hctx, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.heartbeat(hctx, j, cancel)
	}()
	err := r.call(hctx, j)
	lost := errors.Is(context.Cause(hctx), errLost)
	cancel(nil)
	<-stopped
	if lost {
		r.log.Warn("job lost its lease", "job_id", int64(j.ID), "kind", j.Kind)
		return
	}
	r.finish(context.WithoutCancel(ctx), j, err, ctx.Err() != nil)
}

func (r *Runner) call(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("job panicked", "job_id", int64(j.ID), "kind", j.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	h, ok := r.handlers[j.Kind]
	if !ok {
		return fmt.Errorf("this version of Holdfast has no handler for %q", j.Kind)
	}
	return h(ctx, []byte(j.Args))
}

func (r *Runner) heartbeat(ctx context.Context, j Job, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, err := db.Write(ctx, r.db, func(tx *db.Tx) (int64, error) {
			return db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET lease_until = ? WHERE id = ? AND state = 'running' AND leased_by = ? AND attempt = ?`,
				db.At(tx.Now().Add(leaseTime)), j.ID, r.name, j.Attempt))
		})
		if err == nil && n == 0 {
			cancel(errLost)
			return
		}
	}
}

// finish records the end of an attempt. Work that the end of the process cut
// off goes back to the queue without having used up an attempt.
func (r *Runner) finish(ctx context.Context, j Job, err error, ending bool) {
	var perm permanent
	state, attempt, text, after := Done, j.Attempt, "", time.Duration(0)
	switch {
	case err == nil:
	case ending:
		state, attempt, text = Queued, j.Attempt-1, "interrupted by the end of the process"
	case errors.As(err, &perm) || j.Attempt >= j.MaxAttempts:
		state, text = Dead, err.Error()
	default:
		state, text, after = Queued, err.Error(), backoff(j.Attempt)
		after += rand.N(after/4 + 1)
	}
	if err != nil && !ending {
		r.log.Warn("job failed", "job_id", int64(j.ID), "kind", j.Kind, "attempt", j.Attempt, "state", state, "error", err)
	}
	werr := db.Do(ctx, r.db, func(tx *db.Tx) error {
		var finished *db.Time
		if state != Queued {
			finished = new(tx.Stamp())
		}
		_, err := db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET state = ?, attempt = ?, last_error = ?, run_at = ?, finished_at = ?,
			lease_until = NULL, leased_by = '' WHERE id = ? AND state = 'running' AND leased_by = ? AND attempt = ?`,
			state, attempt, text, db.At(tx.Now().Add(after)), finished, j.ID, r.name, j.Attempt))
		return err
	})
	if werr != nil { // the lease runs out and the job runs again
		r.log.Error("job's end could not be recorded", "job_id", int64(j.ID), "kind", j.Kind, "error", werr)
	}
}
