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
	// clockStep is how much the times of objects are expected to be off among themselves.
	clockStep = 10 * time.Minute
)

// Errors of Prune.
var (
	// ErrUnsound: what is needed cannot be told, so nothing is deleted; Verify says why.
	ErrUnsound = errors.New("the repository is not sound, so nothing is deleted")
	// ErrTooMuch: more than half would be condemned; confirm it.
	ErrTooMuch = errors.New("more than half of the repository would be deleted")
)

// PruneOptions adjust a prune; zero fields have defaults.
type PruneOptions struct {
	// DryRun tells what would be done.
	DryRun bool
	// Confirmed allows to condemn more than half of the packs at once.
	Confirmed bool
	// Grace replaces the package's when not 0. The rules that keep running backups
	// safe hold however short it is.
	Grace time.Duration
	// Lease replaces the package's when not 0.
	Lease time.Duration
	// Heads are snapshots known from elsewhere, as in VerifyOptions.
	Heads map[string]Hash
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
	// MayNotDelete: the place refuses deleting to these credentials, so everything
	// stayed. What is not needed was condemned all the same: a prune with others
	// can delete it after the grace.
	MayNotDelete bool `json:"may_not_delete,omitempty"`
}

// condemnedDoc names what a prune wants to delete.
type condemnedDoc struct {
	At        time.Time `json:"at"`
	Packs     []Hash    `json:"packs,omitempty"`
	Manifests []Hash    `json:"manifests,omitempty"`
}

// condemnation is a stored list of what a prune wants to delete.
type condemnation struct {
	name string
	at   time.Time // by the clock of the store
	doc  condemnedDoc
}

// condemned reads the lists of what prunes want to delete, and names those that
// cannot be read: nobody can act on them, so they may be removed.
func (r *Repository) condemned(ctx context.Context) (lists []condemnation, damaged []string, err error) {
	err = r.store.List(ctx, condemnedPrefix, func(i objstore.Info) error {
		c := condemnation{name: i.Name, at: i.Modified}
		_, err := r.getRecord(ctx, i.Name, &c.doc)
		switch {
		case errors.Is(err, objstore.ErrNotFound): // the prune has just ended
			return nil
		case errors.Is(err, ErrDamaged):
			r.opt.Log.Warn("a list of condemned objects cannot be read", "list", i.Name, "error", err)
			damaged = append(damaged, i.Name)
			return nil
		case err != nil:
			return fmt.Errorf("read what is condemned: %w", err)
		}
		lists = append(lists, c)
		return nil
	})
	return lists, damaged, err
}

// Prune deletes what no snapshot needs, beside running backups and other prunes.
//
// An object is deleted only when a list in condemned/ that was there before
// everything else was looked at has named it for the grace, by the clock of the
// store; no snapshot names it; and every session that is running after the
// snapshots were read said at its beginning that it takes the list's objects for
// gone. A session that is silent for longer than its lease is ended by taking
// the name of its commit. No clock is needed for safety, only for patience.
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

// MayDelete says whether the place lets these credentials delete. Those that may
// not keep whoever steals them from destroying backups. Nothing is changed.
func (r *Repository) MayDelete(ctx context.Context) (bool, error) {
	err := r.store.Delete(ctx, condemnedPrefix+"none")
	if errors.Is(err, objstore.ErrDenied) {
		return false, nil
	}
	return err == nil, err
}

type pruning struct {
	r      *Repository
	o      PruneOptions
	report PruneReport
	now    time.Time
	lists  []condemnation
	open   []unended
	v      *verifying
	listed map[Hash]bool // by a list that stays
	keeps  bool          // nothing is deleted
}

func (p *pruning) run(ctx context.Context) (err error) {
	if p.now, err = p.r.store.Now(ctx); err != nil {
		return fmt.Errorf("the clock of the store: %w", err)
	}
	may, err := p.r.MayDelete(ctx)
	if err != nil {
		return err
	}
	p.report.MayNotDelete, p.keeps = !may, p.o.DryRun || !may
	lists, damaged, err := p.r.condemned(ctx) // first of all: see docs/backup-repository.md
	if err != nil {
		return err
	}
	p.lists = lists
	for _, step := range []func(context.Context) error{p.sessions, p.need, p.again, p.carryOut, p.condemn, p.forgive} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if p.keeps {
		return nil
	}
	for _, name := range damaged {
		if err := p.r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return p.r.keepReserve(ctx)
}

// sessions ends those that are silent, removes what ended ones left, and notes
// the others.
func (p *pruning) sessions(ctx context.Context) error {
	ended, open, err := p.r.running(ctx)
	if err != nil {
		return err
	}
	for _, s := range open {
		if p.now.Sub(s.seen) <= p.o.Lease {
			p.open = append(p.open, s)
			continue
		}
		if p.o.DryRun {
			p.report.Fenced++
			continue
		}
		err := p.r.putTight(ctx, commitPrefix+s.id, commitDoc{Fence: true, At: p.now})
		switch {
		case errors.Is(err, objstore.ErrFull): // deleting what does not wait for it makes room
			p.r.opt.Log.Warn("there is no room to end a silent session", "session", s.id)
			continue
		case err != nil && !errors.Is(err, objstore.ErrExists): // it ended by itself a moment ago
			return fmt.Errorf("end the silent session %s: %w", s.id, err)
		}
		ended[s.id] = true
		p.report.Fenced++
	}
	if p.keeps {
		return nil
	}
	return p.sweep(ctx, ended)
}

// running lists the names of commits and fences, and then the sessions without one.
func (r *Repository) running(ctx context.Context) (ended map[string]bool, open []unended, err error) {
	ended = map[string]bool{}
	if err := r.commits(ctx, func(id string) error { ended[id] = true; return nil }); err != nil {
		return nil, nil, err
	}
	open, err = r.unended(ctx, ended)
	return ended, open, err
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
	p.v = newVerifying(p.r, VerifyOptions{Heads: p.o.Heads})
	return p.sound(p.v.structure(ctx))
}

func (p *pruning) sound(err error) error {
	if err != nil {
		return err
	}
	if len(p.v.report.Problems) > 0 {
		return fmt.Errorf("%w: %s", ErrUnsound, p.v.report.Problems[0].Text)
	}
	for _, err := range p.v.unread {
		return fmt.Errorf("%w: %v", ErrUnsound, err)
	}
	return nil
}

// again looks at the sessions once more, now that the snapshots were read, and
// after that at the snapshots that have come meanwhile. Whoever holds a name of
// an object is now among the one or the other.
func (p *pruning) again(ctx context.Context) error {
	_, open, err := p.r.running(ctx)
	if err != nil {
		return err
	}
	if !p.o.DryRun { // in which the silent ones were not ended
		p.open = open
	}
	for i := range p.open {
		var d sessionDoc
		_, err := p.r.getRecord(ctx, p.open[i].first, &d)
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
		p.open[i].gone = d.Gone // nothing when it cannot be read: it is waited for
	}
	if err := p.sound(p.v.commits(ctx)); err != nil {
		return err
	}
	p.report.Snapshots, p.report.KeptPacks = p.v.report.Snapshots, len(p.v.needed)
	for _, n := range p.v.needed {
		p.report.KeptBytes += int64(n.size)
	}
	return nil
}

// carryOut deletes what the lists that are due name, and the lists.
func (p *pruning) carryOut(ctx context.Context) error {
	p.listed = map[Hash]bool{}
	for _, l := range p.lists {
		if !p.due(l) {
			p.report.WaitingPacks += len(l.doc.Packs)
			p.note(l)
		}
	}
	for _, l := range p.lists {
		if p.due(l) {
			if err := p.remove(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pruning) note(l condemnation) {
	for _, h := range slices.Concat(l.doc.Packs, l.doc.Manifests) {
		p.listed[h] = true
	}
}

// due says whether what a list names may go, unless a snapshot needs it.
func (p *pruning) due(l condemnation) bool {
	if p.report.MayNotDelete {
		return false
	}
	for _, s := range p.open {
		if !slices.Contains(s.gone, l.name) {
			return false
		}
	}
	return p.now.Sub(l.at) >= p.o.Grace
}

func (p *pruning) remove(ctx context.Context, l condemnation) error {
	p.note(l)
	for _, h := range l.doc.Packs {
		if has(p.v.needed, h) {
			continue
		}
		if err := p.delete(ctx, packName(h), true); err != nil {
			return err
		}
	}
	for _, h := range l.doc.Manifests {
		if has(p.v.parts, h) {
			continue
		}
		if err := p.delete(ctx, manifestPrefix+h.String(), false); err != nil {
			return err
		}
	}
	if p.o.DryRun {
		return nil
	}
	return p.r.store.Delete(ctx, l.name)
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

// condemn lists what nothing needs, except what a running backup may have
// stored: that is no danger, but would be stored twice.
func (p *pruning) condemn(ctx context.Context) error {
	young := func(i objstore.Info) bool {
		return slices.ContainsFunc(p.open, func(s unended) bool { return i.Modified.After(s.begun.Add(-clockStep)) })
	}
	packs, all, err := p.garbage(ctx, packPrefix, young, func(h Hash) bool { return has(p.v.needed, h) })
	if err != nil {
		return err
	}
	manifests, _, err := p.garbage(ctx, manifestPrefix, young, func(h Hash) bool { return has(p.v.parts, h) })
	if err != nil {
		return err
	}
	d := condemnedDoc{At: p.now, Packs: hashes(packs), Manifests: hashes(manifests)}
	p.report.CondemnedPacks = len(d.Packs)
	for _, size := range packs {
		p.report.CondemnedBytes += int64(size)
	}
	switch {
	case p.o.DryRun || len(packs)+len(manifests) == 0:
		return nil
	case !p.o.Confirmed && all > 4 && len(packs) > all/2:
		return fmt.Errorf("%w: %d of %d packs are not needed", ErrTooMuch, len(packs), all)
	}
	name, err := p.r.dated(condemnedPrefix, p.now)
	if err != nil {
		return err
	}
	return p.r.putTight(ctx, name, d)
}

// garbage returns the objects that are not needed, not condemned yet and not
// young, and the number of all objects.
func (p *pruning) garbage(ctx context.Context, prefix string, young func(objstore.Info) bool, needed func(Hash) bool) (map[Hash]uint32, int, error) {
	all := 0
	found, err := p.r.objects(ctx, prefix, func(i objstore.Info) bool { all++; return young(i) })
	maps.DeleteFunc(found, func(h Hash, _ uint32) bool { return p.listed[h] || needed(h) })
	return found, all, err
}

func hashes[V any](of map[Hash]V) []Hash {
	return slices.SortedFunc(maps.Keys(of), func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
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
