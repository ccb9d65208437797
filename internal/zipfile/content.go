package zipfile

import (
	"bufio"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// inflater unpacks one entry after the other. The buffer gives the
// decompressor single bytes, so that it does not read beyond its end.
type inflater struct {
	in  *bufio.Reader
	out io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	in := bufio.NewReaderSize(nil, 16<<10)
	return &inflater{in: in, out: flate.NewReader(in)}
}}

// content checks an entry while it is read.
type content struct {
	e    *Entry
	src  io.Reader
	raw  *io.SectionReader
	inf  *inflater
	left int64
	crc  uint32
	err  error
}

// Open returns the content of the entry. Reading ends with io.EOF only when
// size and CRC are the declared ones, and never gives more than the declared
// size. A reader that stops after Size bytes learns of a difference from Close.
func (e *Entry) Open() (io.ReadCloser, error) {
	raw, err := e.section()
	if err != nil {
		return nil, err
	}
	c := &content{e: e, src: raw, raw: raw, left: e.Size}
	if e.Method == Deflated {
		c.inf = inflaters.Get().(*inflater)
		c.inf.in.Reset(raw)
		if err := c.inf.out.(flate.Resetter).Reset(c.inf.in, nil); err != nil {
			return nil, unreadable(e.Name, err)
		}
		c.src = c.inf.out
	}
	return c, nil
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	if c.left == 0 {
		c.err = c.finish()
		return 0, c.err
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.left)])
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p[:n])
	c.left -= int64(n)
	switch {
	case c.left == 0:
		c.err = c.finish()
		if errors.Is(c.err, io.EOF) {
			return n, nil
		}
	case err != nil:
		c.err = c.broken(err)
	}
	return n, c.err
}

// finish checks the end of the data: nothing more unpacks from it, nothing is
// left of it, and the checksum is right.
func (c *content) finish() error {
	var more [1]byte
	n, err := io.ReadFull(c.src, more[:])
	switch {
	case n > 0:
		return refuse(c.e.Name, "it unpacks to more than the %d bytes it is said to have", c.e.Size)
	case !errors.Is(err, io.EOF):
		return c.broken(err)
	}
	rest := c.raw.Size()
	if at, err := c.raw.Seek(0, io.SeekCurrent); err == nil {
		rest -= at
	}
	if c.inf != nil {
		rest += int64(c.inf.in.Buffered())
	}
	if rest > 0 {
		return refuse(c.e.Name, "%d bytes follow the end of its packed data", rest)
	}
	if c.crc != c.e.CRC32 {
		return refuse(c.e.Name, "its checksum is wrong: the archive is damaged")
	}
	return io.EOF
}

// broken turns an error of unpacking into a refusal.
func (c *content) broken(err error) error {
	var damaged flate.CorruptInputError
	switch {
	case errors.As(err, &damaged):
		return refuse(c.e.Name, "its packed data is damaged")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(c.e.Name, "its data ends before the %d bytes it is said to have", c.e.Size)
	}
	return unreadable(c.e.Name, err)
}

// Close releases the entry and repeats what Read refused.
func (c *content) Close() error {
	if c.inf != nil {
		inflaters.Put(c.inf)
		c.inf, c.src = nil, nil
	}
	err := c.err
	c.err = errClosed
	if errors.Is(err, io.EOF) || errors.Is(err, errClosed) {
		return nil
	}
	return err
}
