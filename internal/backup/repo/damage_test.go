package repo

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// flipped changes one bit.
func flipped(b []byte, rnd *rand.Rand) []byte {
	b = bytes.Clone(b)
	b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
	return b
}

// Every flip in every class of objects is found by reading everything, and no
// flip makes Read return anything but what was stored.
func TestFlips(t *testing.T) {
	w, c := history(t, 20, 3)
	if err := w.forget(t.Context(), w.sim.Client(), w.tries[0]); err != nil {
		t.Fatal(err)
	}
	w.sim.Advance(time.Hour)
	must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{})) // a condemned list
	dead := w.sim.Client()                                                     // a session
	dead.Hook = objstoretest.CrashAfter(18)
	_, err := w.backup(t.Context(), dead, c, BackupOptions{Beat: -1})
	wantErr(t, err, objstoretest.ErrCrashed)
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	needed := newVerifying(r, VerifyOptions{})
	if err := needed.structure(t.Context()); err != nil {
		t.Fatal(err)
	}
	must[int](t)(r.Distrust(t.Context(), []Problem{{Object: packName(Hash{1})}, {Object: formatName}}))
	for _, class := range []string{packPrefix, manifestPrefix, commitPrefix, forgottenPrefix, condemnedPrefix, sessionPrefix, damagedPrefix, keyPrefix, formatName} {
		names := slices.DeleteFunc(w.sim.Names(class), func(n string) bool {
			var h Hash
			_ = h.UnmarshalText([]byte(n[strings.LastIndexByte(n, '/')+1:]))
			_, pack := needed.needed[h]
			_, part := needed.parts[h]
			return class == packPrefix && !pack || class == manifestPrefix && !part
		})
		if len(names) == 0 {
			t.Fatalf("there is nothing in %s", class)
		}
		for _, seed := range seeds(t, 30) {
			left, rnd := w.on(w.sim.Clone()), random(seed)
			name := names[rnd.IntN(len(names))]
			left.sim.Replace(name, flipped(left.sim.Bytes(name), rnd))
			r := must[*Repository](t)(w.open(t.Context(), w.sim.Client())) // opened before the damage
			r.store = left.sim.Client()
			report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
			if !slices.ContainsFunc(report.Problems, func(p Problem) bool { return p.Object == name || strings.HasPrefix(name, p.Object) }) {
				t.Fatalf("seed %d: verify does not see the flip in %s: %v", seed, name, report.Problems)
			}
			left.readsNothingWrong(t, r, seed)
			if class == condemnedPrefix || class == sessionPrefix || class == damagedPrefix || class == keyPrefix {
				left.recovers(t, r, c)
			}
		}
	}
}

// readsNothingWrong reads what can be read.
func (w *world) readsNothingWrong(t *testing.T, r *Repository, seed uint64) {
	t.Helper()
	for _, n := range w.tries {
		if !n.committed || n.forgotten {
			continue
		}
		got := content{}
		var key string
		err := r.Read(t.Context(), n.snap, nil, nil, Reading{
			Entry: func(e *Entry) error { key = string(e.Key); got[key] = nil; return nil },
			Chunk: func(b []byte) error { got[key] = append(got[key], b...); return nil },
		})
		if err != nil && !damage(err) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for k, v := range got {
			want, ok := n.content[k]
			if !ok || !bytes.HasPrefix(want, v) || err == nil && len(v) != len(want) {
				t.Fatalf("seed %d: wrong data was read under %q", seed, k)
			}
		}
	}
}

// recovers backs up and prunes in spite of damage that costs no snapshot.
func (w *world) recovers(t *testing.T, r *Repository, c content) {
	t.Helper()
	n, src := w.try(c)
	s := must[Snapshot](t)(r.Backup(t.Context(), src, BackupOptions{}))
	n.committed, n.snap = true, s
	w.sim.Advance(25 * time.Hour)
	for range 2 {
		must[PruneReport](t)(r.Prune(t.Context(), PruneOptions{Confirmed: true}))
	}
	got, err := restored(t.Context(), r, s, false)
	if err == nil {
		err = equal(got, c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLostPackIsStoredAgain(t *testing.T) {
	w, c := history(t, 21, 2)
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	gone := w.sim.Names(packPrefix)[0]
	w.sim.Replace(gone, nil)
	report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{}))
	if len(report.Problems) != 1 || report.Problems[0].Object != gone || len(report.Problems[0].Snapshots) == 0 {
		t.Fatalf("the problems are %v, want %s with its snapshots", report.Problems, gone)
	}
	lost := 0
	hit := must[Snapshot](t)(r.Snapshot(t.Context(), report.Problems[0].Snapshots[0]))
	err := r.Lost(t.Context(), hit, map[string]bool{gone: true}, func(*Entry) error { lost++; return nil })
	if err != nil || lost == 0 {
		t.Fatalf("%d items are lost: %v", lost, err)
	}
	for _, n := range w.tries {
		n.forgotten = slices.Contains(report.Problems[0].Snapshots, n.snap.ID)
	}
	s := must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
	got, err := restored(t.Context(), r, s, false)
	if err == nil {
		err = equal(got, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	report = must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
	for _, p := range report.Problems {
		if p.Object != gone || slices.Contains(p.Snapshots, s.ID) {
			t.Errorf("after the next backup: %v", p)
		}
	}
}

func TestLostManifestIsStoredAgain(t *testing.T) {
	for _, damage := range []string{"gone", "flipped"} {
		w, c := history(t, 22, 2)
		name := w.sim.Names(manifestPrefix)[1]
		b := flipped(w.sim.Bytes(name), random(1))
		if damage == "gone" {
			b = nil
		}
		w.sim.Replace(name, b)
		r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
		s := must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
		got, err := restored(t.Context(), r, s, true)
		if err == nil {
			err = equal(got, c)
		}
		if err != nil {
			t.Fatalf("%s: %v", damage, err)
		}
		wantErr(t, second(r.Prune(t.Context(), PruneOptions{})), ErrUnsound)
	}
}

func TestCommitsTamperedWith(t *testing.T) {
	w, _ := history(t, 23, 5)
	ctx := t.Context()
	heads := map[string]Hash{}
	for _, n := range w.tries {
		heads[n.snap.ID] = n.snap.Hash
	}
	name := func(i int) string { return commitPrefix + w.tries[i].snap.ID }
	found := func(t *testing.T, sim *objstoretest.Sim, o VerifyOptions) []Problem {
		t.Helper()
		r := must[*Repository](t)(w.open(ctx, sim.Client()))
		report := must[VerifyReport](t)(r.Verify(ctx, o))
		_, err := r.Prune(ctx, PruneOptions{Heads: o.Heads})
		if (len(report.Problems) > 0) != errors.Is(err, ErrUnsound) {
			t.Errorf("verify finds %v, and prune says %v", report.Problems, err)
		}
		return report.Problems
	}
	for _, c := range []struct {
		name   string
		tamper func(*objstoretest.Sim)
		heads  bool // needed to find it
	}{
		{"nothing", func(*objstoretest.Sim) {}, true},
		{"the newest three are removed", func(s *objstoretest.Sim) {
			for i := 2; i < 5; i++ {
				s.Replace(name(i), nil)
			}
		}, true},
		{"one in between is removed", func(s *objstoretest.Sim) { s.Replace(name(2), nil) }, false},
		{"two change places", func(s *objstoretest.Sim) {
			a, b := s.Bytes(name(1)), s.Bytes(name(3))
			s.Replace(name(1), b)
			s.Replace(name(3), a)
		}, false},
		{"an old one is replayed under a new name", func(s *objstoretest.Sim) {
			s.Replace(commitPrefix+"20270101T000000Z-000000000000", s.Bytes(name(0)))
		}, false},
		{"one is replaced by an old one", func(s *objstoretest.Sim) { s.Replace(name(4), s.Bytes(name(0))) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim := w.sim.Clone()
			c.tamper(sim)
			if got := found(t, sim.Clone(), VerifyOptions{Heads: heads}); (len(got) > 0) == (c.name == "nothing") {
				t.Errorf("with heads: %v", got)
			}
			if got := found(t, sim, VerifyOptions{}); (len(got) > 0) == c.heads {
				t.Errorf("without heads: %v", got)
			}
		})
	}
}

// The chain holds also what ran side by side.
func TestConcurrentSnapshotIsMissed(t *testing.T) {
	w, c := history(t, 24, 1)
	client, inner := w.sim.Client(), Snapshot{}
	client.Hook = func(call objstoretest.Call) objstoretest.Fault {
		if inner.ID == "" && call.Op == objstoretest.OpPut && strings.HasPrefix(call.Name, packPrefix) {
			inner = must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
		}
		return objstoretest.Fault{}
	}
	c = maps2(c, content{"f x": noise(random(1), 1000)})
	outer := must[Snapshot](t)(w.backup(t.Context(), client, c, BackupOptions{}))
	if inner.Seq != outer.Seq {
		t.Fatalf("they have the numbers %d and %d, and ran side by side", inner.Seq, outer.Seq)
	}
	must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
	w.sound(t)
	for _, s := range []Snapshot{inner, outer} {
		sim := w.sim.Clone()
		sim.Replace(commitPrefix+s.ID, nil)
		r := must[*Repository](t)(w.open(t.Context(), sim))
		if report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{})); len(report.Problems) != 1 {
			t.Errorf("%s was removed, and verify finds %v", s.ID, report.Problems)
		}
	}
}

func maps2(a, b content) content {
	out := content{}
	for _, c := range []content{a, b} {
		for k, v := range c {
			out[k] = v
		}
	}
	return out
}

func TestObjectsSwapped(t *testing.T) {
	w, _ := history(t, 25, 3)
	ctx := t.Context()
	for _, prefix := range []string{packPrefix, manifestPrefix} {
		sim := w.sim.Clone()
		names := sim.Names(prefix)
		a, b := names[0], names[1]
		x, y := sim.Bytes(a), sim.Bytes(b)
		sim.Replace(a, y)
		sim.Replace(b, x)
		left := w.on(sim)
		r := must[*Repository](t)(w.open(ctx, sim.Client()))
		left.readsNothingWrong(t, r, 0)
		if report := must[VerifyReport](t)(r.Verify(ctx, VerifyOptions{Shares: 1})); len(report.Problems) < 1 {
			t.Errorf("%s were swapped, and verify is content", prefix)
		}
	}
	// A leaf in the place of another, within a pack or out of another, at its own
	// offset or not, by somebody without the key.
	sim := w.sim.Clone()
	r := must[*Repository](t)(w.open(ctx, sim.Client()))
	name := sim.Names(packPrefix)[0]
	b := sim.Bytes(name)
	_, chunks, err := r.footer(b)
	if err != nil || len(chunks) < 2 {
		t.Fatal(len(chunks), err)
	}
	for i := range chunks {
		for j := range chunks {
			if i != j && chunks[i].length == chunks[j].length {
				swapped := bytes.Clone(b)
				copy(swapped[chunks[i].offset:][:chunks[i].length], b[chunks[j].offset:])
				_, err := r.checkPack(swapped)
				wantErr(t, err, ErrDamaged)
			}
		}
	}
}

// A manifest that names what a pack does not have is a defect that reading the
// packs alone would not show.
func TestManifestDisagreesWithPack(t *testing.T) {
	a := packed{id: Hash{1}, offset: 36, length: 100}
	b := packed{id: Hash{2}, offset: 136, length: 50, deflated: true}
	for _, c := range []struct {
		told []named
		want error
	}{
		{nil, nil},
		{[]named{{[8]byte{2}, 136, 50, true}, {[8]byte{1}, 36, 100, false}, {[8]byte{2}, 136, 50, true}}, nil},
		{[]named{{[8]byte{2}, 136, 50, false}}, ErrDamaged},
		{[]named{{[8]byte{2}, 136, 51, true}}, ErrDamaged},
		{[]named{{[8]byte{1}, 136, 50, true}}, ErrDamaged},
		{[]named{{[8]byte{1}, 37, 100, false}}, ErrDamaged},
	} {
		wantErr(t, holds([]packed{a, b}, c.told), c.want)
	}
}

// A compressor that writes wrong bytes is caught before anything is stored.
func TestCompressorWithADefect(t *testing.T) {
	w, c := history(t, 26, 1)
	for name, spoil := range map[string]func([]byte) []byte{
		"other content": func([]byte) []byte { return deflate(nil, []byte("something else")) },
		"a flipped bit": func(b []byte) []byte { return flipped(b, random(1)) },
		"nothing":       func([]byte) []byte { return nil },
		"too much":      func(b []byte) []byte { return append(b, deflate(nil, make([]byte, chunkSize))...) },
	} {
		before := len(w.sim.Names(packPrefix))
		r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
		r.deflate = func(b, text []byte) []byte {
			b = deflate(b, text)
			if bytes.Contains(text, []byte("poison")) {
				b = append(b[:0], spoil(b)...)
			}
			return b
		}
		_, src := w.try(maps2(c, content{"t 05 poison": []byte("poison, poison, poison")}))
		_, err := r.Backup(t.Context(), src, BackupOptions{})
		if err == nil || !strings.Contains(err.Error(), "read back") {
			t.Errorf("%s: the error is %v", name, err)
		}
		if n := len(w.sim.Names(packPrefix)); n != before {
			t.Errorf("%s: %d packs were stored", name, n-before)
		}
		w.sound(t)
	}
}

func TestFormatsThatAreNone(t *testing.T) {
	w, _ := history(t, 27, 1)
	for doc, want := range map[string]error{
		"":   ErrDamaged,
		"{}": ErrDamaged,
		`{"format":"holdfast-repository","version":2,"id":""}`:    ErrNewer,
		`{"format":"holdfast-repository","version":1,"id":"xy"}`:  ErrDamaged,
		`{"format":"holdfast-repository","version":1,"id":"00"}`:  ErrDamaged,
		`{"format":"holdfast-repository","version":-1,"id":"00"}`: ErrDamaged,
	} {
		sim := w.sim.Clone()
		sim.Replace(formatName, []byte(doc))
		_, err := w.open(t.Context(), sim)
		wantErr(t, err, want)
	}
	sim := w.sim.Clone()
	sim.Replace(formatName, nil)
	_, err := w.open(t.Context(), sim)
	wantErr(t, err, ErrNoRepository)
	other := newWorld(t)
	sim = w.sim.Clone()
	sim.Replace(formatName, other.sim.Bytes(formatName))
	_, err = w.open(t.Context(), sim)
	wantErr(t, err, ErrNoKey)
	_, err = Create(t.Context(), w.sim.Client(), Options{}, Recipient{"x", w.key.Recipient()})
	if err == nil {
		t.Fatal("a repository was created over another")
	}
}

func TestSnapshotByName(t *testing.T) {
	w, _ := history(t, 28, 3)
	ctx := t.Context()
	r := must[*Repository](t)(w.open(ctx, w.sim.Client()))
	id := w.tries[1].snap.ID
	if s := must[Snapshot](t)(r.Snapshot(ctx, id[:len(id)-3])); s.ID != id {
		t.Fatalf("found %s, want %s", s.ID, id)
	}
	for _, name := range []string{"", "2026", "x"} {
		_, err := r.Snapshot(ctx, name)
		wantErr(t, err, ErrNoSnapshot)
	}
	latest := commitPrefix + w.tries[2].snap.ID
	w.sim.Replace(latest, flipped(w.sim.Bytes(latest), random(1)))
	if s := must[Snapshot](t)(r.Snapshot(ctx, id)); s.ID != id {
		t.Fatal("another snapshot's damage is in the way")
	}
	for _, name := range []string{"latest", w.tries[2].snap.ID} {
		_, err := r.Snapshot(ctx, name)
		wantErr(t, err, ErrDamaged)
	}
	_, err := r.Snapshots(ctx)
	wantErr(t, err, ErrDamaged)
	w.tries[2].committed = false
	s := must[Snapshot](t)(w.backup(ctx, w.sim.Client(), w.tries[1].content, BackupOptions{}))
	if got := must[Snapshot](t)(r.Snapshot(ctx, "latest")); got.ID != s.ID {
		t.Fatal("an older snapshot's damage is in the way")
	}
	empty := newWorld(t)
	r = must[*Repository](t)(empty.open(ctx, empty.sim.Client()))
	_, err = r.Snapshot(ctx, "latest")
	wantErr(t, err, ErrNoSnapshot)
}

func TestVerifySharesCoverEverything(t *testing.T) {
	w, _ := history(t, 29, 4)
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	whole := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
	packs, told := 0, 0
	for share := range 3 {
		report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{
			Share: share, Shares: 3, Progress: func(int, int, int64) { told++ },
		}))
		packs += report.ReadPacks
	}
	if packs != whole.Packs || whole.ReadPacks != whole.Packs || told != packs {
		t.Fatalf("the shares have %d packs and told of %d, want %d", packs, told, whole.Packs)
	}
	one := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Snapshots: []string{w.tries[0].snap.ID}, Shares: 1}))
	if one.Snapshots != 1 || one.Packs >= whole.Packs {
		t.Fatalf("one snapshot of %d, with %d packs", one.Snapshots, one.Packs)
	}
}
