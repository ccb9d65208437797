package backup

import (
	"context"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
)

// nobody stands for the token of a user without one, so that the comparison
// takes its time all the same.
const nobody = "0000000000000000000000000000000000000000000000000000000000000000"

// checkToken says in refusal why the actor's token does not open the door, nil
// when it does. A refusal is recorded: the caller has to commit. err is for
// what went wrong itself.
func (s *Service) checkToken(ctx context.Context, tx *db.Tx, a access.Actor, token string) (refusal, err error) {
	failures, err := failuresOf(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	if left := lockedUntil(failures).Sub(tx.Now()); left > 0 {
		return errTooMany(CodeLocked, "too many wrong backup tokens; backups are locked for a while", left),
			s.record(ctx, tx, a, "backup_token.locked_out", userObject(a.ID), audit.Refused, nil)
	}
	r, ok, err := findToken(ctx, tx, a.ID)
	if err != nil {
		return nil, err
	}
	if ok && !s.sealed(r) {
		return errTokenInvalid(), s.revokeDamaged(ctx, tx, a, a.ID)
	}
	hash := nobody
	if ok {
		hash = r.Hash
	}
	if token == "" {
		return errTokenInvalid(), s.record(ctx, tx, a, "backup_token.missing", userObject(a.ID), audit.Refused, nil)
	}
	if !s.matches(token, hash) {
		return errTokenInvalid(), s.countFailure(ctx, tx, a, r, ok)
	}
	m, err := s.elapsed.moment(ctx, tx)
	if err != nil {
		return nil, err
	}
	if refusal := r.refusal(m); refusal != nil {
		return refusal, s.record(ctx, tx, a, "backup_token.early", userObject(a.ID), audit.Refused, nil)
	}
	return nil, forgetFailures(ctx, tx, a)
}

// countFailure records a wrong token; the last of failuresTotal revokes the owner's.
func (s *Service) countFailure(ctx context.Context, tx *db.Tx, a access.Actor, r tokenRow, exists bool) error {
	if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO backup_failures (user_id, ip, at) VALUES (?, ?, ?)`, a.ID, addressOf(a.IP), tx.Stamp())); err != nil {
		return err
	}
	if err := s.record(ctx, tx, a, "backup_token.wrong", userObject(a.ID), audit.Refused, map[string]any{"failures": r.Failures + 1}); err != nil {
		return err
	}
	if !exists {
		return nil
	}
	if r.Failures+1 >= failuresTotal {
		return s.revoke(ctx, tx, a, a.ID, "backup_token.revoke", audit.OK, "guessed")
	}
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE backup_tokens SET failures = failures + 1 WHERE user_id = ?`, a.ID))
	return err
}

// failuresOf returns when the actor gave wrong tokens from its address, oldest first.
func failuresOf(ctx context.Context, tx *db.Tx, a access.Actor) ([]time.Time, error) {
	at, err := db.All[db.Time](ctx, tx, db.SQL(`SELECT at FROM backup_failures WHERE user_id = ? AND ip = ? AND at > ? ORDER BY at, id`,
		a.ID, addressOf(a.IP), db.At(tx.Now().Add(-failuresKept))))
	if err != nil {
		return nil, err
	}
	out := make([]time.Time, len(at))
	for i, t := range at {
		out[i] = t.Time
	}
	return out, nil
}

func forgetFailures(ctx context.Context, tx *db.Tx, a access.Actor) error {
	_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM backup_failures WHERE user_id = ? AND ip = ?`, a.ID, addressOf(a.IP)))
	return err
}
