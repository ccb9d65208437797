package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/fault"
)

// orderName is the file in the data directory that holds an order to restore until
// its end is recorded; uploadName is an archive that somebody uploaded for one.
const (
	orderName  = "restore.order"
	uploadName = "restore-upload.zip"
)

// patience is how long an order waits for commands that have the instance open.
const patience = 10 * time.Second

// placedOrder is what the file says.
type placedOrder struct {
	backup.RestoreOrder
	Begun bool `json:"begun"`
}

// PlaceOrder writes an order down. There is one at a time.
func PlaceOrder(cfg *config.Config, o backup.RestoreOrder) error {
	f, err := os.OpenFile(filepath.Join(cfg.Data, orderName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Conflict("a restore has been ordered already")
	}
	if err != nil {
		return fmt.Errorf("order a restore: %w", err)
	}
	err = json.NewEncoder(f).Encode(placedOrder{RestoreOrder: o})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("order a restore: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// begin notes that the order is being carried out.
func begin(cfg *config.Config, o backup.RestoreOrder) error {
	text, err := json.Marshal(placedOrder{o, true})
	if err != nil {
		return err
	}
	name := filepath.Join(cfg.Data, orderName)
	if err := os.WriteFile(name+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

func readOrder(cfg *config.Config) (o placedOrder, found bool, err error) {
	text, err := os.ReadFile(filepath.Join(cfg.Data, orderName))
	if errors.Is(err, fs.ErrNotExist) {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("read the order to restore: %w", err)
	}
	if json.Unmarshal(text, &o) != nil {
		o.Kind = backup.CheckRestore // it was being written when the power failed
	}
	return o, true, nil
}

// CarryOut does what the order says. Nobody else may have the instance open; for
// commands that end soon it waits.
func CarryOut(ctx context.Context, cfg *config.Config, log *slog.Logger, o backup.RestoreOrder, version string, progress func(archive.Progress)) (_ archive.Report, err error) {
	if err := begin(cfg, o); err != nil {
		return archive.Report{}, fmt.Errorf("restore: %w", err)
	}
	if err := alone(ctx, cfg.Data); err != nil {
		return archive.Report{}, err
	}
	if o.Kind == backup.CheckUndo {
		return UndoRestoration(ctx, cfg, log, version, o.By)
	}
	ids, err := passphrase(o.Passphrase)
	if err != nil {
		return archive.Report{}, err
	}
	r, err := OpenRestoration(ctx, cfg, log, o.Snapshot, version, ids...)
	if err != nil {
		return archive.Report{}, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	r.target.By = o.By
	return r.Run(ctx, archive.RestoreOptions{Replace: true, Progress: progress})
}

// alone waits until nobody has the data directory open.
func alone(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		lock, err := LockAlone(dir)
		if err == nil {
			return lock.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func passphrase(text string) ([]age.Identity, error) {
	if text == "" {
		return nil, nil
	}
	i, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, err
	}
	return []age.Identity{i}, nil
}

// Ordered says whether a restore has been ordered and is about to begin.
func (a *App) Ordered() bool {
	_, err := os.Stat(filepath.Join(a.Config.Data, orderName))
	return err == nil
}

// EndOrder records how an order ended and forgets it.
func (a *App) EndOrder(ctx context.Context, o backup.RestoreOrder, report archive.Report, cause error) error {
	if cause == nil {
		a.Log.Warn("the instance has been restored", "snapshot", o.Snapshot, "by", o.By, "kind", o.Kind)
	} else {
		a.Log.Error("the instance was not restored", "snapshot", o.Snapshot, "by", o.By, "kind", o.Kind, "error", cause)
	}
	if filepath.Base(o.Snapshot) == uploadName {
		o.Snapshot = "" // an archive that is not kept
	}
	if err := a.Backups.RestoreEnded(ctx, o, report, cause); err != nil {
		return err
	}
	return errors.Join(a.removeUpload(), remove(filepath.Join(a.Config.Data, orderName)))
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (a *App) removeUpload() error { return remove(filepath.Join(a.Config.Data, uploadName)) }

// SettleOrder ends an order that the process before this one left: Open has settled
// what it had changed, and an order that was not begun is not begun now, because
// who gave it is not there to see what it does.
func (a *App) SettleOrder(ctx context.Context) error {
	o, found, err := readOrder(a.Config)
	if err != nil {
		return err
	}
	if !found {
		return a.removeUpload()
	}
	cause := errors.New("the server was stopped before the restore began; order it again")
	if o.Begun {
		if cause, err = a.outcome(ctx, o); err != nil {
			return err
		}
	}
	return a.EndOrder(ctx, o.RestoreOrder, archive.Report{}, cause)
}

// outcome tells whether a restore that was begun took place.
func (a *App) outcome(ctx context.Context, o placedOrder) (cause, err error) {
	interrupted := errors.New("the restore was interrupted; order it again")
	if filepath.Base(o.Snapshot) == uploadName {
		if need, err := a.Accounts.NeedsSetup(ctx); err != nil || need {
			return interrupted, err
		}
		return nil, nil
	}
	at, _, err := a.kept(ctx)
	if err == nil && at.Before(o.At.Truncate(time.Second)) {
		return interrupted, nil
	}
	return nil, err
}

func (a *App) kept(ctx context.Context) (at, until time.Time, err error) {
	return archive.Kept(ctx, archive.Target{DataDir: a.Config.Data, DB: dbOptions(a.Config, a.Log)})
}

// RestoreUpload orders the restore of an archive into an instance in which there is
// nobody yet: the archive is kept, looked through as a whole, and given to the
// server.
//
// Faults: Conflict where there are people, or an order; Invalid for archive and
// passphrase, with nothing kept.
func (a *App) RestoreUpload(ctx context.Context, src io.Reader, phrase, ip string) error {
	need, err := a.Accounts.NeedsSetup(ctx)
	if err != nil {
		return err
	}
	if !need || a.restore == nil {
		return fault.Conflict("only an instance without people takes an archive on its page; use holdfast restore on the server")
	}
	name := filepath.Join(a.Config.Data, uploadName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Conflict("an archive is being uploaded already")
	}
	if err != nil {
		return fmt.Errorf("keep the archive: %w", err)
	}
	_, err = io.Copy(f, src)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("keep the archive: %w", err), a.removeUpload())
	}
	if err := a.tryArchive(ctx, name, phrase); err != nil {
		return errors.Join(err, a.removeUpload())
	}
	err = a.restore(backup.RestoreOrder{Kind: backup.CheckRestore, Snapshot: name, Passphrase: phrase, IP: ip, At: a.DB.Now()})
	if err != nil {
		err = errors.Join(err, a.removeUpload())
	}
	return err
}

// tryArchive refuses what could not be restored.
func (a *App) tryArchive(ctx context.Context, name, phrase string) error {
	ids, err := passphrase(phrase)
	if err != nil {
		return err
	}
	p, err := PlanRestoration(ctx, a.Config, a.Log, name, ids...)
	if err == nil {
		err = p.Refusal(archive.RestoreOptions{Replace: true})
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, archive.ErrEncrypted):
		return fault.InvalidField("passphrase", "does_not_open")
	case ctx.Err() != nil:
		return err
	}
	text, _ := strings.CutPrefix(err.Error(), "archive: ")
	return fault.Invalid(fault.Field{Name: "archive", Code: "not_restorable", Params: map[string]any{"reason": text}})
}
