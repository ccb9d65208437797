package repo

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// Snapshots lists the committed snapshots, the newest last. One whose record is
// damaged is an error: nothing may be decided without it.
func (r *Repository) Snapshots(ctx context.Context) ([]Snapshot, error) {
	var out []Snapshot
	err := r.commits(ctx, func(name string) error {
		s, fence, err := r.commit(ctx, name)
		if errors.Is(err, objstore.ErrNotFound) { // forgotten a moment ago
			return nil
		}
		if err == nil && !fence {
			out = append(out, s)
		}
		return err
	})
	slices.SortStableFunc(out, func(a, b Snapshot) int { return a.compare(&b) })
	return out, err
}

// compare orders snapshots by what their writers saw of each other. Clocks jump,
// so their times only decide between writers that ran at the same time.
func (s *Snapshot) compare(o *Snapshot) int {
	return cmp.Or(cmp.Compare(s.Seq, o.Seq), cmp.Compare(s.ID, o.ID))
}

// Snapshot returns one, by its id or a unique beginning of it, or "latest".
//
// Errors: ErrNoSnapshot; ErrDamaged when the record is damaged, or for "latest"
// when a damaged one may be newer.
func (r *Repository) Snapshot(ctx context.Context, id string) (Snapshot, error) {
	if id == "latest" {
		return r.latest(ctx)
	}
	var found []Snapshot
	err := r.commits(ctx, func(name string) error {
		if id == "" || !strings.HasPrefix(name, id) {
			return nil
		}
		s, fence, err := r.commit(ctx, name)
		if errors.Is(err, objstore.ErrNotFound) { // forgotten a moment ago
			return nil
		}
		if err == nil && !fence {
			found = append(found, s)
		}
		return err
	})
	switch {
	case err != nil:
		return Snapshot{}, err
	case len(found) == 0:
		return Snapshot{}, fmt.Errorf("%w: %q", ErrNoSnapshot, id)
	case len(found) > 1:
		return Snapshot{}, fmt.Errorf("%w: %q is the beginning of %d", ErrNoSnapshot, id, len(found))
	}
	return found[0], nil
}

// latest returns the newest snapshot. A damaged record that was begun before it
// is not in the way.
func (r *Repository) latest(ctx context.Context) (Snapshot, error) {
	var newest *Snapshot
	var unread error
	err := r.commits(ctx, func(name string) error {
		s, fence, err := r.commit(ctx, name)
		switch {
		case errors.Is(err, objstore.ErrNotFound):
		case errors.Is(err, ErrDamaged):
			unread = err
		case err != nil:
			return err
		case !fence && (newest == nil || newest.compare(&s) < 0):
			newest, unread = &s, nil
		}
		return nil
	})
	switch err = cmp.Or(err, unread); {
	case err != nil:
		return Snapshot{}, fmt.Errorf("the latest snapshot: %w", err)
	case newest == nil:
		return Snapshot{}, fmt.Errorf("%w: there is none yet", ErrNoSnapshot)
	}
	return *newest, nil
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
	// Gone names the lists of condemned objects which the session knows: it acts as
	// if the objects were gone. It stands in the first sign of life.
	Gone []string `json:"gone,omitempty"`
	// Parts is what was stored so far: a manifest that a next session goes on from.
	Parts []part `json:"parts,omitempty"`
}

// session is a backup being written.
type session struct {
	r    *Repository
	id   string
	next int // number of the next sign of life
}

// begin announces a session that takes for gone what the lists name, before
// anything else is looked at.
func (r *Repository) begin(ctx context.Context, gone []string) (*session, error) {
	now, err := r.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("the clock of the store: %w", err)
	}
	var id [6]byte
	if err := r.random(id[:]); err != nil {
		return nil, err
	}
	s := &session{r: r, id: now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(id[:])}
	return s, s.beat(ctx, sessionDoc{Gone: gone})
}

// beat tells that the session lives and what it has. The first sign of life
// stays, as it tells when the session began, and so do the two newest.
func (s *session) beat(ctx context.Context, d sessionDoc) (err error) {
	d.At, err = s.r.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("the clock of the store: %w", err)
	}
	if _, err := s.r.putRecord(ctx, s.name(s.next), d); err != nil {
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
	first  string // the names of its first and newest signs of life
	newest string
	gone   []string // see sessionDoc
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
			out = append(out, unended{id: id, begun: i.Modified, first: i.Name})
		}
		last := &out[len(out)-1]
		last.seen, last.newest = i.Modified, i.Name
		return nil
	})
	return out, err
}
