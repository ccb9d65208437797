package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// damagedPrefix is where lists of objects stand in which damage was found. The
// objects stay for what can be read of them; no later backup names them, so
// that it stores what they held once more.
const damagedPrefix = "damaged/"

// damagedDoc names objects in which damage was found.
type damagedDoc struct {
	At        time.Time `json:"at"`
	Packs     []Hash    `json:"packs,omitempty"`
	Manifests []Hash    `json:"manifests,omitempty"`
}

// distrust is what the stored lists of damaged objects name.
type distrust struct {
	lists   map[string]damagedDoc // by name
	objects map[Hash]bool
	damaged []string // lists that cannot be read
}

// distrusted reads the lists of damaged objects. A list that is damaged itself
// is passed over: the next verification finds again what it named.
func (r *Repository) distrusted(ctx context.Context) (distrust, error) {
	d := distrust{lists: map[string]damagedDoc{}, objects: map[Hash]bool{}}
	err := r.store.List(ctx, damagedPrefix, func(i objstore.Info) error {
		var doc damagedDoc
		_, err := r.getRecord(ctx, i.Name, &doc)
		switch {
		case errors.Is(err, objstore.ErrNotFound): // a prune has just removed it
			return nil
		case errors.Is(err, ErrDamaged):
			r.opt.Log.Warn("a list of damaged objects cannot be read", "list", i.Name, "error", err)
			d.damaged = append(d.damaged, i.Name)
			return nil
		case err != nil:
			return fmt.Errorf("read what is known to be damaged: %w", err)
		}
		d.lists[i.Name] = doc
		for _, h := range slices.Concat(doc.Packs, doc.Manifests) {
			d.objects[h] = true
		}
		return nil
	})
	return d, err
}

// Distrust notes the packs and manifests that problems name, so that backups
// which begin later store again what is in them, as far as the source still has
// it. It returns how many were not noted before. The note is durable, and needs
// no room on a full place.
func (r *Repository) Distrust(ctx context.Context, problems []Problem) (int, error) {
	known, err := r.distrusted(ctx)
	if err != nil {
		return 0, err
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("the clock of the store: %w", err)
	}
	doc := damagedDoc{At: now}
	for _, p := range problems {
		var h Hash
		if h.UnmarshalText([]byte(p.Object[strings.LastIndexByte(p.Object, '/')+1:])) != nil || known.objects[h] {
			continue
		}
		switch {
		case strings.HasPrefix(p.Object, packPrefix):
			doc.Packs = append(doc.Packs, h)
		case strings.HasPrefix(p.Object, manifestPrefix):
			doc.Manifests = append(doc.Manifests, h)
		}
	}
	fresh := len(doc.Packs) + len(doc.Manifests)
	if fresh == 0 {
		return 0, nil
	}
	name, err := r.dated(damagedPrefix, now)
	if err == nil {
		err = r.putTight(ctx, name, doc)
	}
	if err != nil {
		return 0, fmt.Errorf("note what is damaged: %w", err)
	}
	return fresh, nil
}

// forgive removes the lists of damaged objects of which none is there or needed
// any more, and those that cannot be read.
func (p *pruning) forgive(ctx context.Context) error {
	d, err := p.r.distrusted(ctx)
	if err != nil || p.keeps || len(d.lists)+len(d.damaged) == 0 {
		return err
	}
	packs, err := p.r.objects(ctx, packPrefix, nil)
	if err != nil {
		return err
	}
	manifests, err := p.r.objects(ctx, manifestPrefix, nil)
	if err != nil {
		return err
	}
	remove := d.damaged
	for name, doc := range d.lists {
		matters := slices.ContainsFunc(doc.Packs, func(h Hash) bool { return has(packs, h) || has(p.v.needed, h) }) ||
			slices.ContainsFunc(doc.Manifests, func(h Hash) bool { return has(manifests, h) || has(p.v.parts, h) })
		if !matters {
			remove = append(remove, name)
		}
	}
	for _, name := range remove {
		if err := p.r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func has[V any](m map[Hash]V, h Hash) bool {
	_, ok := m[h]
	return ok
}
