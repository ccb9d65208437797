package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// VerifyOptions say how much is looked at. The structure always is: every
// record and manifest, the chain of snapshots, presence and size of every pack.
type VerifyOptions struct {
	// Share reads the packs of one of Shares shares, which the names of packs
	// decide: all of them are read in as many runs. Shares 1 reads everything.
	Share, Shares int
	// Snapshots limits the run to these, without the chain; nil is all of them.
	Snapshots []string
	// Heads are snapshots known from elsewhere, by id and hash of the record: they
	// must be here, or have been forgotten.
	Heads map[string]Hash
	// Progress is called after each pack that was read.
	Progress func(packs, of int, bytes int64)
}

// Problem is something that is not as it should be.
type Problem struct {
	Object string `json:"object"`
	Text   string `json:"text"`
	// Snapshots that cannot be restored whole because of it, where that is known.
	Snapshots []string `json:"snapshots,omitempty"`
}

// VerifyReport is what a verification found.
type VerifyReport struct {
	Snapshots int   `json:"snapshots"`
	Manifests int   `json:"manifests"`
	Packs     int   `json:"packs"`
	ReadPacks int   `json:"read_packs"`
	ReadBytes int64 `json:"read_bytes"`
	// Problems are at most a thousand.
	Problems []Problem `json:"problems"`
}

const maxProblems = 1000

// Verify looks for damage. Damage is in the report; an error means that
// it could not look.
func (r *Repository) Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	v := &verifying{r: r, o: o, needed: map[Hash]uint32{}, parts: map[Hash]bool{}}
	if err := v.structure(ctx); err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	if err := v.presence(ctx); err != nil {
		return v.report, fmt.Errorf("verify: %w", err)
	}
	if o.Shares > 0 {
		if err := v.read(ctx); err != nil {
			return v.report, fmt.Errorf("verify: %w", err)
		}
	}
	return v.report, nil
}

type verifying struct {
	r         *Repository
	o         VerifyOptions
	report    VerifyReport
	snapshots []Snapshot
	needed    map[Hash]uint32
	parts     map[Hash]bool
	bad       map[Hash]bool // packs with a problem
}

// problem notes damage; an error that is none ends the run.
func (v *verifying) problem(object string, err error, snapshots ...string) error {
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{object, err.Error(), snapshots})
	}
	return nil
}

// structure reads all records and manifests.
func (v *verifying) structure(ctx context.Context) error {
	err := v.r.commits(ctx, func(id string) error {
		if v.o.Snapshots != nil && !slices.Contains(v.o.Snapshots, id) {
			return nil
		}
		s, fence, err := v.r.commit(ctx, id)
		if err != nil {
			return v.problem(commitPrefix+id, err, id)
		}
		if !fence {
			v.snapshots = append(v.snapshots, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.report.Snapshots = len(v.snapshots)
	if v.o.Snapshots == nil {
		if err := v.chain(ctx); err != nil {
			return err
		}
	}
	for _, s := range v.snapshots {
		for _, p := range s.parts {
			if v.parts[p.Object] {
				continue
			}
			v.parts[p.Object] = true
			if err := v.part(ctx, s, p); err != nil {
				return err
			}
		}
	}
	v.report.Manifests, v.report.Packs = len(v.parts), len(v.needed)
	return nil
}

// chain checks that every snapshot somebody has seen is here or was forgotten.
func (v *verifying) chain(ctx context.Context) error {
	gone, err := v.r.forgotten(ctx)
	if err != nil {
		return v.problem(forgottenPrefix, err)
	}
	here := map[link]bool{}
	for _, s := range v.snapshots {
		here[link{s.ID, s.Hash}] = true
	}
	missing := func(l link, by string) error {
		if here[l] || gone[l] {
			return nil
		}
		return v.problem(commitPrefix+l.ID, fmt.Errorf("%w: the snapshot %s, which %s knows, is not here and was not forgotten", ErrDamaged, l.ID, by))
	}
	for _, s := range v.snapshots {
		for _, l := range s.prev {
			if err := missing(l, "snapshot "+s.ID); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(v.o.Heads)) {
		if err := missing(link{id, v.o.Heads[id]}, "this server"); err != nil {
			return err
		}
	}
	return nil
}

// part reads a part and notes the packs it needs.
func (v *verifying) part(ctx context.Context, s Snapshot, p part) error {
	entries, err := v.r.getPart(ctx, p)
	if err != nil {
		return v.problem(manifestPrefix+p.Object.String(), err, s.ID)
	}
	if int64(len(entries)) != p.Items {
		err := fmt.Errorf("%w: it has %d items, and the snapshot says %d", ErrDamaged, len(entries), p.Items)
		return v.problem(manifestPrefix+p.Object.String(), err, s.ID)
	}
	for i := range entries {
		for _, c := range entries[i].chunks {
			v.needed[c.pack.name] = c.pack.size
		}
	}
	return nil
}

// presence checks that each pack that is needed is there and has its size.
func (v *verifying) presence(ctx context.Context) error {
	have, err := v.r.objects(ctx, packPrefix, nil)
	if err != nil {
		return err
	}
	v.bad = map[Hash]bool{}
	for _, h := range v.packs() {
		size, ok := have[h]
		var err error
		switch {
		case !ok:
			err = fmt.Errorf("%w: the pack is not there", ErrDamaged)
		case size != v.needed[h]:
			err = fmt.Errorf("%w: the pack has %d bytes instead of %d", ErrDamaged, size, v.needed[h])
		default:
			continue
		}
		if err := v.damaged(ctx, h, err); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifying) packs() []Hash {
	return slices.SortedFunc(maps.Keys(v.needed), func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
}

func (v *verifying) damaged(ctx context.Context, h Hash, err error) error {
	v.bad[h] = true
	var ids []string
	if errors.Is(err, ErrDamaged) || errors.Is(err, objstore.ErrNotFound) {
		hit, err := v.r.affected(ctx, v.snapshots, h)
		if err != nil {
			return err
		}
		ids = hit
	}
	return v.problem(packName(h), err, ids...)
}

// read reads the share of the packs that is due.
func (v *verifying) read(ctx context.Context) error {
	mine := slices.DeleteFunc(v.packs(), func(h Hash) bool {
		return v.bad[h] || (int(h[0])<<8|int(h[1]))%v.o.Shares != v.o.Share && v.o.Shares > 1
	})
	for i, h := range mine {
		b, err := v.r.store.Get(ctx, packName(h), maxPack)
		if err == nil && digest(b) != h {
			err = fmt.Errorf("%w: the pack is not what it is named", ErrDamaged)
		}
		if err == nil {
			_, err = v.r.checkPack(b)
		}
		if err != nil {
			if err := v.damaged(ctx, h, err); err != nil {
				return err
			}
			continue
		}
		v.report.ReadPacks++
		v.report.ReadBytes += int64(len(b))
		if v.o.Progress != nil {
			v.o.Progress(i+1, len(mine), v.report.ReadBytes)
		}
	}
	return nil
}

// affected returns the snapshots that need a pack.
func (r *Repository) affected(ctx context.Context, snapshots []Snapshot, h Hash) ([]string, error) {
	needs := map[Hash]bool{} // by part
	var out []string
	for _, s := range snapshots {
		for _, p := range s.parts {
			hit, known := needs[p.Object]
			if !known {
				entries, err := r.getPart(ctx, p)
				if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, objstore.ErrNotFound) {
					return nil, err
				}
				hit = slices.ContainsFunc(entries, func(e Entry) bool { return e.in(h) })
				needs[p.Object] = hit
			}
			if hit {
				out = append(out, s.ID)
				break
			}
		}
	}
	return out, nil
}

func (e *Entry) in(pack Hash) bool {
	return slices.ContainsFunc(e.chunks, func(c ref) bool { return c.pack.name == pack })
}

// Lost calls fn for each entry of a snapshot that cannot be read because one of
// the objects is damaged or missing, as problems of a report name them.
func (r *Repository) Lost(ctx context.Context, s Snapshot, objects map[string]bool, fn func(*Entry) error) error {
	return r.Read(ctx, s, nil, nil, Reading{Entry: func(e *Entry) error {
		if slices.ContainsFunc(e.chunks, func(c ref) bool { return objects[packName(c.pack.name)] }) {
			return fn(e)
		}
		return nil
	}})
}
