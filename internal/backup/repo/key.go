package repo

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// Recipient is someone who can open the repository.
type Recipient struct {
	// Label tells people whose key it is, such as "server" or "recovery kit".
	Label string
	Key   age.Recipient
}

// KeyInfo describes a stored key.
type KeyInfo struct {
	// Name is the name of the object.
	Name string
	// Label is whose key it is; it stands in the name, readable by everyone.
	Label string
}

// wrapped is what the recipients can read.
type wrapped struct {
	Repository string `json:"repository"`
	Root       string `json:"root"`
}

const keyPrefix = "keys/"

// AddKey lets a recipient open the repository. No data is written anew.
func (r *Repository) AddKey(ctx context.Context, rec Recipient) (KeyInfo, error) {
	doc, err := json.Marshal(wrapped{hex.EncodeToString(r.id[:]), hex.EncodeToString(r.keys.root[:])})
	if err != nil {
		return KeyInfo{}, fmt.Errorf("wrap the key: %w", err)
	}
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, rec.Key)
	if err != nil {
		return KeyInfo{}, fmt.Errorf("wrap the key: %w", err)
	}
	if _, err := w.Write(doc); err != nil {
		return KeyInfo{}, fmt.Errorf("wrap the key: %w", err)
	}
	if err := w.Close(); err != nil {
		return KeyInfo{}, fmt.Errorf("wrap the key: %w", err)
	}
	k := KeyInfo{Name: keyName(slug(rec.Label), buf.Bytes()), Label: slug(rec.Label)}
	if err := r.store.Put(ctx, k.Name, buf.Bytes()); err != nil {
		return KeyInfo{}, fmt.Errorf("store the key of %s: %w", rec.Label, err)
	}
	return k, nil
}

// keyName has a part of the digest of the key, so that damage shows without an identity.
func keyName(label string, b []byte) string {
	return keyPrefix + label + "-" + digest(b).String()[:16] + ".age"
}

// checkKey finds damage of a stored key.
func (r *Repository) checkKey(ctx context.Context, name string) error {
	b, err := r.store.Get(ctx, name, maxDocument)
	if err != nil {
		return err
	}
	if name != keyName(labelOf(name), b) {
		return fmt.Errorf("%w: the key is not what it is named", ErrDamaged)
	}
	return nil
}

// labelOf returns the label in the name of a key.
func labelOf(name string) string {
	label := strings.TrimSuffix(strings.TrimPrefix(name, keyPrefix), ".age")
	if at := strings.LastIndexByte(label, '-'); at > 0 {
		label = label[:at]
	}
	return label
}

// Keys lists who can open the repository.
func (r *Repository) Keys(ctx context.Context) ([]KeyInfo, error) {
	var out []KeyInfo
	err := r.store.List(ctx, keyPrefix, func(i objstore.Info) error {
		out = append(out, KeyInfo{Name: i.Name, Label: labelOf(i.Name)})
		return nil
	})
	return out, err
}

// RemoveKey takes a recipient's key away. The last key stays, because without it
// nobody could read any backup. Whoever copied the key before keeps what it opens.
func (r *Repository) RemoveKey(ctx context.Context, name string) error {
	all, err := r.Keys(ctx)
	if err != nil {
		return err
	}
	others := 0
	for _, k := range all {
		if k.Name != name {
			others++
		}
	}
	switch {
	case others == len(all):
		return fmt.Errorf("remove a key: %w", objstore.ErrNotFound)
	case others == 0:
		return errLastKey
	}
	b, err := r.store.Get(ctx, name, maxDocument)
	if err != nil {
		return fmt.Errorf("remove a key: %w", err)
	}
	if err := r.store.Delete(ctx, name); err != nil {
		return err
	}
	return r.keepOne(ctx, name, b)
}

// keepOne puts a removed key back when others removed all the others meanwhile.
func (r *Repository) keepOne(ctx context.Context, name string, b []byte) error {
	ctx = context.WithoutCancel(ctx)
	left, err := r.Keys(ctx)
	if err != nil || len(left) > 0 {
		return err
	}
	return errors.Join(errLastKey, r.store.Put(ctx, name, b))
}

var errLastKey = errors.New("the last key cannot be removed: nobody could read the backups any more")

// unwrap finds the root key with one of the identities.
func (r *Repository) unwrap(ctx context.Context, identities []age.Identity) (root [32]byte, err error) {
	found := false
	err = r.store.List(ctx, keyPrefix, func(i objstore.Info) error {
		if found || len(identities) == 0 {
			return nil
		}
		b, err := r.store.Get(ctx, i.Name, maxDocument)
		if errors.Is(err, objstore.ErrNotFound) { // removed a moment ago
			return nil
		}
		if err != nil {
			return err
		}
		found = r.open(b, identities, &root)
		return nil
	})
	if err == nil && !found {
		err = ErrNoKey
	}
	return root, err
}

// open says whether an identity opens the stored key and the key is this repository's.
// A damaged key is one that does not open: another may.
func (r *Repository) open(b []byte, identities []age.Identity, root *[32]byte) bool {
	rd, err := age.Decrypt(bytes.NewReader(b), identities...)
	if err != nil {
		return false
	}
	doc, err := io.ReadAll(io.LimitReader(rd, maxDocument))
	var w wrapped
	if err != nil || json.Unmarshal(doc, &w) != nil || w.Repository != hex.EncodeToString(r.id[:]) {
		return false
	}
	key, err := hex.DecodeString(w.Root)
	if err != nil || len(key) != len(root) {
		return false
	}
	copy(root[:], key)
	return true
}

// slug makes a label fit for the name of an object.
func slug(label string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(label) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "_") {
			b.WriteByte('_')
		}
	}
	if s := strings.Trim(b.String(), "_"); s != "" {
		return s
	}
	return "key"
}
