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
	"syscall"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// part is the end of the name of a file that is not whole yet.
const part = ".part"

func spoolName(n id.Backup) string { return fmt.Sprintf("backup-%d.zip", n) }

func (s *Service) spool(n id.Backup) string { return filepath.Join(s.deps.Dir, spoolName(n)) }

// openPart makes the file that becomes the archive at path and locks it for as
// long as it is open: a run whose file nobody holds is over, however it ended.
func openPart(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make directory for backups: %w", err)
	}
	f, err := os.OpenFile(path+part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.Conflict("another backup is being written to " + path)
		}
		return nil, fmt.Errorf("lock archive: %w", err)
	}
	return f, nil
}

// abandoned says that the file of a run is here and nobody holds it any more.
// Where there is none, the run may be on another machine.
func abandoned(path string) bool {
	found := false
	for _, name := range []string{path + part, path} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		found = true
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		_ = f.Close() // was only looked at
		if err != nil {
			return false
		}
	}
	return found
}

// write makes the archive at path in f, which openPart gave: written under
// another name, fsynced, read again and verified, renamed, directory fsynced.
// After an error nothing is left; after a crash at most the part, which Recover
// removes. The caller closes f when the run is recorded as over.
func (s *Service) write(ctx context.Context, f *os.File, path string, o EngineOptions) (sum Summary, size int64, hash string, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(path+part))
		}
	}()
	if err = f.Truncate(0); err != nil {
		return sum, 0, "", fmt.Errorf("write archive: %w", err)
	}
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
	if err = syncDir(filepath.Dir(path)); err != nil {
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

// unfinished are the backups that may be over without a word; leased says that
// the runner has shown a sign of life within its lease.
const unfinished = `SELECT ` + backupColumns + `, EXISTS (SELECT 1 FROM blob_pins p
		WHERE p.holder = 'backup ' || CAST(b.id AS TEXT) AND p.lease_until > ?) AS leased
	FROM backups b WHERE state = 'running' OR state = 'queued' AND created_at < ?`

// Recover ends what a crash left: running backups whose runner is dead become
// failed, queued ones nobody begins for a day too, and files no backup names
// are removed. A runner is dead when nobody holds the lock of its file, or when
// its lease is over; at the start of the only server on the data directory no
// other server can be alive.
func (s *Service) Recover(ctx context.Context, atStart bool) error {
	dead, err := db.Write(ctx, s.db, func(tx *db.Tx) ([]Backup, error) {
		open, err := db.All[struct {
			Backup
			Leased bool `db:"leased"`
		}](ctx, tx, db.SQL(unfinished, tx.Stamp(), db.At(tx.Now().Add(-limitWindow))))
		var dead []Backup
		for _, b := range open {
			if err != nil || b.State == Running && b.Leased && !(atStart && b.Source != SourceCommand) && !abandoned(s.path(b.Backup)) {
				continue
			}
			dead = append(dead, b.Backup)
			why := reasonInterrupted
			if b.State == Queued {
				why = reasonAbandoned
			}
			err = s.close(ctx, tx, &b.Backup, Failed, why)
		}
		return dead, err
	})
	for _, b := range dead {
		if b.State == Running {
			err = errors.Join(err, remove(s.path(b)+part))
		}
	}
	if err != nil {
		return err
	}
	return s.sweep(ctx)
}

// path is where the archive of a backup that runs is being written.
func (s *Service) path(b Backup) string {
	if filepath.IsAbs(b.File) {
		return b.File
	}
	return filepath.Join(s.deps.Dir, b.File)
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
		name, path := strings.TrimSuffix(e.Name(), part), filepath.Join(s.deps.Dir, e.Name())
		ours := strings.HasPrefix(name, "backup-") && strings.HasSuffix(name, ".zip")
		if ours && !known[name] || name+part == e.Name() && !known[name] && abandoned(strings.TrimSuffix(path, part)) {
			errs = append(errs, remove(path))
		}
	}
	return errors.Join(errs...)
}
