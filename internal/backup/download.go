package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// firstAttachment is where backups begin among the ids of attachments. API
// clients download a backup as attachment 1,000,000,000 plus its id; real
// attachments count from 1 and do not get there.
const firstAttachment = 1_000_000_000

// Times of downloads.
const (
	apiDownloadTime = 24 * time.Hour
	mailPause       = 10 * time.Minute
)

// AttachmentID is the id under which API clients download the backup.
func AttachmentID(n id.Backup) id.Attachment { return firstAttachment + id.Attachment(n) }

// FromAttachment returns the backup that an attachment's id stands for, if any.
func FromAttachment(n id.Attachment) (id.Backup, bool) {
	return id.Backup(n - firstAttachment), n > firstAttachment
}

// DownloadPath is the path in a job status's payload.
func DownloadPath(n id.Backup) string {
	return fmt.Sprintf("/api/v3/attachments/%d/content", AttachmentID(n))
}

// Purpose says through which door an archive is downloaded.
type Purpose string

// Purposes.
const (
	// APIKey: the requester itself, for a day, without anything typed.
	APIKey Purpose = "api"
	// Page: the requester or an administrator, who types the password again.
	Page Purpose = "page"
)

// DownloadInput says who downloads how.
type DownloadInput struct {
	Purpose Purpose
	// Password is asked for on the page.
	Password string
	// Token is the actor's backup token, asked for on the page where the actor
	// has no password.
	Token string
}

// File is an open archive; the caller closes it. Reading it costs no disk: it is
// made from the snapshot as it is read, from any byte on.
type File struct {
	io.ReadSeekCloser
	Name string
	Size int64
	// Tag changes when the bytes do.
	Tag      string
	Modified time.Time
}

// Download opens the archive for reading, also in ranges.
//
// Faults: NotFound when backups are off, and for backups that are not there,
// not finished, removed or not the actor's to download; Unauthenticated;
// Forbidden without the permission, or for a missing or wrong token; Invalid
// for a missing or wrong password_confirmation; TooMany.
func (s *Service) Download(ctx context.Context, a access.Actor, n id.Backup, in DownloadInput) (*File, error) {
	b, err := s.downloadable(ctx, a, n, in)
	if err != nil {
		return nil, err
	}
	if in.Purpose == Page {
		if err := s.confirmDownload(ctx, a, n, in); err != nil {
			return nil, err
		}
	}
	ar, err := s.deps.Engine.Open(ctx, b.Snapshot, b.IncludeAttachments)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return nil, fault.WithHint(fault.NotFound("backup"), "the snapshot "+b.Snapshot+" is gone from the repository")
	}
	if err != nil {
		return nil, fmt.Errorf("open backup %d: %w", n, err)
	}
	if err := s.noteDownload(ctx, a, b, in.Purpose); err != nil {
		return nil, err
	}
	return &File{
		ReadSeekCloser: &stream{ctx: ctx, a: ar}, Name: fileName(b), Size: ar.Size(),
		Tag: fmt.Sprintf("%s-%t", b.SHA256, b.IncludeAttachments), Modified: b.FinishedAt.Time,
	}, nil
}

func (s *Service) downloadable(ctx context.Context, a access.Actor, n id.Backup, in DownloadInput) (Backup, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Backup, error) {
		if err := s.person(ctx, tx, a); err != nil {
			return Backup{}, err
		}
		b, err := s.visible(ctx, tx, a, n)
		if err != nil {
			return Backup{}, err
		}
		gone := !b.State.Good() || b.RemovedAt != nil || b.Snapshot == ""
		if in.Purpose != Page {
			gone = gone || b.owner() != a.ID || tx.Now().Sub(b.FinishedAt.Time) > apiDownloadTime
		}
		if gone {
			return Backup{}, fault.NotFound("backup")
		}
		return b, nil
	})
}

// confirmDownload asks for the password, or for the backup token of people
// who have none.
func (s *Service) confirmDownload(ctx context.Context, a access.Actor, n id.Backup, in DownloadInput) error {
	v, err := db.Write(ctx, s.db, func(tx *db.Tx) (verdict, error) {
		has, err := s.deps.Accounts.HasPassword(ctx, tx, a.ID)
		if err != nil || has {
			return verdict{backup: Backup{ID: n}}, err
		}
		refusal, err := s.checkToken(ctx, tx, a, in.Token)
		return verdict{refusal: refusal}, err
	})
	if err != nil || v.refusal != nil {
		return errors.Join(err, v.refusal)
	}
	if v.backup.ID == 0 {
		return nil
	}
	return s.deps.Accounts.ConfirmPassword(ctx, a, in.Password)
}

// noteDownload audits every opening and mails once in a while per person, as
// a client may fetch one archive in many ranges.
func (s *Service) noteDownload(ctx context.Context, a access.Actor, b Backup, p Purpose) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		_, told, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM audit_entries WHERE action = 'backup.download' AND object = ?
			AND actor_id = ? AND at > ? AND detail LIKE ? LIMIT 1`, backupObject(b.ID), a.ID, db.At(tx.Now().Add(-mailPause)), `%"mailed":true%`))
		if err != nil {
			return err
		}
		if err := s.record(ctx, tx, a, "backup.download", backupObject(b.ID), audit.OK, map[string]any{"by": p, "mailed": !told}); err != nil || told {
			return err
		}
		return s.mailDownload(ctx, tx, a, b)
	})
}

// fileName is the name under which people save the archive.
func fileName(b Backup) string {
	name := "holdfast-backup-" + b.CreatedAt.Format("20060102-150405")
	if b.State == Incomplete {
		name += "-incomplete"
	}
	return name + ".zip"
}
