package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/zipfile"
)

// Export is the archive of a snapshot. It is made anew whenever it is read, with
// the same bytes: what is stored is copied, so nothing of it is kept on a disk,
// its length is known beforehand, and reading can begin anywhere.
type Export struct {
	s     *Stored
	size  int64
	temp  string
	files bool
	// heads and tail are the documents around what is stored.
	heads []document
	parts []stretch
	tail  document
}

// document is an entry that is made, not stored.
type document struct {
	name string
	text []byte
}

// stretch is an entry put together from items of the snapshot.
type stretch struct {
	name         string
	from, to     []byte
	size, packed int64
	crc          uint32
}

// NewExport prepares the archive of a snapshot, with or without its files. Where
// this instance made the snapshot it signs the archive. tempDir takes the ZIP
// directory when it is large; the system's when empty.
func NewExport(ctx context.Context, s *Stored, keys *secret.Keyring, files bool, tempDir string) (*Export, error) {
	x := &Export{s: s, files: files, temp: tempDir}
	for _, e := range s.meta.Entries {
		p, err := x.measure(ctx, e.Name)
		if err != nil {
			return nil, err
		}
		if p.size != e.Size {
			return nil, broken("%s has %d bytes in snapshot %s, which says %d", e.Name, p.size, s.Snapshot.ID, e.Size)
		}
		x.parts = append(x.parts, p)
	}
	if err := x.documents(keys); err != nil {
		return nil, err
	}
	return x, x.add(ctx)
}

// Size is the length of the archive.
func (x *Export) Size() int64 { return x.size }

// measure adds up the fragments of an entry.
func (x *Export) measure(ctx context.Context, name string) (stretch, error) {
	p := stretch{name: name, packed: int64(len(repo.FinalBlock()))}
	p.from, p.to = part(name)
	err := x.s.repo.Read(ctx, x.s.Snapshot, p.from, p.to, repo.Reading{Entry: func(e *repo.Entry) error {
		if !e.Deflated {
			return broken("rows of %s are not compressed", name)
		}
		p.size += e.Size
		p.packed += e.StoredSize()
		p.crc = combineCRC(p.crc, e.CRC, e.Size)
		return nil
	}})
	return p, inSnapshot(x.s.Snapshot.ID, err)
}

// documents makes the entries that describe the others.
func (x *Export) documents(keys *secret.Keyring) error {
	m, seal := x.s.Manifest, x.s.Seal
	if !x.files {
		empty := sha256.Sum256(nil)
		m.Attachments, m.Files, m.Bytes = false, 0, 0
		seal.Files, seal.Missing, seal.State = Files{Digest: hex.EncodeToString(empty[:])}, []Missing{}, Complete
	}
	var err error
	doc := func(name string, v any) {
		text, e := indented(v)
		err = errors.Join(err, e)
		x.heads = append(x.heads, document{name, text})
	}
	doc(manifestName, m)
	x.heads = append(x.heads, document{readmeName, []byte(readme)})
	doc(schemaName, schema{m.SchemaVersion, x.s.Tables})
	if err != nil {
		return err
	}
	seal.Entries = nil
	for _, d := range x.heads {
		sum := sha256.Sum256(d.text)
		seal.Entries = append(seal.Entries, Entry{d.name, int64(len(d.text)), hex.EncodeToString(sum[:])})
	}
	seal.Entries = append(seal.Entries, x.s.meta.Entries...)
	if x.s.Origin == Own {
		if seal.Signature, err = sign(keys, seal); err != nil {
			return err
		}
	}
	text, err := indented(seal)
	x.tail = document{sealName, text}
	return err
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// add adds up the length of the archive.
func (x *Export) add(ctx context.Context) error {
	var z zipfile.Sizer
	for _, d := range x.heads {
		z.StoreFile(zipfile.Header{Name: d.name}, int64(len(d.text)))
	}
	for _, p := range x.parts {
		z.CopyDeflated(zipfile.Header{Name: p.name}, p.size, p.packed)
	}
	if x.files {
		err := x.s.repo.Read(ctx, x.s.Snapshot, []byte(filesKey), []byte(allFiles), repo.Reading{Entry: func(e *repo.Entry) error {
			if method, packed := stored(e); method == zipfile.Deflated {
				z.CopyDeflated(zipfile.Header{Name: blobName(shaOf(e))}, e.Size, packed)
			} else {
				z.StoreFile(zipfile.Header{Name: blobName(shaOf(e))}, e.Size)
			}
			return nil
		}})
		if err != nil {
			return inSnapshot(x.s.Snapshot.ID, err)
		}
	}
	z.StoreFile(zipfile.Header{Name: x.tail.name}, int64(len(x.tail.text)))
	x.size = z.Len()
	return nil
}

// stored returns how an archive holds a file, and its length there.
func stored(e *repo.Entry) (zipfile.Method, int64) {
	if e.Deflated && e.Size > 0 {
		return zipfile.Deflated, e.StoredSize() + int64(len(repo.FinalBlock()))
	}
	return zipfile.Stored, e.Size
}

// WriteTo writes the archive from its n-th byte on. An error in the middle means
// that w has no archive, or none to the end.
func (x *Export) WriteTo(ctx context.Context, w io.Writer, n int64) error {
	z := zipfile.NewWriter(w, zipfile.WriterOptions{TempDir: x.temp, Skip: n})
	defer z.Abort()
	for _, d := range x.heads {
		if err := x.document(z, d); err != nil {
			return err
		}
	}
	for _, p := range x.parts {
		if err := x.stretch(ctx, z, p); err != nil {
			return fmt.Errorf("export %s: %w", p.name, inSnapshot(x.s.Snapshot.ID, err))
		}
	}
	if x.files {
		if err := x.blobs(ctx, z); err != nil {
			return fmt.Errorf("export files: %w", inSnapshot(x.s.Snapshot.ID, err))
		}
	}
	if err := x.document(z, x.tail); err != nil {
		return err
	}
	return z.Close()
}

func (x *Export) document(z *zipfile.Writer, d document) error {
	return z.StoreFile(zipfile.Header{Name: d.name}, int64(len(d.text)), crc32.ChecksumIEEE(d.text), bytes.NewReader(d.text))
}

func (x *Export) stretch(ctx context.Context, z *zipfile.Writer, p stretch) error {
	h := zipfile.Header{Name: p.name}
	if z.Past(p.packed) {
		return z.Pass(h, zipfile.Deflated, p.size, p.packed, p.crc)
	}
	e, err := z.Raw(h, zipfile.Deflated, p.size, p.packed, p.crc)
	if err != nil {
		return err
	}
	err = x.s.repo.Read(ctx, x.s.Snapshot, p.from, p.to, repo.Reading{Fragments: true, Chunk: func(b []byte) error {
		_, err := e.Write(b)
		return err
	}})
	if err != nil {
		return err
	}
	if _, err := e.Write(repo.FinalBlock()); err != nil {
		return err
	}
	return e.Close()
}

// blobs writes the files. Those that lie in what is skipped are not read.
func (x *Export) blobs(ctx context.Context, z *zipfile.Writer) error {
	from, err := x.pass(ctx, z)
	if err != nil || from == nil {
		return err
	}
	var open io.WriteCloser
	end := func(e *repo.Entry) error {
		if open == nil {
			return nil
		}
		if method, _ := stored(e); method == zipfile.Deflated {
			if _, err := open.Write(repo.FinalBlock()); err != nil {
				return err
			}
		}
		return open.Close()
	}
	var last *repo.Entry
	err = x.s.repo.Read(ctx, x.s.Snapshot, from, []byte(allFiles), repo.Reading{
		Fragments: true,
		Entry: func(e *repo.Entry) error {
			if err := end(last); err != nil {
				return err
			}
			method, packed := stored(e)
			open, err = z.Raw(zipfile.Header{Name: blobName(shaOf(e))}, method, e.Size, packed, e.CRC)
			last = e
			return err
		},
		Chunk: func(b []byte) error { _, err := open.Write(b); return err },
	})
	if err != nil {
		return err
	}
	return end(last)
}

var errStop = errors.New("far enough")

// pass goes over the files that lie in what is skipped and returns the key of the
// first that does not, nil when there is none.
func (x *Export) pass(ctx context.Context, z *zipfile.Writer) (from []byte, err error) {
	err = x.s.repo.Read(ctx, x.s.Snapshot, []byte(filesKey), []byte(allFiles), repo.Reading{Entry: func(e *repo.Entry) error {
		method, packed := stored(e)
		if !z.Past(packed) {
			from = slices.Clone(e.Key)
			return errStop
		}
		return z.Pass(zipfile.Header{Name: blobName(shaOf(e))}, method, e.Size, packed, e.CRC)
	}})
	if errors.Is(err, errStop) {
		err = nil
	}
	return from, err
}

// combineCRC returns the CRC-32 of two contents one after the other, of which the
// second has the given length: the first is multiplied by x^(8n) modulo the
// polynomial, which is done by squaring.
func combineCRC(a, b uint32, n int64) uint32 {
	shift := uint32(1) << 30 // x^1: the highest bit is x^0
	power := uint32(1) << 31
	for n *= 8; n > 0; n >>= 1 {
		if n&1 == 1 {
			power = multiplyCRC(power, shift)
		}
		shift = multiplyCRC(shift, shift)
	}
	return multiplyCRC(a, power) ^ b
}

// multiplyCRC multiplies two polynomials modulo that of CRC-32, in its reflected form.
func multiplyCRC(a, b uint32) uint32 {
	product := uint32(0)
	for bit := uint32(1) << 31; bit > 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry == 1 {
			b ^= crc32.IEEE
		}
	}
	return product
}
