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
	"github.com/holdfast/holdfast/internal/fault"
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
// Faults: Conflict where there is an instance already; NotFound for the snapshot.
func Rebuild(ctx context.Context, cfg *config.Config, log *slog.Logger, k *kit.Kit, snapshot, version string, o archive.RestoreOptions) (_ Recovered, err error) {
	if _, err := os.Stat(cfg.KeysDir()); !errors.Is(err, fs.ErrNotExist) {
		return Recovered{}, fault.WithHint(fault.Conflict("there is an instance in "+cfg.Data), "recover into an empty directory, with --data")
	}
	lock, err := LockAlone(cfg.Data)
	if err != nil {
		return Recovered{}, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := k.Keys.Save(cfg.KeysDir()); err != nil {
		return Recovered{}, err
	}
	out, err := rebuild(ctx, cfg, log, k, snapshot, version, o)
	if err != nil && !archive.Interrupted(cfg.Data) {
		err = errors.Join(err, os.RemoveAll(cfg.KeysDir()))
	}
	return out, err
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
