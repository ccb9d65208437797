package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"math"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
)

// Every backup reads every row. What costs most is not that but to bring the rows into
// their canonical form, and to name and hash it. So a snapshot keeps a proof of each
// share of a table: the SHA-256 of its rows as the engine gives them. Where the next
// backup finds the same sum, the same rows would give the same leaves, which are taken
// over as they are. A note about what changed is never trusted.
//
// The digest of a table runs over all of its rows. It is kept as it stands behind each share,
// so leaves are taken over up to the first that changed; from there on rows are encoded.

// proof is what is kept of a share.
type proof struct {
	share  int64 // its number
	sum    [sha256.Size]byte
	leaves []leafProof
	size   int64  // of the table up to its end, in bytes
	state  []byte // of the digest there
}

// leafProof is what is kept of a leaf.
type leafProof struct {
	first int64 // number of its first row
	rows  int64
	size  int64
}

// proofsKey is the key of the proofs of a table: behind its rows, and before the next table's.
func proofsKey(table string) []byte { return []byte(rowsKey + table + "\x01") }

// binding begins the proofs of a table, and makes those of another form of it worth nothing.
func binding(t Table, engine db.Dialect) []byte {
	doc, _ := json.Marshal(t) // cannot fail
	sum := sha256.Sum256(append([]byte("holdfast proofs 2 "+string(engine)+" "), doc...))
	return sum[:]
}

// printer takes the fingerprint of rows.
type printer struct {
	sum hash.Hash
	buf []byte
}

func newPrinter() *printer { return &printer{sum: sha256.New()} }

// row adds a row. No two different rows are written alike. Small numbers take few
// bytes, since hashing costs as much as reading.
func (p *printer) row(vals []any) {
	b := p.buf
	for _, v := range vals {
		switch v := v.(type) {
		case int64:
			b = binary.AppendVarint(append(b, 'i'), v)
		case string:
			b = append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
		case bool:
			b = append(b, 'f')
			if v {
				b[len(b)-1] = 'w'
			}
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 'r'), math.Float64bits(v))
		default:
			b = append(b, 'n')
		}
	}
	if p.buf = b; len(b) >= flushSize/4 {
		p.flush()
	}
}

func (p *printer) flush() {
	p.sum.Write(p.buf)
	p.buf = p.buf[:0]
}

// take returns the fingerprint and begins another.
func (p *printer) take() (sum [sha256.Size]byte) {
	p.flush()
	p.sum.Sum(sum[:0])
	p.sum.Reset()
	return sum
}

// stateSize is the length of the state of a digest after so many bytes.
func stateSize(size int64) int { return sha256.Size + int(size%sha256.BlockSize) }

const shaMagic = "sha\x03"

// digestState returns the chaining value of a SHA-256 and the bytes that wait for their block.
func digestState(h hash.Hash, size int64) ([]byte, error) {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.New("the digest cannot be kept")
	}
	b, err := m.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return b[len(shaMagic) : len(shaMagic)+stateSize(size)], nil
}

// resume returns the digest that had the state.
func resume(state []byte, size int64) (hash.Hash, error) {
	b := make([]byte, len(shaMagic)+sha256.Size+sha256.BlockSize, len(shaMagic)+sha256.Size+sha256.BlockSize+8)
	copy(b[copy(b, shaMagic):], state)
	h := sha256.New()
	u, ok := h.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errors.New("the digest cannot be resumed")
	}
	return h, u.UnmarshalBinary(binary.BigEndian.AppendUint64(b, uint64(size)))
}

func (p *proof) appendTo(b []byte) []byte {
	b = append(binary.BigEndian.AppendUint64(b, uint64(p.share)), p.sum[:]...)
	b = binary.AppendUvarint(b, uint64(len(p.leaves)))
	for _, l := range p.leaves {
		b = binary.BigEndian.AppendUint64(b, uint64(l.first))
		b = binary.AppendUvarint(b, uint64(l.rows))
		b = binary.AppendUvarint(b, uint64(l.size))
	}
	return append(b, p.state...)
}

// proofs reads the proofs of a table one after the other.
type proofs struct {
	rest []byte
	size int64
}

// next returns the next proof, nil at the end and where they make no sense: then rows are encoded.
func (l *proofs) next() *proof {
	r := bytes.NewReader(l.rest)
	p := &proof{size: l.size}
	var leaves uint64
	err := errors.Join(binary.Read(r, binary.BigEndian, &p.share), binary.Read(r, binary.BigEndian, &p.sum))
	if err == nil {
		leaves, err = binary.ReadUvarint(r)
	}
	for range min(leaves, uint64(r.Len())) {
		var leaf leafProof
		rows, rowsErr := uint64(0), binary.Read(r, binary.BigEndian, &leaf.first)
		size := uint64(0)
		if rowsErr == nil {
			rows, rowsErr = binary.ReadUvarint(r)
		}
		if rowsErr == nil {
			size, rowsErr = binary.ReadUvarint(r)
		}
		err = errors.Join(err, rowsErr)
		leaf.rows, leaf.size = int64(rows), int64(size)
		p.leaves = append(p.leaves, leaf)
		p.size += leaf.size
	}
	n := stateSize(max(p.size, 0))
	if err != nil || p.size < 0 || uint64(len(p.leaves)) != leaves || r.Len() < n {
		l.rest = nil
		return nil
	}
	at := len(l.rest) - r.Len()
	p.state = l.rest[at : at+n]
	l.rest, l.size = l.rest[at+n:], p.size
	return p
}

// proofsOf returns the proofs that the parent keeps of a table; nil where there are none.
func (t *taking) proofsOf(ctx context.Context, table Table) (*proofs, error) {
	if t.parent == nil {
		return nil, nil
	}
	var text []byte
	from := proofsKey(table.Name)
	err := t.to.Read(ctx, *t.parent, from, append(proofsKey(table.Name), 0), repo.Reading{Chunk: func(b []byte) error {
		text = append(text, b...)
		return nil
	}})
	switch {
	case errors.Is(err, repo.ErrDamaged) || errors.Is(err, objstore.ErrNotFound):
		return nil, nil // the rows are encoded
	case err != nil:
		return nil, err
	}
	rest, ok := bytes.CutPrefix(text, binding(table, t.src.DB.Dialect()))
	if !ok {
		return nil, nil
	}
	return &proofs{rest: rest}, nil
}
