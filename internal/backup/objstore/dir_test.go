package objstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func newDir(t *testing.T) *Dir {
	t.Helper()
	d, err := NewDir(filepath.Join(t.TempDir(), "new", "repo"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// files lists everything below a directory but directories.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOnlyTheOwnerReads(t *testing.T) {
	d := newDir(t)
	if err := d.Put(t.Context(), "packs/ab/1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		".": 0o700, "packs": 0o700, "packs/ab": 0o700, "packs/ab/1": 0o600, tmpDir: 0o700,
	} {
		info, err := os.Stat(filepath.Join(d.Path(), path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v, %v", path, info.Mode().Perm(), want, err)
		}
	}
}

func TestEveryFailingStepLeavesNothing(t *testing.T) {
	for _, step := range []string{stepWrite, stepFsync, stepLink, stepLinked, stepDir} {
		for _, tt := range []struct{ errno, want error }{
			{syscall.EIO, ErrUnavailable},
			{syscall.ENOSPC, ErrFull},
			{syscall.EDQUOT, ErrFull},
			{syscall.EFBIG, ErrFull},
			{syscall.EACCES, ErrDenied},
			{syscall.EROFS, ErrDenied},
		} {
			d := newDir(t)
			failed := false
			d.trouble = func(s string) error {
				if s != step || failed {
					return nil
				}
				failed = true
				return &fs.PathError{Op: s, Path: "x", Err: tt.errno}
			}
			err := d.Put(t.Context(), "packs/ab/1", []byte("content"))
			if !errors.Is(err, tt.want) || !errors.Is(err, tt.errno) {
				t.Errorf("%s fails with %v: got %v, want %v", step, tt.errno, err, tt.want)
			}
			if got := files(t, d.Path()); len(got) > 0 {
				t.Errorf("%s fails with %v: left %q", step, tt.errno, got)
			}
			if err := d.Put(t.Context(), "packs/ab/1", []byte("content")); err != nil {
				t.Errorf("%s failed once with %v: the next Put: %v", step, tt.errno, err)
			}
		}
	}
}

// TestEachTryHasItsOwnFile: a file whose fsync failed once is never trusted again.
func TestEachTryHasItsOwnFile(t *testing.T) {
	d := newDir(t)
	var names []string
	d.trouble = func(step string) error {
		if step != stepFsync {
			return nil
		}
		names = append(names, files(t, filepath.Join(d.Path(), tmpDir))...)
		if len(names) == 1 {
			return syscall.EIO
		}
		return nil
	}
	if err := d.Put(t.Context(), "a", nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("the first try: %v", err)
	}
	if err := d.Put(t.Context(), "a", nil); err != nil {
		t.Errorf("the second try: %v", err)
	}
	if len(names) != 2 || names[0] == names[1] {
		t.Errorf("the files were %q", names)
	}
}

func TestWithoutLinksItRenames(t *testing.T) {
	d := newDir(t)
	d.trouble = func(step string) error {
		if step == stepLink {
			return syscall.EPERM
		}
		return nil
	}
	if err := d.Put(t.Context(), "keys/1", []byte("one")); err != nil {
		t.Fatal(err)
	}
	d.trouble = func(step string) error {
		switch step {
		case stepLink:
			return syscall.EPERM
		case stepReplace: // another writer comes in between
			return os.WriteFile(filepath.Join(d.Path(), "keys/2"), []byte("other"), 0o600)
		default:
			return nil
		}
	}
	if err := d.Put(t.Context(), "keys/2", []byte("two")); !errors.Is(err, ErrExists) {
		t.Errorf("a name taken meanwhile: %v", err)
	}
	if got, err := d.Get(t.Context(), "keys/2", 10); err != nil || string(got) != "other" {
		t.Errorf("got %q, %v", got, err)
	}
	if got := files(t, d.Path()); !slices.Equal(got, []string{"keys/1", "keys/2"}) {
		t.Errorf("left %q", got)
	}
	d.trouble = func(step string) error {
		switch step {
		case stepLink:
			return syscall.EPERM
		case stepReplace:
			return errNoExclusive
		default:
			return nil
		}
	}
	if err := d.Put(t.Context(), "keys/3", nil); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "neither link") {
		t.Errorf("a file system that can do neither: %v", err)
	}
}

func TestADirectoryRemovedByHandIsMadeAgain(t *testing.T) {
	d := newDir(t)
	for range 2 {
		if err := d.Put(t.Context(), "packs/ab/1", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(d.Path(), "packs")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADirectoryThatIsGone(t *testing.T) {
	d := newDir(t)
	if err := os.RemoveAll(d.Path()); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), "packs/ab/1", []byte("x")); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestOnlyStaleTemporaryFilesGo(t *testing.T) {
	d := newDir(t)
	if err := d.Put(t.Context(), "format", nil); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(d.Path(), tmpDir)
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": 23 * time.Hour, "ahead": -time.Hour} {
		path, at := filepath.Join(tmp, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := NewDir(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := files(t, tmp); !slices.Equal(got, []string{"ahead", "young"}) {
		t.Errorf("left %q", got)
	}
}

func TestWhatIsNoObjectIsPassedOver(t *testing.T) {
	d := newDir(t)
	outside := filepath.Join(t.TempDir(), "secret")
	err := errors.Join(
		os.WriteFile(outside, []byte("secret"), 0o600),
		os.Symlink(outside, filepath.Join(d.Path(), "link")),
		os.Symlink(filepath.Dir(outside), filepath.Join(d.Path(), "dir")),
		syscall.Mkfifo(filepath.Join(d.Path(), "pipe"), 0o600),
		os.MkdirAll(filepath.Join(d.Path(), "lost+found", "x"), 0o700),
		os.WriteFile(filepath.Join(d.Path(), "lost+found", "file"), nil, 0o600),
		os.WriteFile(filepath.Join(d.Path(), "a b"), nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	err = d.List(t.Context(), "", func(i Info) error { return fmt.Errorf("listed %s", i.Name) })
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{"link", "pipe"} {
		if _, err := d.Get(t.Context(), name, 100); !errors.Is(err, ErrNotFound) {
			t.Errorf("get %s: %v", name, err)
		}
		if err := d.Put(t.Context(), name, nil); err == nil || errors.Is(err, ErrExists) {
			t.Errorf("put %s: %v", name, err)
		}
	}
	if _, err := d.Get(t.Context(), "dir/secret", 100); err == nil {
		t.Error("a link led out of the store")
	}
	if err := d.Put(t.Context(), "dir/new", nil); err == nil {
		t.Error("a link led a new object out of the store")
	}
	if got := files(t, filepath.Dir(outside)); !slices.Equal(got, []string{"secret"}) {
		t.Errorf("outside there is %q", got)
	}
}

func TestListOfAHugeDirectoryIsBoundedAndInOrder(t *testing.T) {
	d := newDir(t)
	if err := os.Mkdir(filepath.Join(d.Path(), "commits"), 0o700); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 2*listBatch + 100 {
		name := fmt.Sprintf("commits/%08d", i)
		want = append(want, name)
		if err := os.WriteFile(filepath.Join(d.Path(), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, more, err := d.batch(t.Context(), "commits", "", "commits/00000009")
	if err != nil || !more || !slices.Equal(names, want[10:10+listBatch]) {
		t.Errorf("one batch has %d names, more %v, %v", len(names), more, err)
	}
	var got []string
	err = d.List(t.Context(), "commits/", func(i Info) error { got = append(got, i.Name); return nil })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %d names, want %d in order, %v", len(got), len(want), err)
	}
}

// small mounts a small file system, which only root can.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestAFullDisk(t *testing.T) {
	for name, options := range map[string]string{"no bytes": "size=1m", "no inodes": "nr_inodes=12"} {
		t.Run(name, func(t *testing.T) {
			d, err := NewDir(small(t, options))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			var stored []string
			for i := 0; err == nil; i++ {
				name := fmt.Sprintf("packs/%02d", i)
				if err = d.Put(t.Context(), name, bytes.Repeat([]byte{byte(i)}, 100_000)); err == nil {
					stored = append(stored, name)
				}
			}
			if !errors.Is(err, ErrFull) || len(stored) < 3 {
				t.Fatalf("after %d objects: %v", len(stored), err)
			}
			if got := files(t, d.Path()); !slices.Equal(got, stored) {
				t.Errorf("there is %q, want %q", got, stored)
			}
			fullButUsable(t, d, stored)
		})
	}
}

// fullButUsable shows that a full place can be read, verified and pruned.
func fullButUsable(t *testing.T, d *Dir, stored []string) {
	t.Helper()
	if _, err := d.Now(t.Context()); err != nil {
		t.Errorf("the clock: %v", err)
	}
	again, err := NewDir(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for i, name := range stored {
		data, err := again.Get(t.Context(), name, 100_000)
		if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, 100_000)) {
			t.Errorf("read %s: %v", name, err)
		}
		if err := again.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if err := again.Put(t.Context(), "packs/new", make([]byte, 100_000)); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

func TestAReadOnlyPlaceCanBeRead(t *testing.T) {
	dir := small(t, "size=1m")
	d, err := NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Put(t.Context(), "format", []byte("x")), d.Close()); err != nil {
		t.Fatal(err)
	}
	old, tmp := time.Now().Add(-48*time.Hour), filepath.Join(dir, tmpDir, "old")
	if err := errors.Join(os.WriteFile(tmp, nil, 0o600), os.Chtimes(tmp, old, old)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	d, err = NewDir(dir)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer d.Close()
	if data, err := d.Get(t.Context(), "format", 10); err != nil || string(data) != "x" {
		t.Errorf("get: %q, %v", data, err)
	}
	_, nowErr := d.Now(t.Context())
	for op, err := range map[string]error{
		"put": d.Put(t.Context(), "a", nil), "delete": d.Delete(t.Context(), "format"), "now": nowErr,
	} {
		if !errors.Is(err, ErrDenied) {
			t.Errorf("%s: got %v, want ErrDenied", op, err)
		}
	}
}

func TestNewDirRefusesWhatIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below"), filepath.Join(file, "far", "below")} {
		if d, err := NewDir(path); err == nil {
			t.Errorf("opened %s", d.Path())
		}
	}
}

func TestAnEndedContextLeavesNoFile(t *testing.T) {
	d := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	d.trouble = func(step string) error {
		if step == stepFsync {
			cancel()
		}
		return nil
	}
	if err := d.Put(ctx, "a", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := files(t, d.Path()); len(got) > 0 {
		t.Errorf("left %q", got)
	}
}

func TestTheListSaysWhatItCannotRead(t *testing.T) {
	d := newDir(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.List(t.Context(), "", func(Info) error { return nil }); err == nil {
		t.Error("a closed directory was listed")
	}
	if _, err := d.Now(t.Context()); err == nil {
		t.Error("a closed directory has a clock")
	}
}

func TestWhatCannotBeMadeDurableIsAnError(t *testing.T) {
	d := newDir(t)
	if err := d.Put(t.Context(), "packs/1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	d.trouble = func(step string) error {
		if step == stepDir {
			return syscall.EIO
		}
		return nil
	}
	if err := d.Put(t.Context(), "packs/1", nil); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrExists) {
		t.Errorf("a taken name that may not be durable: %v", err)
	}
	if err := d.Put(t.Context(), "other/1", nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a new directory: %v", err)
	}
	if err := d.Delete(t.Context(), "packs/1"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("delete: %v", err)
	}
}

func TestTheListEndsWithItsContext(t *testing.T) {
	d := newDir(t)
	for i := range 3 {
		if err := d.Put(t.Context(), fmt.Sprint("a/", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := d.List(ctx, "", func(Info) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
