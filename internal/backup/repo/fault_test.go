package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// on gives a fault to calls of an operation on names with a prefix.
func on(op objstoretest.Op, prefix string, f objstoretest.Fault) func(objstoretest.Call) objstoretest.Fault {
	return func(c objstoretest.Call) objstoretest.Fault {
		if c.Op == op && strings.HasPrefix(c.Name, prefix) {
			return f
		}
		return objstoretest.Fault{}
	}
}

// once gives a fault to the first such call only.
func once(op objstoretest.Op, prefix string, f objstoretest.Fault) func(objstoretest.Call) objstoretest.Fault {
	hook, done := on(op, prefix, f), false
	return func(c objstoretest.Call) objstoretest.Fault {
		got := hook(c)
		if done || got == (objstoretest.Fault{}) {
			return objstoretest.Fault{}
		}
		done = true
		return got
	}
}

func TestEveryCallFails(t *testing.T) {
	w, c := history(t, 11, 2)
	next := c.changed(random(12))
	for name, fault := range map[string]objstoretest.Fault{
		"failed": {Err: objstore.ErrUnavailable}, "lost": {Lost: objstore.ErrUnavailable}, "denied": {Err: objstore.ErrDenied},
	} {
		for n := 1; ; n += stride {
			left := w.on(w.sim.Clone())
			client := left.sim.Client()
			client.Hook = objstoretest.At(n, fault)
			_, err := left.backup(t.Context(), client, next, BackupOptions{Beat: -1})
			if len(client.Calls()) < n {
				break
			}
			if err != nil && !errors.Is(err, objstore.ErrUnavailable) && !errors.Is(err, objstore.ErrDenied) {
				t.Fatalf("%s call %d: %v", name, n, err)
			}
			if err := left.oracle(t.Context()); err != nil {
				t.Fatalf("%s call %d: %v\n%s", name, n, err, client.Transcript())
			}
		}
	}
}

func TestEveryCallOfOthersFails(t *testing.T) {
	w, _ := history(t, 13, 3)
	if err := w.forget(t.Context(), w.sim.Client(), w.tries[1]); err != nil {
		t.Fatal(err)
	}
	must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
	dead := w.sim.Client()
	dead.Hook = objstoretest.CrashAfter(20)
	_, err := w.backup(t.Context(), dead, small(random(5)), BackupOptions{Beat: -1})
	wantErr(t, err, objstoretest.ErrCrashed)
	w.sim.Advance(25 * time.Hour)
	for name, op := range map[string]func(*Repository, *world) error{
		"prune": func(r *Repository, _ *world) error {
			_, err := r.Prune(t.Context(), PruneOptions{Confirmed: true})
			return err
		},
		"dry run": func(r *Repository, _ *world) error {
			_, err := r.Prune(t.Context(), PruneOptions{DryRun: true})
			return err
		},
		"verify": func(r *Repository, _ *world) error {
			_, err := r.Verify(t.Context(), VerifyOptions{Shares: 1})
			return err
		},
		"forget": func(r *Repository, w *world) error {
			w.tries[0].forgotten = true
			return r.Forget(t.Context(), "test", w.tries[0].snap)
		},
		"read": func(r *Repository, w *world) error {
			_, err := restored(t.Context(), r, w.tries[0].snap, false)
			return err
		},
		"latest": func(r *Repository, w *world) error {
			s, err := r.Snapshot(t.Context(), "latest")
			if err == nil && s.ID != w.tries[2].snap.ID {
				t.Errorf("the latest snapshot is %s, want %s", s.ID, w.tries[2].snap.ID)
			}
			return err
		},
	} {
		for n := 1; ; n += stride {
			left := w.on(w.sim.Clone())
			client := left.sim.Client()
			client.Hook = objstoretest.At(n, objstoretest.Fault{Err: objstore.ErrUnavailable})
			r, err := left.open(t.Context(), client)
			if err == nil {
				err = op(r, left)
			}
			if len(client.Calls()) < n {
				break
			}
			if !errors.Is(err, objstore.ErrUnavailable) {
				t.Fatalf("%s: call %d failed, and the error is %v\n%s", name, n, err, client.Transcript())
			}
			if err := left.oracle(t.Context()); err != nil {
				t.Fatalf("%s call %d: %v", name, n, err)
			}
		}
	}
}

// The commit arrived and its answer did not: there is one snapshot, and the
// backup knows it.
func TestAnswerOfTheCommitLost(t *testing.T) {
	w, c := history(t, 14, 1)
	client := w.sim.Client()
	client.Hook = once(objstoretest.OpPut, commitPrefix, objstoretest.Fault{Lost: objstore.ErrUnavailable})
	must[Snapshot](t)(w.backup(t.Context(), client, c, BackupOptions{}))
	w.sound(t)

	client = w.sim.Client() // it did not arrive
	client.Hook = once(objstoretest.OpPut, commitPrefix, objstoretest.Fault{Err: objstore.ErrUnavailable})
	_, err := w.backup(t.Context(), client, c, BackupOptions{})
	wantErr(t, err, objstore.ErrUnavailable)
	w.sound(t)

	client = w.sim.Client() // nobody knows
	client.Hook = objstoretest.First(on(objstoretest.OpPut, commitPrefix, objstoretest.Fault{Lost: objstore.ErrUnavailable}),
		on(objstoretest.OpGet, commitPrefix+"2026", objstoretest.Fault{}))
	ctx, cancel := context.WithCancel(t.Context())
	client.Hook = func(c objstoretest.Call) objstoretest.Fault {
		if c.Op == objstoretest.OpPut && strings.HasPrefix(c.Name, commitPrefix) {
			cancel()
			return objstoretest.Fault{Lost: context.Canceled}
		}
		return objstoretest.Fault{}
	}
	must[Snapshot](t)(w.backup(ctx, client, c, BackupOptions{})) // cancelled too late
	w.sound(t)
	if n := len(w.sim.Names(commitPrefix)); n != 3 {
		t.Fatalf("there are %d snapshots, want 3", n)
	}
}

func TestPlaceIsFull(t *testing.T) {
	w, c := history(t, 15, 2)
	used := 0
	for _, n := range w.sim.Names("") {
		used += len(w.sim.Bytes(n))
	}
	w.sim.SetQuota(int64(used) + 300<<10)
	_, err := w.backup(t.Context(), w.sim.Client(), content{"f large": noise(random(1), 2<<20)}, BackupOptions{})
	wantErr(t, err, objstore.ErrFull)
	w.sound(t)
	if err := w.forget(t.Context(), w.sim.Client(), w.tries[0]); err != nil {
		t.Fatal(err)
	}
	w.sim.Advance(time.Hour)
	w.sim.SetQuota(1) // less than there is: not even the reserve helps
	w.sim.Advance(25 * time.Hour)
	_, err = w.prune(t.Context(), w.sim.Client(), PruneOptions{})
	wantErr(t, err, objstore.ErrFull)
	used = 0
	for _, n := range w.sim.Names("") {
		used += len(w.sim.Bytes(n))
	}
	w.sim.SetQuota(int64(used) + reserveSize) // as if the reserve were there still, and not a byte more
	for range 3 {
		must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
		w.sim.Advance(25 * time.Hour)
	}
	report := must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
	if n := len(w.sim.Names(packPrefix)); n != report.KeptPacks {
		t.Fatalf("%d packs are left, and %d are needed", n, report.KeptPacks)
	}
	w.sound(t)
	w.sim.SetQuota(0)
	must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
	if w.sim.Bytes(reserveName) == nil {
		t.Fatal("there is no reserve, and there is room")
	}
	must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
	w.sound(t)
}

// What the store loses or spoils while it says that all is well is found by
// Verify, and Read never returns wrong data.
func TestStoreLies(t *testing.T) {
	w, c := history(t, 16, 1)
	next := c.changed(random(17))
	for name, f := range map[string]objstoretest.Fault{
		"vanished": {Vanish: true}, "flipped": {StoreFlipped: true, Bit: 12345}, "cut": {StoreCut: true},
	} {
		for _, prefix := range []string{packPrefix, manifestPrefix} {
			left := w.on(w.sim.Clone())
			client := left.sim.Client()
			client.Hook = on(objstoretest.OpPut, prefix, f)
			s := must[Snapshot](t)(left.backup(t.Context(), client, next, BackupOptions{}))
			r := must[*Repository](t)(left.open(t.Context(), left.sim.Client()))
			shares := 1
			if name == "vanished" || name == "cut" {
				shares = 0 // seen without reading
			}
			report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: shares}))
			if len(report.Problems) == 0 {
				t.Errorf("%s of %s were %s, and verify is content", prefix, s.ID, name)
			}
			got, err := restored(t.Context(), r, s, false)
			if err == nil { // what is cut off may be padding
				err = equal(got, next)
			} else if damage(err) {
				err = nil
			}
			if err != nil {
				t.Errorf("%s were %s: %v", prefix, name, err)
			}
			wantErr(t, second(r.Prune(t.Context(), PruneOptions{})), map[bool]error{true: ErrUnsound, false: nil}[prefix == manifestPrefix])
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A store that ignores the condition of Put is refused by the probe. What holds
// without it: names of contents are hashes and random, so nothing is mixed up;
// only a fence and a commit can replace each other.
func TestConditionsIgnored(t *testing.T) {
	for _, seed := range seeds(t, 3) {
		w, rnd := newWorld(t), random(seed)
		c := small(rnd)
		for range 4 {
			client := w.sim.Client()
			client.Hook = func(objstoretest.Call) objstoretest.Fault { return objstoretest.Fault{IgnoreCondition: true} }
			must[Snapshot](t)(w.backup(t.Context(), client, c, BackupOptions{Beat: -1}))
			must[PruneReport](t)(w.prune(t.Context(), client, PruneOptions{}))
			c = c.changed(rnd)
			w.sim.Advance(25 * time.Hour)
		}
		w.sound(t)
	}
}

// The clock of the store jumps by days in both directions, all the time.
func TestClockJumps(t *testing.T) {
	for _, seed := range seeds(t, 6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w, rnd := newWorld(t), random(seed)
			c := small(rnd)
			for range 12 {
				client := w.sim.Client()
				client.Hook = objstoretest.Seeded(rnd.Uint64(), objstoretest.Chances{Skew: 0.3})
				switch rnd.IntN(4) {
				case 0:
					if _, err := w.prune(t.Context(), client, PruneOptions{}); err != nil {
						t.Fatal(err)
					}
				case 1:
					n := w.tries[rnd.IntN(max(1, len(w.tries)-1)):]
					if len(n) > 1 && n[0].committed && !n[0].forgotten {
						if err := w.forget(t.Context(), client, n[0]); err != nil {
							t.Fatal(err)
						}
					}
				default:
					c = c.changed(rnd)
					s := must[Snapshot](t)(w.backup(t.Context(), client, c, BackupOptions{Beat: -1}))
					r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
					if got := must[Snapshot](t)(r.Snapshot(t.Context(), "latest")); got.ID != s.ID {
						t.Fatalf("the latest is %s, want %s", got.ID, s.ID)
					}
				}
				w.sim.Advance(time.Duration(rnd.IntN(200)-100) * time.Hour)
				w.sound(t)
			}
		})
	}
}

// A writer is frozen between its last pack and its commit, for longer than its
// lease and the grace; prunes go on.
func TestFrozenWriterIsFenced(t *testing.T) {
	for _, back := range []time.Duration{26 * time.Hour, -48 * time.Hour} {
		w, c := history(t, 18, 2)
		for _, n := range w.tries { // all that the frozen writer builds on
			n.forgotten = true
		}
		client := w.sim.Client()
		client.Hook = func(call objstoretest.Call) objstoretest.Fault {
			if call.Op != objstoretest.OpPut || !strings.HasPrefix(call.Name, commitPrefix) {
				return objstoretest.Fault{}
			}
			r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
			if err := r.Forget(t.Context(), "test", w.tries[0].snap, w.tries[1].snap); err != nil {
				t.Error(err)
			}
			w.sim.Advance(back)
			for range 4 {
				w.sim.Advance(26 * time.Hour)
				must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
			}
			return objstoretest.Fault{}
		}
		_, err := w.backup(t.Context(), client, c, BackupOptions{})
		wantErr(t, err, ErrFenced)
		if n := len(w.sim.Names(packPrefix)); n > 0 {
			t.Fatalf("%d packs are left that nothing needs", n)
		}
		w.sound(t)
		must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
		w.sound(t)
	}
}

// A source that gives nothing for hours does not make its session look dead.
func TestSlowSourceIsNotFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := history(t, 19, 1)
		began, mu := time.Now(), sync.Mutex{}
		follow := func() { // the clock of the store goes with ours
			mu.Lock()
			defer mu.Unlock()
			w.sim.Advance(time.Since(began))
			began = time.Now()
		}
		client := w.sim.Client()
		client.Hook = func(objstoretest.Call) objstoretest.Fault { follow(); return objstoretest.Fault{} }
		n, src := w.try(c)
		slept := 0
		src.fail = func(string) error {
			if slept++; slept%40 == 1 {
				time.Sleep(3 * time.Hour)
				follow()
				if report := must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{})); report.Fenced > 0 {
					t.Error("a living session was fenced")
				}
			}
			return nil
		}
		must[Snapshot](t)(w.run(t.Context(), client, n, src, BackupOptions{}))
		w.sound(t)
	})
}

// A backup that lives goes on for days on what only a forgotten snapshot has:
// prunes wait for it, however short their grace.
func TestLivingWriterKeepsWhatItUses(t *testing.T) {
	for _, moment := range []string{sessionPrefix, packPrefix, manifestPrefix, commitPrefix} {
		w, c := history(t, 34, 1)
		c = maps2(c, content{"f zz new": noise(random(2), 200<<10)})
		client := w.sim.Client()
		began := false
		client.Hook = func(call objstoretest.Call) objstoretest.Fault {
			switch {
			case call.Op == objstoretest.OpList && call.Name == commitPrefix && !began: // it reads its parent next
				began = true
			case call.Op == objstoretest.OpPut && strings.HasPrefix(call.Name, moment) && began:
				if !w.tries[0].forgotten {
					if err := w.forget(t.Context(), w.sim.Client(), w.tries[0]); err != nil {
						t.Error(err)
					}
				}
				for range 3 {
					w.sim.Advance(time.Minute)
					report := must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{Grace: 1}))
					if report.Fenced+report.DeletedPacks > 0 {
						t.Errorf("%d fenced, %d packs deleted", report.Fenced, report.DeletedPacks)
					}
				}
			}
			return objstoretest.Fault{}
		}
		must[Snapshot](t)(w.backup(t.Context(), client, c, BackupOptions{Beat: -1}))
		w.sound(t)
	}
}

// With credentials that may not delete a prune deletes nothing, says so, and
// leaves a list for one that may.
func TestAPlaceThatRefusesDeleting(t *testing.T) {
	w, c := history(t, 41, 2)
	must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), content{"f other": noise(random(41), 90<<10)}, BackupOptions{}))
	if err := w.forget(t.Context(), w.sim.Client(), w.tries[2]); err != nil {
		t.Fatal(err)
	}
	w.sim.Advance(25 * time.Hour)
	names := w.sim.Names("")
	for range 3 {
		refused := w.sim.Client()
		refused.Hook = func(call objstoretest.Call) objstoretest.Fault {
			if call.Op == objstoretest.OpDelete {
				return objstoretest.Fault{Err: objstore.ErrDenied}
			}
			return objstoretest.Fault{}
		}
		report := must[PruneReport](t)(w.prune(t.Context(), refused, PruneOptions{}))
		if !report.MayNotDelete || report.DeletedPacks != 0 {
			t.Fatalf("%+v", report)
		}
		must[Snapshot](t)(w.backup(t.Context(), refused, c, BackupOptions{})) // goes on
		w.sim.Advance(25 * time.Hour)
	}
	for _, n := range names {
		if w.sim.Bytes(n) == nil {
			t.Fatalf("%s is gone", n)
		}
	}
	if len(w.sim.Names(condemnedPrefix)) == 0 {
		t.Fatal("nothing was condemned")
	}
	w.sound(t)
	if report := must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{})); report.MayNotDelete || report.DeletedPacks == 0 {
		t.Fatalf("with the right to delete: %+v", report)
	}
	w.sound(t)
	broken := w.sim.Client()
	broken.Hook = func(call objstoretest.Call) objstoretest.Fault {
		if call.Op == objstoretest.OpDelete {
			return objstoretest.Fault{Err: objstore.ErrUnavailable}
		}
		return objstoretest.Fault{}
	}
	wantErr(t, second(w.prune(t.Context(), broken, PruneOptions{})), objstore.ErrUnavailable)
}
