package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

type greet struct{ N int }

func (greet) Kind() string { return "test.greet" }

func enqueue(t *testing.T, d *db.DB, a job.Args, opts ...job.Option) id.Job {
	t.Helper()
	n, err := db.Write(t.Context(), d, func(tx *db.Tx) (id.Job, error) { return job.Enqueue(t.Context(), tx, a, opts...) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// run starts a runner until the test or the returned function ends it.
func run(t *testing.T, d *db.DB, workers int, fn func(ctx context.Context, g greet) error, more ...func(*job.Runner)) func() {
	t.Helper()
	r := job.NewRunner(d, slog.New(slog.DiscardHandler), workers)
	job.Register(r, fn)
	for _, m := range more {
		m(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func jobs(t *testing.T, d *db.DB, state string) []job.Job {
	t.Helper()
	out, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]job.Job, error) { return job.List(t.Context(), tx, state, 100) })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("did not come true: " + what)
}

func TestEachJobRunsOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		seen := map[int]int{}
		fn := func(_ context.Context, g greet) error {
			mu.Lock()
			defer mu.Unlock()
			seen[g.N]++
			return nil
		}
		run(t, d, 3, fn)
		run(t, d, 3, fn) // as a second node would
		for i := range 30 {
			enqueue(t, d, greet{i})
		}
		eventually(t, "all jobs are done", func() bool { return len(jobs(t, d, job.Done)) == 30 })
		mu.Lock()
		defer mu.Unlock()
		for n, times := range seen {
			if times != 1 {
				t.Errorf("job %d ran %d times", n, times)
			}
		}
	})
}

func TestAJobExistsOnlyIfItsTransactionDoes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			if _, err := job.Enqueue(t.Context(), tx, greet{}); err != nil {
				return err
			}
			return errors.New("no")
		})
		if err == nil || len(jobs(t, d, job.Queued)) != 0 {
			t.Errorf("got %v and %d jobs", err, len(jobs(t, d, job.Queued)))
		}
	})
}

func TestUniqueKeysHoldWhileAJobLives(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if a, b := enqueue(t, d, greet{1}, job.Unique("k")), enqueue(t, d, greet{2}, job.Unique("k")); a == 0 || b != 0 {
			t.Errorf("got %d and %d, want the second refused", a, b)
		}
		run(t, d, 1, func(context.Context, greet) error { return nil })
		eventually(t, "done", func() bool { return len(jobs(t, d, job.Done)) == 1 })
		if n := enqueue(t, d, greet{3}, job.Unique("k")); n == 0 {
			t.Error("the key is still held after the job ended")
		}
	})
}

func TestFailuresBackOffAndDie(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		var tries atomic.Int64
		enqueue(t, d, greet{1}, job.Attempts(2))
		run(t, d, 1, func(context.Context, greet) error {
			if tries.Add(1) == 1 {
				panic("first")
			}
			return errors.New("second")
		})
		eventually(t, "the first attempt waits", func() bool {
			q := jobs(t, d, job.Queued)
			return len(q) == 1 && q[0].LastError == "panic: first" && q[0].RunAt.After(c.Now())
		})
		c.Advance(time.Hour)
		eventually(t, "the job is dead", func() bool {
			q := jobs(t, d, job.Dead)
			return len(q) == 1 && q[0].LastError == "second" && q[0].Attempt == 2
		})
		dead := jobs(t, d, job.Dead)[0]
		if err := db.Do(t.Context(), d, func(tx *db.Tx) error { return job.Retry(t.Context(), tx, dead.ID) }); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it was tried again", func() bool { return tries.Load() == 3 })
	})
}

func TestPermanentErrorsDieAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		enqueue(t, d, greet{})
		run(t, d, 1, func(context.Context, greet) error { return job.Permanent(errors.New("never")) })
		eventually(t, "dead", func() bool { return len(jobs(t, d, job.Dead)) == 1 })
	})
}

func TestAnUnknownKindIsKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		enqueue(t, d, other{})
		run(t, d, 1, func(context.Context, greet) error { return nil })
		eventually(t, "it waits with its reason", func() bool {
			q := jobs(t, d, job.Queued)
			return len(q) == 1 && q[0].LastError != ""
		})
	})
}

type other struct{}

func (other) Kind() string { return "test.other" }

func TestTheWorkOfADeadWorkerIsTakenOver(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		n := enqueue(t, d, greet{7})
		err := db.Do(t.Context(), d, func(tx *db.Tx) error { // as a process leaves it that was killed
			_, err := db.Exec(t.Context(), tx, db.SQL(`UPDATE jobs SET state = 'running', attempt = 1, leased_by = 'gone', lease_until = ? WHERE id = ?`,
				db.At(tx.Now().Add(time.Minute)), n))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Advance(2 * time.Minute)
		run(t, d, 1, func(context.Context, greet) error { return nil })
		eventually(t, "done", func() bool { return len(jobs(t, d, job.Done)) == 1 })
	})
}

func TestShutdownGivesWorkBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		began := make(chan struct{})
		enqueue(t, d, greet{})
		stop := run(t, d, 1, func(ctx context.Context, _ greet) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		})
		<-began
		stop()
		if q := jobs(t, d, job.Queued); len(q) != 1 || q[0].Attempt != 0 {
			t.Errorf("got %+v, want the job back in the queue with no attempt used", q)
		}
	})
}

func TestPeriodicJobsRunOncePerInterval(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		var n atomic.Int64
		fn := func(context.Context, greet) error { n.Add(1); return nil }
		every := func(r *job.Runner) { r.Every("hourly", time.Hour, greet{}) }
		run(t, d, 1, fn, every)
		run(t, d, 1, fn, every)
		eventually(t, "the first run", func() bool { return n.Load() == 1 })
		c.Advance(5 * time.Hour) // the runs missed meanwhile are caught up once
		eventually(t, "the second run", func() bool { return n.Load() == 2 })
		time.Sleep(50 * time.Millisecond)
		if n.Load() != 2 {
			t.Errorf("ran %d times, want 2", n.Load())
		}
	})
}

func TestStatusBelongsToWhoAsked(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		ctx := t.Context()
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			s, err := job.CreateStatus(ctx, tx, 1, "Export", 5)
			if err != nil {
				return err
			}
			if err := job.SetStatus(ctx, tx, s, job.Success, "", `{"download":"/x"}`); err != nil {
				return err
			}
			got, err := job.FindStatus(ctx, tx, 1, s)
			if err != nil || got.Status != job.Success || got.Message != nil || *got.Payload != `{"download":"/x"}` {
				return fmt.Errorf("got %+v, %w", got, err)
			}
			if _, err := job.FindStatus(ctx, tx, 2, s); !fault.Is(err, fault.KindNotFound) {
				return fmt.Errorf("someone else sees it: %w", err)
			}
			c.Advance(time.Hour)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestStatusesGoInTimeButThoseOfBackupsStay(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		ctx := t.Context()
		var export, backup string
		err := db.Do(ctx, d, func(tx *db.Tx) (err error) {
			if export, err = job.CreateStatus(ctx, tx, 1, "Other", 5); err != nil {
				return err
			}
			if backup, err = job.CreateStatus(ctx, tx, 1, "Export", 6); err != nil {
				return err
			}
			_, err = db.Exec(ctx, tx, db.SQL(`INSERT INTO backups (source, state, requested_by, include_attachments, job_status_id, created_at)
				VALUES ('api', 'complete', 'me', TRUE, ?, ?)`, backup, tx.Stamp()))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		found := func(s string) bool {
			_, err := db.Read(ctx, d, func(tx *db.Tx) (job.Status, error) { return job.FindStatus(ctx, tx, 1, s) })
			return err == nil
		}
		purge := func() {
			if err := db.Do(ctx, d, func(tx *db.Tx) error { return job.PurgeStatuses(ctx, tx, time.Hour) }); err != nil {
				t.Fatal(err)
			}
		}
		if purge(); !found(export) || !found(backup) {
			t.Error("a young status is gone")
		}
		c.Advance(2 * time.Hour)
		if purge(); found(export) || !found(backup) {
			t.Errorf("export kept: %v, backup kept: %v", found(export), found(backup))
		}
	})
}

func TestCancelAndCount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		n := enqueue(t, d, greet{})
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			if c, err := job.Count(ctx, tx); err != nil || c.Queued != 1 {
				return fmt.Errorf("got %+v, %w", c, err)
			}
			if err := job.Cancel(ctx, tx, n); err != nil {
				return err
			}
			if err := job.Cancel(ctx, tx, n); !fault.Is(err, fault.KindNotFound) {
				return fmt.Errorf("cancelled twice: %w", err)
			}
			return job.Purge(ctx, tx, -time.Hour)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := jobs(t, d, job.Cancelled); len(got) != 0 {
			t.Errorf("purge left %+v", got)
		}
	})
}
