package blob_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/blob/blobtest"
)

func openDir(t *testing.T) blob.Store {
	t.Helper()
	d, err := blob.OpenDir(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDirKeepsThePromisesOfAStore(t *testing.T) { blobtest.Run(t, openDir) }

func TestAFaultyStoreWithoutFaultsIsAStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return blobtest.NewFaulty(openDir(t)) })
}

func TestFaultyFailsTheCallItIsTold(t *testing.T) {
	f := blobtest.NewFaulty(openDir(t))
	ref := blobtest.Put(t, f, []byte("content"))
	calls := map[blobtest.Method]func() error{
		blobtest.OnPut: func() error {
			_, err := f.Put(t.Context(), bytes.NewReader([]byte("other")), 0)
			return err
		},
		blobtest.OnOpen:   func() error { _, err := read(t, f, ref.SHA256); return err },
		blobtest.OnRead:   func() error { _, err := read(t, f, ref.SHA256); return err },
		blobtest.OnStat:   func() error { _, err := f.Stat(t.Context(), ref.SHA256); return err },
		blobtest.OnDelete: func() error { return f.Delete(t.Context(), "no name") },
		blobtest.OnWalk:   func() error { return f.Walk(t.Context(), func(string, int64) error { return nil }) },
	}
	for m, call := range calls {
		f.Reset()
		f.Fail(m, 1, nil)
		if err := call(); !errors.Is(err, blobtest.ErrInjected) {
			t.Errorf("%s: got %v, want the injected fault", m, err)
		}
		if err := call(); err != nil {
			t.Errorf("%s: the second call failed: %v", m, err)
		}
		if n := f.Calls(m); n < 2 {
			t.Errorf("%s: %d calls counted", m, n)
		}
	}
}

func TestFaultyLosesAnswersAndDamagesContent(t *testing.T) {
	f := blobtest.NewFaulty(openDir(t))
	f.Lose(blobtest.OnPut, 1, nil)
	if _, err := f.Put(t.Context(), bytes.NewReader([]byte("content")), 0); !errors.Is(err, blobtest.ErrInjected) {
		t.Fatalf("got %v, want the injected fault", err)
	}
	names := blobtest.Names(t, f)
	if len(names) != 1 {
		t.Fatalf("the work was not done: %v", names)
	}
	for name, damage := range map[string]func(){
		"flip":     func() { f.Flip(names[0], 3) },
		"truncate": func() { f.Truncate(names[0], 3) },
	} {
		f.Reset()
		damage()
		if _, err := read(t, f, names[0]); !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
	}
	f.Reset()
	f.ShortReads()
	if got, err := read(t, f, names[0]); err != nil || string(got) != "content" || f.Calls(blobtest.OnRead) < 7 {
		t.Errorf("short reads: %q, %v in %d reads", got, err, f.Calls(blobtest.OnRead))
	}
}

func read(t *testing.T, s blob.Store, sha string) ([]byte, error) {
	t.Helper()
	r, _, err := blob.OpenVerified(t.Context(), s, sha)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}
