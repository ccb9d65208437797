package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/archive"
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

// write makes the archive a at path in f, which openPart gave: written under
// another name, fsynced, read again and verified, renamed, directory fsynced.
// After an error nothing is left; after a crash at most the part, which Recover
// removes. The caller closes f when the run is recorded as over.
func (s *Service) write(ctx context.Context, f *os.File, path string, a Archive, o ExportOptions) error {
	err := s.writePart(ctx, f, path, a, o)
	if err == nil {
		err = os.Rename(path+part, path)
	}
	if _, hint, full := archive.Full(err); full {
		err = fault.WithHint(err, hint+"; it was "+filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, remove(path))
	}
	return nil
}

// told tells how much was written to a writer.
type told struct {
	to            io.Writer
	written, size int64
	progress      func(written, size int64)
}

func (t *told) Write(p []byte) (int, error) {
	n, err := t.to.Write(p)
	t.written += int64(n)
	t.progress(min(t.written, t.size), t.size) // encrypted it is a little longer
	return n, err
}

func (s *Service) writePart(ctx context.Context, f *os.File, path string, a Archive, o ExportOptions) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	sum := sha256.New()
	to := io.MultiWriter(f, sum)
	if o.Progress != nil {
		to = &told{to: to, size: a.Size(), progress: o.Progress}
	}
	if err := errors.Join(writeArchive(ctx, to, a, o.Recipients), f.Sync()); err != nil {
		return err
	}
	if len(o.Recipients) > 0 && len(o.Identities) == 0 { // only its reader can open it: what was written is there
		return same(ctx, f, sum.Sum(nil))
	}
	if err := s.deps.Engine.Verify(ctx, path+part, o.Identities...); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return ctx.Err()
}

func writeArchive(ctx context.Context, to io.Writer, a Archive, recipients []age.Recipient) error {
	if len(recipients) == 0 {
		return a.WriteTo(ctx, to, 0)
	}
	w, err := age.Encrypt(to, recipients...)
	if err != nil {
		return err
	}
	if err := a.WriteTo(ctx, w, 0); err != nil {
		return err
	}
	return w.Close()
}

// same reads the file again and compares its digest.
func same(ctx context.Context, f *os.File, want []byte) error {
	sum := sha256.New()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return errors.New("what was written does not read back")
	}
	return ctx.Err()
}

// remove deletes a file; one that is not there is no error.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
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
	if err == nil {
		err = s.interrupted(ctx)
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
