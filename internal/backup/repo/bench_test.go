package repo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// rows are leaves as a database of that many rows gives them, 256 a leaf, and
// some files, made while they are read.
type generated struct {
	rows, files int
	file        int                 // bytes of each
	changed     func(leaf int) bool // leaves that differ from the last time
	noise       []byte
	buf         []byte
}

func (g *generated) Items(_ context.Context, put func(Item) error) error {
	var key [9]byte
	key[0] = 'f'
	for i := range g.files {
		binary.BigEndian.PutUint64(key[1:], uint64(i))
		g.buf = append(g.buf[:0], key[:]...)
		for len(g.buf) < g.file {
			at := (i*7919 + len(g.buf)) % (len(g.noise) - 4096)
			g.buf = append(g.buf, g.noise[at:at+min(4096, g.file-len(g.buf))]...)
		}
		if err := put(Item{Key: key[:], Data: g.buf, Immutable: true}); err != nil {
			return err
		}
	}
	key[0] = 't'
	for leaf := 0; leaf*256 < g.rows; leaf++ {
		version := 0
		if g.changed != nil && g.changed(leaf) {
			version = 1
		}
		binary.BigEndian.PutUint64(key[1:], uint64(leaf))
		g.buf = g.leaf(g.buf[:0], leaf, version)
		if err := put(Item{Key: key[:], Data: g.buf, Count: 256, Text: true}); err != nil {
			return err
		}
	}
	return nil
}

var verbs, nouns = []string{"Fix", "Write", "Review", "Deploy"}, []string{"database", "page", "colour", "server", "backup"}

func (g *generated) leaf(b []byte, leaf, version int) []byte {
	x := uint64(leaf)*0x9e3779b97f4a7c15 + 1
	for i := range 256 {
		x = x*6364136223846793005 + 1442695040888963407
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(leaf*256+i), 10)
		b = append(append(append(b, ',', '"'), verbs[x>>60&3]...), " task number "...)
		b = strconv.AppendUint(b, x>>40, 10)
		b = append(append(append(b, " about the "...), nouns[x>>33%5]...), `",`...)
		b = strconv.AppendUint(b, x>>52, 10)
		b = append(b, `,"2026-11-23T10:`...)
		b = strconv.AppendUint(b, x>>30%60, 10)
		b = append(b, `:00.000001Z",null,true,`...)
		b = strconv.AppendInt(b, int64(version), 10)
		b = append(b, "]\n"...)
	}
	return b
}

func (g *generated) Meta() (json.RawMessage, bool, error) { return nil, true, nil }

// discard is a store that takes packs and forgets them, for measures without a disk.
type discard struct{ objstore.Store }

func (d discard) Put(ctx context.Context, name string, data []byte) error {
	if len(name) > len(packPrefix) && name[:len(packPrefix)] == packPrefix {
		return nil
	}
	return d.Store.Put(ctx, name, data)
}

func someNoise() []byte { return noise(rand.New(rand.NewPCG(1, 1)), 8<<20) }

// BenchmarkBackup compares a backup with what the same cores need to hash and
// compress the same bytes alone.
func BenchmarkBackup(b *testing.B) {
	g := &generated{rows: 500_000, files: 2000, file: 32 << 10, noise: someNoise()}
	size := int64(0)
	var leaves, files [][]byte
	_ = g.Items(b.Context(), func(i Item) error {
		size += int64(len(i.Data))
		if i.Text {
			leaves = append(leaves, append([]byte(nil), i.Data...))
		} else {
			files = append(files, append([]byte(nil), i.Data...))
		}
		return nil
	})
	src := &prepared{leaves, files}
	b.Run("hash and deflate alone", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			hashAndDeflate(leaves, files)
		}
	})
	b.Run("backup", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			store := must[*objstore.Dir](b)(objstore.NewDir(b.TempDir()))
			r := must[*Repository](b)(Create(b.Context(), discard{store}, Options{}, Recipient{"server", must[*age.X25519Identity](b)(testKey()).Recipient()}))
			must[Snapshot](b)(r.Backup(b.Context(), src, BackupOptions{}))
			_ = store.Close()
		}
	})
}

type prepared struct{ leaves, files [][]byte }

func (p *prepared) Items(_ context.Context, put func(Item) error) error {
	for k, list := range [][][]byte{p.files, p.leaves} {
		for i, data := range list {
			if err := put(Item{Key: fmt.Appendf(nil, "%d%08d", k, i), Data: data, Text: k == 1}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *prepared) Meta() (json.RawMessage, bool, error) { return nil, true, nil }

func hashAndDeflate(leaves, files [][]byte) {
	var next atomic.Int64
	var g sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() {
			var buf []byte
			for {
				i := int(next.Add(1)) - 1
				if i >= len(leaves)+len(files) {
					return
				}
				if i < len(files) {
					_ = sha256.Sum256(files[i])
					continue
				}
				_ = sha256.Sum256(leaves[i-len(files)])
				buf = deflate(buf[:0], leaves[i-len(files)])
			}
		})
	}
	g.Wait()
}

// peak watches the heap while fn runs, and returns by how much it grew at most
// beyond what was live before.
func peak(fn func()) int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := int64(m.HeapInuse), int64(0)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapInuse)-before)
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	fn()
	close(done)
	<-ended
	return most
}

const mostMemory = 64 << 20

// Memory does not grow with what is backed up. HOLDFAST_SCALE multiplies the
// size of the run: 100 is ten million rows and a million files.
func TestMemoryIsBounded(t *testing.T) {
	scale := 1
	if s := os.Getenv("HOLDFAST_SCALE"); s != "" {
		scale = must[int](t)(strconv.Atoi(s))
	} else if testing.Short() {
		t.Skip("it takes some seconds")
	}
	dir := os.Getenv("HOLDFAST_SCALE_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	store := must[*objstore.Dir](t)(objstore.NewDir(dir))
	defer store.Close()
	key := must[*age.X25519Identity](t)(testKey())
	r := must[*Repository](t)(Create(t.Context(), store, Options{}, Recipient{"server", key.Recipient()}))
	g := &generated{rows: 100_000 * scale, files: 10_000 * scale, file: 1 << 10, noise: someNoise()}
	var snaps []Snapshot
	backup := func() { snaps = append(snaps, must[Snapshot](t)(r.Backup(t.Context(), g, BackupOptions{}))) }
	for _, step := range []struct {
		name string
		run  func()
	}{
		{"backup", backup},
		{"incremental", func() { g.changed = func(leaf int) bool { return leaf%1000 == 3 }; backup() }},
		{"read", func() {
			n := int64(0)
			err := r.Read(t.Context(), snaps[1], nil, nil, Reading{Chunk: func(b []byte) error { n += int64(len(b)); return nil }})
			if err != nil || n != snaps[1].Size {
				t.Errorf("%d bytes were read, want %d: %v", n, snaps[1].Size, err)
			}
		}},
		{"verify", func() {
			if report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1})); len(report.Problems) > 0 {
				t.Error(report.Problems)
			}
		}},
		{"prune", func() {
			err := r.Forget(t.Context(), "test", snaps[0])
			_, perr := r.Prune(t.Context(), PruneOptions{Grace: 1, Confirmed: true})
			_, again := r.Prune(t.Context(), PruneOptions{Grace: 1, Confirmed: true})
			if err := errors.Join(err, perr, again); err != nil {
				t.Error(err)
			}
		}},
	} {
		began := time.Now()
		most := peak(step.run)
		t.Logf("%-12s %5.1f MiB at most, %.1f s", step.name, float64(most)/(1<<20), time.Since(began).Seconds())
		if most > mostMemory {
			t.Errorf("%s took %d MiB", step.name, most>>20)
		}
	}
	t.Logf("first: %d items, %d bytes, %d added; second: %d added", snaps[0].Items, snaps[0].Size, snaps[0].Added, snaps[1].Added)
}
