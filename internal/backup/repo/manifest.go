package repo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// Entry is one item of a snapshot as the manifest tells it.
type Entry struct {
	Key []byte
	// Count is what the source counted in it, such as rows.
	Count int64
	// Size and CRC are those of the plain content.
	Size int64
	CRC  uint32
	// Deflated says that the stored fragments are deflate blocks, which together
	// with a final block are one deflate stream; else they are the content.
	Deflated bool

	chunks []ref
}

// StoredSize is the length of the fragments together.
func (e *Entry) StoredSize() int64 {
	n := int64(0)
	for _, c := range e.chunks {
		n += int64(c.length) - sealSize
	}
	return n
}

// plainSize is the size of the i-th chunk: all but the last are full.
func (e *Entry) plainSize(i int) int64 { return min(chunkSize, e.Size-int64(i)*chunkSize) }

// ref is where a chunk lies.
type ref struct {
	id     Hash
	pack   *packRef
	offset uint32
	length uint32 // sealed
}

// packRef is a pack as manifests name it.
type packRef struct {
	name Hash
	salt [saltSize]byte
	size uint32
}

func packName(h Hash) string { s := h.String(); return packPrefix + s[:2] + "/" + s }

const (
	packPrefix     = "packs/"
	manifestPrefix = "manifests/"
	partMask       = 1<<10 - 1 // a part holds about a thousand entries
	partBytes      = 4 << 20   // and never much more than this
	maxKey         = 4 << 10
)

// cuts says whether a part ends behind the key. It depends on the key alone, so
// that parts in which nothing changed stay the same parts.
func cuts(key []byte, mask uint32) bool { return crc32.ChecksumIEEE(key)&mask == 0 }

// part is a stored part of a manifest, as commits name it.
type part struct {
	Object Hash   `json:"object"` // SHA-256 of what is stored, its name
	ID     Hash   `json:"id"`     // of the plain content
	First  []byte `json:"first"`  // its first key
	Items  int64  `json:"items"`
}

// encoder collects the entries of a part.
type encoder struct {
	mask    uint32
	packs   []*packRef
	numbers map[Hash]int
	body    []byte
	first   []byte
	last    []byte
	items   int64

	text, deflated []byte // used again
}

func (e *encoder) add(en *Entry) {
	if e.numbers == nil {
		e.numbers = map[Hash]int{}
	}
	if e.items == 0 {
		e.first = bytes.Clone(en.Key)
	}
	same := shared(e.last, en.Key)
	b := binary.AppendUvarint(e.body, uint64(same))
	b = binary.AppendUvarint(b, uint64(len(en.Key)-same))
	b = append(b, en.Key[same:]...)
	flags := byte(0)
	if en.Deflated {
		flags = 1
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(en.Count))
	b = binary.AppendUvarint(b, uint64(en.Size))
	b = binary.LittleEndian.AppendUint32(b, en.CRC)
	for _, c := range en.chunks { // their number follows from the size
		b = append(b, c.id[:]...)
		b = binary.AppendUvarint(b, uint64(e.number(c.pack)))
		b = binary.AppendUvarint(b, uint64(c.offset))
		b = binary.AppendUvarint(b, uint64(c.length))
	}
	e.body, e.last = b, append(e.last[:0], en.Key...)
	e.items++
}

func (e *encoder) number(p *packRef) int {
	n, ok := e.numbers[p.name]
	if !ok {
		n = len(e.packs)
		e.numbers[p.name], e.packs = n, append(e.packs, p)
	}
	return n
}

// full says that the part should end behind the entry added last.
func (e *encoder) full() bool {
	return e.items > 0 && (cuts(e.last, e.mask) || len(e.body) > partBytes)
}

func (e *encoder) bytes() []byte {
	b := binary.AppendUvarint(e.text[:0], uint64(len(e.packs)))
	for _, p := range e.packs {
		b = append(append(b, p.name[:]...), p.salt[:]...)
		b = binary.AppendUvarint(b, uint64(p.size))
	}
	b = binary.AppendUvarint(b, uint64(e.items))
	e.text = append(b, e.body...)
	return e.text
}

func (e *encoder) reset() {
	*e = encoder{mask: e.mask, body: e.body[:0], last: e.last[:0], text: e.text, deflated: e.deflated}
}

func shared(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// decodePart reads a part. Its seal was checked, so what does not fit was
// written by a program with a defect; it is still no reason to trust a number.
func decodePart(b []byte) ([]Entry, error) {
	d := &decoder{b: b}
	packs := make([]*packRef, d.number(len(b)/(2*len(Hash{}))))
	for i := range packs {
		p := &packRef{}
		copy(p.name[:], d.take(len(p.name)))
		copy(p.salt[:], d.take(len(p.salt)))
		p.size = uint32(d.number(maxPack))
		packs[i] = p
	}
	entries := make([]Entry, d.number(len(b)))
	var key []byte
	for i := range entries {
		entries[i] = d.entry(key, packs)
		if d.bad || i > 0 && bytes.Compare(key, entries[i].Key) >= 0 {
			return nil, errBadPart
		}
		key = entries[i].Key
	}
	if d.bad || len(d.b) > 0 {
		return nil, errBadPart
	}
	return entries, nil
}

var errBadPart = fmt.Errorf("%w: a manifest is malformed", ErrDamaged)

type decoder struct {
	b   []byte
	bad bool
}

// number reads a number that is at most the limit.
func (d *decoder) number(limit int) int {
	n, used := binary.Uvarint(d.b)
	if used <= 0 || n > uint64(limit) {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[used:]
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

const maxInt = int(^uint(0) >> 1)

func (d *decoder) entry(before []byte, packs []*packRef) Entry {
	same := d.number(len(before))
	suffix := d.take(d.number(maxKey))
	e := Entry{Key: slices.Concat(before[:same], suffix)}
	if f := d.take(1); len(f) == 1 {
		e.Deflated = f[0]&1 != 0
	}
	e.Count, e.Size = int64(d.number(maxInt)), int64(d.number(maxInt))
	if c := d.take(4); len(c) == 4 {
		e.CRC = binary.LittleEndian.Uint32(c)
	}
	n := (e.Size + chunkSize - 1) / chunkSize
	if d.bad || n*int64(len(Hash{})) > int64(len(d.b)) {
		d.bad = true
		return e
	}
	e.chunks = make([]ref, n)
	for i := range e.chunks {
		c := &e.chunks[i]
		copy(c.id[:], d.take(len(c.id)))
		at := d.number(len(packs))
		c.offset, c.length = uint32(d.number(maxPack)), uint32(d.number(maxPack))
		if d.bad || at == len(packs) || int64(c.offset)+int64(c.length) > int64(packs[at].size) || c.length < sealSize {
			d.bad = true
			return e
		}
		c.pack = packs[at]
	}
	return e
}

// putPart stores the collected entries as a part. A part that is stored already
// is found among known by its content.
func (r *Repository) putPart(ctx context.Context, e *encoder, known *partSet) (part, int64, error) {
	text := e.bytes()
	id := r.keys.identify(kindManifest, text)
	if p, ok := known.find(id); ok {
		return p, 0, nil
	}
	e.deflated = deflate(e.deflated[:0], text)
	object, err := r.seal(kindManifest, "", e.deflated)
	if err != nil {
		return part{}, 0, err
	}
	p := part{Object: digest(object), ID: id, First: e.first, Items: e.items}
	err = r.store.Put(ctx, manifestPrefix+p.Object.String(), object)
	if err != nil && !errors.Is(err, objstore.ErrExists) {
		return part{}, 0, fmt.Errorf("store a manifest: %w", err)
	}
	return p, int64(len(object)), nil
}

// texts are buffers for what is read of manifests; entries keep nothing of them.
var texts = sync.Pool{New: func() any { return new([]byte) }}

// getPart reads a part and proves that it is the one the commit names.
func (r *Repository) getPart(ctx context.Context, p part) ([]Entry, error) {
	object, err := r.store.Get(ctx, manifestPrefix+p.Object.String(), maxManifest)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", p.Object, err)
	}
	text, err := r.unseal(kindManifest, "", object)
	if err == nil {
		b := texts.Get().(*[]byte)
		defer texts.Put(b)
		*b, err = inflate((*b)[:0], text, maxManifest)
		text = *b
	}
	if err == nil && r.keys.identify(kindManifest, text) != p.ID {
		err = fmt.Errorf("%w: it is another manifest", ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", p.Object, err)
	}
	return decodePart(text)
}

// cursor walks the entries of a manifest in order, one part in memory.
type cursor struct {
	r       *Repository
	parts   []part
	entries []Entry
	// lost is told about parts that cannot be read; nil makes them errors.
	lost func(part, error)
}

// peek returns the entry that is next, nil at the end.
func (c *cursor) peek(ctx context.Context) (*Entry, error) {
	for len(c.entries) == 0 {
		if len(c.parts) == 0 {
			return nil, nil
		}
		p := c.parts[0]
		entries, err := c.r.getPart(ctx, p)
		if err != nil {
			if c.lost == nil || ctx.Err() != nil {
				return nil, err
			}
			c.lost(p, err)
		}
		c.parts, c.entries = c.parts[1:], entries
	}
	return &c.entries[0], nil
}

// next returns the next entry and goes on, nil at the end.
func (c *cursor) next(ctx context.Context) (*Entry, error) {
	e, err := c.peek(ctx)
	if e != nil {
		c.entries = c.entries[1:]
	}
	return e, err
}

// seek goes on to the first entry whose key is not below the given one, and
// reads no part in between.
func (c *cursor) seek(ctx context.Context, key []byte) (*Entry, error) {
	for len(c.parts) > 0 && bytes.Compare(c.parts[0].First, key) <= 0 {
		c.entries = nil // they lie before the next part, and so before the key
		if len(c.parts) == 1 || bytes.Compare(c.parts[1].First, key) > 0 {
			break
		}
		c.parts = c.parts[1:]
	}
	for {
		e, err := c.peek(ctx)
		if err != nil || e == nil || bytes.Compare(e.Key, key) >= 0 {
			return e, err
		}
		c.entries = c.entries[1:]
	}
}

// find returns the entry with the key, nil when there is none.
func (c *cursor) find(ctx context.Context, key []byte) (*Entry, error) {
	e, err := c.seek(ctx, key)
	if err != nil || e == nil || !bytes.Equal(e.Key, key) {
		return nil, err
	}
	return e, nil
}
