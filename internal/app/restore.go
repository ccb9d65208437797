package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/secret"
)

// settleRestore ends a restore that a crash interrupted, before the database
// is opened: the instance is then entirely old or entirely new.
func settleRestore(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	outcome, err := archive.Recover(ctx, archive.Target{DataDir: cfg.Data, DB: dbOptions(cfg, log)})
	if err != nil {
		return fmt.Errorf("settle an interrupted restore: %w", err)
	}
	switch outcome {
	case archive.IsOld:
		log.Warn("a restore was interrupted and has been undone; the instance is as it was before")
	case archive.IsNew:
		log.Warn("a restore was interrupted after its last check and has been completed")
	case archive.Nothing:
	}
	return nil
}

// Restoration is an archive and the place it would be restored to.
type Restoration struct {
	archive *archive.Archive
	target  archive.Target
	blobs   *blob.Dir
	lock    *Lock
}

// OpenRestoration checks the archive as a whole and takes the data directory
// for itself. The caller closes it.
func OpenRestoration(ctx context.Context, cfg *config.Config, log *slog.Logger, path, version string) (*Restoration, error) {
	lock, err := LockAlone(cfg.Data)
	if err != nil {
		return nil, err
	}
	r := &Restoration{lock: lock}
	if err := r.open(ctx, cfg, log, path, version); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Restoration) open(ctx context.Context, cfg *config.Config, log *slog.Logger, path, version string) error {
	if err := settleRestore(ctx, cfg, log); err != nil {
		return err
	}
	_, missing := os.Stat(cfg.KeysDir())
	keys, err := secret.OpenKeyring(cfg.KeysDir(), missing == nil)
	if err != nil {
		return err
	}
	if r.archive, err = archive.Open(ctx, path, keys); err != nil {
		return err
	}
	if r.blobs, err = blob.OpenDir(cfg.BlobsLocation()); err != nil {
		return err
	}
	r.target = archive.Target{DataDir: cfg.Data, DB: dbOptions(cfg, log), Blobs: r.blobs, Keys: keys, Program: version}
	return nil
}

// Plan says what Run would do.
func (r *Restoration) Plan(ctx context.Context) (archive.Plan, error) {
	return archive.MakePlan(ctx, r.archive, r.target)
}

// Run restores. See archive.Restore.
func (r *Restoration) Run(ctx context.Context, o archive.RestoreOptions) (archive.Report, error) {
	return archive.Restore(ctx, r.archive, r.target, o)
}

// Close releases everything.
func (r *Restoration) Close() error {
	var errs []error
	if r.archive != nil {
		errs = append(errs, r.archive.Close())
	}
	if r.blobs != nil {
		errs = append(errs, r.blobs.Close())
	}
	return errors.Join(append(errs, r.lock.Close())...)
}
