package backup

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// tokenRow is a token as it is kept. Its MAC covers everything that decides
// whether the token opens something, under a key outside the database.
type tokenRow struct {
	UserID      id.User  `db:"user_id"`
	Hash        string   `db:"hash"`
	CreatedAt   db.Time  `db:"created_at"`
	WaitSeconds int64    `db:"wait_seconds"`
	ActivatesAt *db.Time `db:"activates_at"`
	WaitFrom    *int64   `db:"wait_from"` // what had passed when the wait began
	Notices     string   `db:"notice_mail_ids"`
	CancelHash  string   `db:"cancel_hash"`
	WaivedBy    string   `db:"waived_by"`
	WaivedAt    *db.Time `db:"waived_at"`
	Failures    int      `db:"failures"`
	MAC         string   `db:"mac"`
}

type ownedToken struct {
	tokenRow
	Login     string `db:"login"`
	Firstname string `db:"firstname"`
	Lastname  string `db:"lastname"`
}

func (o ownedToken) name() string { return strings.TrimSpace(o.Firstname + " " + o.Lastname) }

const tokenColumns = `t.user_id, t.hash, t.created_at, t.wait_seconds, t.activates_at, t.wait_from, t.notice_mail_ids,
	t.cancel_hash, t.waived_by, t.waived_at, t.failures, t.mac`

func (r tokenRow) wait() time.Duration { return time.Duration(r.WaitSeconds) * time.Second }

// start begins the wait.
func (r *tokenRow) start(m moment) {
	r.ActivatesAt = new(db.At(m.now.Add(r.wait())))
	if r.WaitSeconds > 0 {
		r.WaitFrom = new(m.passed.Microseconds())
	}
}

// left returns what is left of a wait that has begun: it is over by the clock and by
// the time that has really passed.
func (r tokenRow) left(m moment) time.Duration {
	left := r.ActivatesAt.Sub(m.now)
	if r.WaitFrom != nil {
		left = max(left, r.wait()-(m.passed-micros(*r.WaitFrom)))
	}
	return left
}

func (r *tokenRow) setNotices(mails []id.Mail) {
	if mails == nil {
		mails = []id.Mail{}
	}
	b, err := json.Marshal(mails)
	if err != nil {
		panic("backup: encode mail ids: " + err.Error()) // integers always encode
	}
	r.Notices = string(b)
}

// notifiedBy says whether mail is one that begins the wait.
func (r tokenRow) notifiedBy(mail id.Mail) bool {
	var mails []id.Mail
	return json.Unmarshal([]byte(r.Notices), &mails) == nil && slices.Contains(mails, mail)
}

func (r tokenRow) phase(m moment) TokenPhase {
	switch {
	case r.WaivedAt != nil:
		return Active
	case r.ActivatesAt == nil:
		return PendingNotice
	case r.WaitSeconds > 0 && r.left(m) >= 0:
		return Waiting
	}
	return Active
}

func (r tokenRow) info(m moment) TokenInfo {
	i := TokenInfo{UserID: r.UserID, Phase: r.phase(m), CreatedAt: r.CreatedAt.Time, Wait: r.wait(), WaivedBy: r.WaivedBy}
	if r.ActivatesAt != nil {
		i.ActivatesAt = r.ActivatesAt.Time
	}
	if i.Phase == Waiting {
		i.ActivatesAt = m.now.Add(r.left(m))
	}
	return i
}

// refusal returns why a right token cannot be used yet, or nil.
func (r tokenRow) refusal(m moment) error {
	switch r.phase(m) {
	case PendingNotice:
		return errTokenWaiting(r.wait(), false)
	case Waiting:
		return errTokenWaiting(r.left(m), true)
	default:
		return nil
	}
}

func (s *Service) hash(token string) string {
	return s.deps.Keys.HashToken(secret.BackupTokenPepper, token)
}

func (s *Service) sum(r tokenRow) string {
	m := hmac.New(sha256.New, s.mac[:])
	if r.WaitFrom != nil { // tokens from before it was kept have none
		fmt.Fprintf(m, "wait from %d\n", *r.WaitFrom)
	}
	fmt.Fprintf(m, "backup token 1\n%d\n%s\n%d\n%d\n%s\n%s\n%s\n%q\n%s\n", r.UserID, r.Hash, r.CreatedAt.UnixMicro(),
		r.WaitSeconds, instant(r.ActivatesAt), r.Notices, r.CancelHash, r.WaivedBy, instant(r.WaivedAt))
	return hex.EncodeToString(m.Sum(nil))
}

func instant(t *db.Time) string {
	if t == nil {
		return "-"
	}
	return fmt.Sprint(t.UnixMicro())
}

// sealed says that the row is as Holdfast wrote it.
func (s *Service) sealed(r tokenRow) bool { return secret.Equal(r.MAC, s.sum(r)) }

func findToken(ctx context.Context, tx *db.Tx, user id.User) (tokenRow, bool, error) {
	return db.One[tokenRow](ctx, tx, db.SQL(`SELECT `+tokenColumns+` FROM backup_tokens t WHERE t.user_id = ?`, user))
}

func deleteToken(ctx context.Context, tx *db.Tx, user id.User) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM backup_tokens WHERE user_id = ?`, user))
	return err
}

func (s *Service) insertToken(ctx context.Context, tx *db.Tx, r tokenRow) error {
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO backup_tokens (user_id, hash, created_at, wait_seconds, activates_at, wait_from,
		notice_mail_ids, cancel_hash, waived_by, waived_at, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.UserID, r.Hash, r.CreatedAt, r.WaitSeconds, r.ActivatesAt, r.WaitFrom, r.Notices, r.CancelHash, r.WaivedBy, r.WaivedAt, s.sum(r)))
	return err
}

// updateToken stores the parts that change during a token's life.
func (s *Service) updateToken(ctx context.Context, tx *db.Tx, r tokenRow) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE backup_tokens SET activates_at = ?, wait_from = ?, waived_by = ?, waived_at = ?, mac = ?
		WHERE user_id = ?`, r.ActivatesAt, r.WaitFrom, r.WaivedBy, r.WaivedAt, s.sum(r), r.UserID))
	return err
}
