package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/outbox"
)

// newBackups wires requested backups; an accepted notice begins the wait of a new token.
func (a *App) newBackups() *backup.Service {
	c := a.Config
	deps := backup.Deps{
		DB: a.DB, Keys: a.Keys, Audit: a.Audit, Accounts: a.Accounts, Log: a.Log,
		Engine: backup.Archiver{Source: archive.Source{DB: a.DB, Blobs: a.Blobs, Keys: a.Keys}, Place: a.Repository, Program: a.Version},
		Place:  a.Repository, Drill: a.drillProcess, Ping: pinger(c.Backup.HeartbeatURL.Reveal(), pingPatience),
		Restore: a.restore, Kept: a.kept,
		Dir: a.backupsDir(), BaseURL: c.BaseURL().String(),
		Enabled: c.Backup.Enabled, DailyLimit: c.Backup.DailyLimit, InitialWaitingPeriod: c.Backup.InitialWaitingPeriod,
		AttachmentSizeMaxSum: c.Backup.AttachmentSizeMaxSum.Bytes(),
		InstalledAt: func(context.Context, *db.Tx) (time.Time, bool, error) {
			at := a.Settings.Get().InstalledAt
			return time.UnixMicro(at).UTC(), at > 0, nil
		},
	}
	if a.Outbox.Configured() {
		deps.Mail = letters{notices{a.Outbox}}
	}
	s := backup.New(deps)
	a.Outbox.OnAccepted(backup.NoticePurpose, func(ctx context.Context, tx *db.Tx, m outbox.Mail) error {
		return s.NoticeAccepted(ctx, tx, m.ID)
	})
	s.Register(a.Jobs)
	return s
}

// newPlace says where the repository is. It is opened when it is first needed.
func newPlace(c *config.Config, log *slog.Logger) *backup.Place {
	return &backup.Place{
		Location: c.RepositoryLocation(), KeysDir: c.KeysDir(), Log: log,
		S3: objstore.S3Options{
			Endpoint: c.S3.Endpoint, Region: c.S3.Region, AccessKey: c.S3.AccessKey, SecretKey: c.S3.SecretKey.Reveal(),
		},
	}
}

// letters is notices for those who need to know the mail's id.
type letters struct{ notices }

func (l letters) Queue(ctx context.Context, tx *db.Tx, m account.Notice) (id.Mail, error) {
	return l.queue(ctx, tx, m)
}
