package repo

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"
)

// Hash names chunks and manifest parts (keyed, over the plain content) and
// objects (plain SHA-256, over what is stored).
type Hash [32]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(b []byte) error {
	if n, err := hex.Decode(h[:], b); err != nil || n != len(h) || len(b) != 2*len(h) {
		return fmt.Errorf("%w: a hash is misspelt", ErrDamaged)
	}
	return nil
}

// kind says what a sealed text is, so that nothing is taken for something else.
type kind byte

const (
	kindChunk    kind = 'c'
	kindFooter   kind = 'f'
	kindManifest kind = 'm'
	kindRecord   kind = 'r' // commits, fences, sessions, condemned, forgotten
)

// keys are derived from the root key of the repository.
type keys struct {
	id     [32]byte // names of contents: nobody without it can test whether a content is here
	pack   [32]byte
	object [32]byte
	root   [32]byte
	// hashers are kept for use: to key one costs more than to hash a small chunk.
	hashers *sync.Pool
}

func deriveKeys(root [32]byte) keys {
	k := keys{root: root}
	for purpose, key := range map[string]*[32]byte{"chunk-id": &k.id, "pack": &k.pack, "object": &k.object} {
		b, err := hkdf.Key(sha256.New, root[:], nil, "holdfast repository 1 "+purpose, len(key))
		if err != nil {
			panic(err) // only for lengths that HKDF cannot give
		}
		copy(key[:], b)
	}
	id := k.id
	k.hashers = &sync.Pool{New: func() any { return hmac.New(sha256.New, id[:]) }}
	return k
}

// subkey is the key of one pack or object: with a key of its own, nonces can be counted.
func subkey(parent [32]byte, salt []byte) cipher.AEAD {
	b, err := hkdf.Key(sha256.New, parent[:], salt, "", 32)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot give
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size of GCM
	}
	return gcm
}

// identify computes the keyed hash of a content of a kind.
func (k *keys) identify(what kind, content []byte) (id Hash) {
	h := k.hashers.Get().(hash.Hash)
	defer k.hashers.Put(h)
	h.Reset()
	h.Write([]byte{byte(what)})
	hashInto(h, content)
	h.Sum(id[:0])
	return id
}

// nonce counts within one subkey.
func nonce(n uint64) []byte {
	var b [12]byte
	binary.BigEndian.PutUint64(b[4:], n)
	return b[:]
}

// about is the associated data of a sealed text: repository, kind and name.
func (r *Repository) about(what kind, name []byte) []byte {
	b := make([]byte, 0, 8+len(r.id)+1+len(name))
	b = append(b, "holdfast"...)
	b = append(b, r.id[:]...)
	return append(append(b, byte(what)), name...)
}

// A sealed object is the mark, the salt of its key, and the sealed text.
const (
	objectMark = "HFO1"
	saltSize   = 32
	sealSize   = 16 // what sealing adds
)

// seal returns the object that holds text. The name binds it to its place.
func (r *Repository) seal(what kind, name string, text []byte) ([]byte, error) {
	out := make([]byte, len(objectMark)+saltSize, len(objectMark)+saltSize+len(text)+sealSize)
	salt := out[copy(out, objectMark):]
	if err := r.random(salt); err != nil {
		return nil, err
	}
	return subkey(r.keys.object, salt).Seal(out, nonce(0), text, r.about(what, []byte(name))), nil
}

// unseal opens an object made by seal for the same name.
func (r *Repository) unseal(what kind, name string, object []byte) ([]byte, error) {
	if len(object) < len(objectMark)+saltSize+sealSize || string(object[:len(objectMark)]) != objectMark {
		return nil, fmt.Errorf("%w: it is no sealed object", ErrDamaged)
	}
	salt, text := object[len(objectMark):len(objectMark)+saltSize], object[len(objectMark)+saltSize:]
	out, err := subkey(r.keys.object, salt).Open(nil, nonce(0), text, r.about(what, []byte(name)))
	if err != nil {
		return nil, fmt.Errorf("%w: the seal does not hold", ErrDamaged)
	}
	return out, nil
}
