package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/fault"
)

func open(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenDir(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// files lists every file below dir, relative to it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFailingStepsLeaveNoTemporaryFileAndNoPart(t *testing.T) {
	for _, step := range []string{stepWrite, stepFsync, stepLink, stepDir} {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT} {
			d := open(t)
			tries := 0
			d.trouble = func(s string) error {
				if s != step {
					return nil
				}
				tries++
				return cause
			}
			_, err := d.Put(t.Context(), strings.NewReader("content"), 0)
			if !errors.Is(err, cause) {
				t.Errorf("%s fails with %v: Put returned %v", step, cause, err)
			}
			if full := !errors.Is(cause, syscall.EIO); fault.Is(err, fault.KindNoSpace) != full {
				t.Errorf("%s fails with %v: a full disk is %v, got %v", step, cause, full, err)
			}
			if tries != 1 {
				t.Errorf("%s was tried %d times after it failed", step, tries)
			}
			if got := files(t, d.Path()); len(got) != 0 {
				t.Errorf("%s fails: %v stayed behind", step, got)
			}
			d.trouble = nil
			if _, err := d.Put(t.Context(), strings.NewReader("content"), 0); err != nil {
				t.Errorf("put after the trouble has passed: %v", err)
			}
		}
	}
}

func TestABatchFailsWithAnyOfItsSteps(t *testing.T) {
	content := "content"
	sum := sha256.Sum256([]byte(content))
	name := hex.EncodeToString(sum[:])
	for _, step := range []string{stepWrite, stepFsync, stepLink, stepDir} {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
			d := open(t)
			d.trouble = func(s string) error {
				if s == step {
					return cause
				}
				return nil
			}
			b := d.Batch()
			_, err := b.Put(t.Context(), name, strings.NewReader(content))
			if step != stepWrite {
				if err != nil {
					t.Errorf("%s: %v before the disk was asked", step, err)
				}
				b.(*dirBatch).wg.Wait()
				if step != stepDir {
					if _, err := b.Put(t.Context(), name, strings.NewReader(content)); !errors.Is(err, cause) {
						t.Errorf("%s: the next one is taken: %v", step, err)
					}
				}
				err = b.Close()
			}
			if !errors.Is(err, cause) || fault.Is(err, fault.KindNoSpace) != errors.Is(cause, syscall.ENOSPC) {
				t.Errorf("%s fails with %v: got %v", step, cause, err)
			}
			for _, f := range files(t, d.Path()) {
				if strings.HasPrefix(f, tmpDir) || step != stepDir {
					t.Errorf("%s fails: %s stayed behind", step, f)
				}
			}
		}
	}
	d := open(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Batch().Put(t.Context(), name, strings.NewReader(content)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
}

// TestContentStaysWhenItsDirectoryCannotBeSynced pins the reason given at publish.
func TestContentStaysWhenItsDirectoryCannotBeSynced(t *testing.T) {
	d := open(t)
	ref, err := d.Put(t.Context(), strings.NewReader("first"), 0)
	if err != nil {
		t.Fatal(err)
	}
	d.trouble = func(s string) error {
		if s == stepDir {
			return syscall.EIO
		}
		return nil
	}
	if _, err := d.Put(t.Context(), strings.NewReader("first"), 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, want the error of fsync", err)
	}
	d.trouble = nil
	if ok, err := Has(t.Context(), d, ref.SHA256); !ok || err != nil {
		t.Errorf("the content another Put had finished is gone: %v, %v", ok, err)
	}
}

func TestFileSystemsWithoutLinksRename(t *testing.T) {
	d := open(t)
	d.trouble = func(s string) error {
		if s == stepLink {
			return &os.LinkError{Op: "link", Err: syscall.EPERM}
		}
		return nil
	}
	for range 2 {
		ref, err := d.Put(t.Context(), strings.NewReader("content"), 0)
		if err != nil {
			t.Fatal(err)
		}
		checkAll(t, d, ref.SHA256)
	}
	if got := files(t, d.Path()); len(got) != 1 {
		t.Errorf("files: %v", got)
	}
}

func TestPutReplacesAFileOfAnotherSize(t *testing.T) {
	d := open(t)
	ref, err := d.Put(t.Context(), strings.NewReader("content"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(d.Path(), nameOf(ref.SHA256)), 3); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(t.Context(), strings.NewReader("content"), 0); err != nil {
		t.Fatal(err)
	}
	checkAll(t, d, ref.SHA256)
}

// checkAll reads every blob against its name and wants the given ones among them.
func checkAll(t *testing.T, d *Dir, want ...string) {
	t.Helper()
	seen := map[string]bool{}
	err := d.Walk(t.Context(), func(sha string, _ int64) error {
		seen[sha] = true
		r, _, err := OpenVerified(t.Context(), d, sha)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, r)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		t.Error(err)
	}
	for _, sha := range want {
		if !seen[sha] {
			t.Errorf("%s is missing", sha)
		}
	}
}

func TestDamageIsFoundWhileReading(t *testing.T) {
	d := open(t)
	content := bytes.Repeat([]byte("content "), 10_000)
	ref, err := d.Put(t.Context(), bytes.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{
		"a flipped bit": append([]byte{content[0] ^ 1}, content[1:]...),
		"a lost end":    content[:len(content)-1],
		"nothing left":  {},
		"something new": append(content[:len(content):len(content)], 'x'),
	}
	for name, b := range damages {
		if err := os.WriteFile(filepath.Join(d.Path(), nameOf(ref.SHA256)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, _, err := OpenVerified(t.Context(), d, ref.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := OpenVerified(t.Context(), d, strings.Repeat("0", 64)); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if err := Verify(strings.NewReader("content"), ref.SHA256); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Verify: got %v, want ErrCorrupt", err)
	}
}

func TestLeftoversAreSweptByAge(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	first, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": time.Hour} {
		p := filepath.Join(dir, tmpDir, name)
		if err := os.WriteFile(p, []byte("part"), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(p, when, when); err != nil {
			t.Fatal(err)
		}
	}
	second, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if got := files(t, dir); len(got) != 1 || filepath.Base(got[0]) != "young" {
		t.Errorf("after opening: %v, want the young one alone", got)
	}
	if err := second.Sweep(); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("after Sweep: %v", got)
	}
}

func TestWalkPassesOverStrangers(t *testing.T) {
	d := open(t)
	ref, err := d.Put(context.Background(), strings.NewReader("content"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README", "ab/short", "zz/" + strings.Repeat("a", 62), "ab/" + strings.Repeat("A", 62)} {
		p := filepath.Join(d.Path(), name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(d.Path(), "ab", strings.Repeat("b", 62)), 0o700); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := d.Walk(t.Context(), func(sha string, _ int64) error { got = append(got, sha); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != ref.SHA256 {
		t.Errorf("walk lists %v, want %s alone", got, ref.SHA256)
	}
}

func TestALinkOutOfTheStoreIsNotFollowed(t *testing.T) {
	d := open(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	sha := strings.Repeat("a", 64)
	if err := os.Mkdir(filepath.Join(d.Path(), "aa"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(d.Path(), nameOf(sha))); err != nil {
		t.Skip("no symbolic links here")
	}
	if r, _, err := d.Open(t.Context(), sha); err == nil {
		_ = r.Close()
		t.Error("the link was followed out of the store")
	}
	if _, err := d.Stat(t.Context(), sha); err == nil {
		t.Error("the link was looked through")
	}
}

func TestOpenDirReportsWhatItCannotMake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(file); err == nil {
		t.Error("a file was opened as a store")
	}
}

func TestWritableTriesAndLeavesNothing(t *testing.T) {
	d := open(t)
	if err := d.Writable(); err != nil {
		t.Error(err)
	}
	if got := files(t, d.Path()); len(got) != 0 {
		t.Errorf("%v stayed behind", got)
	}
	if err := os.RemoveAll(filepath.Join(d.Path(), tmpDir)); err != nil {
		t.Fatal(err)
	}
	if err := d.Writable(); err == nil {
		t.Error("a store without room for temporary files is said to be writable")
	}
	if _, err := d.Put(t.Context(), strings.NewReader("x"), 0); err == nil {
		t.Error("a file was stored all the same")
	}
	if err := d.Sweep(); err == nil {
		t.Error("what cannot be listed was swept")
	}
}
