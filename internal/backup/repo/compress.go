package repo

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
)

// level is a fast one: a backup is bounded by compression before anything else.
const level = 2

// A fragment ends on a byte border and without a final block, so that fragments
// one after the other, closed by finalBlock, are one deflate stream.
var finalBlock = []byte{0x03, 0x00}

// FinalBlock ends a deflate stream made of fragments.
func FinalBlock() []byte { return bytes.Clone(finalBlock) }

var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, level)
	if err != nil {
		panic(err) // the level is valid
	}
	return w
}}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// deflate appends the fragment of text to b.
func deflate(b, text []byte) []byte {
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	out := &appender{b}
	w.Reset(out)
	for p := range slices.Chunk(text, turn) {
		if _, err := w.Write(p); err != nil {
			panic(err) // memory takes everything
		}
		giveWay()
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return out.b
}

var unpackers = sync.Pool{New: func() any {
	u := &unpacker{}
	u.out = flate.NewReader(&u.in)
	return u
}}

// unpacker inflates fragments. The reader is of a type for which flate has a decoder of its own.
type unpacker struct {
	in   bytes.Reader
	text []byte // the fragment and the final block
	out  io.ReadCloser
}

// inflate appends the text of a fragment to b; more than limit bytes are an error.
func inflate(b, fragment []byte, limit int64) ([]byte, error) {
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	u.text = append(append(u.text[:0], fragment...), finalBlock...)
	u.in.Reset(u.text)
	if err := u.out.(flate.Resetter).Reset(&u.in, nil); err != nil {
		return b, fmt.Errorf("inflate: %w", err)
	}
	start := len(b)
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(4096, 3*len(fragment)))
		}
		n, err := u.out.Read(b[len(b):min(cap(b), len(b)+turn)])
		b = b[:len(b)+n]
		giveWay()
		switch {
		case int64(len(b)-start) > limit, err != nil && !errors.Is(err, io.EOF):
			return b[:start], fmt.Errorf("%w: a content does not unpack", ErrDamaged)
		case err != nil:
			return b, nil
		}
	}
}

// compressible tries a sample: what saves less than a twentieth is stored as it is.
func (b *buffer) compressible(text []byte) bool {
	sample := text[:min(len(text), 4<<10)]
	b.fragment = deflate(b.fragment[:0], sample)
	return len(b.fragment) < len(sample)-len(sample)/20
}

func digest(b []byte) (sum Hash) {
	h := sha256.New()
	hashInto(h, b)
	h.Sum(sum[:0])
	return sum
}
