package zipfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"time"
)

// Reader reads an archive that was checked as a whole. Several goroutines may
// use it when they may use the io.ReaderAt.
type Reader struct {
	in      io.ReaderAt
	options Options
	limits  Limits
	ends    ends
	total   int64
}

// NewReader checks the structure of the archive in r, of the given size, and
// refuses it with an *Error when it is damaged, ambiguous or beyond the limits.
// Content is not read. The directory is read once, and twice more per half a
// million entries, for which 4 MiB are enough.
func NewReader(r io.ReaderAt, size int64, o Options) (*Reader, error) {
	z := &Reader{in: r, options: o, limits: o.Limits.withDefaults()}
	e, err := readEnds(r, size)
	if err != nil {
		return nil, err
	}
	if e.n > z.limits.Entries {
		return nil, beyond("", "it has %d entries, more than the %d allowed", e.n, z.limits.Entries)
	}
	if e.n > e.length/lenCentral {
		return nil, refuse("", "its directory is too short for the %d entries it is said to have", e.n)
	}
	z.ends = e
	if err := z.layout(); err != nil {
		return nil, err
	}
	if err := z.twins(); err != nil {
		return nil, err
	}
	return z, nil
}

// Len is the number of entries.
func (r *Reader) Len() int64 { return r.ends.n }

// TotalSize is the declared size of all entries together, unpacked.
func (r *Reader) TotalSize() int64 { return r.total }

// Entry is a file in an archive, or a directory in a foreign one.
type Entry struct {
	Name     string
	Modified time.Time
	Method   Method
	// Size and Packed are declared; reading refuses content that differs.
	Size, Packed int64
	CRC32        uint32

	isDir  bool
	offset int64
	bits   uint16
	r      *Reader
}

// IsDir says whether the entry is a directory; its name then ends with a slash.
func (e *Entry) IsDir() bool { return e.isDir }

func (c *central) entry(r *Reader) *Entry {
	return &Entry{
		Name: c.name, Modified: c.modified, Method: c.method, Size: c.size, Packed: c.packed,
		CRC32: c.crc, isDir: c.isDir, offset: c.offset, bits: c.bits, r: r,
	}
}

// Entries lists the entries in the order in which they lie in the archive. An
// error ends the list.
func (r *Reader) Entries() iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		d := r.directory()
		for {
			c, err := d.next()
			if err != nil {
				yield(nil, err)
				return
			}
			if c == nil || !yield(c.entry(r), nil) {
				return
			}
		}
	}
}

// Find looks for an entry by reading the directory from its start: good for a
// few, while many are better taken in the order of Entries. A name that is not
// there is fs.ErrNotExist.
func (r *Reader) Find(name string) (*Entry, error) {
	d := r.directory()
	for {
		c, err := d.next()
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
		}
		if c.name == name {
			return c.entry(r), nil
		}
	}
}

// Verify reads the content of every entry and returns the first refusal.
func (r *Reader) Verify(ctx context.Context) error {
	for e, err := range r.Entries() {
		if err != nil {
			return err
		}
		if err := e.verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (e *Entry) verify(ctx context.Context) error {
	in, err := e.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := in.Read(*buf); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
