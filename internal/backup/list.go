package backup

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Filter pages through the history.
type Filter struct {
	Limit, Offset int
}

// may refuses everyone who may not make backups; operators may.
func (s *Service) may(ctx context.Context, tx *db.Tx, a access.Actor) error {
	if !s.deps.Enabled && a.Kind != access.Machine {
		return fault.NotFound("backup")
	}
	return access.Require(ctx, tx, a, access.CreateBackup, 0)
}

// mine is the condition on the backups the actor may see: administrators all,
// others their own.
func mine(a access.Actor) db.Frag {
	if a.Admin {
		return db.True
	}
	return db.SQL(`user_id = ?`, a.ID)
}

func (s *Service) visible(ctx context.Context, tx *db.Tx, a access.Actor, n id.Backup) (Backup, error) {
	if err := s.may(ctx, tx, a); err != nil {
		return Backup{}, err
	}
	return db.Find[Backup](ctx, tx, "backup", db.SQL(`SELECT `+backupColumns+` FROM backups WHERE id = ? AND`, n).Append(mine(a)))
}

// List returns backups, newest first, and their number. Faults: NotFound when
// backups are off, Unauthenticated, Forbidden without the permission.
func (s *Service) List(ctx context.Context, a access.Actor, f Filter) ([]Backup, int, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	total := 0
	out, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]Backup, error) {
		if err := s.may(ctx, tx, a); err != nil {
			return nil, err
		}
		n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM backups WHERE`).Append(mine(a)))
		if err != nil {
			return nil, err
		}
		total = n
		return db.All[Backup](ctx, tx, db.SQL(`SELECT `+backupColumns+` FROM backups WHERE`).Append(mine(a)).
			Add(`ORDER BY id DESC LIMIT ? OFFSET ?`, f.Limit, f.Offset))
	})
	return out, total, err
}

// Find returns one backup. Faults as List, and NotFound.
func (s *Service) Find(ctx context.Context, a access.Actor, n id.Backup) (Backup, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Backup, error) { return s.visible(ctx, tx, a, n) })
}

// Forecast is what a backup made now would be about.
type Forecast struct {
	// Rows is an estimate; Files and FileBytes are exact.
	Rows, Files, FileBytes int64
	// DatabaseBytes is the size of the database on disk.
	DatabaseBytes int64
	// FreeBytes is what the disk of the archives has left.
	FreeBytes int64
	// Cap is the limit on FileBytes, 0 for none; TooLarge says that it is exceeded.
	Cap      int64
	TooLarge bool
	// Pending says that a backup is queued or running.
	Pending bool
	// Left is how many requests are accepted before the daily limit.
	Left int
}

// Preflight forecasts a backup. Faults as List.
func (s *Service) Preflight(ctx context.Context, a access.Actor) (Forecast, error) {
	f, err := db.Read(ctx, s.db, func(tx *db.Tx) (Forecast, error) {
		if err := s.may(ctx, tx, a); err != nil {
			return Forecast{}, err
		}
		return s.forecast(ctx, tx)
	})
	if err != nil {
		return f, err
	}
	f.FreeBytes, err = s.deps.Free(existing(s.deps.Dir))
	return f, err
}

func (s *Service) forecast(ctx context.Context, tx *db.Tx) (Forecast, error) {
	type counts struct {
		Rows      int64 `db:"row_sum"`
		Bytes     int64 `db:"bytes"`
		Files     int64 `db:"files"`
		FileBytes int64 `db:"file_bytes"`
		Open      int64 `db:"open_count"`
		Recent    int   `db:"recent"`
	}
	rows := tx.Pick(`SELECT COALESCE(SUM(seq), 0) FROM sqlite_sequence`,
		`SELECT CAST(COALESCE(SUM(n_live_tup), 0) AS BIGINT) FROM pg_stat_user_tables WHERE schemaname = current_schema()`)
	bytes := tx.Pick(`SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`,
		`SELECT CAST(COALESCE(SUM(pg_total_relation_size(relid)), 0) AS BIGINT) FROM pg_stat_user_tables WHERE schemaname = current_schema()`)
	c, err := db.Scalar[counts](ctx, tx, db.SQL(`SELECT (`+rows+`) AS row_sum, (`+bytes+`) AS bytes,
		(SELECT COUNT(DISTINCT sha256) FROM attachments) AS files, 0 AS file_bytes,
		(SELECT COUNT(*) FROM backups WHERE state IN ('queued', 'running')) AS open_count,
		(SELECT COUNT(*) FROM backups WHERE source IN ('page', 'api') AND created_at > ?) AS recent`, db.At(tx.Now().Add(-limitWindow))))
	if err != nil {
		return Forecast{}, err
	}
	if c.FileBytes, err = attachmentBytes(ctx, tx); err != nil {
		return Forecast{}, err
	}
	limit := s.deps.AttachmentSizeMaxSum
	return Forecast{
		Rows: c.Rows, Files: c.Files, FileBytes: c.FileBytes, DatabaseBytes: c.Bytes, Cap: limit,
		TooLarge: limit > 0 && c.FileBytes > limit, Pending: c.Open > 0, Left: max(0, s.deps.DailyLimit-c.Recent),
	}, nil
}
