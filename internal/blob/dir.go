package blob

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"sync"
	"syscall"
	"time"
)

// Dir is a store in a directory: ab/cdef... named by hash, and tmp for what is
// being written. Files reach their name by temporary file, fsync, link and
// fsync of the directory, so that a crash leaves at most a temporary file.
type Dir struct {
	root *os.Root
	path string
	// made holds the directories whose own entry this process knows to be on disk.
	made sync.Map
	// trouble makes a step fail in tests; nil otherwise. A disk that refuses
	// fsync cannot be had by other means on every system that runs the tests.
	trouble func(step string) error
}

// tmpDir holds files that have no name yet; staleAfter is when one that is
// still there belongs to nobody.
const (
	tmpDir     = "tmp"
	staleAfter = 24 * time.Hour
)

// steps of writing that can fail on their own.
const (
	stepWrite = "write"
	stepFsync = "fsync"
	stepLink  = "link"
	stepDir   = "fsync directory"
)

// OpenDir opens the store, making the directory when it is missing, and
// removes temporary files that a crash left behind more than a day ago. A
// younger one may belong to another process; see Sweep.
func OpenDir(dir string) (*Dir, error) {
	if err := os.MkdirAll(path.Join(dir, tmpDir), 0o700); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	d := &Dir{root: root, path: dir}
	err = d.sync(".") // the entry of tmp
	if err == nil {
		err = d.sweep(time.Now().Add(-staleAfter)) //nolint:forbidigo // compares with file times, which are the system's
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

// Sweep removes every temporary file, however young. Only a process that has
// the store to itself may call it: it pulls uploads of others from under them.
func (d *Dir) Sweep() error { return d.sweep(time.Time{}) }

// Close releases the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Path returns the directory.
func (d *Dir) Path() string { return d.path }

// sweep removes temporary files older than before, all of them when it is zero.
func (d *Dir) sweep(before time.Time) error {
	entries, err := fs.ReadDir(d.root.FS(), tmpDir)
	if err != nil {
		return fmt.Errorf("open blob store: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || (!before.IsZero() && info.ModTime().After(before)) {
			continue
		}
		if err := d.root.Remove(path.Join(tmpDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open blob store: %w", err)
		}
	}
	return nil
}

func nameOf(sha string) string { return path.Join(sha[:2], sha[2:]) }

// Put implements Store. On a full disk it returns the fault NoSpace.
func (d *Dir) Put(ctx context.Context, r io.Reader, limit int64) (Ref, error) {
	ref, err := d.put(ctx, r, limit)
	return ref, room(err)
}

func (d *Dir) put(ctx context.Context, r io.Reader, limit int64) (Ref, error) {
	tmp := path.Join(tmpDir, randomName())
	f, err := d.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return Ref{}, fmt.Errorf("store file: %w", err)
	}
	defer func() { _ = d.root.Remove(tmp) }() // after the link the name is free to go
	ref, err := d.write(ctx, f, r, limit)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("store file: %w", cerr)
	}
	if err != nil {
		return Ref{}, err
	}
	return ref, d.publish(tmp, ref)
}

// write copies r to f, hashing, and makes it durable. After a failed fsync the
// file is thrown away: the kernel may have dropped the bytes, and a second
// fsync would lie.
func (d *Dir) write(ctx context.Context, f *os.File, r io.Reader, limit int64) (Ref, error) {
	sum, sum5 := sha256.New(), md5.New()
	src := io.Reader(contextReader{ctx, r})
	if limit > 0 {
		src = io.LimitReader(src, limit+1)
	}
	n, err := io.Copy(io.MultiWriter(f, sum, sum5), src)
	if err == nil {
		err = d.fails(stepWrite)
	}
	switch {
	case err != nil:
		return Ref{}, fmt.Errorf("store file: %w", err)
	case limit > 0 && n > limit:
		return Ref{}, ErrTooLarge
	}
	if err := errors.Join(d.fails(stepFsync), f.Sync()); err != nil {
		return Ref{}, fmt.Errorf("store file: %w", err)
	}
	return Ref{SHA256: hex.EncodeToString(sum.Sum(nil)), MD5: hex.EncodeToString(sum5.Sum(nil)), Size: n}, nil
}

// publish gives the file its name. When the
// directory cannot be made durable the file keeps its name: another Put of the
// same content may rely on it already, and content nobody names does no harm.
func (d *Dir) publish(tmp string, ref Ref) error {
	if err := d.link(tmp, ref); err != nil {
		return err
	}
	return d.sync(ref.SHA256[:2])
}

// link gives the file its name, which a crash may take away again until the directory is
// made durable. The same content may be there already; a file of another size under that
// name is damaged and replaced.
func (d *Dir) link(tmp string, ref Ref) error {
	name := nameOf(ref.SHA256)
	if err := d.make(ref.SHA256[:2]); err != nil {
		return err
	}
	err := d.fails(stepLink)
	if err == nil {
		err = d.root.Link(tmp, name)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		if info, serr := d.root.Stat(name); serr != nil || info.Size() != ref.Size {
			err = d.root.Rename(tmp, name)
		} else {
			err = nil // whoever wrote it may not have come as far as fsync of the directory
		}
	case noLinks(err):
		err = d.root.Rename(tmp, name) // equal content may be replaced; see the name
	}
	if err != nil {
		return fmt.Errorf("store file: %w", err)
	}
	return nil
}

// noLinks says whether the file system has no hard links at all.
func noLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, errors.ErrUnsupported)
}

// make makes a directory of the store durably. One that exists is made durable
// too, once per process: whoever made it may not have come that far.
func (d *Dir) make(dir string) error {
	if _, ok := d.made.Load(dir); ok {
		return nil
	}
	if err := d.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("store file: %w", err)
	}
	if err := d.sync("."); err != nil {
		return err
	}
	d.made.Store(dir, true)
	return nil
}

// sync makes the entries of a directory durable, on a descriptor of its own.
func (d *Dir) sync(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return fmt.Errorf("store file: %w", err)
	}
	if err := errors.Join(d.fails(stepDir), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("store file: fsync directory: %w", err)
	}
	return nil
}

func (d *Dir) fails(step string) error {
	if d.trouble == nil {
		return nil
	}
	return d.trouble(step)
}

// Open implements Store.
func (d *Dir) Open(_ context.Context, sha string) (io.ReadSeekCloser, int64, error) {
	if !Valid(sha) {
		return nil, 0, ErrNotFound
	}
	f, err := d.root.Open(nameOf(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open file: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, sha string) (int64, error) {
	if !Valid(sha) {
		return 0, ErrNotFound
	}
	info, err := d.root.Stat(nameOf(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("look up file: %w", err)
	}
	return info.Size(), nil
}

// Delete implements Store.
func (d *Dir) Delete(_ context.Context, sha string) error {
	if !Valid(sha) {
		return nil
	}
	if err := d.root.Remove(nameOf(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete file: %w", err)
	}
	return nil
}

// Walk implements Store. Names that are no blobs are passed over.
func (d *Dir) Walk(ctx context.Context, fn func(sha string, size int64) error) error {
	dirs, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	sort.Slice(dirs, func(i, j int) bool { return dirs[i].Name() < dirs[j].Name() })
	for _, dir := range dirs {
		if !dir.IsDir() || len(dir.Name()) != 2 {
			continue
		}
		if err := d.walkDir(ctx, dir.Name(), fn); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) walkDir(ctx context.Context, dir string, fn func(sha string, size int64) error) error {
	files, err := fs.ReadDir(d.root.FS(), dir)
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	for _, f := range files {
		sha := dir + f.Name()
		if !Valid(sha) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if err := fn(sha, info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func randomName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Writable returns nil when the store can take files.
func (d *Dir) Writable() error {
	name := path.Join(tmpDir, "probe-"+randomName())
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("the file store cannot be written: %w", err)
	}
	return errors.Join(f.Close(), d.root.Remove(name))
}
