package repo

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// damagePacks flips a bit in some packs, which keep their size, and marks the
// snapshots as lost that cannot be whole any more.
func (w *world) damagePacks(t *testing.T, seed uint64) VerifyReport {
	t.Helper()
	rnd := random(seed)
	names := w.sim.Names(packPrefix)
	for range 1 + rnd.IntN(3) {
		name := names[rnd.IntN(len(names))]
		w.sim.Replace(name, flipped(w.sim.Bytes(name), rnd))
	}
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	return must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
}

// newestIs checks what the latest snapshot restores to.
func (w *world) newestIs(t *testing.T, c content) Snapshot {
	t.Helper()
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	s := must[Snapshot](t)(r.Snapshot(t.Context(), "latest"))
	got, err := restored(t.Context(), r, s, false)
	if err == nil {
		err = equal(got, c)
	}
	if err != nil {
		t.Fatalf("the newest snapshot: %v", err)
	}
	return s
}

func noting(t *testing.T, found []Problem) func(w *world, client *objstoretest.Sim) error {
	return func(w *world, client *objstoretest.Sim) error {
		r, err := w.open(t.Context(), client)
		if err != nil {
			return err
		}
		_, err = r.Distrust(t.Context(), found)
		return err
	}
}

// A pack that has its size and other bytes is named again by every backup, until
// its damage was noted. From then on what it held is stored anew.
func TestDamagedPacksAreStoredAgain(t *testing.T) {
	for _, seed := range seeds(t, 12) {
		w, c := history(t, 100+seed, 3)
		found := w.damagePacks(t, seed)
		if err := noting(t, found.Problems)(w, w.sim.Client()); err != nil {
			t.Fatal(err)
		}
		s := must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
		if len(found.Problems) > 0 && slices.Contains(found.Problems[0].Snapshots, w.tries[2].snap.ID) && s.Added == 0 {
			t.Fatalf("seed %d: nothing was stored again", seed)
		}
		w.newestIs(t, c)
		r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
		again := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
		for _, p := range again.Problems {
			if !p.Known || slices.Contains(p.Snapshots, s.ID) {
				t.Fatalf("seed %d: after the next backup: %+v", seed, p)
			}
		}
		if n := must[int](t)(r.Distrust(t.Context(), again.Problems)); n != 0 || len(w.sim.Names(damagedPrefix)) > 1 {
			t.Fatalf("seed %d: %d are noted twice", seed, n)
		}
		for _, n := range w.tries[:3] {
			if err := w.forget(t.Context(), w.sim.Client(), n); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
			w.sim.Advance(25 * time.Hour)
		}
		if left := w.sim.Names(damagedPrefix); len(left) > 0 {
			t.Fatalf("seed %d: %v stays when nothing of it does", seed, left)
		}
		w.sound(t)
	}
}

// Whether the note of the damage was made is decided in one call: before it
// nothing has changed, and after it the next backup is whole.
func TestNotingDamageDiesAtEveryCall(t *testing.T) {
	w, c := history(t, 31, 3)
	found := w.damagePacks(t, 3)
	if len(found.Problems) == 0 {
		t.Fatal("nothing that is needed was damaged; the test needs another seed")
	}
	for _, n := range w.tries {
		n.committed = false // the damage may be in any; the oracle below looks at what comes
	}
	for name, crash := range map[string]func(int) func(objstoretest.Call) objstoretest.Fault{
		"before": objstoretest.CrashAfter, "in": objstoretest.CrashIn,
	} {
		for n := 1; ; n++ {
			left := w.on(w.sim.Clone())
			died := left.sim.Client()
			died.Hook = crash(n)
			if err := noting(t, found.Problems)(left, died); !died.Crashed() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			noted := len(left.sim.Names(damagedPrefix))
			if noted == 0 { // the next verification finds it once more
				if err := noting(t, found.Problems)(left, left.sim.Client()); err != nil {
					t.Fatal(err)
				}
			}
			must[Snapshot](t)(left.backup(t.Context(), left.sim.Client(), c, BackupOptions{}))
			left.newestIs(t, c)
			t.Logf("%s call %d: noted %d", name, n, noted)
		}
	}
}

// A backup that dies after damage was noted, and one that takes over from it,
// do not name the damaged packs either.
func TestHealingDiesAtEveryCall(t *testing.T) {
	w, c := history(t, 33, 3)
	found := w.damagePacks(t, 2)
	if err := noting(t, found.Problems)(w, w.sim.Client()); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n += stride {
		left := w.on(w.sim.Clone())
		died := left.sim.Client()
		died.Hook = objstoretest.CrashIn(n)
		_, err := left.backup(t.Context(), died, c, BackupOptions{Beat: -1})
		if !died.Crashed() {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d calls", n-1)
			return
		}
		must[Snapshot](t)(left.backup(t.Context(), left.sim.Client(), c, BackupOptions{Beat: -1}))
		s := left.newestIs(t, c)
		r := must[*Repository](t)(left.open(t.Context(), left.sim.Client()))
		report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1, Snapshots: []string{s.ID}}))
		if len(report.Problems) > 0 {
			t.Fatalf("call %d: %v", n, report.Problems)
		}
	}
}

// Every call in which noting damage, backing up, verifying and pruning read or
// write the note fails once.
func TestNotesOfDamageThatFail(t *testing.T) {
	w, c := history(t, 34, 2)
	found := w.damagePacks(t, 2)
	fails := func(op objstoretest.Op) func(objstoretest.Call) objstoretest.Fault {
		return func(call objstoretest.Call) objstoretest.Fault {
			if call.Op == op && len(call.Name) >= len(damagedPrefix) && call.Name[:len(damagedPrefix)] == damagedPrefix {
				return objstoretest.Fault{Err: errFlaky}
			}
			return objstoretest.Fault{}
		}
	}
	client := w.sim.Client()
	client.Hook = fails(objstoretest.OpPut)
	wantErr(t, noting(t, found.Problems)(w, client), errFlaky)
	if err := noting(t, found.Problems)(w, w.sim.Client()); err != nil {
		t.Fatal(err)
	}
	for _, op := range []objstoretest.Op{objstoretest.OpList, objstoretest.OpGet} {
		client := w.sim.Client()
		client.Hook = fails(op)
		wantErr(t, noting(t, found.Problems)(w, client), errFlaky)
		wantErr(t, second(w.backup(t.Context(), client, c, BackupOptions{})), errFlaky)
		wantErr(t, second(w.prune(t.Context(), client, PruneOptions{})), errFlaky)
		r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
		r.store = client
		wantErr(t, second(r.Verify(t.Context(), VerifyOptions{Shares: 1})), errFlaky)
	}
}

var errFlaky = errors.New("the line is bad")

// On a place that is full to the last byte the reserve makes room for the note.
func TestDamageIsNotedOnAFullPlace(t *testing.T) {
	w, _ := history(t, 35, 2)
	must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{})) // makes the reserve
	found := w.damagePacks(t, 2)
	used := 0
	for _, n := range w.sim.Names("") {
		used += len(w.sim.Bytes(n))
	}
	w.sim.SetQuota(int64(used))
	if err := noting(t, found.Problems)(w, w.sim.Client()); err != nil || len(w.sim.Names(damagedPrefix)) != 1 {
		t.Fatalf("%v", err)
	}
}
