package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/holdfast/holdfast/internal/zipfile"
)

// limits are what docs/backup-format.md promises. Rows that repeat themselves
// pack at any ratio; what is unpacked is never held, and what is restored is
// measured against the free space first.
var limits = zipfile.Limits{Entries: 10_000_000, NameLength: 1024, Ratio: zipfile.NoLimit}

// zipReader reads the entries of an archive.
type zipReader struct {
	f    *os.File
	z    *zipfile.Reader
	size int64
}

func openZip(path string) (*zipReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	z, err := readZip(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	z.f = f
	return z, nil
}

func readZip(r io.ReaderAt, size int64) (*zipReader, error) {
	z, err := zipfile.NewReader(r, size, zipfile.Options{Limits: limits})
	if err != nil {
		return nil, broken("%w", err)
	}
	return &zipReader{nil, z, size}, nil
}

// Close closes the file.
func (z *zipReader) Close() error { return z.f.Close() }

// Open returns the content of an entry.
func (z *zipReader) Open(name string) (io.ReadCloser, error) {
	e, err := z.z.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, broken("%s is missing", name)
	}
	if err != nil {
		return nil, broken("%w", err)
	}
	return e.Open()
}

// Content returns an entry that fits into memory.
func (z *zipReader) Content(name string, limit int64) ([]byte, error) {
	r, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, broken("%s: %w", name, err)
	}
	if int64(len(content)) > limit {
		return nil, broken("%s is larger than %d bytes", name, limit)
	}
	return content, nil
}

// Names calls fn with name and size of every entry in order.
func (z *zipReader) Names(ctx context.Context, fn func(e *zipfile.Entry) error) error {
	for e, err := range z.z.Entries() {
		if err != nil {
			return broken("%w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// Each calls fn with every entry and its content in order.
func (z *zipReader) Each(ctx context.Context, fn func(name string, size int64, r io.Reader) error) error {
	return z.Names(ctx, func(e *zipfile.Entry) error {
		r, err := e.Open()
		if err != nil {
			return broken("%s: %w", e.Name, err)
		}
		defer func() { _ = r.Close() }() // only read
		return fn(e.Name, e.Size, r)
	})
}
