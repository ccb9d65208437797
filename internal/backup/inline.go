package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// InlineOptions say what a command's backup holds.
type InlineOptions struct {
	Attachments bool
}

// RunInline makes a backup for the operator and returns when it is verified. With
// a path its archive is written there, too. It needs no token and works also when requests are off, but
// like every backup it is audited, mailed about, and alone. What a command that
// was killed left behind is settled first.
//
// Faults: Forbidden for everyone but the operator; Invalid when something is
// at path; Conflict while another backup is queued or running. When ctx ends,
// nothing is left at path and the error says that of ctx.
func (s *Service) RunInline(ctx context.Context, operator access.Actor, path string, o InlineOptions) (Backup, error) {
	if operator.Kind != access.Machine {
		return Backup{}, fault.Forbidden("only the operator may make backups without a token")
	}
	sign, err := s.signOfLife(path)
	if err != nil {
		return Backup{}, err
	}
	if err := s.Recover(ctx, false); err != nil {
		return Backup{}, err
	}
	f, err := openPart(sign)
	if err != nil {
		return Backup{}, err
	}
	defer func() { _ = f.Close() }() // was fsynced; with it goes the lock
	b, err := s.beginInline(ctx, operator, sign, o)
	if err != nil {
		return Backup{}, errors.Join(err, remove(sign+part))
	}
	b, runErr := s.produce(ctx, b, func(ctx context.Context, sum Summary) error {
		if path == "" {
			return nil
		}
		a, err := s.deps.Engine.Open(ctx, sum.Snapshot, o.Attachments)
		if err != nil {
			return err
		}
		return s.write(ctx, f, sign, a, ExportOptions{})
	})
	if path == "" {
		b.File = ""
	}
	if runErr != nil && ctx.Err() != nil {
		runErr = errors.Join(errCancelled, ctx.Err())
	}
	state, err := s.finish(context.WithoutCancel(ctx), b, runErr)
	if runErr == nil && !state.Good() {
		runErr = errors.Join(errCancelled, remove(sign))
	}
	if err = errors.Join(runErr, err, remove(sign+part)); err != nil {
		return Backup{}, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (Backup, error) { return findBackup(ctx, tx, b.ID) })
}

// ExportOptions adjust Export.
type ExportOptions struct {
	Attachments bool
	// Recipients encrypt the archive as a whole. Identities are those of them that
	// the exporter has, to read it back.
	Recipients []age.Recipient
	Identities []age.Identity
	// Progress is told how much of the archive has been written; it may be nil. What
	// remains when that is all of it is reading it back.
	Progress func(written, size int64)
}

// Export writes the archive of a snapshot of the repository to path, and reads it
// back as far as it can be read. It returns the size of the file.
//
// Faults: Forbidden for everyone but the operator; Invalid when something is at
// path; errors of the repository, repo.ErrNoSnapshot among them.
func (s *Service) Export(ctx context.Context, operator access.Actor, snapshot, path string, o ExportOptions) (int64, error) {
	if operator.Kind != access.Machine {
		return 0, fault.Forbidden("only the operator may write archives on the server")
	}
	a, err := s.deps.Engine.Open(ctx, snapshot, o.Attachments)
	if err != nil {
		return 0, err
	}
	sign, err := s.signOfLife(path)
	if err != nil {
		return 0, err
	}
	f, err := openPart(sign)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // was fsynced; with it goes the lock
	if err := s.write(ctx, f, sign, a, o); err != nil {
		return 0, errors.Join(err, remove(sign+part))
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), db.Do(ctx, s.db, func(tx *db.Tx) error {
		detail := map[string]any{"path": sign, "attachments": o.Attachments, "encrypted": len(o.Recipients) > 0}
		return s.record(ctx, tx, operator, "backup.export", "snapshot "+snapshot, audit.OK, detail)
	})
}

// signOfLife is the file that becomes the archive, or one that only shows that
// the command lives.
func (s *Service) signOfLife(path string) (string, error) {
	if path == "" {
		return filepath.Abs(filepath.Join(s.deps.Dir, fmt.Sprintf("command-%d.zip", os.Getpid())))
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("backup to %s: %w", path, err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", fault.WithHint(fault.InvalidField("path", "taken"), "give a file that does not exist yet")
	}
	return path, nil
}

func (s *Service) beginInline(ctx context.Context, operator access.Actor, path string, o InlineOptions) (Backup, error) {
	b, err := db.Write(ctx, s.db, func(tx *db.Tx) (Backup, error) {
		at := tx.Stamp()
		n, err := insertBackup(ctx, tx, Backup{
			Source: SourceCommand, State: Running, RequestedBy: operator.Name,
			IncludeAttachments: o.Attachments, File: path, StartedAt: &at,
		})
		if err != nil {
			return Backup{}, err
		}
		b, err := findBackup(ctx, tx, n)
		if err != nil {
			return Backup{}, err
		}
		if err := attachment.Pin(ctx, tx, b.holder(), tx.Now().Add(lease)); err != nil {
			return Backup{}, err
		}
		return b, s.record(ctx, tx, operator, "backup.command", b.holder(), audit.OK, map[string]any{"path": path, "attachments": o.Attachments})
	})
	if db.IsUnique(err) {
		err = errPending()
	}
	return b, err
}

// existing returns dir or its nearest parent that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
