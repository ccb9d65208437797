package backup

import (
	"context"
	"encoding/json"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Backup is one backup, from its request on. Rows are never deleted; when the
// archive is, RemovedAt says when.
type Backup struct {
	ID                 id.Backup `db:"id"`
	Source             Source    `db:"source"`
	State              State     `db:"state"`
	UserID             *id.User  `db:"user_id"`
	RequestedBy        string    `db:"requested_by"`
	IncludeAttachments bool      `db:"include_attachments"`
	JobStatusID        *string   `db:"job_status_id"`
	CancelRequested    bool      `db:"cancel_requested"`
	ProgressJSON       string    `db:"progress"`
	// File is an absolute path a command wrote an archive to; while a backup runs,
	// it is the file that shows that its runner lives.
	File string `db:"file"`
	// Size is that of the archive, with or without files as was asked for.
	Size int64 `db:"size"`
	// Snapshot and SHA256 name the snapshot and its record in the repository.
	Snapshot    string   `db:"snapshot"`
	SHA256      string   `db:"sha256"`
	Added       int64    `db:"added"`
	RowCount    int64    `db:"row_count"`
	FileCount   int64    `db:"file_count"`
	FileBytes   int64    `db:"file_bytes"`
	MissingJSON string   `db:"missing"`
	VerifiedAt  *db.Time `db:"verified_at"`
	Error       string   `db:"error"`
	CreatedAt   db.Time  `db:"created_at"`
	StartedAt   *db.Time `db:"started_at"`
	FinishedAt  *db.Time `db:"finished_at"`
	RemovedAt   *db.Time `db:"removed_at"`
}

const backupColumns = `id, source, state, user_id, requested_by, include_attachments, job_status_id, cancel_requested, progress,
	file, size, snapshot, sha256, added, row_count, file_count, file_bytes, missing, verified_at, error, created_at, started_at, finished_at, removed_at`

// Progress returns how far the backup is; zero before it starts.
func (b Backup) Progress() Progress {
	var p Progress
	if json.Unmarshal([]byte(b.ProgressJSON), &p) != nil {
		return Progress{}
	}
	return p
}

// MissingFiles names the files that could not be read.
func (b Backup) MissingFiles() []Missing {
	var m []Missing
	if json.Unmarshal([]byte(b.MissingJSON), &m) != nil {
		return nil
	}
	return m
}

func (b Backup) owner() id.User {
	if b.UserID == nil {
		return 0
	}
	return *b.UserID
}

func (b Backup) status() string {
	if b.JobStatusID == nil {
		return ""
	}
	return *b.JobStatusID
}

// holder names the backup's pin on the blobs.
func (b Backup) holder() string { return backupObject(b.ID) }

func findBackup(ctx context.Context, tx *db.Tx, n id.Backup) (Backup, error) {
	return db.Find[Backup](ctx, tx, "backup", db.SQL(`SELECT `+backupColumns+` FROM backups WHERE id = ?`, n))
}

func insertBackup(ctx context.Context, tx *db.Tx, b Backup) (id.Backup, error) {
	return db.Insert[id.Backup](ctx, tx, db.SQL(`INSERT INTO backups (source, state, user_id, requested_by, include_attachments,
		file, created_at, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		b.Source, b.State, b.UserID, b.RequestedBy, b.IncludeAttachments, b.File, tx.Stamp(), b.StartedAt))
}

// saveBackup stores everything a run changes, and nothing a cancellation does.
func saveBackup(ctx context.Context, tx *db.Tx, b Backup) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET state = ?, progress = ?, file = ?, size = ?, snapshot = ?,
		sha256 = ?, added = ?, row_count = ?,
		file_count = ?, file_bytes = ?, missing = ?, verified_at = ?, error = ?, started_at = ?, finished_at = ? WHERE id = ?`,
		b.State, b.ProgressJSON, b.File, b.Size, b.Snapshot, b.SHA256, b.Added, b.RowCount, b.FileCount, b.FileBytes, b.MissingJSON, b.VerifiedAt,
		b.Error, b.StartedAt, b.FinishedAt, b.ID))
	return err
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("backup: encode: " + err.Error()) // plain structs of numbers and texts always encode
	}
	return string(b)
}
