package zipfile

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// level is the compressor's: the fastest, since backups wait for it.
const level = 1

// errEntryOpen: entries are written one after the other.
var errEntryOpen = errors.New("zip: the entry before is not closed")

// WriterOptions say where the directory is kept until the end.
type WriterOptions struct {
	// TempDir holds the temporary file, the system's directory when empty.
	TempDir string
	// Memory is how much of the directory is kept in memory; 1 MiB when 0.
	Memory int
	// Skip leaves out that many bytes at the beginning, which a client has already.
	Skip int64
}

// Writer writes an archive. It is used by one goroutine. After an error the
// archive is lost: every later call reports that error again.
//
// Abort must be called in the end, usually deferred; after Close it does nothing.
type Writer struct {
	out   *bufio.Writer
	pos   int64
	skip  int64 // what lies before is not written
	dir   spill
	n     int64
	err   error
	open  bool
	done  bool
	flate *flate.Writer
	buf   []byte
}

// NewWriter starts an archive on w, which it neither closes nor seeks.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	if o.Memory == 0 {
		o.Memory = 1 << 20
	}
	return &Writer{out: bufio.NewWriterSize(w, 64<<10), skip: o.Skip, dir: spill{path: o.TempDir, limit: o.Memory}}
}

// Len is the number of entries begun so far.
func (w *Writer) Len() int64 { return w.n }

// Offset is the length of the archive so far.
func (w *Writer) Offset() int64 { return w.pos }

// rawWriter writes records and data, and counts them. It is a type of its own
// so that callers, who write to entries, do not see it.
type rawWriter struct{ w *Writer }

func (r rawWriter) Write(p []byte) (int, error) {
	if r.w.err != nil {
		return 0, r.w.err
	}
	past := int(min(int64(len(p)), max(0, r.w.skip-r.w.pos)))
	n, err := r.w.out.Write(p[past:])
	n += past
	r.w.pos += int64(n)
	if err != nil {
		err = r.w.fail(fmt.Errorf("zip: %w", err))
	}
	return n, err
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

// begin checks a header and writes the local one.
func (w *Writer) begin(rec *record) error {
	switch {
	case w.err != nil:
		return w.err
	case w.done:
		return errors.New("zip: the archive is closed")
	case w.open:
		return w.fail(errEntryOpen)
	}
	if reason := badName(rec.name); reason != "" {
		return w.fail(fmt.Errorf("zip: entry %q: %s", shown(rec.name), reason))
	}
	if len(rec.name) > max16 {
		return w.fail(fmt.Errorf("zip: entry %q: its name is too long", shown(rec.name)))
	}
	rec.offset = w.pos
	w.n++
	w.buf = rec.appendLocal(w.buf[:0])
	_, err := rawWriter{w}.Write(w.buf)
	return err
}

// end writes the descriptor and keeps the directory's header.
func (w *Writer) end(rec *record) error {
	if w.err != nil {
		return w.err
	}
	if rec.streamed {
		if _, err := (rawWriter{w}).Write(rec.appendDescriptor(w.buf[:0])); err != nil {
			return err
		}
	}
	w.buf = rec.appendCentral(w.buf[:0])
	if err := w.dir.write(w.buf); err != nil {
		return w.fail(fmt.Errorf("zip: keep the directory: %w", err))
	}
	return nil
}

// Create begins a deflated entry, whose size nobody needs to know. It must be
// closed before anything else is written.
func (w *Writer) Create(h Header) (io.WriteCloser, error) {
	e := &deflating{w: w, rec: record{name: h.Name, modified: h.Modified, method: Deflated, streamed: true}}
	if err := w.begin(&e.rec); err != nil {
		return nil, err
	}
	if w.flate == nil {
		f, err := flate.NewWriter(rawWriter{w}, level)
		if err != nil {
			return nil, w.fail(err)
		}
		w.flate = f
	} else {
		w.flate.Reset(rawWriter{w})
	}
	w.open = true
	e.start = w.pos
	return e, nil
}

// deflating is the open entry of a Writer.
type deflating struct {
	w      *Writer
	rec    record
	start  int64
	closed bool
}

func (e *deflating) Write(p []byte) (int, error) {
	if e.closed {
		return 0, errors.New("zip: write to a closed entry")
	}
	n, err := e.w.flate.Write(p)
	e.rec.crc = crc32.Update(e.rec.crc, crc32.IEEETable, p[:n])
	e.rec.size += int64(n)
	if err != nil {
		err = e.w.fail(err)
	}
	return n, err
}

// Close ends the entry. Closing it twice is no error.
func (e *deflating) Close() error {
	if e.closed {
		return e.w.err
	}
	e.closed, e.w.open = true, false
	if e.w.err != nil {
		return e.w.err
	}
	if err := e.w.flate.Close(); err != nil {
		return e.w.fail(err)
	}
	e.rec.packed = e.w.pos - e.start
	return e.w.end(&e.rec)
}

// StoreFile writes an entry as it is. The content of r must have the given
// size and CRC, which stand before it in the archive; otherwise the archive is lost.
func (w *Writer) StoreFile(h Header, size int64, crc uint32, r io.Reader) error {
	rec := record{name: h.Name, modified: h.Modified, method: Stored, crc: crc, size: size, packed: size}
	sum := crc32.NewIEEE()
	if err := w.copyData(&rec, io.TeeReader(r, sum)); err != nil {
		return err
	}
	if sum.Sum32() != crc {
		return w.fail(fmt.Errorf("zip: entry %q: its content is not what was announced", shown(h.Name)))
	}
	return w.end(&rec)
}

// StoreSeeker is StoreFile for content that can be read twice: once for size and CRC, once to copy.
func (w *Writer) StoreSeeker(h Header, r io.ReadSeeker) error {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("zip: entry %q: %w", shown(h.Name), err)
	}
	sum := crc32.NewIEEE()
	size, err := io.Copy(sum, r)
	if err == nil {
		_, err = r.Seek(start, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("zip: entry %q: %w", shown(h.Name), err)
	}
	return w.StoreFile(h, size, sum.Sum32(), r)
}

// CopyDeflated writes an entry that is deflated already. r gives packed bytes,
// which must unpack to size bytes with the given CRC: that is not checked here,
// a Reader will.
func (w *Writer) CopyDeflated(h Header, size, packed int64, crc uint32, r io.Reader) error {
	rec := record{name: h.Name, modified: h.Modified, method: Deflated, crc: crc, size: size, packed: packed}
	if err := w.copyData(&rec, r); err != nil {
		return err
	}
	return w.end(&rec)
}

// Raw begins an entry whose stored form is known: exactly packed bytes are to be
// written, which give size bytes with the given CRC, and then it is to be closed.
// That the bytes do give that is not checked here; a Reader will.
func (w *Writer) Raw(h Header, m Method, size, packed int64, crc uint32) (io.WriteCloser, error) {
	e := &raw{w: w, rec: record{name: h.Name, modified: h.Modified, method: m, crc: crc, size: size, packed: packed}}
	if err := w.begin(&e.rec); err != nil {
		return nil, err
	}
	w.open = true
	e.end = w.pos + packed
	return e, nil
}

// Past says whether an entry that is begun now would end in what is skipped, with
// a header of at most 64 KiB and the given number of bytes.
func (w *Writer) Past(packed int64) bool { return w.pos+max16+packed < w.skip }

// Pass is Raw for an entry for which Past is true: its bytes are not needed.
func (w *Writer) Pass(h Header, m Method, size, packed int64, crc uint32) error {
	e, err := w.Raw(h, m, size, packed, crc)
	if err != nil {
		return err
	}
	w.pos += packed
	return e.Close()
}

// raw is the open entry of a Writer, written as it is stored.
type raw struct {
	w   *Writer
	rec record
	end int64
}

func (e *raw) Write(p []byte) (int, error) {
	if int64(len(p)) > e.end-e.w.pos {
		return 0, e.w.fail(fmt.Errorf("zip: entry %q: its content has more than the %d bytes that were announced", shown(e.rec.name), e.rec.packed))
	}
	return rawWriter{e.w}.Write(p)
}

// Close ends the entry.
func (e *raw) Close() error {
	e.w.open = false
	if e.w.err == nil && e.w.pos != e.end {
		return e.w.fail(fmt.Errorf("zip: entry %q: its content has not the %d bytes that were announced", shown(e.rec.name), e.rec.packed))
	}
	return e.w.end(&e.rec)
}

// copyData writes the local header and exactly rec.packed bytes from r, and wants r to end there.
func (w *Writer) copyData(rec *record, r io.Reader) error {
	if rec.size < 0 || rec.packed < 0 {
		return w.fail(fmt.Errorf("zip: entry %q: negative size", shown(rec.name)))
	}
	if err := w.begin(rec); err != nil {
		return err
	}
	n, err := io.Copy(rawWriter{w}, io.LimitReader(r, rec.packed))
	if err != nil {
		return w.fail(fmt.Errorf("zip: entry %q: %w", shown(rec.name), err))
	}
	var more [1]byte
	m, err := io.ReadFull(r, more[:])
	if err != nil && !errors.Is(err, io.EOF) {
		return w.fail(fmt.Errorf("zip: entry %q: %w", shown(rec.name), err))
	}
	if n != rec.packed || m > 0 {
		return w.fail(fmt.Errorf("zip: entry %q: its content has not the %d bytes that were announced", shown(rec.name), rec.packed))
	}
	return nil
}

// Close writes the directory and ends the archive.
func (w *Writer) Close() error {
	if w.done {
		return w.err
	}
	if w.open {
		_ = w.fail(errEntryOpen)
	}
	if w.err == nil {
		start := w.pos
		if err := w.dir.copyTo(rawWriter{w}); err != nil {
			_ = w.fail(fmt.Errorf("zip: write the directory: %w", err))
		}
		_, _ = rawWriter{w}.Write(appendEnd(w.buf[:0], w.n, start, w.pos-start))
	}
	if w.err == nil {
		if err := w.out.Flush(); err != nil {
			_ = w.fail(fmt.Errorf("zip: %w", err))
		}
	}
	w.Abort()
	return w.err
}

// Abort gives up the archive and removes the temporary file.
func (w *Writer) Abort() {
	if !w.done {
		w.done = true
		w.dir.close()
	}
}
