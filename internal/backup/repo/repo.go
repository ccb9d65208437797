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
	packSize    = 8 << 20  // a pack is closed when it has reached this
	packStep    = 64 << 10 // packs are padded, so that sizes tell little
	maxPack     = packSize + 2*chunkSize
	maxManifest = 32 << 20
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
	// Now is the local clock, used for progress and heartbeats only.
	Now func() time.Time
	// Workers compress; the number of cores when 0.
	Workers int
	Log     *slog.Logger
}

// Repository is an open repository.
type Repository struct {
	store objstore.Store
	opt   Options
	id    [16]byte
	keys  keys
}

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
// The keys are stored before the format that makes it a repository.
//
// Errors: objstore.ErrExists when there is one already.
func Create(ctx context.Context, s objstore.Store, o Options, recipients ...Recipient) (*Repository, error) {
	if _, err := s.Stat(ctx, formatName); err == nil {
		return nil, fmt.Errorf("create a backup repository: %w", objstore.ErrExists)
	}
	r := &Repository{store: s, opt: o.withDefaults()}
	var root [32]byte
	if err := errors.Join(r.random(r.id[:]), r.random(root[:])); err != nil {
		return nil, err
	}
	r.keys = deriveKeys(root)
	if len(recipients) == 0 {
		return nil, errors.New("create a backup repository: nobody could open it")
	}
	for _, rec := range recipients {
		if _, err := r.AddKey(ctx, rec); err != nil {
			return nil, err
		}
	}
	doc, err := json.Marshal(formatDoc{formatMagic, formatVersion, hex.EncodeToString(r.id[:])})
	if err != nil {
		return nil, fmt.Errorf("create a backup repository: %w", err)
	}
	if err := s.Put(ctx, formatName, append(doc, '\n')); err != nil {
		return nil, fmt.Errorf("create a backup repository: %w", err)
	}
	return r, r.keepReserve(ctx)
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
	r := &Repository{store: s, opt: o.withDefaults()}
	if err := r.parseFormat(b); err != nil {
		return nil, err
	}
	root, err := r.unwrap(ctx, identities)
	if err != nil {
		return nil, err
	}
	r.keys = deriveKeys(root)
	return r, nil
}

func (r *Repository) parseFormat(b []byte) error {
	var doc formatDoc
	if err := json.Unmarshal(b, &doc); err != nil || doc.Format != formatMagic {
		return fmt.Errorf("%w: the object %q is no description of a repository", ErrDamaged, formatName)
	}
	if doc.Version > formatVersion {
		return fmt.Errorf("%w: %d, and this program knows up to %d", ErrNewer, doc.Version, formatVersion)
	}
	id, err := hex.DecodeString(doc.ID)
	if err != nil || len(id) != len(r.id) {
		return fmt.Errorf("%w: the object %q has no identifier", ErrDamaged, formatName)
	}
	copy(r.id[:], id)
	return nil
}

// ID names the repository, in hex.
func (r *Repository) ID() string { return hex.EncodeToString(r.id[:]) }

// Store is where the repository lies.
func (r *Repository) Store() objstore.Store { return r.store }

func (o Options) withDefaults() Options {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default clock of the package
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
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
