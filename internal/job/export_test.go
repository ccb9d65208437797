package job

import (
	"context"
	"time"
)

// Hurry makes the runner's times short.
func Hurry(r *Runner, lease, poll, grace time.Duration) {
	r.times = times{lease: lease, beat: lease / 4, poll: poll, grace: grace}
}

// The steps of a runner, one by one, for tests that interleave several.

func (r *Runner) Claim(ctx context.Context) (Job, bool, error) { return r.claim(ctx) }

func (r *Runner) Renew(ctx context.Context, j Job) (bool, error) { return r.renew(ctx, j) }

func (r *Runner) Finish(ctx context.Context, j Job, err error, ending bool) {
	r.finish(ctx, j, err, ending)
}

// The queries that every poll runs.
const (
	DueJob  = dueJob
	LostJob = lostJob
)
