package repo

import (
	"bytes"
	"context"
	"crypto/cipher"
	"fmt"
	"hash/crc32"

	"golang.org/x/sync/errgroup"
)

// readAhead is how much is fetched at a time where chunks lie side by side.
const readAhead = 2 << 20

// Reading is what Read tells.
type Reading struct {
	// Want, if set, is asked for each entry, ahead of its turn and from another
	// goroutine than the others; entries it does not want are not read and not told.
	Want func(*Entry) (bool, error)
	// Entry is called before the content of an entry.
	Entry func(*Entry) error
	// Chunk is called for each piece of the content, in order; what it is given
	// is used again afterwards. Nil reads entries only.
	Chunk func([]byte) error
	// Fragments asks for the pieces as they are stored (see Entry.Deflated): a copy
	// of them costs no compression. They are authentic, but not unpacked and checked.
	Fragments bool
}

// Read walks the entries of a snapshot with from <= key < to in their order; nil
// is open. Whatever differs from what was stored is ErrDamaged, before it is
// passed on.
func (r *Repository) Read(ctx context.Context, s Snapshot, from, to []byte, do Reading) error {
	rd := &reading{r: r, do: do, c: &cursor{r: r, parts: s.parts}, spans: make(chan *span, 1), spare: make(chan []byte, 4)}
	if do.Chunk == nil {
		return rd.entries(ctx, from, to, rd.tell)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(rd.spans); return rd.fetch(ctx, from, to) })
	g.Go(func() error { return rd.deliver(ctx) })
	return g.Wait()
}

type reading struct {
	r     *Repository
	do    Reading
	c     *cursor
	spans chan *span
	open  *span

	crc      uint32 // of the entry being delivered
	fragment []byte
	plain    []byte
	aead     cipher.AEAD // of the pack read last
	of       Hash
	spare    chan []byte // for stretches
}

// span is a stretch of a pack, and the chunks in it.
type span struct {
	pack   *packRef
	at     int64
	length int64
	pieces []piece
	data   []byte
}

// piece is a chunk, or an entry without any (chunk < 0).
type piece struct {
	entry *Entry
	chunk int
}

func (rd *reading) entries(ctx context.Context, from, to []byte, fn func(*Entry) error) error {
	if from != nil {
		if _, err := rd.c.seek(ctx, from); err != nil {
			return err
		}
	}
	for {
		e, err := rd.c.next(ctx)
		if err != nil || e == nil || to != nil && bytes.Compare(e.Key, to) >= 0 {
			return err
		}
		if rd.do.Want != nil {
			if ok, err := rd.do.Want(e); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		if err := fn(e); err != nil {
			return err
		}
	}
}

func (rd *reading) tell(e *Entry) error {
	if rd.do.Entry == nil {
		return nil
	}
	return rd.do.Entry(e)
}

// fetch reads stretches of packs ahead of their delivery.
func (rd *reading) fetch(ctx context.Context, from, to []byte) error {
	err := rd.entries(ctx, from, to, func(e *Entry) error {
		if len(e.chunks) == 0 {
			return rd.plan(ctx, piece{e, -1})
		}
		for i := range e.chunks {
			if err := rd.plan(ctx, piece{e, i}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return rd.send(ctx)
}

// plan adds a piece to the open span, or begins another.
func (rd *reading) plan(ctx context.Context, p piece) error {
	if p.chunk < 0 {
		if rd.open == nil {
			rd.open = &span{}
		}
		rd.open.pieces = append(rd.open.pieces, p)
		return nil
	}
	c := p.entry.chunks[p.chunk]
	s := rd.open
	fits := s != nil && (s.pack == nil || s.pack.name == c.pack.name && s.at+s.length == int64(c.offset)) &&
		s.length+int64(c.length) <= readAhead && len(s.pieces) < 4096
	if !fits {
		if err := rd.send(ctx); err != nil {
			return err
		}
		s = &span{}
		rd.open = s
	}
	if s.pack == nil {
		s.pack, s.at = c.pack, int64(c.offset)
	}
	s.length += int64(c.length)
	s.pieces = append(s.pieces, p)
	return nil
}

func (rd *reading) send(ctx context.Context) error {
	s := rd.open
	if s == nil {
		return nil
	}
	rd.open = nil
	if s.pack != nil {
		select {
		case s.data = <-rd.spare:
		default:
		}
		if int64(cap(s.data)) < s.length {
			s.data = make([]byte, max(s.length, readAhead))
		}
		s.data = s.data[:s.length]
		if err := rd.r.store.ReadAt(ctx, packName(s.pack.name), s.data, s.at); err != nil {
			return fmt.Errorf("read %s: %w", packName(s.pack.name), err)
		}
	}
	select {
	case rd.spans <- s:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (rd *reading) deliver(ctx context.Context) error {
	for s := range rd.spans {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data := s.data
		for _, p := range s.pieces {
			var sealed []byte
			if p.chunk >= 0 {
				n := p.entry.chunks[p.chunk].length
				sealed, data = data[:n], data[n:]
			}
			if err := rd.piece(p, sealed); err != nil {
				return err
			}
		}
		select {
		case rd.spare <- s.data:
		default:
		}
	}
	return nil
}

func (rd *reading) piece(p piece, sealed []byte) error {
	if p.chunk <= 0 {
		rd.crc = 0
		if err := rd.tell(p.entry); err != nil {
			return err
		}
	}
	if p.chunk < 0 {
		return nil
	}
	c := &p.entry.chunks[p.chunk]
	var err error
	if rd.aead == nil || rd.of != c.pack.name {
		rd.aead, rd.of = subkey(rd.r.keys.pack, c.pack.salt[:]), c.pack.name
	}
	rd.fragment, err = rd.aead.Open(rd.fragment[:0], nonce(uint64(c.offset)), sealed, rd.r.about(kindChunk, c.id[:]))
	if err != nil {
		return fmt.Errorf("%w: the seal of a chunk in %s does not hold", ErrDamaged, packName(c.pack.name))
	}
	if rd.do.Fragments {
		return rd.do.Chunk(rd.fragment)
	}
	plain, err := rd.unpack(p, c)
	if err != nil {
		return fmt.Errorf("%s: %w", packName(c.pack.name), err)
	}
	return rd.do.Chunk(plain)
}

// unpack inflates the fragment and checks that it is what the manifest says.
func (rd *reading) unpack(p piece, c *ref) ([]byte, error) {
	plain := rd.fragment
	if p.entry.Deflated {
		var err error
		if rd.plain, err = inflate(rd.plain[:0], rd.fragment, chunkSize); err != nil {
			return nil, err
		}
		plain = rd.plain
	}
	rd.crc = crc32.Update(rd.crc, crc32.IEEETable, plain)
	last := p.chunk == len(p.entry.chunks)-1
	switch {
	case int64(len(plain)) != p.entry.plainSize(p.chunk), last && rd.crc != p.entry.CRC, rd.r.keys.identify(kindChunk, plain) != c.id:
		return nil, fmt.Errorf("%w: a chunk is not what it is named", ErrDamaged)
	}
	return plain, nil
}
