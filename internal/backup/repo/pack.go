package repo

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// A pack is the mark, the salt of its key, sealed chunks, the sealed footer,
// which lists them, and the length of the footer. The nonce of a chunk is where
// it begins.
const (
	packMark   = "HFP1"
	packHead   = len(packMark) + saltSize
	packTail   = 4
	footerItem = 32 + 4 + 4 + 1
)

// packed is a chunk in a pack.
type packed struct {
	id       Hash
	offset   uint32
	length   uint32
	deflated bool
}

// pack is a pack being filled.
type pack struct {
	ref    *packRef
	aead   cipher.AEAD
	buf    []byte
	chunks []packed
	sums   []uint32 // CRCs of what was sealed
	// entries become part of the manifest when the pack is stored.
	entries []*Entry
	spare   []byte
	// release gives the buffer back.
	release func()
}

func (r *Repository) newPack(buf []byte) (*pack, error) {
	p := &pack{ref: &packRef{}, buf: append(buf[:0], packMark...)}
	if err := r.random(p.ref.salt[:]); err != nil {
		return nil, err
	}
	p.buf = append(p.buf, p.ref.salt[:]...)
	p.aead = subkey(r.keys.pack, p.ref.salt[:])
	return p, nil
}

// full says that the pack should be closed.
func (r *Repository) full(p *pack) bool { return len(p.buf)+len(p.chunks)*footerItem >= r.packSize }

// add seals a chunk into the pack.
func (r *Repository) add(p *pack, id Hash, fragment []byte, deflated bool, sum uint32) ref {
	at := len(p.buf)
	p.buf = p.aead.Seal(p.buf, nonce(uint64(at)), fragment, r.about(kindChunk, id[:]))
	c := packed{id, uint32(at), uint32(len(p.buf) - at), deflated}
	p.chunks, p.sums = append(p.chunks, c), append(p.sums, sum)
	return ref{id: id, pack: p.ref, offset: c.offset, length: c.length}
}

// close appends the footer, padded to a whole number of steps, and names the pack.
func (r *Repository) close(p *pack) {
	bare := len(p.buf) + len(p.chunks)*footerItem + sealSize + packTail
	text := make([]byte, 0, (bare/packStep+1)*packStep-len(p.buf))
	for _, c := range p.chunks {
		text = append(text, c.id[:]...)
		text = binary.LittleEndian.AppendUint32(text, c.offset)
		text = binary.LittleEndian.AppendUint32(text, c.length)
		text = append(text, bit(c.deflated))
	}
	if over := bare % packStep; over > 0 {
		text = text[:len(text)+packStep-over] // zeros
	}
	at := len(p.buf)
	p.buf = p.aead.Seal(p.buf, nonce(uint64(at)), text, r.about(kindFooter, nil))
	p.buf = binary.LittleEndian.AppendUint32(p.buf, uint32(len(p.buf)-at))
	p.ref.name, p.ref.size = digest(p.buf), uint32(len(p.buf))
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// putPack proves that the closed pack can be opened and stores it.
func (r *Repository) putPack(ctx context.Context, p *pack) error {
	if err := r.reopen(p); err != nil {
		return fmt.Errorf("a pack did not read back before it was stored: %w", err)
	}
	err := r.store.Put(ctx, packName(p.ref.name), p.buf)
	if err != nil && !errors.Is(err, objstore.ErrExists) {
		return fmt.Errorf("store a pack: %w", err)
	}
	return nil
}

// reopen checks that what the list of chunks says is in the pack opens with keys
// derived anew and is what was sealed. That it unpacks was checked before.
func (r *Repository) reopen(p *pack) error {
	salt, chunks, err := r.footer(p.buf)
	if err != nil {
		return err
	}
	if !slices.Equal(chunks, p.chunks) {
		return fmt.Errorf("%w: the list of chunks is another", ErrDamaged)
	}
	aead := subkey(r.keys.pack, salt)
	for i, c := range chunks {
		giveWay()
		p.spare, err = aead.Open(p.spare[:0], nonce(uint64(c.offset)), p.buf[c.offset:c.offset+c.length], r.about(kindChunk, c.id[:]))
		if err != nil || crc32.ChecksumIEEE(p.spare) != p.sums[i] {
			return fmt.Errorf("%w: a chunk is not what was sealed", ErrDamaged)
		}
	}
	return nil
}

// checkPack reads a whole pack: every chunk must open, unpack and be what it is
// named.
func (r *Repository) checkPack(b []byte) ([]packed, error) {
	salt, chunks, err := r.footer(b)
	if err != nil {
		return nil, err
	}
	aead := subkey(r.keys.pack, salt)
	var fragment, text []byte
	for _, c := range chunks {
		fragment, err = aead.Open(fragment[:0], nonce(uint64(c.offset)), b[c.offset:c.offset+c.length], r.about(kindChunk, c.id[:]))
		if err != nil {
			return nil, fmt.Errorf("%w: the seal of a chunk does not hold", ErrDamaged)
		}
		plain := fragment
		if c.deflated {
			if text, err = inflate(text[:0], fragment, chunkSize); err != nil {
				return nil, err
			}
			plain = text
		}
		if r.keys.identify(kindChunk, plain) != c.id {
			return nil, fmt.Errorf("%w: a chunk is not what it is named", ErrDamaged)
		}
	}
	return chunks, nil
}

// footer opens the list of chunks of a pack.
func (r *Repository) footer(b []byte) (salt []byte, chunks []packed, err error) {
	if len(b) < packHead+sealSize+packTail || string(b[:len(packMark)]) != packMark {
		return nil, nil, fmt.Errorf("%w: it is no pack", ErrDamaged)
	}
	length := int(binary.LittleEndian.Uint32(b[len(b)-packTail:]))
	at := len(b) - packTail - length
	if length < sealSize || at < packHead {
		return nil, nil, fmt.Errorf("%w: a pack has no list of chunks", ErrDamaged)
	}
	salt = b[len(packMark):packHead]
	text, err := subkey(r.keys.pack, salt).Open(nil, nonce(uint64(at)), b[at:len(b)-packTail], r.about(kindFooter, nil))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the list of chunks of a pack is not what was written", ErrDamaged)
	}
	for end := uint32(packHead); len(text) >= footerItem; text = text[footerItem:] {
		c := packed{
			offset: binary.LittleEndian.Uint32(text[32:]), length: binary.LittleEndian.Uint32(text[36:]), deflated: text[40]&1 != 0,
		}
		copy(c.id[:], text)
		if c.length == 0 { // the padding begins
			break
		}
		if c.offset != end || uint64(c.offset)+uint64(c.length) > uint64(at) || c.length < sealSize {
			return nil, nil, fmt.Errorf("%w: the list of chunks of a pack does not fit it", ErrDamaged)
		}
		end = c.offset + c.length
		chunks = append(chunks, c)
	}
	return salt, chunks, nil
}
