package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/plural"
	"github.com/holdfast/holdfast/internal/secret"
)

// limitWindow slides: the daily limit holds for any 24 hours, not for calendar days.
const limitWindow = 24 * time.Hour

// RequestInput is a request for a backup.
type RequestInput struct {
	Token       string
	Attachments bool
	// Source is SourcePage or SourceAPI.
	Source Source
}

// verdict carries a refusal out of a transaction that has to commit what it recorded.
type verdict struct {
	backup  Backup
	refusal error
}

// Request asks for a backup of the whole instance and returns it as queued,
// with the id of its job status. The daily limit counts accepted requests of
// all people in the last 24 hours, whatever became of them; commands and the
// schedule do not count.
//
// Faults, in the order of the checks: NotFound when backups are off;
// Unauthenticated; Forbidden without the permission; TooMany with CodeLocked;
// Forbidden with CodeTokenInvalid or CodeTokenWaiting; Conflict with
// CodePending; TooMany with CodeDailyLimit; TooLarge with CodeTooLarge.
func (s *Service) Request(ctx context.Context, a access.Actor, in RequestInput) (Backup, error) {
	if in.Source != SourcePage && in.Source != SourceAPI {
		return Backup{}, fault.InvalidField("source", "inclusion")
	}
	v, err := db.Write(ctx, s.db, func(tx *db.Tx) (verdict, error) {
		if err := s.person(ctx, tx, a); err != nil {
			return verdict{}, err
		}
		refusal, err := s.checkToken(ctx, tx, a, in.Token)
		if err != nil || refusal != nil {
			return verdict{refusal: refusal}, err
		}
		refusal, err = s.checkRoom(ctx, tx, in)
		if err != nil {
			return verdict{}, err
		}
		if refusal != nil {
			return verdict{refusal: refusal}, s.record(ctx, tx, a, "backup.request", "", audit.Refused, map[string]any{"reason": refusal.Error()})
		}
		b, err := s.queue(ctx, tx, a, in)
		return verdict{backup: b}, err
	})
	if db.IsUnique(err) {
		err = errPending()
	}
	if err == nil {
		err = v.refusal
	}
	if err != nil {
		return Backup{}, err
	}
	return v.backup, nil
}

func (s *Service) matches(token, hash string) bool {
	return s.deps.Keys.MatchToken(secret.BackupTokenPepper, token, hash)
}

// checkRoom says why no further backup is accepted now, nil when one is.
func (s *Service) checkRoom(ctx context.Context, tx *db.Tx, in RequestInput) (refusal, err error) {
	_, pending, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM backups WHERE state IN ('queued', 'running')`))
	if err != nil {
		return nil, err
	}
	if pending {
		return errPending(), nil
	}
	recent, err := db.All[db.Time](ctx, tx, db.SQL(`SELECT created_at FROM backups WHERE source IN ('page', 'api') AND created_at > ?
		ORDER BY created_at DESC LIMIT ?`, db.At(tx.Now().Add(-limitWindow)), s.deps.DailyLimit))
	if err != nil {
		return nil, err
	}
	if n := len(recent); n >= s.deps.DailyLimit && n > 0 {
		return fault.Said(errTooMany(CodeDailyLimit, fmt.Sprintf("at most %s accepted within 24 hours", plural.Of(s.deps.DailyLimit, "backup is", "backups are")),
			recent[n-1].Add(limitWindow).Sub(tx.Now())), "fault.daily_limit", "n", s.deps.DailyLimit), nil
	}
	if !in.Attachments || s.deps.AttachmentSizeMaxSum <= 0 {
		return nil, nil
	}
	sum, err := attachmentBytes(ctx, tx)
	if err != nil || sum <= s.deps.AttachmentSizeMaxSum {
		return nil, err
	}
	return &fault.Fault{
		Kind: fault.KindTooLarge, Code: CodeTooLarge,
		Message: fmt.Sprintf("the attachments have %d bytes, more than the %d a requested backup may hold; request one without attachments or raise the limit", sum, s.deps.AttachmentSizeMaxSum),
		Key:     "fault.backup_too_large", Params: []any{"size", sum, "limit", s.deps.AttachmentSizeMaxSum},
		Hint: "set backup.attachment_size_max_sum",
	}, nil
}

func errPending() error {
	return &fault.Fault{Kind: fault.KindConflict, Code: CodePending, Message: "a backup is already queued or running"}
}

// attachmentBytes is the size of all files a backup would hold, each once.
func attachmentBytes(ctx context.Context, tx *db.Tx) (int64, error) {
	return db.Scalar[int64](ctx, tx, db.SQL(`SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM
		(SELECT sha256, MAX(size) AS size FROM attachments GROUP BY sha256) f`))
}

func (s *Service) queue(ctx context.Context, tx *db.Tx, a access.Actor, in RequestInput) (Backup, error) {
	n, err := insertBackup(ctx, tx, Backup{Source: in.Source, State: Queued, UserID: &a.ID, RequestedBy: a.Login, IncludeAttachments: in.Attachments})
	if err != nil {
		return Backup{}, err
	}
	status, err := job.CreateStatus(ctx, tx, a.ID, statusReference, int64(n))
	if err != nil {
		return Backup{}, err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET job_status_id = ? WHERE id = ?`, status, n)); err != nil {
		return Backup{}, err
	}
	if _, err := job.Enqueue(ctx, tx, RunArgs{ID: n}); err != nil {
		return Backup{}, err
	}
	if err := s.record(ctx, tx, a, "backup.request", backupObject(n), audit.OK, map[string]any{"attachments": in.Attachments, "source": in.Source}); err != nil {
		return Backup{}, err
	}
	return findBackup(ctx, tx, n)
}
