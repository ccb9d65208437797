package repo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// items is a source of a list of items.
type items []Item

func (s items) Items(_ context.Context, put func(Item) error) error {
	for _, i := range s {
		if err := put(i); err != nil && !errors.Is(err, ErrSkip) {
			return err
		}
	}
	return nil
}

func (s items) Meta() (json.RawMessage, bool, error) { return nil, false, nil }

// broken gives some bytes and then an error; closing may fail as well.
type broken struct {
	io.Reader
	err, closed error
}

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) && b.err != nil {
		err = b.err
	}
	return n, err
}

func (b *broken) Close() error { return b.closed }

func opens(n int, err, closed error) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		return &broken{bytes.NewReader(noise(random(1), n)), err, closed}, nil
	}
}

func TestItemsAreSkippedWhole(t *testing.T) {
	w := newWorld(t)
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	torn := fmt.Errorf("%w: torn", ErrSkip)
	s := must[Snapshot](t)(r.Backup(t.Context(), items{
		{Key: []byte("a"), Data: []byte("first")},
		{Key: []byte("b"), Open: opens(3*chunkSize+5, torn, nil)},
		{Key: []byte("c"), Open: opens(chunkSize, torn, nil)},
		{Key: []byte("d"), Open: opens(0, torn, nil)},
		{Key: []byte("e"), Open: opens(100, nil, torn)},
		{Key: []byte("f"), Open: func() (io.ReadCloser, error) { return nil, torn }},
		{Key: []byte("g"), Open: opens(2*chunkSize, nil, nil), Text: true},
		{Key: []byte("h"), Data: []byte{}, Open: opens(10, errors.New("not used"), nil)},
	}, BackupOptions{}))
	got := must[content](t)(restored(t.Context(), r, s, false))
	want := content{"a": []byte("first"), "g": noise(random(1), 2*chunkSize), "h": nil}
	if err := equal(got, want); err != nil {
		t.Fatal(err)
	}
	if s.Complete || s.Items != 3 {
		t.Fatalf("complete %v with %d items", s.Complete, s.Items)
	}
}

func TestSourceFails(t *testing.T) {
	w := newWorld(t)
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	torn := errors.New("torn")
	for name, src := range map[string]Source{
		"reading":       items{{Key: []byte("a"), Open: opens(3*chunkSize+5, torn, nil)}},
		"closing":       items{{Key: []byte("a"), Open: opens(3*chunkSize+5, nil, torn)}},
		"opening":       items{{Key: []byte("a"), Open: func() (io.ReadCloser, error) { return nil, torn }}},
		"the document":  endsBadly{torn},
		"between items": source{content: content{"t 1": nil, "t 2": nil}, fail: func(string) error { return torn }},
	} {
		_, err := r.Backup(t.Context(), src, BackupOptions{})
		if !errors.Is(err, torn) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	for name, src := range map[string]items{
		"no key":       {{Key: nil}},
		"a long key":   {{Key: make([]byte, maxKey+1)}},
		"a key twice":  {{Key: []byte("a")}, {Key: []byte("a")}},
		"out of order": {{Key: []byte("b")}, {Key: []byte("a")}},
	} {
		if _, err := r.Backup(t.Context(), src, BackupOptions{}); err == nil || !strings.Contains(err.Error(), "key") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	w.sound(t)
}

type endsBadly struct{ err error }

func (endsBadly) Items(context.Context, func(Item) error) error { return nil }
func (e endsBadly) Meta() (json.RawMessage, bool, error)        { return nil, false, e.err }

func TestUnusualSources(t *testing.T) {
	w := newWorld(t)
	r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
	r.packSize = packSize
	big := noise(random(3), 64<<20)
	long := func(s string) []byte { return append(bytes.Repeat([]byte("k"), maxKey-len(s)), s...) }
	for name, src := range map[string]items{
		"nothing":       {},
		"64 MiB":        {{Key: []byte("f"), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(big)), nil }}},
		"keys of 4 KiB": {{Key: long("a"), Data: []byte("a")}, {Key: long("b"), Data: []byte("b")}, {Key: long("c")}},
		"zeros":         {{Key: []byte{0}, Data: make([]byte, 5<<20), Text: true, Count: 1 << 60}},
		"a full chunk":  {{Key: []byte("x"), Data: big[:chunkSize]}, {Key: []byte("y"), Data: big[:chunkSize+1]}},
	} {
		want := content{}
		for _, i := range src {
			want[string(i.Key)] = i.Data
			if i.Open != nil {
				want[string(i.Key)] = big
			}
		}
		for range 2 { // the second time all is known
			s := must[Snapshot](t)(r.Backup(t.Context(), src, BackupOptions{}))
			for _, fragments := range []bool{false, true} {
				if err := equal(must[content](t)(restored(t.Context(), r, s, fragments)), want); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	}
	report := must[VerifyReport](t)(r.Verify(t.Context(), VerifyOptions{Shares: 1}))
	if len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
}

func TestContextEndsAtRandom(t *testing.T) {
	w, c := history(t, 30, 1)
	next := c.changed(random(31))
	for _, seed := range seeds(t, 20) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("no longer wanted")
		n, src := w.try(next)
		at := random(seed).IntN(len(next))
		src.fail = func(string) error {
			if at--; at < 0 {
				cancel(why)
			}
			return nil
		}
		if _, err := w.run(ctx, w.sim.Client(), n, src, BackupOptions{}); err != nil && !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := w.oracle(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		r := must[*Repository](t)(w.open(t.Context(), w.sim.Client()))
		ctx, cancel = context.WithCancelCause(t.Context())
		left := random(seed).IntN(200)
		err := r.Read(ctx, w.tries[0].snap, nil, nil, Reading{Chunk: func([]byte) error {
			if left--; left < 0 {
				cancel(why)
			}
			return nil
		}})
		if err != nil && !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		cancel(nil)
	}
}

func TestReadStopsAndSelects(t *testing.T) {
	w, c := history(t, 32, 1)
	ctx, s := t.Context(), w.tries[0].snap
	r := must[*Repository](t)(w.open(ctx, w.sim.Client()))
	stop := errors.New("enough")
	fails := func(*Entry) error { return stop }
	for _, do := range []Reading{
		{Entry: fails},
		{Entry: fails, Chunk: func([]byte) error { return nil }},
		{Chunk: func([]byte) error { return stop }},
		{Want: func(*Entry) (bool, error) { return false, stop }},
		{Want: func(*Entry) (bool, error) { return false, stop }, Chunk: func([]byte) error { return nil }},
	} {
		wantErr(t, r.Read(ctx, s, nil, nil, do), stop)
	}
	if err := r.Read(ctx, s, nil, nil, Reading{}); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.OneOf(rapid.Just[[]byte](nil), rapid.Map(rapid.IntRange(0, 1000), func(n int) []byte { return fmt.Appendf(nil, "t %04d", n) }), rapid.SliceOfN(rapid.Byte(), 1, 3))
		from, to := bound.Draw(t, "from"), bound.Draw(t, "to")
		odd := rapid.Bool().Draw(t, "odd only")
		var got, want []string
		for _, with := range []func([]byte) error{nil, func([]byte) error { return nil }} {
			got = nil
			do := Reading{Entry: func(e *Entry) error { got = append(got, string(e.Key)); return nil }, Chunk: with}
			if odd {
				do.Want = func(e *Entry) (bool, error) { return e.Key[len(e.Key)-1]%2 == 1, nil }
			}
			if err := r.Read(context.Background(), s, from, to, do); err != nil {
				t.Fatal(err)
			}
			want = nil
			for k := range c {
				if (from == nil || k >= string(from)) && (to == nil || k < string(to)) && (!odd || k[len(k)-1]%2 == 1) {
					want = append(want, k)
				}
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("from %q to %q: %d keys, want %d", from, to, len(got), len(want))
			}
		}
	})
}

func TestRandomBytesFail(t *testing.T) {
	w, c := history(t, 33, 1)
	for n := 0; ; n += 8 {
		left := w.on(w.sim.Clone())
		r, err := Open(t.Context(), left.sim, Options{Rand: io.LimitReader(noiseReader{}, int64(n))}, w.key)
		if err != nil {
			t.Fatal(err)
		}
		_, src := left.try(maps2(c, content{"t 0 new": []byte("new")}))
		_, err = r.Backup(t.Context(), src, BackupOptions{})
		if err == nil {
			break
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("with %d random bytes: %v", n, err)
		}
		left.sound(t)
	}
	r := must[*Repository](t)(Open(t.Context(), w.sim, Options{Rand: strings.NewReader("")}, w.key))
	for name, err := range map[string]error{
		"forget": r.Forget(t.Context(), "test", w.tries[0].snap),
		"create": second(Create(t.Context(), w.sim.Clone(), Options{Rand: strings.NewReader("")})),
	} {
		if err == nil {
			t.Errorf("%s worked without random bytes", name)
		}
	}
	if err := r.Forget(t.Context(), "nothing"); err != nil {
		t.Fatal(err)
	}
}

type noiseReader struct{}

func (noiseReader) Read(p []byte) (int, error) { return copy(p, noise(random(9), len(p))), nil }
