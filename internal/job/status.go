package job

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Statuses of work that someone follows through the API.
const (
	InQueue   = "in_queue"
	InProcess = "in_process"
	Success   = "success"
	Failure   = "failure"
)

// Status is what the person who asked for work follows. Its id is a UUID.
type Status struct {
	ID            string  `db:"id"`
	UserID        id.User `db:"user_id"`
	ReferenceType string  `db:"reference_type"`
	ReferenceID   *int64  `db:"reference_id"`
	Status        string  `db:"status"`
	Message       *string `db:"message"`
	Payload       *string `db:"payload"` // JSON
	UpdatedAt     db.Time `db:"updated_at"`
}

// CreateStatus makes a status in_queue for the user and returns its UUID.
func CreateStatus(ctx context.Context, tx *db.Tx, user id.User, refType string, ref int64) (string, error) {
	s := uuid.NewString()
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO job_statuses (id, user_id, reference_type, reference_id, status, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, s, user, refType, ref, InQueue, tx.Stamp(), tx.Stamp()))
	return s, err
}

// SetStatus changes a status. Empty message and payload are null to clients;
// payload is JSON.
func SetStatus(ctx context.Context, tx *db.Tx, statusID, status, message, payload string) error {
	null := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE job_statuses SET status = ?, message = ?, payload = ?, updated_at = ? WHERE id = ?`,
		status, null(message), null(payload), tx.Stamp(), statusID))
	return err
}

// FindStatus returns a status to the user it belongs to.
//
// Faults: NotFound for everyone else, administrators too.
func FindStatus(ctx context.Context, tx *db.Tx, user id.User, statusID string) (Status, error) {
	return db.Find[Status](ctx, tx, "job status", db.SQL(`SELECT id, user_id, reference_type, reference_id, status, message, payload, updated_at
		FROM job_statuses WHERE id = ? AND user_id = ?`, statusID, user))
}

// PurgeStatuses removes statuses that have not changed for keep. Those of
// backups stay as long as the backup does: its download link stands in them.
func PurgeStatuses(ctx context.Context, tx *db.Tx, keep time.Duration) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM job_statuses WHERE updated_at < ?
		AND NOT EXISTS (SELECT 1 FROM backups b WHERE b.job_status_id = job_statuses.id)`, db.At(tx.Now().Add(-keep))))
	return err
}
