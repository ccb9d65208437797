package zipfile

import (
	"bytes"
	"context"
	"hash/crc32"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
)

// moment is the time of all entries in tests.
var moment = time.Date(2026, 11, 23, 10, 20, 31, 0, time.UTC)

// piece is an entry of a forged archive: correct unless something alters it.
type piece struct {
	name    string
	content string
	deflate bool
	stream  bool
	// rec alters what both headers say, local and central one header each.
	rec            func(*record)
	local, central func([]byte) []byte
	// data replaces the packed data, junk follows it.
	data, junk []byte
}

// forgery is an archive that no Writer writes.
type forgery struct {
	pieces []piece
	// before begins the archive, gap stands between directory and end records.
	before, gap []byte
	// end alters the end records, and extra entries are counted there.
	end   func([]byte) []byte
	extra int64
}

func (f forgery) bytes(t testing.TB) []byte {
	t.Helper()
	out := bytes.Clone(f.before)
	var dir []byte
	for _, p := range f.pieces {
		rec, data := p.record(t, int64(len(out)))
		out = append(out, alter(p.local, rec.appendLocal(nil))...)
		out = append(out, data...)
		if rec.streamed {
			out = rec.appendDescriptor(out)
		}
		out = append(out, p.junk...)
		dir = append(dir, alter(p.central, rec.appendCentral(nil))...)
	}
	start := int64(len(out))
	out = append(append(out, dir...), f.gap...)
	return append(out, alter(f.end, appendEnd(nil, int64(len(f.pieces))+f.extra, start, int64(len(dir))))...)
}

func (p piece) record(t testing.TB, offset int64) (*record, []byte) {
	rec := &record{
		name: p.name, modified: moment, streamed: p.stream, offset: offset,
		crc: crc32.ChecksumIEEE([]byte(p.content)), size: int64(len(p.content)),
	}
	data := []byte(p.content)
	if p.deflate || p.stream {
		rec.method = Deflated
		data = deflate(t, data)
	}
	if p.data != nil {
		data = p.data
	}
	rec.packed = int64(len(data))
	if p.rec != nil {
		p.rec(rec)
	}
	return rec, data
}

func alter(fn func([]byte) []byte, b []byte) []byte {
	if fn == nil {
		return b
	}
	return fn(b)
}

// put16 and put32 write a number over the bytes at an offset.
func put16(at int, v uint16) func([]byte) []byte {
	return func(b []byte) []byte { le.PutUint16(b[at:], v); return b }
}

func put32(at int, v uint32) func([]byte) []byte {
	return func(b []byte) []byte { le.PutUint32(b[at:], v); return b }
}

// addExtra adds an extra field to a header whose fixed part has the given length.
func addExtra(fixed int, id uint16, data ...byte) func([]byte) []byte {
	return func(b []byte) []byte {
		field := le.AppendUint16(nil, id)
		field = le.AppendUint16(field, uint16(len(data)))
		at := 28
		if fixed == lenCentral {
			at = 30
		}
		le.PutUint16(b[at:], le.Uint16(b[at:])+uint16(4+len(data)))
		return append(append(b, field...), data...)
	}
}

func deflate(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// check opens and reads an archive completely.
func check(b []byte, o Options) error {
	r, err := NewReader(bytes.NewReader(b), int64(len(b)), o)
	if err != nil {
		return err
	}
	return r.Verify(context.Background())
}

// named makes a valid archive of small files, every second one streamed.
func named(names ...string) forgery {
	var f forgery
	for i, n := range names {
		f.pieces = append(f.pieces, piece{name: n, content: "content of " + n, stream: i%2 == 1})
	}
	return f
}
