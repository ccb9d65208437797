package archive

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
)

// zipReader reads the entries of an archive.
type zipReader struct {
	f    *os.File
	z    *zip.Reader
	size int64
}

func openZip(ctx context.Context, path string) (*zipReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	z, err := readZip(ctx, f, info.Size())
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	z.f = f
	return z, nil
}

func readZip(_ context.Context, r io.ReaderAt, size int64) (*zipReader, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, broken("%w", err)
	}
	return &zipReader{nil, z, size}, nil
}

// Close closes the file.
func (z *zipReader) Close() error { return z.f.Close() }

// Open returns the content of an entry.
func (z *zipReader) Open(name string) (io.ReadCloser, error) {
	for _, f := range z.z.File {
		if f.Name == name {
			return f.Open()
		}
	}
	return nil, broken("%s is missing", name)
}

// Content returns an entry that fits into memory.
func (z *zipReader) Content(name string, limit int64) ([]byte, error) {
	r, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, broken("%s: %w", name, err)
	}
	if int64(len(content)) > limit {
		return nil, broken("%s is larger than %d bytes", name, limit)
	}
	return content, nil
}

// Each calls fn with every entry in order.
func (z *zipReader) Each(ctx context.Context, fn func(name string, size int64, r io.Reader) error) error {
	for _, f := range z.z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := z.one(f, fn); err != nil {
			return err
		}
	}
	return nil
}

func (z *zipReader) one(f *zip.File, fn func(name string, size int64, r io.Reader) error) error {
	r, err := f.Open()
	if err != nil {
		return broken("%s: %w", f.Name, err)
	}
	defer func() { _ = r.Close() }()
	if err := fn(f.Name, int64(f.UncompressedSize64), r); err != nil {
		return fmt.Errorf("%w", err)
	}
	return nil
}
