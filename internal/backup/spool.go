package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// part is the end of the name of a file that is not whole yet.
const part = ".part"

func spoolName(n id.Backup) string { return fmt.Sprintf("backup-%d.zip", n) }

func (s *Service) spool(n id.Backup) string { return filepath.Join(s.deps.Dir, spoolName(n)) }

// write makes the archive at path: written under another name, fsynced, read
// again and verified, renamed, directory fsynced. After an error nothing is
// left; after a crash at most the part, which Recover removes.
func (s *Service) write(ctx context.Context, path string, o EngineOptions) (sum Summary, size int64, hash string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return sum, 0, "", fmt.Errorf("make directory for backups: %w", err)
	}
	f, err := os.OpenFile(path+part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return sum, 0, "", fmt.Errorf("create archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), remove(path+part))
		}
	}()
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, h), 256<<10)
	if sum, err = s.deps.Engine.Create(ctx, w, o); err != nil {
		return sum, 0, "", fmt.Errorf("write archive: %w", err)
	}
	if err = errors.Join(w.Flush(), f.Sync()); err != nil {
		return sum, 0, "", fmt.Errorf("write archive: %w", err)
	}
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return sum, 0, "", fmt.Errorf("write archive: %w", err)
	}
	if err = s.deps.Engine.Verify(ctx, path+part); err != nil {
		return sum, 0, "", fmt.Errorf("verify archive: %w", err)
	}
	if err = ctx.Err(); err != nil {
		return sum, 0, "", err
	}
	if err = os.Rename(path+part, path); err != nil {
		return sum, 0, "", fmt.Errorf("name archive: %w", err)
	}
	if err = errors.Join(f.Close(), syncDir(filepath.Dir(path))); err != nil {
		return sum, 0, "", errors.Join(err, remove(path))
	}
	return sum, size, hex.EncodeToString(h.Sum(nil)), nil
}

// remove deletes a file; one that is not there is no error.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// superseded lists archives that enough newer ones replace: Keep complete ones
// for a complete one, Keep of any kind for an incomplete one.
const superseded = `SELECT ` + backupColumns + ` FROM backups b WHERE removed_at IS NULL AND state IN ('complete', 'incomplete')
	AND source <> 'command' AND ? <= (SELECT COUNT(*) FROM backups n WHERE n.id > b.id AND n.removed_at IS NULL
		AND n.source <> 'command' AND n.verified_at IS NOT NULL
		AND (n.state = 'complete' OR n.state = 'incomplete' AND b.state = 'incomplete'))`

// retain removes superseded archives: first the row says so, then the file goes.
func (s *Service) retain(ctx context.Context) error {
	gone, err := db.Write(ctx, s.db, func(tx *db.Tx) ([]Backup, error) {
		old, err := db.All[Backup](ctx, tx, db.SQL(superseded, s.deps.Keep))
		if err != nil {
			return nil, err
		}
		for _, b := range old {
			if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET removed_at = ? WHERE id = ?`, tx.Stamp(), b.ID)); err != nil {
				return nil, err
			}
			if err := s.record(ctx, tx, access.System("backup"), "backup.remove", backupObject(b.ID), audit.OK, nil); err != nil {
				return nil, err
			}
		}
		return old, nil
	})
	for _, b := range gone {
		err = errors.Join(err, remove(s.spool(b.ID)))
	}
	return err
}

// Recover ends what a crash left: running backups whose runner is dead become
// failed, queued ones nobody begins for a day too, and files no backup names
// are removed. At the start of the only server on the data directory no runner
// can be alive, whatever its lease says; later, as a periodic job, the lease counts.
func (s *Service) Recover(ctx context.Context, atStart bool) error {
	err := db.Do(ctx, s.db, func(tx *db.Tx) error {
		open, err := db.All[Backup](ctx, tx, db.SQL(`SELECT `+backupColumns+` FROM backups b WHERE source <> 'command' AND state = 'running' AND (? OR NOT EXISTS
				(SELECT 1 FROM blob_pins p WHERE p.holder = 'backup ' || CAST(b.id AS TEXT) AND p.lease_until > ?))
			OR source = 'command' AND state = 'running' AND NOT EXISTS
				(SELECT 1 FROM blob_pins p WHERE p.holder = 'backup ' || CAST(b.id AS TEXT) AND p.lease_until > ?)
			OR state = 'queued' AND created_at < ?`, atStart, tx.Stamp(), tx.Stamp(), db.At(tx.Now().Add(-limitWindow))))
		if err != nil {
			return err
		}
		for _, b := range open {
			why := reasonInterrupted
			if b.State == Queued {
				why = reasonAbandoned
			}
			if err := s.close(ctx, tx, &b, Failed, why); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.sweep(ctx)
}

// sweep removes archives and parts in the spool that no living backup names.
func (s *Service) sweep(ctx context.Context) error {
	entries, err := os.ReadDir(s.deps.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at backups: %w", err)
	}
	live, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]string, error) {
		return db.All[string](ctx, tx, db.SQL(`SELECT file FROM backups WHERE file <> '' AND removed_at IS NULL`))
	})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, f := range live {
		known[f] = true
	}
	var errs []error
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), part)
		ours := strings.HasPrefix(name, "backup-") && strings.HasSuffix(name, ".zip")
		if ours && !known[name] {
			errs = append(errs, remove(filepath.Join(s.deps.Dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
