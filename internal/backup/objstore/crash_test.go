package objstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/backup/repo"
)

// disk models what a directory would hold after a crash: contents that were
// never synced may be gone or torn, and names that were made or removed since
// their directory was synced may or may not be there, in any combination.
type disk struct {
	t    *testing.T
	path string

	mu      sync.Mutex
	files   map[string]*file // what is there now, by name; directories have none
	durable map[string]*file // names that no crash takes away
	pending []entry          // changes of names since
	each    func()           // called after each step
}

type file struct {
	content []byte
	dir     bool
	synced  bool
}

// entry is a name that appeared, or went (nil).
type entry struct {
	name string
	file *file
}

func (d *disk) did(op, name, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change := func(name string, f *file) {
		d.pending = append(d.pending, entry{name, f})
		if d.files[name] = f; f == nil {
			delete(d.files, name)
		}
	}
	switch op {
	case "make":
		change(name, &file{})
	case "write":
		b, err := os.ReadFile(filepath.Join(d.path, name))
		if err != nil {
			d.t.Error(err)
		}
		d.files[name].content = b
	case "sync":
		d.files[name].synced = true
	case "link":
		change(to, d.files[name])
	case "make directory":
		change(name, &file{dir: true})
	case "remove":
		change(name, nil)
	case "sync directory":
		d.pending = slices.DeleteFunc(d.pending, func(e entry) bool {
			if path.Dir(e.name) != name {
				return false
			}
			if d.durable[e.name] = e.file; e.file == nil {
				delete(d.durable, e.name)
			}
			return true
		})
	default:
		d.t.Errorf("unknown step %q", op)
	}
	d.each()
}

// crash writes down what a crash leaves: of the last changes those that keep
// says, of older ones too, and torn contents.
func (d *disk) crash(to string, rnd *rand.Rand, keep func(n int) bool) {
	names := maps.Clone(d.durable)
	for n, e := range d.pending {
		if !keep(n) {
			continue
		}
		if names[e.name] = e.file; e.file == nil {
			delete(names, e.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f, at := names[name], filepath.Join(to, name)
		if _, err := os.Stat(filepath.Dir(at)); err != nil {
			continue // its directory was lost
		}
		var err error
		switch {
		case f.dir:
			err = os.Mkdir(at, 0o700)
		case f.synced:
			err = os.WriteFile(at, f.content, 0o600)
		default: // lost, cut, or zeros
			b := bytes.Clone(f.content)
			switch rnd.IntN(3) {
			case 0:
				b = nil
			case 1:
				b = b[:rnd.IntN(len(b)+1)]
			default:
				clear(b[rnd.IntN(len(b)+1):])
			}
			err = os.WriteFile(at, b, 0o600)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// contents is a source with a few texts.
type contents map[string][]byte

func (c contents) Items(_ context.Context, put func(repo.Item) error) error {
	for _, k := range slices.Sorted(maps.Keys(c)) {
		if err := put(repo.Item{Key: []byte(k), Data: c[k], Text: true}); err != nil {
			return err
		}
	}
	return nil
}

func (c contents) Meta() (json.RawMessage, bool, error) { return json.RawMessage(`{}`), true, nil }

// TestACrashLosesNothingThatWasCommitted backs up, forgets and prunes, and looks after
// each step at what a crash there could leave: every snapshot that Backup returned
// restores to what it was, and what is listed is whole.
func TestACrashLosesNothingThatWasCommitted(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := objstore.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	rnd := rand.New(rand.NewPCG(7, 42))
	committed, possible, forgotten := map[string]contents{}, contents{}, map[string]bool{}
	d := &disk{t: t, path: dir.Path(), files: map[string]*file{}, durable: map[string]*file{}}
	steps, crashes := 0, 0
	d.each = func() {
		steps++
		for try := range 4 {
			keep := func(int) bool { return try == 0 } // all of it, nothing, or any of it
			if try > 1 {
				keep = func(int) bool { return rnd.IntN(2) == 0 }
			}
			if len(d.pending) == 0 && try > 0 || len(committed) == 0 {
				continue
			}
			left := t.TempDir()
			d.crash(left, rnd, keep)
			crashes++
			if err := survives(t, left, key, committed, possible, forgotten, crashes%20 == 0); err != nil {
				t.Fatalf("step %d, try %d: %v", steps, try, err)
			}
			_ = os.RemoveAll(left)
		}
	}
	objstore.Watch(dir, d.did)
	r, err := repo.Create(t.Context(), dir, repo.Options{Workers: 1}, repo.Recipient{Label: "server", Key: key.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	c := contents{}
	var made []repo.Snapshot
	for n := range 3 {
		for k := range 5 {
			c[fmt.Sprintf("key %d %d", n, k)] = objstoretest.Random(uint64(n*10+k), 3000)
		}
		d.mu.Lock()
		possible = maps.Clone(c)
		d.mu.Unlock()
		s, err := r.Backup(t.Context(), c, repo.BackupOptions{Beat: -1})
		if err != nil {
			t.Fatal(err)
		}
		d.mu.Lock()
		committed[s.ID] = maps.Clone(c)
		d.mu.Unlock()
		made = append(made, s)
	}
	d.mu.Lock()
	forgotten[made[0].ID] = true
	d.mu.Unlock()
	if err := r.Forget(t.Context(), "a test", made[0]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Prune(t.Context(), repo.PruneOptions{Grace: 1, Lease: 1, Confirmed: true}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d steps, %d crashes", steps, crashes)
	if crashes < 300 {
		t.Error("there are fewer crashes than there should be")
	}
}

// survives is the oracle.
func survives(t *testing.T, left string, key *age.X25519Identity, committed map[string]contents, possible contents, forgotten map[string]bool, further bool) error {
	ctx := t.Context()
	dir, err := objstore.NewDir(left)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	r, err := repo.Open(ctx, dir, repo.Options{Workers: 1}, key)
	if err != nil {
		return err
	}
	all, err := r.Snapshots(ctx)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, s := range all {
		listed[s.ID] = true
		want, ok := committed[s.ID]
		if !ok {
			want = possible // its commit was on the way
		}
		got := contents{}
		var at string
		err := r.Read(ctx, s, nil, nil, repo.Reading{
			Entry: func(e *repo.Entry) error { at = string(e.Key); got[at] = []byte{}; return nil },
			Chunk: func(b []byte) error { got[at] = append(got[at], b...); return nil },
		})
		if err != nil {
			return fmt.Errorf("snapshot %s: %w", s.ID, err)
		}
		if !maps.EqualFunc(got, want, bytes.Equal) {
			return fmt.Errorf("snapshot %s is not what it was", s.ID)
		}
	}
	for id := range committed {
		if !listed[id] && !forgotten[id] {
			return fmt.Errorf("snapshot %s is lost", id)
		}
	}
	report, err := r.Verify(ctx, repo.VerifyOptions{Shares: 1})
	if err != nil {
		return err
	}
	for _, p := range report.Problems {
		if !strings.HasPrefix(p.Object, "sessions/") {
			return fmt.Errorf("verify finds %+v", p)
		}
	}
	if !further {
		return nil
	}
	_, err = r.Backup(ctx, possible, repo.BackupOptions{})
	return err
}
