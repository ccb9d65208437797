package repo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"filippo.io/age"
)

// content is a source made of a map. Keys that begin with "f" are files: they
// never change and are opened; others are text.
type content map[string][]byte

func (c content) Items(_ context.Context, put func(Item) error) error {
	for _, k := range slices.Sorted(maps.Keys(c)) {
		i := Item{Key: []byte(k), Count: 1, Data: c[k], Text: true}
		if k[0] == 'f' {
			i = Item{Key: []byte(k), Immutable: true, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c[k])), nil }}
		}
		if err := put(i); err != nil && !errors.Is(err, ErrSkip) {
			return err
		}
	}
	return nil
}

func (c content) Meta() (json.RawMessage, bool, error) {
	return json.RawMessage(fmt.Sprintf(`{"items":%d}`, len(c))), true, nil
}

// some makes content: many texts, some files that compress and some that do not.
func some(seed uint64, texts, files int) content {
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := content{"t empty": {}, "f empty": {}}
	for i := range texts {
		c[fmt.Sprintf("t %06d", i)] = bytes.Repeat(fmt.Appendf(nil, "[%d,%q,%d]\n", i, "a line of text", rnd.Uint64()), 1+rnd.IntN(200))
	}
	for i := range files {
		b := make([]byte, rnd.IntN(3*chunkSize))
		if i%2 == 0 {
			for j := range b {
				b[j] = byte(rnd.Uint32())
			}
		} else {
			copy(b, bytes.Repeat([]byte("compress me "), len(b)/12))
		}
		c[fmt.Sprintf("f %06d", i)] = b
	}
	return c
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	return must[*age.X25519Identity](t)(age.GenerateX25519Identity())
}

// restored reads a snapshot back whole.
func restored(t testing.TB, r *Repository, s Snapshot, from, to []byte, fragments bool) content {
	t.Helper()
	got := content{}
	var key string
	err := r.Read(t.Context(), s, from, to, Reading{
		Entry: func(e *Entry) error { key = string(e.Key); got[key] = []byte{}; return nil },
		Chunk: func(b []byte) error { got[key] = append(got[key], b...); return nil }, Fragments: fragments,
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func same(t testing.TB, got, want content) {
	t.Helper()
	if !maps.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("what came back differs: %d items, want %d", len(got), len(want))
	}
}

func TestRoundTrip(t *testing.T) {
	ctx, key := t.Context(), identity(t)
	store := newMem()
	r := must[*Repository](t)(Create(ctx, store, Options{}, Recipient{"server", key.Recipient()}))
	want := some(1, 5000, 12)
	first := must[Snapshot](t)(r.Backup(ctx, want, BackupOptions{}))
	t.Log(first.Items, first.Size, first.Added, len(first.parts))
	same(t, restored(t, r, first, nil, nil, false), want)

	next := maps.Clone(want)
	next["t 000077"] = []byte("changed")
	delete(next, "t 000100")
	next["f 9"] = []byte("new")
	second := must[Snapshot](t)(r.Backup(ctx, next, BackupOptions{}))
	t.Log(second.Items, second.Size, second.Added)
	r2 := must[*Repository](t)(Open(ctx, store, Options{}, key))
	same(t, restored(t, r2, must[Snapshot](t)(r2.Snapshot(ctx, "latest")), nil, nil, false), next)
	same(t, restored(t, r2, first, nil, nil, false), want)
	third := must[Snapshot](t)(r.Backup(ctx, next, BackupOptions{}))
	t.Log(third.Items, third.Size, third.Added)
}

func BenchmarkBackup(b *testing.B) {
	c := some(2, 100_000, 100)
	n := int64(0)
	for _, v := range c {
		n += int64(len(v))
	}
	b.SetBytes(n)
	b.ReportAllocs()
	for b.Loop() {
		r := must[*Repository](b)(Create(b.Context(), newMem(), Options{}, Recipient{"server", identity(b).Recipient()}))
		must[Snapshot](b)(r.Backup(b.Context(), c, BackupOptions{}))
	}
}
