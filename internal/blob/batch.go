package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"syscall"

	"github.com/holdfast/holdfast/internal/fault"
)

// Batch stores many files whose names are known, such as those of a backup. Waiting for
// the disk, which takes longest for small ones, goes on while others are written.
type Batch interface {
	// Put stores what r gives under its name, or returns ErrCorrupt when it is something
	// else. Several goroutines may call it.
	Put(ctx context.Context, sha256 string, r io.Reader) (size int64, err error)
	// Close returns after everything is durable. Before, and after an error, nothing may
	// rely on any of it; content that nobody names does no harm.
	Close() error
}

// waiting is how many files of a batch may wait for the disk.
const waiting = 8

// dirBatch is a batch of a Dir.
type dirBatch struct {
	d    *Dir
	free chan struct{} // room among the waiting
	wg   sync.WaitGroup

	mu   sync.Mutex
	err  error // the first of those that waited
	dirs map[string]bool
}

// Batch implements Store.
func (d *Dir) Batch() Batch {
	return &dirBatch{d: d, free: make(chan struct{}, waiting), dirs: map[string]bool{}}
}

func (b *dirBatch) failed(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	return b.err
}

// Put implements Batch. On a full disk it returns the fault NoSpace.
func (b *dirBatch) Put(ctx context.Context, sha string, r io.Reader) (int64, error) {
	if err := b.failed(nil); err != nil {
		return 0, err
	}
	tmp := path.Join(tmpDir, randomName())
	f, err := b.d.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, room(fmt.Errorf("store file: %w", err))
	}
	size, err := b.write(ctx, f, sha, r)
	if err != nil {
		return 0, room(errors.Join(err, f.Close(), b.d.root.Remove(tmp)))
	}
	b.free <- struct{}{}
	b.wg.Go(func() {
		defer func() { <-b.free }()
		if err := b.settle(f, tmp, Ref{SHA256: sha, Size: size}); err != nil {
			_ = b.failed(room(err))
		}
	})
	return size, nil
}

func (b *dirBatch) write(ctx context.Context, f *os.File, sha string, r io.Reader) (int64, error) {
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, sum)}, contextReader{ctx, r}, make([]byte, 128<<10))
	if err == nil {
		err = b.d.fails(stepWrite)
	}
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != sha {
		err = ErrCorrupt
	}
	if err != nil {
		return 0, fmt.Errorf("store file: %w", err)
	}
	return n, nil
}

// settle makes the content durable and gives it its name; see Dir.write and Dir.publish
// for what may go wrong.
func (b *dirBatch) settle(f *os.File, tmp string, ref Ref) error {
	defer func() { _ = b.d.root.Remove(tmp) }() // after the link the name is free to go
	if err := errors.Join(b.d.fails(stepFsync), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("store file: %w", err)
	}
	if err := b.d.link(tmp, ref); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirs[ref.SHA256[:2]] = true
	return nil
}

// Close implements Batch: each directory is made durable once.
func (b *dirBatch) Close() error {
	b.wg.Wait()
	for dir := range b.dirs {
		b.free <- struct{}{}
		b.wg.Go(func() {
			defer func() { <-b.free }()
			if err := b.d.sync(dir); err != nil {
				_ = b.failed(room(err))
			}
		})
	}
	b.wg.Wait()
	return b.failed(nil)
}

// room names an error of a full disk.
func room(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.NoSpace(err)
	}
	return err
}
