package repo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// scheduler lets programs run by turns: of those that wait for a call, a random
// one goes next. Time passes between calls, now and then a lot of it.
type scheduler struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	sim     *objstoretest.Sim
	waiting []chan struct{}
	jumps   bool
}

// hook makes each call of a client wait for its turn.
func (s *scheduler) hook(faults func(objstoretest.Call) objstoretest.Fault) func(objstoretest.Call) objstoretest.Fault {
	return func(c objstoretest.Call) objstoretest.Fault {
		turn := make(chan struct{})
		s.mu.Lock()
		s.waiting = append(s.waiting, turn)
		s.mu.Unlock()
		<-turn
		return faults(c)
	}
}

// drive gives turns until done is closed.
func (s *scheduler) drive(done chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		s.mu.Lock()
		n := len(s.waiting)
		if n == 0 {
			s.mu.Unlock()
			runtime.Gosched()
			continue
		}
		at := s.rnd.IntN(n)
		close(s.waiting[at])
		s.waiting[at] = s.waiting[n-1]
		s.waiting = s.waiting[:n-1]
		pause := time.Duration(s.rnd.IntN(1000)) * time.Millisecond
		if s.rnd.IntN(2500) == 0 {
			pause = time.Duration(s.rnd.IntN(40)) * time.Hour
		}
		if s.jumps && s.rnd.IntN(2500) == 0 {
			pause = -time.Duration(s.rnd.IntN(40)) * time.Hour
		}
		s.mu.Unlock()
		s.sim.Advance(pause)
		time.Sleep(time.Microsecond) // lets the one whose turn it is come to its next call
	}
}

// Writers, prunes with almost no grace, forgetting and verifying, all at once,
// some dying and some failing: the oracle holds in between and at the end.
func TestManyPrograms(t *testing.T) {
	for _, seed := range seeds(t, 12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			many(t, seed)
		})
	}
}

func many(t *testing.T, seed uint64) {
	w, base := history(t, seed, 3)
	rnd := random(seed)
	s := &scheduler{rnd: rand.New(rand.NewPCG(seed, 7)), sim: w.sim, jumps: seed%2 == 0}
	var g, writers sync.WaitGroup
	over := make(chan struct{}) // the writers have ended
	run := func(n int, chances objstoretest.Chances, op func(*rand.Rand, *objstoretest.Sim) error) {
		mine := random(rnd.Uint64())
		g.Go(func() {
			for i := 0; n == 0 || i < n; i++ {
				select {
				case <-over:
					return
				default:
				}
				client := w.sim.Client()
				client.Hook = s.hook(objstoretest.Seeded(mine.Uint64(), chances))
				err := op(mine, client)
				if err != nil && !expected(err) {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
	faults := objstoretest.Chances{Fail: 0.002, Lost: 0.002, Crash: 0.002}
	for range 4 {
		writers.Add(4)
		run(4, faults, func(mine *rand.Rand, client *objstoretest.Sim) error {
			defer writers.Done()
			_, err := w.backup(t.Context(), client, base.changed(mine), BackupOptions{Beat: -1})
			return err
		})
	}
	for range 2 {
		run(0, faults, func(mine *rand.Rand, client *objstoretest.Sim) error {
			_, err := w.prune(t.Context(), client, PruneOptions{Grace: time.Duration(1 + mine.IntN(int(3*time.Minute))), Lease: 10 * time.Minute})
			return err
		})
	}
	run(0, faults, func(mine *rand.Rand, client *objstoretest.Sim) error { return w.forgetSome(t.Context(), mine, client) })
	run(0, objstoretest.Chances{}, func(_ *rand.Rand, client *objstoretest.Sim) error {
		r, err := w.open(t.Context(), client)
		if err != nil {
			return err
		}
		report, err := r.Verify(t.Context(), VerifyOptions{Shares: 1})
		if err == nil && len(report.Problems) > 0 {
			err = fmt.Errorf("verify finds %v", report.Problems)
		}
		return err
	})
	done := make(chan struct{})
	go func() { writers.Wait(); close(over); g.Wait(); close(done) }()
	s.drive(done)
	w.sound(t)
	committed, forgotten := 0, 0
	for _, n := range w.tries {
		if n.committed {
			committed++
		}
		if n.forgotten {
			forgotten++
		}
	}
	t.Logf("%d backups, %d committed, %d forgotten", len(w.tries), committed, forgotten)
	w.sim.Advance(10_000 * time.Hour) // it may have jumped back by days
	for range 3 {
		w.sim.Advance(48 * time.Hour)
		must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
	}
	report := must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
	if n := len(w.sim.Names(packPrefix)); n != report.KeptPacks {
		t.Errorf("seed %d: %d packs are left, and %d are needed", seed, n, report.KeptPacks)
	}
	w.sound(t)
}

// forgetSome forgets a snapshot, where there are two.
func (w *world) forgetSome(ctx context.Context, rnd *rand.Rand, client *objstoretest.Sim) error {
	if _, err := w.open(ctx, client); err != nil {
		return err
	}
	w.mu.Lock()
	var ready []*try
	for _, n := range w.tries {
		if n.committed && !n.forgotten {
			ready = append(ready, n)
		}
	}
	w.mu.Unlock()
	if len(ready) < 2 {
		return nil
	}
	return w.forget(ctx, client, ready[rnd.IntN(len(ready))])
}

// expected says whether a program among many may end like this.
func expected(err error) bool {
	for _, e := range []error{objstoretest.ErrCrashed, objstore.ErrUnavailable, ErrFenced} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.Is(err, ErrUnsound) // a snapshot forgotten while its manifests were read
}

// What a program does next is random; nothing is left out by design.
func TestRandomLife(t *testing.T) {
	for _, seed := range seeds(t, 12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w, rnd := newWorld(t), random(seed)
			c := small(rnd)
			chances := objstoretest.Chances{Fail: 0.005, Lost: 0.005, Crash: 0.01, Refused: 0.002, ReadFlipped: 0.005, ReadCut: 0.005, Skew: 0.05}
			for range 25 {
				client := w.sim.Client()
				client.Hook = objstoretest.Seeded(rnd.Uint64(), chances)
				switch rnd.IntN(5) {
				case 0:
					_, _ = w.prune(t.Context(), client, PruneOptions{Grace: time.Duration(rnd.IntN(int(30 * time.Hour)))})
				case 1:
					_ = w.forgetSome(t.Context(), rnd, client)
				default:
					c = c.changed(rnd)
					_, _ = w.backup(t.Context(), client, c, BackupOptions{Beat: -1})
				}
				w.sim.Advance(time.Duration(rnd.IntN(30)) * time.Hour)
				if err := w.oracle(t.Context()); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, client.Transcript())
				}
			}
			w.sound(t)
		})
	}
}
