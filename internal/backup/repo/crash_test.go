package repo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// stored sums what a client put below a prefix.
func stored(client *objstoretest.Sim, prefix string) (objects, bytes int) {
	for _, c := range client.Calls() {
		if c.Op == objstoretest.OpPut && strings.HasPrefix(c.Name, prefix) {
			objects, bytes = objects+1, bytes+c.Size
		}
	}
	return objects, bytes
}

func TestBackupDiesAtEveryCall(t *testing.T) {
	w, c := history(t, 1, 3)
	next := c.changed(random(2))
	for i := range 5 { // several packs
		next[fmt.Sprintf("f more %d", i)] = noise(random(3), 70<<10)
	}
	backup := func(w *world, client *objstoretest.Sim) error {
		_, err := w.backup(t.Context(), client, next, BackupOptions{Beat: -1})
		return err
	}
	whole := w.on(w.sim.Clone())
	undisturbed := whole.sim.Client()
	if err := backup(whole, undisturbed); err != nil {
		t.Fatal(err)
	}
	packs, bytes := stored(undisturbed, packPrefix)
	if packs < 3 {
		t.Fatalf("the backup stores %d packs; the test needs more", packs)
	}
	crashes(t, w, backup, func(t *testing.T, left *world, died *objstoretest.Sim) {
		_, first := stored(died, packPrefix)
		second := left.sim.Client()
		must[Snapshot](t)(left.backup(t.Context(), second, next, BackupOptions{Beat: -1}))
		_, again := stored(second, packPrefix)
		if over := first + again - bytes; over > 2*(96<<10+chunkSize/4) { // one pack, and padding
			t.Errorf("%d bytes of packs were stored twice", over)
		}
		left.sound(t)
	})
}

func TestPruneDiesAtEveryCall(t *testing.T) {
	w, c := history(t, 4, 2)
	other := content{}
	for i := range 4 {
		other[fmt.Sprintf("f other %d", i)] = noise(random(44), 90<<10)
	}
	must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), other, BackupOptions{}))
	must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
	w.sim.Advance(2 * time.Hour)
	for _, n := range w.tries[1:3] {
		if err := w.forget(t.Context(), w.sim.Client(), n); err != nil {
			t.Fatal(err)
		}
	}
	dead := w.sim.Client() // and what a backup that died has left
	dead.Hook = objstoretest.CrashAfter(25)
	if _, err := w.backup(t.Context(), dead, small(random(5)), BackupOptions{Beat: -1}); !errors.Is(err, objstoretest.ErrCrashed) {
		t.Fatal(err)
	}
	w.sim.Advance(2 * time.Hour)
	prune := func(w *world, client *objstoretest.Sim) error {
		_, err := w.prune(t.Context(), client, PruneOptions{})
		return err
	}
	goesOn := func(t *testing.T, left *world, _ *objstoretest.Sim) {
		for range 3 {
			must[PruneReport](t)(left.prune(t.Context(), left.sim.Client(), PruneOptions{}))
			left.sim.Advance(25 * time.Hour)
		}
		report := must[PruneReport](t)(left.prune(t.Context(), left.sim.Client(), PruneOptions{}))
		if n := len(left.sim.Names(packPrefix)); n != report.KeptPacks || len(left.sim.Names(condemnedPrefix)) > 0 || len(left.sim.Names(sessionPrefix)) > 0 {
			t.Errorf("after four prunes there are %d packs, and %d are needed", n, report.KeptPacks)
		}
		must[Snapshot](t)(left.backup(t.Context(), left.sim.Client(), c.changed(random(6)), BackupOptions{}))
		left.sound(t)
	}
	t.Run("condemning", func(t *testing.T) { crashes(t, w, prune, goesOn) })
	if err := prune(w, w.sim.Client()); err != nil {
		t.Fatal(err)
	}
	w.sim.Advance(25 * time.Hour)
	before := len(w.sim.Names(packPrefix))
	t.Run("deleting", func(t *testing.T) { crashes(t, w, prune, goesOn) })
	report := must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
	if share := float64(report.DeletedPacks) / float64(before); share < 0.4 {
		t.Errorf("%d of %d packs were garbage; the test needs more", report.DeletedPacks, before)
	}
	w.sound(t)
}

func TestForgetDiesAtEveryCall(t *testing.T) {
	w, c := history(t, 7, 4)
	forget := func(w *world, client *objstoretest.Sim) error {
		r, err := w.open(t.Context(), client)
		if err != nil {
			return err
		}
		w.tries[0].forgotten, w.tries[2].forgotten = true, true
		return r.Forget(t.Context(), "a test", w.tries[0].snap, w.tries[2].snap)
	}
	crashes(t, w, forget, func(t *testing.T, left *world, _ *objstoretest.Sim) {
		if err := forget(left, left.sim.Client()); err != nil {
			t.Error(err)
		}
		must[Snapshot](t)(left.backup(t.Context(), left.sim.Client(), c, BackupOptions{}))
		if n := len(left.sim.Names(commitPrefix)); n != 3 {
			t.Errorf("%d snapshots are left, want 3", n)
		}
		left.sound(t)
	})
}

func TestCreateDiesAtEveryCall(t *testing.T) {
	key := must[*age.X25519Identity](t)(testKey())
	w := &world{sim: objstoretest.NewSim(), key: key}
	create := func(w *world, client *objstoretest.Sim) error {
		_, err := Create(t.Context(), client, Options{}, Recipient{"server", key.Recipient()}, Recipient{"kit", key.Recipient()})
		return err
	}
	for n := 1; ; n += stride {
		left := w.on(w.sim.Clone())
		died := left.sim.Client()
		died.Hook = objstoretest.CrashIn(n)
		if err := create(left, died); err == nil {
			break
		}
		if _, err := left.open(t.Context(), left.sim.Client()); errors.Is(err, ErrNoRepository) {
			if err := create(left, left.sim.Client()); err != nil {
				t.Fatal(err)
			}
			if keys := left.sim.Names(keyPrefix); len(keys) != 2 {
				t.Fatalf("keys of an attempt that died are left: %v", keys)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		left.sound(t)
	}
}

func TestKeyChangeDiesAtEveryCall(t *testing.T) {
	w, _ := history(t, 8, 1)
	old, next := w.key, must[*age.X25519Identity](t)(age.GenerateX25519Identity())
	change := func(w *world, client *objstoretest.Sim) error {
		r, err := Open(t.Context(), client, Options{}, old)
		if errors.Is(err, ErrNoKey) {
			return nil // it was done before
		}
		if err != nil {
			return err
		}
		keys, err := r.Keys(t.Context())
		if err != nil {
			return err
		}
		if _, err := r.AddKey(t.Context(), Recipient{"Server, new", next.Recipient()}); err != nil {
			return err
		}
		for _, k := range keys {
			if k.Label == "server" {
				return r.RemoveKey(t.Context(), k.Name)
			}
		}
		return errors.New("the old key is not listed")
	}
	for _, crash := range []func(int) func(objstoretest.Call) objstoretest.Fault{objstoretest.CrashAfter, objstoretest.CrashIn} {
		for n := 1; ; n += stride {
			left := w.on(w.sim.Clone())
			died := left.sim.Client()
			died.Hook = crash(n)
			if err := change(left, died); err == nil && !died.Crashed() {
				break
			}
			if _, err := Open(t.Context(), left.sim.Client(), Options{}, old, next); err != nil {
				t.Fatalf("after call %d nobody opens it: %v", n, err)
			}
			if err := change(left, left.sim.Client()); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), left.sim.Client(), Options{}, old); !errors.Is(err, ErrNoKey) {
				t.Fatalf("after call %d and another change the old key opens it: %v", n, err)
			}
			left.key = next
			left.sound(t)
		}
	}
}

func TestKeys(t *testing.T) {
	w, _ := history(t, 9, 1)
	ctx := t.Context()
	r := must[*Repository](t)(w.open(ctx, w.sim.Client()))
	keys := must[[]KeyInfo](t)(r.Keys(ctx))
	if len(keys) != 1 || keys[0].Label != "server" {
		t.Fatalf("the keys are %v", keys)
	}
	wantErr(t, r.RemoveKey(ctx, keys[0].Name), errLastKey)
	if err := r.RemoveKey(ctx, "keys/other.age"); err == nil {
		t.Fatal("a key that is not there was removed")
	}
	kit := must[*age.X25519Identity](t)(age.GenerateX25519Identity())
	added := must[KeyInfo](t)(r.AddKey(ctx, Recipient{"Wiederherstellung — Kit!", kit.Recipient()}))
	if added.Label != "wiederherstellung_kit" {
		t.Fatalf("the label is %q", added.Label)
	}
	if k := must[KeyInfo](t)(r.AddKey(ctx, Recipient{"☃", kit.Recipient()})); k.Label != "key" {
		t.Fatalf("the label is %q", k.Label)
	}
	must[*Repository](t)(Open(ctx, w.sim.Client(), Options{}, kit))
	_, err := Open(ctx, w.sim.Client(), Options{})
	wantErr(t, err, ErrNoKey)
}

// Two who remove each the other's key at once must not lock everybody out.
func TestKeysRemovedAtOnce(t *testing.T) {
	w, _ := history(t, 10, 1)
	ctx := t.Context()
	r := must[*Repository](t)(w.open(ctx, w.sim.Client()))
	first := must[[]KeyInfo](t)(r.Keys(ctx))[0]
	second := must[KeyInfo](t)(r.AddKey(ctx, Recipient{"other", w.key.Recipient()}))
	client := w.sim.Client()
	client.Hook = func(c objstoretest.Call) objstoretest.Fault {
		if c.Op == objstoretest.OpDelete && slices.Contains(w.sim.Names(keyPrefix), second.Name) {
			if err := r.RemoveKey(ctx, second.Name); err != nil {
				t.Error(err)
			}
		}
		return objstoretest.Fault{}
	}
	mine := must[*Repository](t)(w.open(ctx, client))
	wantErr(t, mine.RemoveKey(ctx, first.Name), errLastKey)
	w.sound(t)
}
