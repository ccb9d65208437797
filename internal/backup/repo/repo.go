// Package repo is the backup repository: encrypted, deduplicated snapshots in
// an object store, incremental for ever.
//
// A snapshot is a sorted map from keys to contents, as a Source gives it: ranges
// of rows, files. Contents are cut into chunks, compressed, sealed and collected
// into packs; the sorted list of what a snapshot holds is cut into manifest
// parts; a snapshot exists when its commit record does. The writer walks the
// manifest of the parent beside the source and stores only what differs, so
// there is no index, in memory or elsewhere, that could be lost or grow.
//
// Nothing is locked. Objects never change and names are taken only when free, so
// any number of writers, readers and prunes work side by side; what a prune
// wants to delete is condemned for a day first, and a writer that was away for
// longer finds the name of its commit taken (see Prune).
//
// The format is docs/backup-repository.md. The package knows nothing of
// Holdfast's tables, databases or files: Source and objstore.Store are all it
// asks of the world, besides a clock and random bytes.
package repo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// Sizes of what is stored. A pack is held in memory twice, while it is filled
// and while it is checked and sent, which keeps a backup below 64 MiB.
const (
	chunkSize   = 1 << 20  // of plain content; larger contents are cut
	packSize    = 4 << 20  // a pack is closed when it has reached this
	packStep    = 64 << 10 // packs are padded, so that sizes tell little
	maxPack     = 10 << 20 // what readers accept
	maxManifest = 64 << 20
	maxRecord   = 64 << 20
	maxDocument = 1 << 20 // of the format and the keys
)

// Lease is how long a session without a sign of life counts as alive.
const Lease = 30 * time.Minute

// Errors; test with errors.Is. Those of package objstore come through.
var (
	// ErrNoRepository: there is no repository at the place.
	ErrNoRepository = errors.New("there is no backup repository")
	// ErrNewer: a newer program wrote it.
	ErrNewer = errors.New("the backup repository is of a newer format")
	// ErrNoKey: none of the identities opens the repository.
	ErrNoKey = errors.New("none of the keys opens the backup repository")
	// ErrDamaged: something stored is not what was stored.
	ErrDamaged = objstore.ErrDamaged
	// ErrNoSnapshot: there is no such snapshot.
	ErrNoSnapshot = errors.New("no such snapshot")
	// ErrFenced: the session was given up by a prune, since it was silent for too long; begin again.
	ErrFenced = errors.New("the backup was silent for too long and was given up; it must begin again")
)

// Options are what a repository works with; zero fields have defaults.
type Options struct {
	// Rand gives random bytes; crypto/rand when nil.
	Rand io.Reader
	// Workers compress; the number of cores when 0, but at most four: each costs
	// some megabytes.
	Workers int
	Log     *slog.Logger
}

// Repository is an open repository.
type Repository struct {
	store objstore.Store
	opt   Options
	id    [16]byte
	keys  keys
	knobs
}

// knobs are turned by tests only: smaller packs and parts make more of them, and
// a compressor with a defect shows who notices.
type knobs struct {
	packSize int
	partMask uint32
	deflate  func(b, text []byte) []byte
}

var usual = knobs{packSize: packSize, partMask: partMask, deflate: deflate}

type formatDoc struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	ID      string `json:"id"`
}

const (
	formatName    = "format"
	formatMagic   = "holdfast-repository"
	formatVersion = 1
)

// Create makes a repository at an empty place that the recipients can open.
// The format, which makes it one, is stored last. Keys that belong to another
// one, of an attempt that failed, are removed.
//
// Errors: objstore.ErrExists when there is one already.
func Create(ctx context.Context, s objstore.Store, o Options, recipients ...Recipient) (*Repository, error) {
	r := &Repository{store: s, opt: o.withDefaults(), knobs: usual}
	if err := r.create(ctx, recipients); err != nil {
		return nil, fmt.Errorf("create a backup repository: %w", err)
	}
	return r, nil
}

func (r *Repository) create(ctx context.Context, recipients []Recipient) error {
	if _, err := r.store.Stat(ctx, formatName); err == nil {
		return objstore.ErrExists
	}
	if len(recipients) == 0 {
		return errors.New("nobody could open it")
	}
	var root [32]byte
	if err := errors.Join(r.random(r.id[:]), r.random(root[:])); err != nil {
		return err
	}
	r.keys = deriveKeys(root)
	mine := map[string]bool{}
	for _, rec := range recipients {
		k, err := r.AddKey(ctx, rec)
		if err != nil {
			return err
		}
		mine[k.Name] = true
	}
	if err := r.keepReserve(ctx); err != nil {
		return err
	}
	doc, err := json.Marshal(formatDoc{formatMagic, formatVersion, r.ID()})
	if err != nil {
		return err
	}
	if err := r.store.Put(ctx, formatName, append(doc, '\n')); err != nil {
		for name := range mine { // another one was faster
			err = errors.Join(err, r.dropKey(ctx, name, err))
		}
		return err
	}
	return r.onlyKeys(ctx, mine)
}

// dropKey removes the key of an attempt when it is certain that it failed.
func (r *Repository) dropKey(ctx context.Context, name string, why error) error {
	if !errors.Is(why, objstore.ErrExists) {
		return nil
	}
	return r.store.Delete(ctx, name)
}

// onlyKeys removes all other keys: no repository has them. One of them would
// count as another one who can open this.
func (r *Repository) onlyKeys(ctx context.Context, mine map[string]bool) error {
	all, err := r.Keys(ctx)
	for _, k := range all {
		if !mine[k.Name] {
			err = errors.Join(err, r.store.Delete(ctx, k.Name))
		}
	}
	return err
}

// Open opens the repository with one of the identities.
//
// Errors: ErrNoRepository, ErrNewer, ErrNoKey, ErrDamaged.
func Open(ctx context.Context, s objstore.Store, o Options, identities ...age.Identity) (*Repository, error) {
	b, err := s.Get(ctx, formatName, maxDocument)
	if errors.Is(err, objstore.ErrNotFound) {
		return nil, ErrNoRepository
	}
	if err != nil {
		return nil, fmt.Errorf("open the backup repository: %w", err)
	}
	r := &Repository{store: s, opt: o.withDefaults(), knobs: usual}
	if r.id, err = parseFormat(b); err != nil {
		return nil, err
	}
	root, err := r.unwrap(ctx, identities)
	if err != nil {
		return nil, err
	}
	r.keys = deriveKeys(root)
	return r, nil
}

func parseFormat(b []byte) (id [16]byte, err error) {
	var doc formatDoc
	if err := json.Unmarshal(b, &doc); err != nil || doc.Format != formatMagic || doc.Version < 1 {
		return id, fmt.Errorf("%w: the object %q is no description of a repository", ErrDamaged, formatName)
	}
	if doc.Version > formatVersion {
		return id, fmt.Errorf("%w: %d, and this program knows up to %d", ErrNewer, doc.Version, formatVersion)
	}
	b, err = hex.DecodeString(doc.ID)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%w: the object %q has no identifier", ErrDamaged, formatName)
	}
	return [16]byte(b), nil
}

// sameFormat finds damage of the format since it was opened.
func (r *Repository) sameFormat(b []byte) error {
	want, err := json.Marshal(formatDoc{formatMagic, formatVersion, r.ID()})
	if err == nil && string(b) != string(want)+"\n" {
		err = fmt.Errorf("%w: the object %q is not what was stored", ErrDamaged, formatName)
	}
	return err
}

// ID names the repository, in hex.
func (r *Repository) ID() string { return hex.EncodeToString(r.id[:]) }

// Store is where the repository lies.
func (r *Repository) Store() objstore.Store { return r.store }

func (o Options) withDefaults() Options {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Workers <= 0 {
		o.Workers = min(4, runtime.GOMAXPROCS(0))
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (r *Repository) random(p []byte) error {
	if _, err := io.ReadFull(r.opt.Rand, p); err != nil {
		return fmt.Errorf("random bytes: %w", err)
	}
	return nil
}
