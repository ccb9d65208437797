package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// Suite checks the promises of objstore.Store on stores made by open, each of
// them empty.
func Suite(t *testing.T, open func(t *testing.T) objstore.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, objstore.Store)
	}{
		{"what was put is read back, whole and in parts", roundTrip},
		{"an object that ends too early is damaged", tooShort},
		{"an object larger than the limit is damaged", limit},
		{"a taken name stays as it was", taken},
		{"one of many writers of a name wins", oneWins},
		{"the bytes put are copied", copied},
		{"what is not there is not found, and deleting it is no error", notThere},
		{"names that are none are refused", badNames},
		{"an object has a size and the time of the place", described},
		{"a list is in the order of names", inOrder},
		{"a list is complete when it is long", longList},
		{"a list ends where it is told", listStops},
		{"what is listed may be deleted at once", deleteWhileListing},
		{"a deleted name is free again", deleted},
		{"an ended context leaves nothing", endedContext},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// Names lists what a store has with a prefix.
func Names(t testing.TB, s objstore.Store, prefix string) []string {
	t.Helper()
	var names []string
	err := s.List(context.Background(), prefix, func(i objstore.Info) error {
		names = append(names, i.Name)
		return nil
	})
	if err != nil {
		t.Fatalf("list %q: %v", prefix, err)
	}
	return names
}

// Random returns n bytes that follow from a seed.
func Random(seed uint64, n int) []byte {
	data := make([]byte, n)
	var key [32]byte
	key[0], key[1], key[2], key[3] = byte(seed), byte(seed>>8), byte(seed>>16), byte(seed>>24)
	_, _ = rand.NewChaCha8(key).Read(data) // never fails
	return data
}

func put(t *testing.T, s objstore.Store, name string, data []byte) {
	t.Helper()
	if err := s.Put(t.Context(), name, data); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func get(t *testing.T, s objstore.Store, name string) []byte {
	t.Helper()
	data, err := s.Get(t.Context(), name, 64<<20)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return data
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func roundTrip(t *testing.T, s objstore.Store) {
	for _, n := range []int{0, 1, 100, 64<<10 - 1, 64<<10 + 1, 5<<20 + 17} {
		name, data := fmt.Sprintf("packs/ab/size-%d", n), Random(uint64(n), n)
		put(t, s, name, data)
		if !bytes.Equal(get(t, s, name), data) {
			t.Errorf("%d bytes came back different", n)
		}
		for _, part := range [][2]int{{0, n}, {0, n / 2}, {n / 3, n / 2}, {n - n/4, n}, {n, n}} {
			p := make([]byte, part[1]-part[0])
			if err := s.ReadAt(t.Context(), name, p, int64(part[0])); err != nil {
				t.Errorf("%d bytes: read from %d to %d: %v", n, part[0], part[1], err)
			} else if !bytes.Equal(p, data[part[0]:part[1]]) {
				t.Errorf("%d bytes: those from %d to %d came back different", n, part[0], part[1])
			}
		}
	}
}

func tooShort(t *testing.T, s objstore.Store) {
	put(t, s, "format", []byte("0123456789"))
	for _, part := range []struct{ off, n int }{{0, 11}, {9, 2}, {10, 1}, {11, 0}, {11, 1}, {1 << 40, 3}} {
		err := s.ReadAt(t.Context(), "format", make([]byte, part.n), int64(part.off))
		wantErr(t, fmt.Sprintf("read %d bytes from %d of 10", part.n, part.off), err, objstore.ErrDamaged)
	}
	if err := s.ReadAt(t.Context(), "format", make([]byte, 1), -1); err == nil {
		t.Error("reading before the beginning went well")
	}
}

func limit(t *testing.T, s objstore.Store) {
	put(t, s, "format", make([]byte, 1000))
	if _, err := s.Get(t.Context(), "format", 1000); err != nil {
		t.Errorf("1000 of at most 1000 bytes: %v", err)
	}
	_, err := s.Get(t.Context(), "format", 999)
	wantErr(t, "1000 of at most 999 bytes", err, objstore.ErrDamaged)
}

func taken(t *testing.T, s objstore.Store) {
	put(t, s, "commits/1", []byte("first"))
	for _, second := range []string{"second", "first", ""} {
		wantErr(t, "put over it", s.Put(t.Context(), "commits/1", []byte(second)), objstore.ErrExists)
	}
	if got := get(t, s, "commits/1"); string(got) != "first" {
		t.Errorf("the object became %q", got)
	}
	if got := Names(t, s, ""); !slices.Equal(got, []string{"commits/1"}) {
		t.Errorf("there is %q", got)
	}
}

func oneWins(t *testing.T, s objstore.Store) {
	for round := range 5 {
		name := fmt.Sprintf("commits/%d", round)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = s.Put(t.Context(), name, Random(uint64(i), 3000)) })
		}
		all.Wait()
		won := -1
		for i, err := range errs {
			if err == nil && won >= 0 {
				t.Fatalf("round %d: writers %d and %d both won", round, won, i)
			} else if err == nil {
				won = i
			} else {
				wantErr(t, "a writer that lost", err, objstore.ErrExists)
			}
		}
		if won < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		if !bytes.Equal(get(t, s, name), Random(uint64(won), 3000)) {
			t.Errorf("round %d: the object is not what the winner wrote", round)
		}
	}
}

func copied(t *testing.T, s objstore.Store) {
	data := []byte("as it was")
	put(t, s, "format", data)
	clear(data)
	got := get(t, s, "format")
	if string(got) != "as it was" {
		t.Errorf("the object changed with the writer's buffer: %q", got)
	}
	clear(got)
	if got := get(t, s, "format"); string(got) != "as it was" {
		t.Errorf("the object changed with a reader's buffer: %q", got)
	}
}

func notThere(t *testing.T, s objstore.Store) {
	put(t, s, "keys/there", []byte("x"))
	for _, name := range []string{"keys/other", "keys", "keys/ther", "keys/there/below", "nowhere/at/all"} {
		_, err := s.Get(t.Context(), name, 10)
		wantErr(t, "get "+name, err, objstore.ErrNotFound)
		_, err = s.Stat(t.Context(), name)
		wantErr(t, "stat "+name, err, objstore.ErrNotFound)
		wantErr(t, "read "+name, s.ReadAt(t.Context(), name, make([]byte, 1), 0), objstore.ErrNotFound)
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if got := Names(t, s, ""); !slices.Equal(got, []string{"keys/there"}) {
		t.Errorf("there is %q", got)
	}
}

func badNames(t *testing.T, s objstore.Store) {
	for _, name := range []string{
		"", "/", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "./a", ".tmp/x", "a/.b", `a\b`, "a b", "a\x00b", "ä",
		strings.Repeat("a", 256),
	} {
		_, getErr := s.Get(t.Context(), name, 10)
		_, statErr := s.Stat(t.Context(), name)
		for op, err := range map[string]error{
			"put": s.Put(t.Context(), name, []byte("x")), "delete": s.Delete(t.Context(), name),
			"read": s.ReadAt(t.Context(), name, make([]byte, 1), 0), "get": getErr, "stat": statErr,
		} {
			if err == nil || errors.Is(err, objstore.ErrNotFound) {
				t.Errorf("%s %q: got %v, want a refusal", op, name, err)
			}
		}
	}
	if got := Names(t, s, ""); len(got) > 0 {
		t.Errorf("there is %q", got)
	}
}

func described(t *testing.T, s objstore.Store) {
	before, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "sessions/1", make([]byte, 1234))
	after, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Stat(t.Context(), "sessions/1")
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != "sessions/1" || info.Size != 1234 {
		t.Errorf("got %+v", info)
	}
	const coarse = 2 * time.Second // of dates in HTTP, and of some file systems
	if info.Modified.Before(before.Add(-coarse)) || info.Modified.After(after.Add(coarse)) || after.Before(before) {
		t.Errorf("stored at %v, which is not between %v and %v", info.Modified, before, after)
	}
	err = s.List(t.Context(), "", func(listed objstore.Info) error {
		if d := listed.Modified.Sub(info.Modified).Abs(); listed.Name != info.Name || listed.Size != info.Size || d > coarse {
			t.Errorf("the list says %+v, a look %+v", listed, info)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func inOrder(t *testing.T, s objstore.Store) {
	all := []string{"B", "a-b", "a.b/c", "a/b", "a/c/d", "a0", "a_b", "b/1", "b/10", "b/2"}
	for _, i := range []int{3, 9, 0, 7, 1, 5, 8, 2, 6, 4} {
		put(t, s, all[i], []byte(all[i]))
	}
	for prefix, want := range map[string][]string{
		"": all, "a": all[1:7], "a/": all[3:5], "a/c": all[4:5], "b/1": all[7:9], "b/10": all[8:9], "c": nil, "a/b/": nil,
		"../": nil, "/": nil,
	} {
		if got := Names(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("with prefix %q: got %q, want %q", prefix, got, want)
		}
	}
}

func longList(t *testing.T, s objstore.Store) {
	want := make([]string, 1030) // S3 lists at most 1000 at a time
	for i := range want {
		want[i] = fmt.Sprintf("packs/%02x/%04d", i/256, i)
	}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := w; i < len(want); i += 8 {
				if err := s.Put(t.Context(), want[i], []byte{1}); err != nil {
					t.Errorf("put %s: %v", want[i], err)
				}
			}
		})
	}
	all.Wait()
	if got := Names(t, s, "packs/"); !slices.Equal(got, want) {
		t.Errorf("got %d names, want %d in order", len(got), len(want))
	}
}

func listStops(t *testing.T, s objstore.Store) {
	for _, name := range []string{"a/1", "a/2", "b"} {
		put(t, s, name, nil)
	}
	enough, seen := errors.New("enough"), 0
	err := s.List(t.Context(), "", func(objstore.Info) error {
		seen++
		if seen == 2 {
			return enough
		}
		return nil
	})
	if err != enough || seen != 2 { //nolint:errorlint // that very error
		t.Errorf("got %v after %d names", err, seen)
	}
}

func deleteWhileListing(t *testing.T, s objstore.Store) {
	for i := range 30 {
		put(t, s, fmt.Sprintf("packs/%d/%02d", i/10, i), []byte("x"))
	}
	seen := 0
	err := s.List(t.Context(), "packs/", func(i objstore.Info) error {
		seen++
		return s.Delete(t.Context(), i.Name)
	})
	if err != nil || seen != 30 {
		t.Errorf("got %d of 30 names and %v", seen, err)
	}
	if got := Names(t, s, ""); len(got) > 0 {
		t.Errorf("there is still %q", got)
	}
}

func deleted(t *testing.T, s objstore.Store) {
	put(t, s, "packs/aa/1", []byte("first"))
	for range 2 {
		if err := s.Delete(t.Context(), "packs/aa/1"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Stat(t.Context(), "packs/aa/1")
		wantErr(t, "stat", err, objstore.ErrNotFound)
	}
	put(t, s, "packs/aa/1", []byte("second"))
	if got := get(t, s, "packs/aa/1"); string(got) != "second" {
		t.Errorf("got %q", got)
	}
}

func endedContext(t *testing.T, s objstore.Store) {
	put(t, s, "format", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := s.Get(ctx, "format", 10)
	_, statErr := s.Stat(ctx, "format")
	_, nowErr := s.Now(ctx)
	for op, err := range map[string]error{
		"put": s.Put(ctx, "keys/new", []byte("x")), "get": getErr, "stat": statErr, "now": nowErr,
		"read": s.ReadAt(ctx, "format", make([]byte, 1), 0), "delete": s.Delete(ctx, "format"),
		"list": s.List(ctx, "", func(objstore.Info) error { return nil }),
	} {
		wantErr(t, op, err, context.Canceled)
	}
	if got := Names(t, s, ""); !slices.Equal(got, []string{"format"}) {
		t.Errorf("there is %q", got)
	}
}
