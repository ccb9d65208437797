package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
)

// Name names one key of a keyring and the file it lies in.
type Name string

// The keys of an instance.
const (
	TokenPepper       Name = "token-pepper"        // API keys, sessions, one-time links
	BackupTokenPepper Name = "backup-token-pepper" // backup tokens only
	Cookie            Name = "cookie"              // sealed cookies and links
	Audit             Name = "audit"               // the audit log's hash chain
	Instance          Name = "instance"            // everything derived by purpose
)

// Names lists the keys of an instance.
func Names() []Name { return []Name{TokenPepper, BackupTokenPepper, Cookie, Audit, Instance} }

// Key is 32 random bytes. It prints as "[key]".
type Key [32]byte

// String hides the key.
func (Key) String() string { return "[key]" }

// GoString hides the key from %#v.
func (Key) GoString() string { return "[key]" }

// Keyring holds the keys of one instance. It is safe for concurrent use, as it never changes.
type Keyring struct {
	keys map[Name]Key
}

// ErrKeyMissing is returned for an existing instance that lacks one of its keys.
var ErrKeyMissing = errors.New("secret key is missing")

// ErrKeyExposed is returned when other users of the machine may read or replace a key.
var ErrKeyExposed = errors.New("secret key is open to other users")

// ErrKeyDamaged is returned when a key file does not hold a key.
var ErrKeyDamaged = errors.New("secret key is damaged")

// OpenKeyring reads the keys in dir and, for a new instance, makes those that are not there yet.
//
// When instanceExists, a missing key is ErrKeyMissing: a new one would quietly make every token, session
// and sealed value invalid. An interrupted first start is completed by the next one.
func OpenKeyring(dir string, instanceExists bool) (*Keyring, error) {
	if !instanceExists {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make key directory: %w", err)
		}
	}
	if err := private(dir, "700"); err != nil {
		return nil, err
	}
	k := &Keyring{keys: map[Name]Key{}}
	for _, name := range Names() {
		key, err := openKey(filepath.Join(dir, string(name)), instanceExists)
		if err != nil {
			return nil, err
		}
		k.keys[name] = key
	}
	return k, nil
}

// Save writes the keys into dir, which holds none yet: after a crash all of them are
// there or none. Keys that are there are never replaced: the error is fs.ErrExist then.
// The caller sees to it that nobody else saves into dir meanwhile.
func (k *Keyring) Save(dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("make key directory: %w", err)
	}
	made := dir + unfinished
	if err := os.RemoveAll(made); err != nil { // of a crash
		return fmt.Errorf("make key directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	if err := os.Mkdir(made, 0o700); err != nil {
		return fmt.Errorf("make key directory: %w", err)
	}
	for _, name := range Names() {
		if err := createKey(filepath.Join(made, string(name)), k.keys[name]); err != nil {
			return fmt.Errorf("save key %s: %w", name, err)
		}
	}
	if err := os.Rename(made, dir); err != nil {
		return fmt.Errorf("save keys: %w", err)
	}
	return syncDir(filepath.Dir(dir))
}

// Discard removes the keys in dir, which nothing was sealed with yet: after a crash
// all of them are there or none.
func Discard(dir string) error {
	if err := os.Rename(dir, dir+unfinished); err != nil {
		return fmt.Errorf("discard keys: %w", err)
	}
	return errors.Join(syncDir(filepath.Dir(dir)), os.RemoveAll(dir+unfinished))
}

// unfinished ends the name of a key directory that is being made or removed.
const unfinished = ".new"

// Equal says whether both hold the same keys.
func (k *Keyring) Equal(other *Keyring) bool { return maps.Equal(k.keys, other.keys) }

// NewKeyring returns fresh keys that are kept nowhere, for tests and scratch instances.
func NewKeyring() *Keyring {
	k := &Keyring{keys: map[Name]Key{}}
	for _, name := range Names() {
		k.keys[name] = newKey()
	}
	return k
}

// RingOf returns a keyring of the given keys, which must be all that Names lists.
func RingOf(keys map[Name]Key) *Keyring {
	k := &Keyring{keys: map[Name]Key{}}
	for _, name := range Names() {
		key, ok := keys[name]
		if !ok {
			panic("secret: no key named " + string(name))
		}
		k.keys[name] = key
	}
	return k
}

// Key returns a key by name. Asking for a name that Names does not list is a programming error.
func (k *Keyring) Key(name Name) Key {
	key, ok := k.keys[name]
	if !ok {
		panic("secret: no key named " + string(name))
	}
	return key
}

// Derive returns a key of its own for a purpose, such as "webhook signatures".
func (k *Keyring) Derive(name Name, purpose string) Key {
	key := k.Key(name)
	out, err := hkdf.Key(sha256.New, key[:], nil, purpose, len(key))
	if err != nil {
		panic("secret: derive: " + err.Error()) // only for a length beyond 8160 bytes
	}
	return Key(out)
}

func newKey() (k Key) {
	rand.Read(k[:])
	return k
}

func openKey(path string, mustExist bool) (Key, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if mustExist {
		return Key{}, fmt.Errorf("%w: %s; put the file back from a copy of the data directory, or run holdfast recover with the recovery kit", ErrKeyMissing, path)
	}
	if err := createKey(path, newKey()); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create key: %w", err)
	}
	return readKey(path) // what is on disk counts, also when another process was faster
}

func readKey(path string) (Key, error) {
	if err := private(path, "600"); err != nil {
		return Key{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("read key: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return Key{}, fmt.Errorf("read key: %w", err)
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(content)))
	if err != nil || len(raw) != len(Key{}) {
		return Key{}, fmt.Errorf("%w: %s does not hold 64 hexadecimal digits; put the file back from a copy", ErrKeyDamaged, path)
	}
	return Key(raw), nil
}

// private refuses a path that group or others may read or change.
func private(path, mode string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && mode == "700" {
		return fmt.Errorf("%w: the directory %s is not there; put it back from a copy of the data directory, or run holdfast recover with the recovery kit", ErrKeyMissing, path)
	}
	if err != nil {
		return fmt.Errorf("look at key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o; run chmod %s %s, and consider who may have read it", ErrKeyExposed, path, info.Mode().Perm(), mode, path)
	}
	return nil
}

// createKey writes a key so that after a crash the file is whole or absent, and never replaces one.
func createKey(path string, key Key) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(key[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
