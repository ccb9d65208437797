package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
)

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
	if j.Attempt >= j.MaxAttempts {
		ctx = context.WithValue(ctx, lastKey{}, true)
	}
	return h(ctx, []byte(j.Args))
}

// heartbeat renews the lease until ctx ends. When the database cannot be
// reached in time, the handler is stopped before another worker may take over.
func (r *Runner) heartbeat(ctx context.Context, j Job, cancel context.CancelCauseFunc) {
	safe := r.times.lease - r.times.beat
	expiry := time.AfterFunc(safe, func() { cancel(errLost) })
	defer expiry.Stop()
	tick := time.NewTicker(r.times.beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		ours, err := r.renew(ctx, j)
		switch {
		case err != nil:
			r.log.Warn("job's lease could not be renewed", "job_id", int64(j.ID), "kind", j.Kind, "error", err)
		case !ours:
			cancel(errLost)
			return
		default:
			expiry.Reset(safe - time.Since(began))
		}
	}
}

// outcome is what becomes of a job after an attempt.
type outcome struct {
	state   string
	attempt int
	text    string
	pause   time.Duration
}

// judge decides what becomes of a job. Work that the end of the process cut
// off goes back to the queue without having used up an attempt.
func judge(j Job, err error, ending bool) outcome {
	var perm permanent
	var wait later
	switch {
	case err == nil:
		return outcome{state: Done, attempt: j.Attempt}
	case errors.As(err, &perm):
		return outcome{state: Dead, attempt: j.Attempt, text: err.Error()}
	case ending:
		return outcome{state: Queued, attempt: j.Attempt - 1, text: "interrupted by the end of the process"}
	case errors.As(err, &wait):
		return outcome{state: Queued, attempt: j.Attempt - 1, text: err.Error(), pause: wait.pause}
	case j.Attempt >= j.MaxAttempts:
		return outcome{state: Dead, attempt: j.Attempt, text: err.Error()}
	}
	pause := backoff(j.Attempt)
	return outcome{state: Queued, attempt: j.Attempt, text: err.Error(), pause: pause + rand.N(pause/4+1)}
}

// finish records the end of an attempt, unless the job is another worker's by now.
func (r *Runner) finish(ctx context.Context, j Job, err error, ending bool) {
	o := judge(j, err, ending)
	if err != nil && o.attempt == j.Attempt {
		r.log.Warn("job failed", "job_id", int64(j.ID), "kind", j.Kind, "attempt", j.Attempt, "state", o.state, "error", err)
	}
	werr := db.Do(ctx, r.db, func(tx *db.Tx) error {
		var finished *db.Time
		if o.state != Queued {
			finished = new(tx.Stamp())
		}
		_, err := db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET state = ?, attempt = ?, last_error = ?, run_at = ?, finished_at = ?,
			lease_until = NULL, leased_by = '' WHERE id = ? AND state = 'running' AND leased_by = ?`,
			o.state, o.attempt, Text(o.text), db.At(tx.Now().Add(o.pause)), finished, j.ID, j.Lease))
		return err
	})
	if werr != nil { // the lease runs out and the job runs again
		r.log.Error("job's end could not be recorded", "job_id", int64(j.ID), "kind", j.Kind, "error", werr)
	}
}

// maxText bounds the errors that are kept.
const maxText = 4000

// Text returns an error's text as it can be kept on both engines: what a peer
// answered may hold any byte.
func Text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}
