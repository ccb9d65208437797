// Package blobtest checks what every blob.Store promises, and breaks stores on purpose.
//
// Run is the suite that each implementation passes. Faulty wraps a store and
// fails, loses answers or damages bytes where a test tells it to, so that the
// code above a store can be led through each of its error paths.
package blobtest

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/holdfast/holdfast/internal/blob"
)

// Run checks the promises of blob.Store on stores made by open, each of them empty.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, blob.Store)
	}{
		{"what was put can be read and sought", roundTrip},
		{"an empty file is a file", emptyFile},
		{"equal content is stored once", storedOnce},
		{"the limit counts exactly", limit},
		{"a failing source leaves nothing", failingSource},
		{"an ended context leaves nothing", endedContext},
		{"what is not there is ErrNotFound", notThere},
		{"names that are no hashes are never looked up", badNames},
		{"delete removes and forgives", remove},
		{"walk lists in the order of names", walk},
		{"walk stops where it is told", walkStops},
		{"many writers of the same and of other content", concurrent},
		{"a batch is there when it is closed", batch},
		{"a batch takes nothing that is not what it is named", refusingBatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// Put stores content and returns its name.
func Put(t testing.TB, s blob.Store, content []byte) blob.Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), bytes.NewReader(content), 0)
	if err != nil {
		t.Fatalf("put %d bytes: %v", len(content), err)
	}
	return ref
}

// Names lists a store.
func Names(t testing.TB, s blob.Store) []string {
	t.Helper()
	var names []string
	err := s.Walk(t.Context(), func(sha string, _ int64) error {
		names = append(names, sha)
		return nil
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return names
}

// Content makes n bytes that depend on seed alone and do not compress.
func Content(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	_, _ = r.Read(b)
	return b
}

func roundTrip(t *testing.T, s blob.Store) {
	for _, n := range []int{1, 511, 4096, 70_000, 1 << 20} {
		content := Content(uint64(n), n)
		ref := Put(t, s, content)
		sum, sum5 := sha256.Sum256(content), md5.Sum(content)
		want := blob.Ref{SHA256: hex.EncodeToString(sum[:]), MD5: hex.EncodeToString(sum5[:]), Size: int64(n)}
		if ref != want {
			t.Fatalf("put %d bytes: got %+v, want %+v", n, ref, want)
		}
		readsAs(t, s, ref, content)
	}
}

func readsAs(t *testing.T, s blob.Store, ref blob.Ref, content []byte) {
	t.Helper()
	r, size, err := s.Open(t.Context(), ref.SHA256)
	if err != nil || size != int64(len(content)) {
		t.Fatalf("open %s: size %d, error %v; want size %d", ref.SHA256, size, err, len(content))
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Errorf("close %s: %v", ref.SHA256, err)
		}
	}()
	for _, from := range []int64{0, int64(len(content)) / 2, 0} {
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			t.Fatalf("seek to %d: %v", from, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content[from:]) {
			t.Fatalf("read from %d: %d bytes, error %v; want %d", from, len(got), err, int64(len(content))-from)
		}
	}
	if end, err := r.Seek(0, io.SeekEnd); err != nil || end != size {
		t.Fatalf("the end is at %d (error %v), want %d", end, err, size)
	}
}

func emptyFile(t *testing.T, s blob.Store) {
	ref := Put(t, s, nil)
	readsAs(t, s, ref, nil)
	if size, err := s.Stat(t.Context(), ref.SHA256); err != nil || size != 0 {
		t.Errorf("stat: %d, %v", size, err)
	}
}

func storedOnce(t *testing.T, s blob.Store) {
	a := Put(t, s, []byte("the same"))
	b, err := s.Put(t.Context(), iotest.OneByteReader(strings.NewReader("the same")), 8)
	if err != nil || a != b {
		t.Fatalf("second put: got %+v, %v; want %+v", b, err, a)
	}
	if got := Names(t, s); !slices.Equal(got, []string{a.SHA256}) {
		t.Errorf("walk lists %v", got)
	}
	readsAs(t, s, a, []byte("the same"))
}

func limit(t *testing.T, s blob.Store) {
	content := Content(7, 100_000)
	if _, err := s.Put(t.Context(), bytes.NewReader(content), 99_999); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("one byte over the limit: got %v, want ErrTooLarge", err)
	}
	if got := Names(t, s); len(got) != 0 {
		t.Errorf("the refused file was stored: %v", got)
	}
	if _, err := s.Put(t.Context(), bytes.NewReader(content), 100_000); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
}

func failingSource(t *testing.T, s blob.Store) {
	broken := errors.New("the client hung up")
	src := io.MultiReader(bytes.NewReader(Content(8, 200_000)), iotest.ErrReader(broken))
	if _, err := s.Put(t.Context(), src, 0); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the source", err)
	}
	if got := Names(t, s); len(got) != 0 {
		t.Errorf("part of a file was stored: %v", got)
	}
}

func endedContext(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	src := io.MultiReader(bytes.NewReader(Content(9, 200_000)), whenRead(cancel), strings.NewReader("more"))
	if _, err := s.Put(ctx, src, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if got := Names(t, s); len(got) != 0 {
		t.Errorf("part of a file was stored: %v", got)
	}
}

// whenRead calls fn when it is read, and is empty.
type whenRead func()

func (f whenRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

func notThere(t *testing.T, s blob.Store) {
	sum := sha256.Sum256([]byte("never put"))
	name := hex.EncodeToString(sum[:])
	if _, _, err := s.Open(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open: got %v, want ErrNotFound", err)
	}
	if _, err := s.Stat(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat: got %v, want ErrNotFound", err)
	}
	if ok, err := blob.Has(t.Context(), s, name); ok || err != nil {
		t.Errorf("has: got %v, %v", ok, err)
	}
}

func badNames(t *testing.T, s blob.Store) {
	ref := Put(t, s, []byte("content"))
	for _, name := range []string{
		"", "a", "../../../etc/passwd", strings.ToUpper(ref.SHA256), ref.SHA256 + "0", ref.SHA256[:63],
		ref.SHA256[:62] + "/x", strings.Repeat("/", 64), strings.Repeat(".", 64), ref.SHA256[:63] + "\x00",
	} {
		if _, _, err := s.Open(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("open %q: got %v, want ErrNotFound", name, err)
		}
		if _, err := s.Stat(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("stat %q: got %v, want ErrNotFound", name, err)
		}
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %q: %v", name, err)
		}
	}
	readsAs(t, s, ref, []byte("content"))
}

func remove(t *testing.T, s blob.Store) {
	keep, gone := Put(t, s, []byte("keep")), Put(t, s, []byte("gone"))
	for range 2 {
		if err := s.Delete(t.Context(), gone.SHA256); err != nil {
			t.Fatalf("delete: %v", err)
		}
	}
	if ok, err := blob.Has(t.Context(), s, gone.SHA256); ok || err != nil {
		t.Errorf("after delete, has: %v, %v", ok, err)
	}
	if got := Names(t, s); !slices.Equal(got, []string{keep.SHA256}) {
		t.Errorf("walk lists %v", got)
	}
	Put(t, s, []byte("gone"))
	readsAs(t, s, gone, []byte("gone"))
}

func walk(t *testing.T, s blob.Store) {
	var want []string
	for i := range 300 {
		want = append(want, Put(t, s, Content(uint64(i), i)).SHA256)
	}
	slices.Sort(want)
	if got := Names(t, s); !slices.Equal(got, want) {
		t.Errorf("walk lists %d names, want the %d put, in order", len(got), len(want))
	}
	err := s.Walk(t.Context(), func(sha string, size int64) error {
		if n, err := s.Stat(t.Context(), sha); err != nil || n != size {
			t.Errorf("walk says %d bytes for %s, stat %d (error %v)", size, sha, n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func walkStops(t *testing.T, s blob.Store) {
	for i := range 5 {
		Put(t, s, Content(uint64(i), 10))
	}
	enough, calls := errors.New("enough"), 0
	err := s.Walk(t.Context(), func(string, int64) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("walk went on for %d calls and returned %v", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Walk(ctx, func(string, int64) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("walk in an ended context: got %v", err)
	}
}

func concurrent(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				n := i
				if w%2 == 0 {
					n = i*8 + w
				}
				content := Content(uint64(n), 3000)
				ref, err := s.Put(t.Context(), bytes.NewReader(content), 0)
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				r, _, err := blob.OpenVerified(t.Context(), s, ref.SHA256)
				if err != nil {
					t.Errorf("writer %d: what it put is gone: %v", w, err)
					return
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				_ = r.Close()
			}
		})
	}
	wg.Wait()
}

func batch(t *testing.T, s blob.Store) {
	there := Put(t, s, Content(1, 5000))
	b := s.Batch()
	refs := map[string]int64{there.SHA256: 5000}
	var wg sync.WaitGroup
	for n := range 60 {
		content := Content(uint64(n), 5000+n)
		if n == 1 {
			content = Content(1, 5000)
		}
		sum := sha256.Sum256(content)
		name := hex.EncodeToString(sum[:])
		refs[name] = int64(len(content))
		wg.Go(func() {
			if size, err := b.Put(t.Context(), name, bytes.NewReader(content)); err != nil || size != int64(len(content)) {
				t.Errorf("put %d bytes: %d, %v", len(content), size, err)
			}
		})
	}
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := Names(t, s); len(got) != len(refs) {
		t.Errorf("%d files, want %d", len(got), len(refs))
	}
	for name, size := range refs {
		r, got, err := blob.OpenVerified(t.Context(), s, name)
		if err != nil || got != size {
			t.Fatalf("%d bytes, want %d, %v", got, size, err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Error(err)
		}
		_ = r.Close()
	}
}

func refusingBatch(t *testing.T, s blob.Store) {
	b := s.Batch()
	other := strings.Repeat("0", 64)
	if _, err := b.Put(t.Context(), other, strings.NewReader("something else")); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	hungUp := errors.New("the source hung up")
	if _, err := b.Put(t.Context(), other, io.MultiReader(bytes.NewReader(Content(8, 200_000)), iotest.ErrReader(hungUp))); !errors.Is(err, hungUp) {
		t.Errorf("got %v, want the error of the source", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Put(ctx, other, strings.NewReader("")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got := Names(t, s); len(got) != 0 {
		t.Errorf("part of a file was stored: %v", got)
	}
}
