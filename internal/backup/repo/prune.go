package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

const (
	condemnedPrefix = "condemned/"
	reserveName     = "reserve"
	reserveSize     = 256 << 10
	// Grace is how long what nothing needs stays before it is deleted.
	Grace = 24 * time.Hour
	// clockStep is how much the times of objects may be off among themselves.
	clockStep = 10 * time.Minute
)

// Errors of Prune.
var (
	// ErrUnsound: what is needed cannot be told, so nothing is deleted; Verify says why.
	ErrUnsound = errors.New("the repository is not sound, so nothing is deleted")
	// ErrTooMuch: more than half would go; confirm it.
	ErrTooMuch = errors.New("more than half of the repository would be deleted")
)

// PruneOptions adjust a prune; zero fields have defaults.
type PruneOptions struct {
	// DryRun tells what would be done.
	DryRun bool
	// Confirmed allows to delete more than half of the packs.
	Confirmed bool
	// Grace replaces the package's when not 0. The rules that keep running backups
	// safe hold however short it is.
	Grace time.Duration
	// Lease replaces the package's when not 0.
	Lease time.Duration
}

// PruneReport is what a prune did, or would do.
type PruneReport struct {
	Snapshots int `json:"snapshots"`
	// Kept is what snapshots need.
	KeptPacks int   `json:"kept_packs"`
	KeptBytes int64 `json:"kept_bytes"`
	// Condemned is what was found to be unneeded now, and is deleted after the grace.
	CondemnedPacks int   `json:"condemned_packs"`
	CondemnedBytes int64 `json:"condemned_bytes"`
	// Deleted was condemned before.
	DeletedPacks int   `json:"deleted_packs"`
	DeletedBytes int64 `json:"deleted_bytes"`
	// Waiting is condemned, and waits for its grace or for a running backup.
	WaitingPacks int `json:"waiting_packs"`
	// Fenced sessions were silent for longer than the lease.
	Fenced int `json:"fenced"`
}

// condemnedDoc names what a prune wants to delete.
type condemnedDoc struct {
	At        time.Time `json:"at"`
	Packs     []Hash    `json:"packs,omitempty"`
	Manifests []Hash    `json:"manifests,omitempty"`
}

// condemned calls fn for every list of what a prune wants to delete. Writers act
// as if it were gone.
func (r *Repository) condemned(ctx context.Context, fn func(objstore.Info, condemnedDoc) error) error {
	return r.store.List(ctx, condemnedPrefix, func(i objstore.Info) error {
		var d condemnedDoc
		_, err := r.getRecord(ctx, i.Name, &d)
		if errors.Is(err, objstore.ErrNotFound) { // the prune has just ended
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what is condemned: %w", err)
		}
		return fn(i, d)
	})
}

// Prune deletes what no snapshot needs, beside running backups and other prunes.
//
// An object is deleted only when a list in condemned/ has named it for the
// grace by the clock of the store, every session that had begun when the list
// was written has ended, and, looked at again after that, no snapshot names it.
// A session that is silent for longer than its lease is ended by taking the
// name of its commit. A session that begins after the list acts as if what the
// list names were gone.
//
// Errors: ErrUnsound, ErrTooMuch, those of objstore.
func (r *Repository) Prune(ctx context.Context, o PruneOptions) (PruneReport, error) {
	if o.Grace == 0 {
		o.Grace = Grace
	}
	if o.Lease == 0 {
		o.Lease = Lease
	}
	p := &pruning{r: r, o: o}
	if err := p.run(ctx); err != nil {
		return p.report, fmt.Errorf("prune: %w", err)
	}
	return p.report, nil
}

type pruning struct {
	r      *Repository
	o      PruneOptions
	report PruneReport
	now    time.Time
	open   []unended

	needed    map[Hash]uint32 // packs, with their sizes
	manifests map[Hash]bool
	listed    map[Hash]bool // by a list that stays
}

func (p *pruning) run(ctx context.Context) (err error) {
	if p.now, err = p.r.store.Now(ctx); err != nil {
		return fmt.Errorf("the clock of the store: %w", err)
	}
	if err := p.sessions(ctx); err != nil {
		return err
	}
	if err := p.need(ctx); err != nil {
		return err
	}
	if err := p.enough(ctx); err != nil {
		return err
	}
	if err := p.lists(ctx); err != nil {
		return err
	}
	if err := p.condemn(ctx); err != nil {
		return err
	}
	if p.o.DryRun {
		return nil
	}
	return p.r.keepReserve(ctx)
}

// sessions ends those that are silent, removes what ended ones left, and notes
// the others. The commits are looked at after this.
func (p *pruning) sessions(ctx context.Context) error {
	ended := map[string]bool{}
	if err := p.r.commits(ctx, func(id string) error { ended[id] = true; return nil }); err != nil {
		return err
	}
	open, err := p.r.unended(ctx, ended)
	if err != nil {
		return err
	}
	for _, s := range open {
		if p.now.Sub(s.seen) <= p.o.Lease {
			p.open = append(p.open, s)
			continue
		}
		p.report.Fenced++
		if p.o.DryRun {
			continue
		}
		err := p.r.putTight(ctx, commitPrefix+s.id, commitDoc{Fence: true, At: p.now})
		if err != nil && !errors.Is(err, objstore.ErrExists) { // it ended by itself a moment ago
			return fmt.Errorf("end the silent session %s: %w", s.id, err)
		}
		ended[s.id] = true
	}
	if p.o.DryRun {
		return nil
	}
	return p.sweep(ctx, ended)
}

// sweep removes the signs of life of sessions that have ended.
func (p *pruning) sweep(ctx context.Context, ended map[string]bool) error {
	var names []string
	err := p.r.store.List(ctx, sessionPrefix, func(i objstore.Info) error {
		if id, _, _ := strings.Cut(strings.TrimPrefix(i.Name, sessionPrefix), "/"); ended[id] {
			names = append(names, i.Name)
		}
		return nil
	})
	for _, n := range names {
		err = errors.Join(err, p.r.store.Delete(ctx, n))
	}
	return err
}

// need finds out what the snapshots need. What cannot be read may need anything.
func (p *pruning) need(ctx context.Context) error {
	p.needed, p.manifests = map[Hash]uint32{}, map[Hash]bool{}
	v := &verifying{r: p.r, needed: p.needed, parts: p.manifests}
	if err := v.structure(ctx); err != nil {
		return err
	}
	if n := len(v.report.Problems); n > 0 {
		return fmt.Errorf("%w: %s", ErrUnsound, v.report.Problems[0].Text)
	}
	p.report.Snapshots, p.report.KeptPacks = v.report.Snapshots, len(p.needed)
	for _, size := range p.needed {
		p.report.KeptBytes += int64(size)
	}
	return nil
}

// enough refuses to delete most of what there is, unless that was confirmed.
func (p *pruning) enough(ctx context.Context) error {
	all, err := p.r.objects(ctx, packPrefix, nil)
	if err != nil {
		return err
	}
	if !p.o.Confirmed && !p.o.DryRun && len(all) > 4 && len(p.needed) < len(all)-len(all)/2 {
		return fmt.Errorf("%w: %d of %d packs are needed", ErrTooMuch, len(p.needed), len(all))
	}
	return nil
}

// lists deletes what the lists that are due name, and the lists.
func (p *pruning) lists(ctx context.Context) error {
	p.listed = map[Hash]bool{}
	type due struct {
		name string
		doc  condemnedDoc
	}
	var ready []due
	err := p.r.condemned(ctx, func(i objstore.Info, d condemnedDoc) error {
		if p.due(i.Modified) {
			ready = append(ready, due{i.Name, d})
			return nil
		}
		for _, h := range slices.Concat(d.Packs, d.Manifests) {
			p.listed[h] = true
		}
		p.report.WaitingPacks += len(d.Packs)
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range ready {
		if err := p.carryOut(ctx, d.name, d.doc); err != nil {
			return err
		}
	}
	return nil
}

// due says whether what was condemned at an instant may go.
func (p *pruning) due(at time.Time) bool {
	for _, s := range p.open {
		if s.begun.Before(at.Add(clockStep)) {
			return false
		}
	}
	return p.now.Sub(at) >= p.o.Grace
}

func (p *pruning) carryOut(ctx context.Context, list string, d condemnedDoc) error {
	for _, h := range d.Packs {
		if _, ok := p.needed[h]; ok {
			continue
		}
		if err := p.delete(ctx, packName(h), true); err != nil {
			return err
		}
		p.listed[h] = true
	}
	for _, h := range d.Manifests {
		if p.manifests[h] {
			continue
		}
		if err := p.delete(ctx, manifestPrefix+h.String(), false); err != nil {
			return err
		}
		p.listed[h] = true
	}
	if p.o.DryRun {
		return nil
	}
	return p.r.store.Delete(ctx, list)
}

func (p *pruning) delete(ctx context.Context, name string, pack bool) error {
	if pack {
		i, err := p.r.store.Stat(ctx, name)
		if errors.Is(err, objstore.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p.report.DeletedPacks++
		p.report.DeletedBytes += i.Size
	}
	if p.o.DryRun {
		return nil
	}
	if err := p.r.store.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// condemn lists what nothing needs, except what a running backup may have stored.
func (p *pruning) condemn(ctx context.Context) error {
	young := func(i objstore.Info) bool {
		return slices.ContainsFunc(p.open, func(s unended) bool { return i.Modified.After(s.begun.Add(-clockStep)) })
	}
	packs, err := p.r.objects(ctx, packPrefix, young)
	if err != nil {
		return err
	}
	manifests, err := p.r.objects(ctx, manifestPrefix, young)
	if err != nil {
		return err
	}
	d := condemnedDoc{At: p.now}
	for h, size := range packs {
		if _, ok := p.needed[h]; !ok && !p.listed[h] {
			d.Packs = append(d.Packs, h)
			p.report.CondemnedBytes += int64(size)
		}
	}
	for h := range maps.Keys(manifests) {
		if !p.manifests[h] && !p.listed[h] {
			d.Manifests = append(d.Manifests, h)
		}
	}
	p.report.CondemnedPacks = len(d.Packs)
	if p.o.DryRun || len(d.Packs)+len(d.Manifests) == 0 {
		return nil
	}
	byHash := func(a, b Hash) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(d.Packs, byHash)
	slices.SortFunc(d.Manifests, byHash)
	name, err := p.r.dated(condemnedPrefix, p.now)
	if err != nil {
		return err
	}
	return p.r.putTight(ctx, name, d)
}

// putTight stores a record that frees space, also where there is none left: the
// reserve makes room for it.
func (r *Repository) putTight(ctx context.Context, name string, v any) error {
	_, err := r.putRecord(ctx, name, v)
	if !errors.Is(err, objstore.ErrFull) {
		return err
	}
	if err := r.store.Delete(ctx, reserveName); err != nil {
		return err
	}
	_, err = r.putRecord(ctx, name, v)
	return err
}

// keepReserve sees to it that there is a reserve, as far as there is room.
func (r *Repository) keepReserve(ctx context.Context) error {
	err := r.store.Put(ctx, reserveName, make([]byte, reserveSize))
	if errors.Is(err, objstore.ErrExists) || errors.Is(err, objstore.ErrFull) {
		return nil
	}
	return err
}
