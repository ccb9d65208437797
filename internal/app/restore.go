package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// settleRestore ends a restore that a crash interrupted, before the database
// is opened: the instance is then entirely old or entirely new.
func settleRestore(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	if !archive.Interrupted(cfg.Data) {
		return nil
	}
	blobs, err := blob.OpenDir(cfg.BlobsLocation())
	if err != nil {
		return err
	}
	outcome, err := archive.Recover(ctx, archive.Target{DataDir: cfg.Data, DB: dbOptions(cfg, log), Blobs: blobs})
	if err = errors.Join(err, blobs.Close()); err != nil {
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

// Restoration is a backup and the place it would be restored to.
type Restoration struct {
	backup  archive.Backup
	opened  io.Closer // the archive, if it is one
	target  archive.Target
	cfg     *config.Config
	lock    *Lock
	blobs   *blob.Dir
	place   *backup.Place
	newKeys bool // the target has no keys yet; Run makes them
	planned bool // Run is not called, and compares nothing
}

// OpenRestoration opens the backup, which is the path of an archive or the name of
// a snapshot in the repository of the instance, checks all of it but the rows and files,
// which Run compares, and takes the data directory for itself. The caller closes it.
func OpenRestoration(ctx context.Context, cfg *config.Config, log *slog.Logger, name, version string, identities ...age.Identity) (*Restoration, error) {
	if err := mayExist(cfg, name); err != nil {
		return nil, err
	}
	lock, err := LockAlone(cfg.Data)
	if err != nil {
		return nil, err
	}
	r := &Restoration{cfg: cfg, lock: lock}
	err = settleRestore(ctx, cfg, log)
	if err == nil {
		err = r.open(ctx, log, name, version, identities)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// UndoRestoration puts back the state before the newest restore. See archive.Undo.
// by names who does it, the operator when empty.
func UndoRestoration(ctx context.Context, cfg *config.Config, log *slog.Logger, version, by string) (_ archive.Report, err error) {
	if err := mustExist(cfg); err != nil {
		return archive.Report{}, err
	}
	lock, err := LockAlone(cfg.Data)
	if err != nil {
		return archive.Report{}, err
	}
	r := &Restoration{cfg: cfg, lock: lock, place: newPlace(cfg, log)}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := settleRestore(ctx, cfg, log); err != nil {
		return archive.Report{}, err
	}
	keys, err := secret.OpenKeyring(cfg.KeysDir(), true)
	if err != nil {
		return archive.Report{}, err
	}
	if r.blobs, err = blob.OpenDir(cfg.BlobsLocation()); err != nil {
		return archive.Report{}, err
	}
	return archive.Undo(ctx, archive.Target{
		DataDir: cfg.Data, DB: dbOptions(cfg, log), Blobs: r.blobs, Keys: keys, Program: version, By: by, Repository: r.place.Open,
	})
}

// PlanRestoration says what a restore would do. It changes nothing, also where
// there is nothing yet, and a server may go on meanwhile.
func PlanRestoration(ctx context.Context, cfg *config.Config, log *slog.Logger, name string, identities ...age.Identity) (_ archive.Plan, err error) {
	if err := mayExist(cfg, name); err != nil {
		return archive.Plan{}, err
	}
	lock, err := lockIfThere(cfg.Data)
	if err != nil {
		return archive.Plan{}, err
	}
	r := &Restoration{cfg: cfg, lock: lock, planned: true}
	defer func() { err = errors.Join(err, r.Close()) }()
	if archive.Interrupted(cfg.Data) {
		return archive.Plan{}, fault.WithHint(fault.Conflict("a restore was interrupted here"), "run holdfast doctor: it settles the restore first")
	}
	if err := r.open(ctx, log, name, "", identities); err != nil {
		return archive.Plan{}, err
	}
	return archive.MakePlan(ctx, r.backup, r.target)
}

// open reads the backup; nothing is made yet.
func (r *Restoration) open(ctx context.Context, log *slog.Logger, name, version string, identities []age.Identity) error {
	keys := secret.NewKeyring() // proves nothing to be our own, and there is nothing yet
	_, err := os.Stat(r.cfg.KeysDir())
	if r.newKeys = errors.Is(err, fs.ErrNotExist); !r.newKeys {
		keys, err = secret.OpenKeyring(r.cfg.KeysDir(), true)
		if err != nil {
			return err
		}
	}
	r.place = newPlace(r.cfg, log)
	if err := r.find(ctx, name, keys, identities); err != nil {
		return err
	}
	r.target = archive.Target{DataDir: r.cfg.Data, DB: dbOptions(r.cfg, log), Keys: keys, Program: version, Repository: r.place.Open}
	return nil
}

// find opens the archive at the path, or the snapshot of the name.
func (r *Restoration) find(ctx context.Context, name string, keys *secret.Keyring, identities []age.Identity) error {
	if _, err := os.Stat(name); err == nil {
		open := archive.OpenToRestore
		if r.planned {
			open = archive.Open
		}
		a, err := open(ctx, name, keys, identities...)
		if err == nil {
			r.backup, r.opened = a, a
		}
		return err
	}
	to, err := r.place.Existing(ctx)
	if errors.Is(err, repo.ErrNoRepository) {
		return ErrNoBackup(name)
	}
	if err != nil {
		return err
	}
	snap, err := to.Snapshot(ctx, name)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return ErrNoBackup(name)
	}
	if err != nil {
		return err
	}
	r.backup, err = archive.Load(to, snap, keys)
	return err
}

// mayExist refuses a name that is no file where there can be no snapshot either,
// before anything is made.
func mayExist(cfg *config.Config, name string) error {
	_, file := os.Stat(name)
	_, keys := os.Stat(cfg.KeysDir())
	if file != nil && keys != nil {
		return ErrNoBackup(name)
	}
	return nil
}

// ErrNoBackup refuses a name that is neither that of a file nor of a snapshot.
func ErrNoBackup(name string) error {
	return fault.WithHint(&fault.Fault{Kind: fault.KindNotFound, What: "backup", Message: "there is neither a file nor a snapshot " + name},
		"holdfast backup list shows the snapshots of the instance")
}

// Run restores. See archive.Restore. Where it fails on a target that had no
// keys, it leaves none.
func (r *Restoration) Run(ctx context.Context, o archive.RestoreOptions) (archive.Report, error) {
	if r.newKeys {
		r.target.Keys = secret.NewKeyring()
		if err := r.target.Keys.Save(r.cfg.KeysDir()); err != nil {
			return archive.Report{}, err
		}
	}
	report, err := r.run(ctx, o)
	if err != nil && r.newKeys && !archive.Interrupted(r.cfg.Data) {
		err = errors.Join(err, secret.Discard(r.cfg.KeysDir()))
	}
	return report, err
}

func (r *Restoration) run(ctx context.Context, o archive.RestoreOptions) (_ archive.Report, err error) {
	if r.blobs, err = blob.OpenDir(r.cfg.BlobsLocation()); err != nil {
		return archive.Report{}, err
	}
	r.target.Blobs = r.blobs
	return archive.Restore(ctx, r.backup, r.target, o)
}

// Close releases everything.
func (r *Restoration) Close() error {
	var errs []error
	if r.opened != nil {
		errs = append(errs, r.opened.Close())
	}
	if r.place != nil {
		errs = append(errs, r.place.Close())
	}
	if r.blobs != nil {
		errs = append(errs, r.blobs.Close())
	}
	return errors.Join(append(errs, r.lock.Close())...)
}
