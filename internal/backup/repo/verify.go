package repo

import (
	"cmp"
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
	// Known: Distrust noted it before, and so no backup that began later needs the object.
	Known bool `json:"known,omitempty"`
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
	v := newVerifying(r, o)
	for _, step := range []func(context.Context) error{v.structure, v.others, v.presence, v.read, v.blame} {
		if err := step(ctx); err != nil {
			return v.report, fmt.Errorf("verify: %w", err)
		}
	}
	return v.report, nil
}

type verifying struct {
	r         *Repository
	o         VerifyOptions
	report    VerifyReport
	seen      map[string]bool // commits
	snapshots []Snapshot      // without their parts
	parts     map[Hash]Hash   // manifests that are needed, and what they hold
	unread    map[Hash]error  // those that cannot be read
	needed    map[Hash]need   // packs
	bad       map[Hash]error  // packs with a problem
	known     map[Hash]bool   // what was noted as damaged before
	buf       []byte          // for packs
}

// need is what manifests say about a pack: its size, and how often they name it.
type need struct{ size, refs uint32 }

func newVerifying(r *Repository, o VerifyOptions) *verifying {
	return &verifying{
		r: r, o: o, seen: map[string]bool{}, parts: map[Hash]Hash{}, unread: map[Hash]error{}, needed: map[Hash]need{}, bad: map[Hash]error{},
	}
}

// damage says whether err means that something stored is not as it should be.
func damage(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, objstore.ErrNotFound)
}

// problem notes damage; an error that is none ends the run.
func (v *verifying) problem(object string, err error, snapshots ...string) error {
	if !damage(err) {
		return err
	}
	v.note(Problem{Object: object, Text: err.Error(), Snapshots: snapshots})
	return nil
}

func (v *verifying) note(p Problem) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, p)
	}
}

// structure reads all commits and manifests.
func (v *verifying) structure(ctx context.Context) error {
	if err := v.commits(ctx); err != nil || v.o.Snapshots != nil {
		return err
	}
	return v.chain(ctx)
}

// commits reads those that were not seen yet, and their manifests.
func (v *verifying) commits(ctx context.Context) error {
	err := v.r.commits(ctx, func(id string) error {
		if v.seen[id] || v.o.Snapshots != nil && !slices.Contains(v.o.Snapshots, id) {
			return nil
		}
		s, fence, err := v.r.commit(ctx, id)
		if errors.Is(err, objstore.ErrNotFound) { // forgotten meanwhile, or the chain tells
			return nil
		}
		v.seen[id] = true
		if err != nil {
			return v.problem(commitPrefix+id, err, id)
		}
		if fence {
			return nil
		}
		return v.snapshot(ctx, s)
	})
	v.report.Snapshots, v.report.Manifests, v.report.Packs = len(v.snapshots), len(v.parts), len(v.needed)
	return err
}

func (v *verifying) snapshot(ctx context.Context, s Snapshot) error {
	for _, p := range s.parts {
		if _, ok := v.parts[p.Object]; ok {
			continue
		}
		v.parts[p.Object] = p.ID
		if err := v.part(ctx, p); err != nil {
			return err
		}
	}
	s.parts = nil // they may be many
	v.snapshots = append(v.snapshots, s)
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
func (v *verifying) part(ctx context.Context, p part) error {
	entries, err := v.r.getPart(ctx, p)
	if err == nil && int64(len(entries)) != p.Items {
		err = fmt.Errorf("%w: it has %d items, and the snapshot says %d", ErrDamaged, len(entries), p.Items)
	}
	if err != nil {
		return v.unreadable(p.Object, err)
	}
	for i := range entries {
		for _, c := range entries[i].chunks {
			v.needed[c.pack.name] = need{c.pack.size, v.needed[c.pack.name].refs + 1}
		}
	}
	return nil
}

// unreadable notes a damaged manifest; blame reports it.
func (v *verifying) unreadable(object Hash, err error) error {
	if damage(err) {
		v.unread[object] = err
		return nil
	}
	return err
}

// others looks at what snapshots do not name: the format, the keys, the
// sessions and the lists of condemned objects.
func (v *verifying) others(ctx context.Context) error {
	if v.o.Snapshots != nil {
		return nil
	}
	b, err := v.r.store.Get(ctx, formatName, maxDocument)
	if err == nil {
		err = v.r.sameFormat(b)
	}
	if err != nil {
		if err := v.problem(formatName, err); err != nil {
			return err
		}
	}
	for prefix, look := range map[string]func(context.Context, string) error{
		keyPrefix: v.r.checkKey, sessionPrefix: v.r.checkRecord, condemnedPrefix: v.r.checkRecord, damagedPrefix: v.r.checkRecord,
	} {
		err := v.r.store.List(ctx, prefix, func(i objstore.Info) error {
			err := look(ctx, i.Name)
			if err == nil || errors.Is(err, objstore.ErrNotFound) { // removed meanwhile
				return nil
			}
			return v.problem(i.Name, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) checkRecord(ctx context.Context, name string) error {
	var doc map[string]any
	_, err := r.getRecord(ctx, name, &doc)
	return err
}

// presence checks that each pack that is needed is there and has its size.
func (v *verifying) presence(ctx context.Context) error {
	have, err := v.r.objects(ctx, packPrefix, nil)
	if err != nil {
		return err
	}
	for h, n := range v.needed {
		switch size, ok := have[h]; {
		case !ok:
			v.bad[h] = fmt.Errorf("%w: the pack is not there", ErrDamaged)
		case size != n.size:
			v.bad[h] = fmt.Errorf("%w: the pack has %d bytes instead of %d", ErrDamaged, size, n.size)
		}
	}
	return nil
}

// maxNamed bounds the chunks that are compared with packs at a time.
const maxNamed = 256 << 10

// named is what a manifest says about a chunk; many are held.
type named struct {
	id             [8]byte // the beginning of it
	offset, length uint32
	deflated       bool
}

// read reads the share of the packs that is due.
func (v *verifying) read(ctx context.Context) error {
	if v.o.Shares <= 0 {
		return nil
	}
	mine := slices.DeleteFunc(hashes(v.needed), func(h Hash) bool {
		return v.bad[h] != nil || (int(h[0])<<8|int(h[1]))%v.o.Shares != v.o.Share && v.o.Shares > 1
	})
	of := len(mine)
	for at := 0; at < of; {
		told, sum := map[Hash][]named{}, uint32(0)
		end := at
		for ; end < of && (end == at || sum+v.needed[mine[end]].refs <= maxNamed); end++ {
			refs := v.needed[mine[end]].refs
			told[mine[end]], sum = make([]named, 0, refs), sum+refs
		}
		if err := v.collect(ctx, told); err != nil {
			return err
		}
		for ; at < end; at++ {
			if err := v.readPack(ctx, mine[at], told[mine[at]]); err != nil {
				return err
			}
			if v.o.Progress != nil {
				v.o.Progress(at+1, of, v.report.ReadBytes)
			}
		}
	}
	return nil
}

// collect finds what manifests say is in the packs that are keys of the map.
func (v *verifying) collect(ctx context.Context, told map[Hash][]named) error {
	return v.manifests(ctx, func(_ Hash, entries []Entry) {
		for i := range entries {
			for _, c := range entries[i].chunks {
				if list, ok := told[c.pack.name]; ok {
					told[c.pack.name] = append(list, named{[8]byte(c.id[:]), c.offset, c.length, entries[i].Deflated})
				}
			}
		}
	})
}

// manifests reads the parts again that could be read.
func (v *verifying) manifests(ctx context.Context, fn func(Hash, []Entry)) error {
	for _, object := range hashes(v.parts) {
		if v.unread[object] != nil {
			continue
		}
		entries, err := v.r.getPart(ctx, part{Object: object, ID: v.parts[object]})
		if err != nil {
			if err := v.unreadable(object, err); err != nil {
				return err
			}
			continue
		}
		fn(object, entries)
	}
	return nil
}

func (v *verifying) readPack(ctx context.Context, h Hash, told []named) error {
	if v.buf == nil {
		v.buf = make([]byte, maxPack)
	}
	b := v.buf[:min(v.needed[h].size, maxPack)]
	err := v.r.store.ReadAt(ctx, packName(h), b, 0) // its size is what it should be
	if err == nil && digest(b) != h {
		err = fmt.Errorf("%w: the pack is not what it is named", ErrDamaged)
	}
	var chunks []packed
	if err == nil {
		chunks, err = v.r.checkPack(b)
	}
	if err == nil {
		err = holds(chunks, told)
	}
	switch {
	case err == nil:
		v.report.ReadPacks++
		v.report.ReadBytes += int64(len(b))
	case damage(err):
		v.bad[h] = err
	default:
		return err
	}
	return nil
}

// holds checks that a pack has the chunks which manifests name.
func holds(chunks []packed, told []named) error {
	for _, c := range told {
		at, ok := slices.BinarySearchFunc(chunks, c.offset, func(p packed, o uint32) int { return cmp.Compare(p.offset, o) })
		if !ok || (named{[8]byte(chunks[at].id[:]), c.offset, chunks[at].length, chunks[at].deflated}) != c {
			return fmt.Errorf("%w: a manifest names a chunk that the pack does not have", ErrDamaged)
		}
	}
	return nil
}

// blame reports what is bad, with the snapshots that need it. What only
// snapshots need that were forgotten meanwhile is dropped: a prune may have taken it.
func (v *verifying) blame(ctx context.Context) error {
	if len(v.bad)+len(v.unread)+len(v.report.Problems) == 0 {
		return nil
	}
	noted, err := v.r.distrusted(ctx)
	if err != nil {
		return err
	}
	v.known = noted.objects
	needs, err := v.needers(ctx)
	if err != nil {
		return err
	}
	here := map[string]bool{}
	if err := v.r.commits(ctx, func(id string) error { here[id] = true; return nil }); err != nil {
		return err
	}
	v.report.Problems = slices.DeleteFunc(v.report.Problems, func(p Problem) bool {
		return len(p.Snapshots) == 1 && !here[p.Snapshots[0]]
	})
	affected, unknown := map[Hash][]string{}, false // by bad pack and by unreadable part
	for _, s := range v.snapshots {
		whole, _, err := v.r.commit(ctx, s.ID)
		if err != nil && !damage(err) {
			return err
		}
		mine := map[Hash]bool{}
		for _, p := range whole.parts {
			maps.Copy(mine, needs[p.Object])
			if v.unread[p.Object] != nil {
				mine[p.Object], unknown = true, true
			}
		}
		for h := range mine {
			affected[h] = append(affected[h], s.ID)
		}
	}
	v.accuse(manifestPrefix, v.unread, affected, false)
	v.accuse(packPrefix, v.bad, affected, unknown)
	return nil
}

// needers finds the bad packs that each part needs.
func (v *verifying) needers(ctx context.Context) (map[Hash]map[Hash]bool, error) {
	needs := map[Hash]map[Hash]bool{}
	err := v.manifests(ctx, func(object Hash, entries []Entry) {
		for i := range entries {
			for _, c := range entries[i].chunks {
				if v.bad[c.pack.name] == nil {
					continue
				}
				if needs[object] == nil {
					needs[object] = map[Hash]bool{}
				}
				needs[object][c.pack.name] = true
			}
		}
	})
	return needs, err
}

// accuse reports bad objects that snapshots need, and the others when nobody knows.
func (v *verifying) accuse(prefix string, bad map[Hash]error, affected map[Hash][]string, unknown bool) {
	for _, h := range hashes(bad) {
		if len(affected[h]) == 0 && !unknown {
			continue
		}
		name := prefix + h.String()
		if prefix == packPrefix {
			name = packName(h)
		}
		v.note(Problem{Object: name, Text: bad[h].Error(), Snapshots: affected[h], Known: v.known[h]})
	}
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
