package repo

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"
)

func fuzzed(f *testing.F) (*world, *Repository) {
	f.Helper()
	w := newWorld(f)
	if _, err := w.backup(f.Context(), w.sim.Client(), small(random(1)), BackupOptions{}); err != nil {
		f.Fatal(err)
	}
	return w, must[*Repository](f)(w.open(f.Context(), w.sim))
}

// onlyDamage: whatever is not accepted is called damaged.
func onlyDamage(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
		t.Fatalf("the error is %v", err)
	}
}

func FuzzDecodePart(f *testing.F) {
	e := encoder{mask: partMask}
	p := &packRef{name: Hash{1}, size: 5000}
	e.add(&Entry{Key: []byte("a"), Count: 3, Size: 100, CRC: 7, Deflated: true, chunks: []ref{{Hash{2}, p, 36, 90}}})
	e.add(&Entry{Key: []byte("ab"), Size: chunkSize + 1, chunks: []ref{{Hash{3}, p, 126, 90}, {Hash{4}, p, 300, 60}}})
	e.add(&Entry{Key: []byte("b")})
	f.Add(e.bytes())
	f.Add([]byte{0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := decodePart(b)
		if onlyDamage(t, err); err != nil {
			return
		}
		again := encoder{mask: partMask}
		for i := range entries {
			again.add(&entries[i])
		}
		twice, err := decodePart(again.bytes())
		if err != nil || len(twice) != len(entries) {
			t.Fatalf("%d entries were read, and of those written again %d: %v", len(entries), len(twice), err)
		}
	})
}

func FuzzPack(f *testing.F) {
	w, r := fuzzed(f)
	pack := w.sim.Bytes(w.sim.Names(packPrefix)[0])
	f.Add(pack, uint16(0), byte(0))
	f.Add(pack[:100], uint16(90), byte(3))
	f.Add([]byte(packMark), uint16(1), byte(1))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, mask byte) {
		chunks, err := r.checkPack(b)
		if onlyDamage(t, err); err == nil && (!bytes.Equal(b, pack) || len(chunks) == 0) {
			t.Fatal("bytes that nobody sealed were accepted")
		}
		changed := bytes.Clone(pack)
		changed[len(pack)-1-int(at)%len(pack)] ^= mask
		if _, err := r.checkPack(changed); (err == nil) != (mask == 0) {
			t.Fatalf("a changed pack: %v", err)
		}
	})
}

// The list of chunks is sealed; what a program with a defect sealed is still no
// reason to trust a number.
func FuzzFooter(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 3*footerItem))
	_, r := fuzzed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := r.newPack(nil)
		if err != nil {
			t.Fatal(err)
		}
		r.add(p, Hash{1}, []byte("a chunk"), false, 0)
		at := len(p.buf)
		p.buf = p.aead.Seal(p.buf, nonce(uint64(at)), text, r.about(kindFooter, nil))
		p.buf = append(p.buf, byte(len(p.buf)-at), byte((len(p.buf)-at)>>8), byte((len(p.buf)-at)>>16), 0)
		_, chunks, err := r.footer(p.buf)
		onlyDamage(t, err)
		for _, c := range chunks {
			if int(c.offset)+int(c.length) > at {
				t.Fatal("a chunk is outside")
			}
		}
		_, err = r.checkPack(p.buf)
		onlyDamage(t, err)
	})
}

func FuzzInflate(f *testing.F) {
	f.Add(deflate(nil, []byte("some text")))
	f.Add(deflate(nil, make([]byte, 100_000)))
	f.Add([]byte{0xff, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 64 << 10
		out, err := inflate([]byte("before"), b, limit)
		if onlyDamage(t, err); err == nil && len(out) > limit+6 || !bytes.HasPrefix(out, []byte("before")) {
			t.Fatalf("%d bytes came out", len(out))
		}
		back, err := inflate(nil, deflate(nil, b), int64(len(b)))
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("what was deflated came back as something else: %v", err)
		}
	})
}

func FuzzFormat(f *testing.F) {
	w, _ := fuzzed(f)
	f.Add(w.sim.Bytes(formatName))
	f.Add([]byte(`{"format":"holdfast-repository","version":9}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := parseFormat(b)
		onlyDamage(t, err)
	})
}

func FuzzKey(f *testing.F) {
	w, r := fuzzed(f)
	key := w.sim.Bytes(w.sim.Names(keyPrefix)[0])
	f.Add(key)
	f.Add(key[:len(key)/2])
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var root [32]byte
		if r.open(b, []age.Identity{w.key}, &root) && root != r.keys.root {
			t.Fatal("a key that nobody wrapped was accepted")
		}
	})
}

func FuzzRecord(f *testing.F) {
	w, r := fuzzed(f)
	name := w.sim.Names(commitPrefix)[0]
	object := w.sim.Bytes(name)
	f.Add(object)
	f.Add([]byte(objectMark))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := r.unseal(kindRecord, name, b)
		if onlyDamage(t, err); err == nil && !bytes.Equal(b, object) {
			t.Fatal("an object that nobody sealed was accepted")
		}
	})
}
