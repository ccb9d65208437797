package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/kit"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// Recovered is what a recovery brought back, and how long it took.
type Recovered struct {
	archive.Report
	Snapshot string        `json:"snapshot"`
	Took     time.Duration `json:"took"`
}

// Rebuild brings an instance back on an empty machine, from its repository, which
// cfg names, and a recovery kit. The instance has the keys it had, so that what
// they sealed still opens; the server gets a key of its own to the repository.
// When it fails, it leaves no keys behind.
//
// One that was killed is begun again by the next, with the same kit.
//
// Faults: Conflict where there is an instance already; NotFound for the snapshot.
func Rebuild(ctx context.Context, cfg *config.Config, log *slog.Logger, k *kit.Kit, snapshot, version string, o archive.RestoreOptions) (_ Recovered, err error) {
	if !archive.Interrupted(cfg.Data) { // also where a server has the lock
		if _, err := vacant(ctx, cfg, k.Keys); err != nil {
			return Recovered{}, err
		}
	}
	lock, err := LockAlone(cfg.Data)
	if err != nil {
		return Recovered{}, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := settleRestore(ctx, cfg, log); err != nil {
		return Recovered{}, err
	}
	begun, err := vacant(ctx, cfg, k.Keys)
	if err != nil {
		return Recovered{}, err
	}
	if !begun {
		if err := k.Keys.Save(cfg.KeysDir()); err != nil {
			return Recovered{}, err
		}
	}
	out, err := rebuild(ctx, cfg, log, k, snapshot, version, o)
	if err != nil && !archive.Interrupted(cfg.Data) {
		err = errors.Join(err, secret.Discard(cfg.KeysDir()))
	}
	return out, err
}

// vacant is Conflict unless the place is empty but for what a recovery with the same
// keys has begun.
func vacant(ctx context.Context, cfg *config.Config, keys *secret.Keyring) (begun bool, err error) {
	_, err = os.Stat(cfg.KeysDir())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	taken := fault.WithHint(fault.Conflict("there is an instance in "+cfg.Data), "recover into an empty directory, with --data")
	have, err := secret.OpenKeyring(cfg.KeysDir(), true)
	if err != nil || !have.Equal(keys) {
		return false, taken
	}
	switch there, err := hasDatabase(ctx, cfg); {
	case err != nil:
		return false, err
	case there:
		return false, taken
	}
	return true, nil
}

func hasDatabase(ctx context.Context, cfg *config.Config) (_ bool, err error) {
	o := dbOptions(cfg, slog.New(slog.DiscardHandler))
	if o.URL == "" {
		_, err := os.Stat(o.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	schema, err := db.SchemaVersion(ctx, d)
	return schema > 0, err
}

func rebuild(ctx context.Context, cfg *config.Config, log *slog.Logger, k *kit.Kit, snapshot, version string, o archive.RestoreOptions) (_ Recovered, err error) {
	began := time.Now() //nolint:forbidigo // the time is reported
	place := newPlace(cfg, log)
	defer func() { err = errors.Join(err, place.Close()) }()
	r, err := place.Adopt(ctx, k.Identity)
	if err != nil {
		return Recovered{}, err
	}
	if r.ID() != k.Repository {
		return Recovered{}, fault.WithHint(fmt.Errorf("the kit is for the repository %s, and %s is %s", k.Repository, cfg.RepositoryLocation(), r.ID()), "look for the kit of this repository")
	}
	snap, err := r.Snapshot(ctx, snapshot)
	if err != nil {
		return Recovered{}, err
	}
	st, err := archive.Load(r, snap, k.Keys)
	if err != nil {
		return Recovered{}, err
	}
	blobs, err := blob.OpenDir(cfg.BlobsLocation())
	if err != nil {
		return Recovered{}, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	report, err := archive.Restore(ctx, st, archive.Target{
		DataDir: cfg.Data, DB: dbOptions(cfg, log), Blobs: blobs, Keys: k.Keys, Program: version, Repository: place.Open,
	}, o)
	return Recovered{report, snap.ID, time.Since(began)}, err
}
