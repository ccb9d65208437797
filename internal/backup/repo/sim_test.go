package repo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// seeds is how many seeds a simulation runs with: a few, or as many as
// HOLDFAST_SIM_SEEDS says. HOLDFAST_SIM_SEED runs one seed alone.
func seeds(t testing.TB, usual int) []uint64 {
	if s := os.Getenv("HOLDFAST_SIM_SEED"); s != "" {
		return []uint64{must[uint64](t)(strconv.ParseUint(s, 10, 64))}
	}
	if s := os.Getenv("HOLDFAST_SIM_SEEDS"); s != "" {
		usual = must[int](t)(strconv.Atoi(s))
	}
	if stride > 1 {
		usual = max(1, usual/stride)
	}
	out := make([]uint64, usual)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

// world is a simulated place with a repository, and what every backup that was
// tried there should restore to.
type world struct {
	sim *objstoretest.Sim
	key *age.X25519Identity

	mu    sync.Mutex
	tries []*try // numbered as their documents say
}

// try is an attempt at a backup.
type try struct {
	content   content
	committed bool // Backup returned the snapshot
	possible  bool // the commit may have reached the store
	forgotten bool // Forget was called
	snap      Snapshot
}

var testKey = sync.OnceValues(age.GenerateX25519Identity)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{sim: objstoretest.NewSim(), key: must[*age.X25519Identity](t)(testKey())}
	must[*Repository](t)(Create(t.Context(), w.sim, Options{}, Recipient{"server", w.key.Recipient()}))
	return w
}

// on returns the same world on another place, such as a clone.
func (w *world) on(sim *objstoretest.Sim) *world {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &world{sim: sim, key: w.key}
	for _, old := range w.tries {
		same := *old
		c.tries = append(c.tries, &same)
	}
	return c
}

// open opens the repository as another program, with small packs and parts.
func (w *world) open(ctx context.Context, s objstore.Store) (*Repository, error) {
	r, err := Open(ctx, s, Options{Workers: 2}, w.key)
	if r != nil {
		r.packSize, r.partMask = 96<<10, 31
	}
	return r, err
}

// source is a try that is read.
type source struct {
	content
	number int
	fail   func(key string) error
}

func (s source) Items(ctx context.Context, put func(Item) error) error {
	return s.content.Items(ctx, func(i Item) error {
		if s.fail != nil {
			if err := s.fail(string(i.Key)); err != nil {
				return err
			}
		}
		return put(i)
	})
}

func (s source) Meta() (json.RawMessage, bool, error) {
	return json.RawMessage(fmt.Sprintf(`{"try":%d}`, s.number)), true, nil
}

func (w *world) try(c content) (*try, source) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &try{content: c}
	w.tries = append(w.tries, n)
	return n, source{content: c, number: len(w.tries) - 1}
}

// backup takes a snapshot through a client and notes what became of it.
func (w *world) backup(ctx context.Context, client *objstoretest.Sim, c content, o BackupOptions) (Snapshot, error) {
	n, src := w.try(c)
	return w.run(ctx, client, n, src, o)
}

func (w *world) run(ctx context.Context, client *objstoretest.Sim, n *try, src Source, o BackupOptions) (Snapshot, error) {
	r, err := w.open(ctx, client)
	if err != nil {
		return Snapshot{}, err
	}
	s, err := r.Backup(ctx, src, o)
	w.mu.Lock()
	defer w.mu.Unlock()
	n.committed, n.snap = err == nil, s
	n.possible = slices.ContainsFunc(client.Calls(), func(c objstoretest.Call) bool {
		return c.Op == objstoretest.OpPut && strings.HasPrefix(c.Name, commitPrefix)
	})
	return s, err
}

// forget forgets a try's snapshot. From the call on it may be gone.
func (w *world) forget(ctx context.Context, client *objstoretest.Sim, n *try) error {
	r, err := w.open(ctx, client)
	if err != nil {
		return err
	}
	w.mu.Lock()
	n.forgotten = true
	w.mu.Unlock()
	return r.Forget(ctx, "test", n.snap)
}

func (w *world) prune(ctx context.Context, client *objstoretest.Sim, o PruneOptions) (PruneReport, error) {
	r, err := w.open(ctx, client)
	if err != nil {
		return PruneReport{}, err
	}
	o.Confirmed = true
	return r.Prune(ctx, o)
}

// oracle is what must hold after everything: every committed snapshot restores
// to what was recorded when it was taken; nothing committed is lost; nothing
// uncommitted is listed.
func (w *world) oracle(ctx context.Context) error {
	r, err := w.open(ctx, w.sim.Client())
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	all, err := r.Snapshots(ctx)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	listed := map[int]bool{}
	for _, s := range all {
		var doc struct{ Try int }
		if err := json.Unmarshal(s.Meta, &doc); err != nil || doc.Try >= len(w.tries) {
			return fmt.Errorf("snapshot %s has the document %s: %w", s.ID, s.Meta, err)
		}
		n := w.tries[doc.Try]
		if listed[doc.Try] || !n.possible && !n.committed {
			return fmt.Errorf("try %d is listed as %s, and should not be", doc.Try, s.ID)
		}
		listed[doc.Try] = true
		if n.committed && (s.Hash != n.snap.Hash || s.ID != n.snap.ID || s.Items != int64(len(n.content))) {
			return fmt.Errorf("try %d is listed as another snapshot", doc.Try)
		}
		for _, fragments := range []bool{false, true} {
			got, err := restored(ctx, r, s, fragments)
			if err == nil {
				err = equal(got, n.content)
			}
			if err != nil {
				return fmt.Errorf("try %d, snapshot %s, fragments %v: %w", doc.Try, s.ID, fragments, err)
			}
		}
	}
	for i, n := range w.tries {
		if n.committed && !n.forgotten && !listed[i] {
			return fmt.Errorf("try %d was committed as %s and is lost", i, n.snap.ID)
		}
	}
	return nil
}

// sound runs the oracle and verifies everything.
func (w *world) sound(t testing.TB) {
	t.Helper()
	if err := w.oracle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
	if len(report.Problems) > 0 {
		t.Fatalf("verify finds %v", report.Problems)
	}
}

// small makes content of a few hundred kilobytes: rows, files that compress, and
// files that do not, one of several chunks.
func small(rnd *rand.Rand) content {
	c := content{}
	for range 60 + rnd.IntN(100) {
		c[fmt.Sprintf("t %04d", rnd.IntN(1000))] = text(rnd, rnd.IntN(4000))
	}
	for range 1 + rnd.IntN(6) {
		k := fmt.Sprintf("f %016x", rnd.Uint64())
		switch rnd.IntN(4) {
		case 0:
			c[k] = noise(rnd, rnd.IntN(150<<10))
		case 1:
			c[k] = slices.Repeat([]byte("again "), rnd.IntN(400_000))
		case 2:
			c[k] = nil
		default:
			c[k] = text(rnd, rnd.IntN(60<<10))
		}
	}
	return c
}

// changed is the content a while later.
func (c content) changed(rnd *rand.Rand) content {
	out := maps.Clone(c)
	for _, k := range slices.Sorted(maps.Keys(c)) {
		switch {
		case rnd.IntN(12) == 0, k[0] == 'f' && rnd.IntN(2) == 0:
			delete(out, k)
		case k[0] == 't' && rnd.IntN(8) == 0:
			out[k] = text(rnd, rnd.IntN(3000))
		}
	}
	maps.Copy(out, content{
		fmt.Sprintf("t %04d", rnd.IntN(1000)):      text(rnd, 500),
		fmt.Sprintf("f %016x", rnd.Uint64()):       noise(rnd, rnd.IntN(100<<10)),
		fmt.Sprintf("f empty %016x", rnd.Uint64()): nil,
	})
	return out
}

func text(rnd *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+32)
	for len(b) < n {
		b = fmt.Appendf(b, "[%d,\"a line\",%d]\n", rnd.IntN(100), rnd.Uint32())
	}
	return b[:n]
}

func noise(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 42)) }

// history makes a world with some snapshots, each a change of the one before.
func history(t testing.TB, seed uint64, snapshots int) (*world, content) {
	t.Helper()
	w, rnd := newWorld(t), random(seed)
	c := small(rnd)
	for i := range snapshots {
		if i > 0 {
			c = c.changed(rnd)
		}
		must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), c, BackupOptions{}))
		w.sim.Advance(time.Hour)
	}
	return w, c
}

// crashes runs an operation on clones of the world, dying at every call in both
// ways, until the operation is through. after sees what each death left.
func crashes(t *testing.T, w *world, op func(*world, *objstoretest.Sim) error, after func(t *testing.T, left *world, died *objstoretest.Sim)) {
	t.Helper()
	for name, crash := range map[string]func(int) func(objstoretest.Call) objstoretest.Fault{
		"before": objstoretest.CrashAfter, "in": objstoretest.CrashIn,
	} {
		for n := 1; ; n += stride {
			left := w.on(w.sim.Clone())
			died := left.sim.Client()
			died.Hook = crash(n)
			err := op(left, died)
			if !died.Crashed() {
				if err != nil {
					t.Fatalf("%s call %d: nothing died, and yet: %v", name, n, err)
				}
				t.Logf("%s: %d calls", name, n-1)
				break
			}
			if err := left.oracle(t.Context()); err != nil {
				t.Fatalf("%s call %d: %v\n%s", name, n, err, died.Transcript())
			}
			after(t, left, died)
			if t.Failed() {
				t.Fatalf("%s call %d:\n%s", name, n, died.Transcript())
			}
		}
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("the error is %v, want %v", err, want)
	}
}
