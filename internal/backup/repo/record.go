package repo

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

const (
	commitPrefix  = "commits/"
	sessionPrefix = "sessions/"
)

// commitDoc is what stands at commits/<session>: the snapshot, or the word of a
// prune that there will be none.
type commitDoc struct {
	Fence    bool            `json:"fence,omitempty"`
	Seq      int64           `json:"seq,omitempty"`
	At       time.Time       `json:"at"`
	Prev     []link          `json:"prev,omitempty"`
	Complete bool            `json:"complete,omitempty"`
	Items    int64           `json:"items,omitempty"`
	Count    int64           `json:"count,omitempty"`
	Size     int64           `json:"size,omitempty"`
	Added    int64           `json:"added,omitempty"`
	Parts    []part          `json:"parts,omitempty"`
	Meta     json.RawMessage `json:"meta,omitempty"`
}

// link names a snapshot that the writer saw, so that removing one shows.
type link struct {
	ID   string `json:"id"`
	Hash Hash   `json:"hash"`
}

// Snapshot is a committed snapshot.
type Snapshot struct {
	// ID is that of the session that made it; ids sort by time.
	ID string
	// Seq counts the snapshots of the repository.
	Seq int64
	// At is when it was committed, by the clock of the store.
	At time.Time
	// Complete is false when the source could not read something; Meta says what.
	Complete bool
	// Items, Count and Size are the number of items, of what they count, and their plain bytes.
	Items, Count, Size int64
	// Added is how many bytes were stored for it.
	Added int64
	// Meta is the source's document.
	Meta json.RawMessage
	// Hash is the SHA-256 of the stored commit record.
	Hash Hash

	parts []part
	prev  []link
}

// putRecord stores a sealed JSON document.
func (r *Repository) putRecord(ctx context.Context, name string, v any) (Hash, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return Hash{}, fmt.Errorf("store %s: %w", name, err)
	}
	object, err := r.seal(kindRecord, name, deflate(nil, text))
	if err != nil {
		return Hash{}, err
	}
	return digest(object), r.store.Put(ctx, name, object)
}

func (r *Repository) getRecord(ctx context.Context, name string, v any) (Hash, error) {
	object, err := r.store.Get(ctx, name, maxRecord)
	if err != nil {
		return Hash{}, fmt.Errorf("read %s: %w", name, err)
	}
	text, err := r.unseal(kindRecord, name, object)
	if err == nil {
		text, err = inflate(nil, text, maxRecord)
	}
	if err != nil {
		return Hash{}, fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return Hash{}, fmt.Errorf("%s: %w: %w", name, ErrDamaged, err)
	}
	return digest(object), nil
}

// Snapshots lists the committed snapshots in the order in which they were begun.
// One whose record is damaged is an error: nothing may be decided without it.
func (r *Repository) Snapshots(ctx context.Context) ([]Snapshot, error) {
	var out []Snapshot
	err := r.commits(ctx, func(name string) error {
		s, fence, err := r.commit(ctx, name)
		if err == nil && !fence {
			out = append(out, s)
		}
		return err
	})
	return out, err
}

// Snapshot returns one, by its id or a unique beginning of it, or "latest".
func (r *Repository) Snapshot(ctx context.Context, id string) (Snapshot, error) {
	var found []string
	err := r.commits(ctx, func(name string) error {
		if _, fence, err := r.commit(ctx, name); err != nil || fence {
			if id == name {
				return err
			}
			return nil // another one's damage is not in the way
		}
		if id == "latest" {
			found = []string{name}
		} else if strings.HasPrefix(name, id) && id != "" {
			found = append(found, name)
		}
		return nil
	})
	switch {
	case err != nil:
		return Snapshot{}, err
	case len(found) == 0:
		return Snapshot{}, fmt.Errorf("%w: %q", ErrNoSnapshot, id)
	case len(found) > 1:
		return Snapshot{}, fmt.Errorf("%w: %q is the beginning of %d", ErrNoSnapshot, id, len(found))
	}
	s, _, err := r.commit(ctx, found[0])
	return s, err
}

func (r *Repository) commits(ctx context.Context, fn func(name string) error) error {
	return r.store.List(ctx, commitPrefix, func(i objstore.Info) error {
		return fn(strings.TrimPrefix(i.Name, commitPrefix))
	})
}

func (r *Repository) commit(ctx context.Context, id string) (s Snapshot, fence bool, err error) {
	var d commitDoc
	hash, err := r.getRecord(ctx, commitPrefix+id, &d)
	if err != nil {
		return s, false, err
	}
	return Snapshot{
		ID: id, Seq: d.Seq, At: d.At, Complete: d.Complete, Items: d.Items, Count: d.Count, Size: d.Size, Added: d.Added,
		Meta: d.Meta, Hash: hash, parts: d.Parts, prev: d.Prev,
	}, d.Fence, nil
}

// sessionDoc is a sign of life of a session. The name counts them.
type sessionDoc struct {
	At time.Time `json:"at"`
	// Parts is what was stored so far: a manifest that a next session goes on from.
	Parts []part `json:"parts,omitempty"`
}

// session is a backup being written.
type session struct {
	r    *Repository
	id   string
	next int // number of the next sign of life
}

// begin announces a session, before anything else is looked at.
func (r *Repository) begin(ctx context.Context) (*session, error) {
	now, err := r.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("the clock of the store: %w", err)
	}
	var id [6]byte
	if err := r.random(id[:]); err != nil {
		return nil, err
	}
	s := &session{r: r, id: now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(id[:])}
	return s, s.beat(ctx, nil)
}

// beat tells that the session lives and what it has. The first sign of life
// stays, as it tells when the session began, and so do the two newest.
func (s *session) beat(ctx context.Context, parts []part) error {
	now, err := s.r.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("the clock of the store: %w", err)
	}
	if _, err := s.r.putRecord(ctx, s.name(s.next), sessionDoc{At: now, Parts: parts}); err != nil {
		return fmt.Errorf("keep the session: %w", err)
	}
	if s.next > 2 {
		_ = s.r.store.Delete(ctx, s.name(s.next-2)) // a leftover is removed with the session
	}
	s.next++
	return nil
}

func (s *session) name(n int) string { return fmt.Sprintf("%s%s/%08d", sessionPrefix, s.id, n) }

// end removes the signs of life; prune removes what stays.
func (s *session) end(ctx context.Context) { _ = s.r.removeAll(ctx, sessionPrefix+s.id+"/") }

func (r *Repository) removeAll(ctx context.Context, prefix string) error {
	var names []string
	err := r.store.List(ctx, prefix, func(i objstore.Info) error { names = append(names, i.Name); return nil })
	for _, n := range names {
		err = errors.Join(err, r.store.Delete(ctx, n))
	}
	return err
}

// unended is a session that has neither committed nor been fenced.
type unended struct {
	id     string
	begun  time.Time // all by the clock of the store
	seen   time.Time
	newest string // the name of its newest sign of life
}

// unended lists the sessions without an end in the order of their beginning.
// ended names the commits and fences.
func (r *Repository) unended(ctx context.Context, ended map[string]bool) ([]unended, error) {
	var out []unended
	err := r.store.List(ctx, sessionPrefix, func(i objstore.Info) error {
		id, _, _ := strings.Cut(strings.TrimPrefix(i.Name, sessionPrefix), "/")
		if ended[id] {
			return nil
		}
		if n := len(out); n == 0 || out[n-1].id != id {
			out = append(out, unended{id: id, begun: i.Modified})
		}
		last := &out[len(out)-1]
		last.seen, last.newest = i.Modified, i.Name
		return nil
	})
	return out, err
}
