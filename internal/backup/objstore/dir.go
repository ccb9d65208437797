package objstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Dir is a store in a directory: a file per object, named as the object. A file
// reaches its name by temporary file, fsync, link and fsync of the directory, so
// a crash leaves at most a temporary file, and a name never shows part of an object.
type Dir struct {
	root *os.Root
	path string
	// made holds the directories whose own entry this process knows to be on disk.
	made sync.Map
	// trouble makes a step fail in tests; nil otherwise. A disk that refuses
	// fsync cannot be had by other means on every system that runs the tests.
	trouble func(step string) error
	// watch is told in tests of each step that has changed the directory, so that
	// they know what a crash could lose of it; nil otherwise.
	watch func(op, name, to string)
}

// tmpDir holds files that have no name yet; staleAfter is when one that is
// still there belongs to nobody.
const (
	tmpDir     = ".tmp"
	staleAfter = 24 * time.Hour
)

// steps of writing that can fail on their own.
const (
	stepWrite   = "write"
	stepFsync   = "fsync"
	stepLink    = "link"
	stepLinked  = "linked"
	stepReplace = "rename"
	stepDir     = "fsync directory"
)

// NewDir opens the store in a directory, which it makes when it is missing, and
// removes temporary files that a crash left behind more than a day ago. A
// directory that may only be read is no error: it can be restored from.
func NewDir(dir string) (*Dir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	if err := makeAll(dir); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, classify(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, classify(err))
	}
	d := &Dir{root: root, path: dir}
	if err := d.sweep(); err != nil && !errors.Is(err, ErrDenied) && !errors.Is(err, ErrFull) {
		return nil, errors.Join(fmt.Errorf("open %s: %w", dir, err), root.Close())
	}
	return d, nil
}

// makeAll makes a directory and those above it, and makes each new entry durable.
func makeAll(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		return syncPath(filepath.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		if info, serr := os.Stat(dir); serr == nil && info.IsDir() { // say, below a mount that is read only
			return nil
		}
		return err
	}
	if err := makeAll(filepath.Dir(dir)); err != nil {
		return err
	}
	return makeAll(dir)
}

func syncPath(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close releases the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Path returns the directory.
func (d *Dir) Path() string { return d.path }

// sweep removes temporary files that are old by the clock of the directory.
func (d *Dir) sweep() error {
	entries, err := fs.ReadDir(d.root.FS(), tmpDir)
	if errors.Is(err, fs.ErrNotExist) || len(entries) == 0 {
		return nil
	}
	now, err := d.Now(context.Background())
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(now.Add(-staleAfter)) {
			continue
		}
		if err := d.root.Remove(path.Join(tmpDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return classify(err)
		}
	}
	return nil
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return err
	}
	err := d.put(ctx, name, data)
	if errors.Is(err, fs.ErrNotExist) { // of all that could miss, only the directory itself can
		err = fmt.Errorf("%w: %s is gone: %w", ErrUnavailable, d.path, err)
	}
	if errors.Is(err, syscall.ENOSPC) && d.noNames() {
		err = fmt.Errorf("%w: %w", ErrNoNames, err)
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", name, classify(err))
	}
	return nil
}

// noNames says that the file system has room for bytes and none for a further name.
func (d *Dir) noNames() bool {
	var st syscall.Statfs_t
	return syscall.Statfs(d.path, &st) == nil && st.Files > 0 && st.Ffree == 0 && st.Bavail > 0
}

func (d *Dir) put(ctx context.Context, name string, data []byte) error {
	if _, err := d.root.Lstat(name); err == nil {
		return d.taken(name)
	}
	if err := d.make(tmpDir); err != nil {
		return err
	}
	tmp := path.Join(tmpDir, randomName())
	defer func() { _ = d.remove(tmp) }() // after the link the name is free to go
	if err := d.write(tmp, data); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.publish(tmp, name)
}

// write makes data durable in a new file. After a failed fsync that file is
// thrown away: the kernel may have dropped the bytes, and a second fsync would
// lie. Who tries again gets another file.
func (d *Dir) write(tmp string, data []byte) error {
	f, err := d.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	d.did(didMake, tmp, "")
	err = writeOut(f, data)
	d.did(didWrite, tmp, "")
	if err == nil {
		err = d.fails(stepWrite)
	}
	if err == nil {
		err = errors.Join(d.fails(stepFsync), f.Sync())
	}
	if err == nil {
		d.did(didSync, tmp, "")
	}
	return errors.Join(err, f.Close())
}

// publish gives a temporary file its name and makes the name durable. When that
// fails the name is taken back: what Put refused must not be listed.
func (d *Dir) publish(tmp, name string) error {
	dir := path.Dir(name)
	err := d.makeFor(dir)
	if err == nil {
		err = d.link(tmp, name)
	}
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the directory
		d.made.Clear()
		if err = d.makeFor(dir); err == nil {
			err = d.link(tmp, name)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return d.taken(name)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(d.fails(stepLinked), d.sync(dir)); err != nil {
		return errors.Join(err, d.remove(name), d.sync(dir))
	}
	return nil
}

// link names a file without ever replacing another.
func (d *Dir) link(tmp, name string) error {
	err := d.fails(stepLink)
	if err == nil {
		err = d.root.Link(tmp, name)
	}
	if err == nil {
		d.did(didLink, tmp, name)
	}
	if !noLinks(err) {
		return err
	}
	if err := d.fails(stepReplace); err != nil {
		return err
	}
	return renameNew(d.root, tmp, name)
}

// taken is ErrExists, once it is certain: whoever wrote the object may not have
// come as far as making its name durable.
func (d *Dir) taken(name string) error {
	if info, err := d.root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return errors.New("something that is no plain file has its name")
	}
	if err := d.sync(path.Dir(name)); err != nil {
		return err
	}
	return ErrExists
}

// noLinks says whether the file system has no hard links at all.
func noLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, errors.ErrUnsupported)
}

// makeFor makes the directories down to dir.
func (d *Dir) makeFor(dir string) error {
	if dir == "." {
		return nil
	}
	if _, ok := d.made.Load(dir); ok {
		return nil
	}
	if err := d.makeFor(path.Dir(dir)); err != nil {
		return err
	}
	return d.make(dir)
}

// make makes a directory of the store durably. One that exists is made durable
// too, once per process: whoever made it may not have come that far.
func (d *Dir) make(dir string) error {
	if _, ok := d.made.Load(dir); ok && dir != tmpDir {
		return nil
	}
	err := d.root.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err == nil {
		d.did(didMakeDir, dir, "")
	}
	if dir == tmpDir { // needs no durability: a crash may as well take it along
		return nil
	}
	if err := d.sync(path.Dir(dir)); err != nil {
		return err
	}
	d.made.Store(dir, true)
	return nil
}

// sync makes the entries of a directory durable, on a descriptor of its own.
func (d *Dir) sync(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(d.fails(stepDir), f.Sync(), f.Close()); err != nil {
		return err
	}
	d.did(didSyncDir, dir, "")
	return nil
}

func (d *Dir) remove(name string) error {
	err := d.root.Remove(name)
	if err == nil {
		d.did(didRemove, name, "")
	}
	return err
}

// What watch is told.
const (
	didMake    = "make"
	didWrite   = "write"
	didSync    = "sync"
	didLink    = "link"
	didMakeDir = "make directory"
	didSyncDir = "sync directory"
	didRemove  = "remove"
)

func (d *Dir) did(op, name, to string) {
	if d.watch != nil {
		d.watch(op, name, to)
	}
}

func (d *Dir) fails(step string) error {
	if d.trouble == nil {
		return nil
	}
	return d.trouble(step)
}

// Get implements Store.
func (d *Dir) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	f, info, err := d.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size > limit {
		return nil, fmt.Errorf("read %s: %w: %d bytes, at most %d are expected", name, ErrDamaged, info.Size, limit)
	}
	data := make([]byte, info.Size)
	return data, d.read(f, name, data, 0)
}

// ReadAt implements Store.
func (d *Dir) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	f, info, err := d.open(ctx, name)
	if err != nil {
		return err
	}
	defer f.Close()
	if off < 0 || off > info.Size || int64(len(p)) > info.Size-off {
		return short(name, len(p), off)
	}
	return d.read(f, name, p, off)
}

// short is the error for an object that ends too early.
func short(name string, n int, off int64) error {
	return fmt.Errorf("read %s: %w: it ends before the %d bytes from %d", name, ErrDamaged, n, off)
}

func (d *Dir) read(f *os.File, name string, p []byte, off int64) error {
	_, err := f.ReadAt(p, off)
	if errors.Is(err, io.EOF) { // cut while it was read
		return short(name, len(p), off)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, classify(err))
	}
	return nil
}

// open opens an object. Only plain files are objects; to open a pipe would block.
func (d *Dir) open(ctx context.Context, name string) (*os.File, Info, error) {
	info, err := d.Stat(ctx, name)
	if err != nil {
		return nil, info, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, info, fmt.Errorf("read %s: %w", name, classify(err))
	}
	return f, info, nil
}

// Stat implements Store.
func (d *Dir) Stat(ctx context.Context, name string) (Info, error) {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return Info{}, err
	}
	info, err := d.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		return Info{}, fmt.Errorf("look up %s: %w", name, classify(err))
	}
	return Info{Name: name, Size: info.Size(), Modified: info.ModTime().UTC()}, nil
}

// Delete implements Store.
func (d *Dir) Delete(ctx context.Context, name string) error {
	_, err := d.Stat(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		err = classify(errors.Join(d.remove(name), d.sync(path.Dir(name))))
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// Now implements Store: the clock of the file system, which over a network is
// not that of this machine. It needs no room, so that a full place can be pruned.
func (d *Dir) Now(ctx context.Context) (time.Time, error) {
	err := ctx.Err()
	if err == nil {
		err = d.make(tmpDir)
	}
	if err == nil {
		err = touch(d.root, tmpDir)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the clock of %s: %w", d.path, classify(err))
	}
	info, err := d.root.Stat(tmpDir)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the clock of %s: %w", d.path, classify(err))
	}
	return info.ModTime().UTC(), nil
}

// errNoExclusive: two writers of one name could both believe to have won.
var errNoExclusive = fmt.Errorf("%w: this file system can neither link a file nor rename one without replacing another", ErrDenied)

// classify puts an error of the file system under the errors of this package. A
// name that leads through a plain file names nothing.
func classify(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	for _, kind := range []struct {
		is   error
		when []error
	}{
		{ErrNotFound, []error{fs.ErrNotExist, syscall.ENOTDIR}},
		{ErrFull, []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}},
		{ErrDenied, []error{fs.ErrPermission, syscall.EROFS}},
		{ErrUnavailable, []error{syscall.EIO, syscall.ETIMEDOUT, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN}},
	} {
		for _, w := range kind.when {
			if errors.Is(err, w) && !errors.Is(err, kind.is) {
				return fmt.Errorf("%w: %w", kind.is, err)
			}
		}
	}
	return err
}

func randomName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
