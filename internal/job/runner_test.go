package job_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

// TestMain is also the process that the test of kill -9 kills.
func TestMain(m *testing.M) {
	if target := os.Getenv("JOB_TEST_VICTIM"); target != "" {
		victim(target)
	}
	os.Exit(m.Run())
}

// victim runs jobs until it is killed. It says when it has begun one.
func victim(target string) {
	d, err := db.Open(context.Background(), options(target, dbtest.NewClock().Now))
	if err != nil {
		panic(err)
	}
	r := job.NewRunner(d, slog.New(slog.DiscardHandler), 1)
	job.Register(r, func(ctx context.Context, _ greet) error {
		os.Stdout.WriteString("begun\n")
		select {}
	})
	r.Run(context.Background())
}

func options(target string, now func() time.Time) db.Options {
	if strings.HasPrefix(target, "postgres://") {
		return db.Options{URL: target, Now: now}
	}
	return db.Options{Path: target, Now: now}
}

func TestTheJobOfAKilledProcessIsTakenOver(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); takeOver(t, filepath.Join(t.TempDir(), "holdfast.db")) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); takeOver(t, dbtest.PostgresURL(t)) })
}

func takeOver(t *testing.T, target string) {
	clock := dbtest.NewClock()
	open := func() *db.DB {
		d, err := db.Open(t.Context(), options(target, clock.Now))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	if err := db.Migrate(t.Context(), d, db.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	n := enqueue(t, d, greet{1})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	killWhenBegun(t, target)
	d = open()
	defer d.Close()
	begun := make(chan struct{}, 1)
	stop := run(t, d, 1, func(context.Context, greet) error { begun <- struct{}{}; return nil })
	defer stop()
	select {
	case <-begun:
		t.Fatal("the job was taken before its lease had run out")
	case <-time.After(100 * time.Millisecond):
	}
	clock.Advance(2 * time.Minute)
	eventually(t, "the job is done", func() bool {
		done := jobs(t, d, job.Done)
		return len(done) == 1 && done[0].ID == n && done[0].Attempt == 2
	})
}

func killWhenBegun(t *testing.T, target string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "JOB_TEST_VICTIM="+target)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	killed := cmd.Process.Kill()
	_ = cmd.Wait() // ends with the signal
	if line != "begun\n" || killed != nil {
		t.Fatalf("the victim said %q, %v; killed: %v", line, err, killed)
	}
}

func hurry(lease, grace time.Duration) func(*job.Runner) {
	return func(r *job.Runner) { job.Hurry(r, lease, 20*time.Millisecond, grace) }
}

func exec1(t *testing.T, d *db.DB, text string, args ...any) {
	t.Helper()
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, db.SQL(text, args...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAHandlerThatLostItsLeaseIsStopped(t *testing.T) {
	lose := map[string]string{
		"another worker holds it":          `UPDATE jobs SET leased_by = 'another'`,
		"the database cannot renew it":     `ALTER TABLE jobs RENAME TO jobs_out_of_reach`,
		"an administrator has removed it ": `DELETE FROM jobs`,
	}
	for name, text := range lose {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				began, ended := make(chan struct{}), make(chan error, 1)
				enqueue(t, d, greet{})
				run(t, d, 1, func(ctx context.Context, _ greet) error {
					close(began)
					<-ctx.Done()
					ended <- context.Cause(ctx)
					return nil
				}, hurry(time.Second, time.Second))
				<-began
				exec1(t, d, text)
				select {
				case err := <-ended:
					if err == nil || errors.Is(err, context.Canceled) {
						t.Errorf("ended by %v, want the loss of the lease", err)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("the handler goes on without a lease")
				}
			})
		})
	}
}

func TestALongJobKeepsItsLease(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		var runs atomic.Int64
		fn := func(ctx context.Context, _ greet) error {
			runs.Add(1)
			for range 30 { // nearly four leases long by the database's clock
				c.Advance(125 * time.Millisecond)
				time.Sleep(50 * time.Millisecond)
			}
			return ctx.Err()
		}
		enqueue(t, d, greet{})
		run(t, d, 1, fn, func(r *job.Runner) { job.Hurry(r, time.Second, 20*time.Millisecond, time.Second) })
		run(t, d, 1, fn, func(r *job.Runner) { job.Hurry(r, time.Second, 20*time.Millisecond, time.Second) })
		eventually(t, "done", func() bool { return len(jobs(t, d, job.Done)) == 1 })
		if runs.Load() != 1 {
			t.Errorf("ran %d times, want 1", runs.Load())
		}
	})
}

func TestTheEndDoesNotWaitForeverAndKeepsTheLease(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		began, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		enqueue(t, d, greet{})
		stop := run(t, d, 1, func(context.Context, greet) error {
			defer close(ended)
			close(began)
			<-release
			return nil
		}, hurry(time.Minute, 50*time.Millisecond))
		<-began
		stop()
		if got := jobs(t, d, job.Running); len(got) != 1 {
			t.Errorf("running are %+v, want the job that is still at work", got)
		}
		close(release)
		<-ended
		eventually(t, "its end is recorded all the same", func() bool { return len(jobs(t, d, job.Done)) == 1 })
	})
}

func TestAJobThatEndsItsProcessDies(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		n := enqueue(t, d, greet{}, job.Attempts(2))
		exec1(t, d, `UPDATE jobs SET state = 'running', attempt = 2, leased_by = 'gone', lease_until = ? WHERE id = ?`, db.At(c.Now()), n)
		c.Advance(time.Minute)
		run(t, d, 1, func(context.Context, greet) error { t.Error("it was tried once too often"); return nil })
		eventually(t, "dead", func() bool {
			dead := jobs(t, d, job.Dead)
			return len(dead) == 1 && dead[0].LastError != "" && dead[0].FinishedAt != nil
		})
	})
}

func TestLaterCostsNoAttempt(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		var runs, last atomic.Int64
		enqueue(t, d, greet{}, job.Attempts(2))
		run(t, d, 1, func(ctx context.Context, _ greet) error {
			if job.IsLast(ctx) {
				last.Add(1)
			}
			if runs.Add(1) <= 3 {
				return job.Later(time.Hour, errors.New("held"))
			}
			return errors.New("broken")
		}, hurry(time.Minute, time.Second))
		for n := int64(1); n <= 3; n++ {
			eventually(t, "held", func() bool {
				q := jobs(t, d, job.Queued)
				return runs.Load() == n && len(q) == 1 && q[0].Attempt == 0 && q[0].LastError == "held" && q[0].RunAt.After(c.Now())
			})
			c.Advance(2 * time.Hour)
		}
		eventually(t, "failed once", func() bool { q := jobs(t, d, job.Queued); return len(q) == 1 && q[0].Attempt == 1 })
		if last.Load() != 0 {
			t.Error("an attempt that was not the last was called so")
		}
		c.Advance(2 * time.Hour)
		eventually(t, "dead", func() bool { return len(jobs(t, d, job.Dead)) == 1 })
		if last.Load() != 1 {
			t.Error("the last attempt was not called so")
		}
	})
}

func TestTextOfAnyBytesIsKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		enqueue(t, d, greet{})
		run(t, d, 1, func(context.Context, greet) error {
			return job.Permanent(errors.New("peer said \xff\x00" + strings.Repeat("é", 4000)))
		})
		eventually(t, "dead", func() bool {
			dead := jobs(t, d, job.Dead)
			return len(dead) == 1 && strings.HasPrefix(dead[0].LastError, "peer said \uFFFD") && len(dead[0].LastError) <= 4010
		})
	})
}

func TestRetryMakesWayForANewerJob(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		old := enqueue(t, d, greet{1}, job.Unique("k"))
		exec1(t, d, `UPDATE jobs SET state = 'dead' WHERE id = ?`, old)
		enqueue(t, d, greet{2}, job.Unique("k"))
		retry := func(n id.Job) error {
			return db.Do(t.Context(), d, func(tx *db.Tx) error { return job.Retry(t.Context(), tx, n) })
		}
		if err := retry(old); !fault.Is(err, fault.KindConflict) {
			t.Errorf("got %v, want Conflict", err)
		}
		if err := retry(old + 100); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("got %v, want NotFound", err)
		}
	})
}

func TestAnIdleQueueWritesNothing(t *testing.T) {
	d := dbtest.OpenSQLite(t, time.Now)
	run(t, d, 2, func(context.Context, greet) error { return nil }, hurry(time.Second, time.Second),
		func(r *job.Runner) { r.Every("hourly", time.Hour, greet{}) })
	eventually(t, "the first run", func() bool { return len(jobs(t, d, job.Done)) == 1 })
	log := d.Path() + "-wal"
	before, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // some fifteen polls
	after, err := os.Stat(log)
	if err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the log went from %d to %d bytes (%v)", before.Size(), after.Size(), err)
	}
}

func TestWakingComesWithTheCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ran := make(chan time.Time, 1)
		run(t, d, 1, func(context.Context, greet) error { ran <- time.Now(); return nil })
		time.Sleep(50 * time.Millisecond) // it waits for work
		err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			_, err := job.Enqueue(t.Context(), tx, greet{})
			time.Sleep(200 * time.Millisecond) // a runner that is woken now finds nothing
			return err
		})
		committed := time.Now()
		if err != nil {
			t.Fatal(err)
		}
		if wait := (<-ran).Sub(committed); wait > 3*time.Second {
			t.Errorf("the job waited %v for the poll", wait)
		}
	})
}

func TestDailyJobsRunAtTheirTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) { // from Monday 09:00 UTC, 10:00 in Berlin
		var n atomic.Int64
		fn := func(context.Context, greet) error { n.Add(1); return nil }
		daily := func(r *job.Runner) {
			job.Hurry(r, time.Minute, 10*time.Millisecond, time.Second)
			r.Daily("report", 10, 30, berlin, greet{})
		}
		run(t, d, 1, fn, daily)
		run(t, d, 1, fn, daily)
		eventually(t, "the schedule is known", func() bool {
			n, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) {
				return db.Scalar[int](t.Context(), tx, db.SQL(`SELECT COUNT(*) FROM job_schedule`))
			})
			return err == nil && n == 1
		})
		steps := []struct {
			name    string
			advance time.Duration
			want    int64
		}{
			{"not before its time", 29 * time.Minute, 0},
			{"at its time", 2 * time.Minute, 1},
			{"once a day", 23 * time.Hour, 1},
			{"the next day", time.Hour, 2},
			{"missed days once", 10 * 24 * time.Hour, 3},
		}
		for _, s := range steps {
			c.Advance(s.advance)
			eventually(t, s.name, func() bool { return n.Load() == s.want })
			time.Sleep(60 * time.Millisecond)
			if n.Load() != s.want {
				t.Errorf("%s: ran %d times, want %d", s.name, n.Load(), s.want)
			}
		}
	})
}

func TestClaimingUsesTheIndexes(t *testing.T) {
	d := dbtest.OpenSQLite(t, time.Now)
	for _, text := range []string{job.DueJob, job.LostJob} {
		type step struct {
			ID      int    `db:"id"`
			Parent  int    `db:"parent"`
			NotUsed int    `db:"notused"`
			Detail  string `db:"detail"`
		}
		plan, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]step, error) {
			return db.All[step](t.Context(), tx, db.SQL("EXPLAIN QUERY PLAN "+text, tx.Stamp()))
		})
		if err != nil || len(plan) != 1 || !strings.Contains(plan[0].Detail, "INDEX jobs_") {
			t.Errorf("%s: %+v, %v", text, plan, err)
		}
	}
}
