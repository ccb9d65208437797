package backup

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// NoticePurpose is the purpose of the mails whose acceptance begins a wait.
const NoticePurpose = "backup.token"

// NoticeAccepted begins the wait of the token that the mail announced. The
// outbox calls it, in its transaction, when a server has accepted a mail of
// NoticePurpose; the same mail twice changes nothing.
func (s *Service) NoticeAccepted(ctx context.Context, tx *db.Tx, mail id.Mail) error {
	rows, err := db.All[tokenRow](ctx, tx, db.SQL(`SELECT `+tokenColumns+` FROM backup_tokens t WHERE t.activates_at IS NULL`))
	if err != nil {
		return err
	}
	m, err := s.elapsed.moment(ctx, tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !r.notifiedBy(mail) {
			continue
		}
		if !s.sealed(r) {
			return s.revokeDamaged(ctx, tx, access.System("backup"), r.UserID)
		}
		r.start(m)
		if err := s.updateToken(ctx, tx, r); err != nil {
			return err
		}
		if err := s.record(ctx, tx, access.System("backup"), "backup_token.wait_begins", userObject(r.UserID), audit.OK, map[string]any{"mail": mail}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) revokeDamaged(ctx context.Context, tx *db.Tx, a access.Actor, user id.User) error {
	return s.revoke(ctx, tx, a, user, "backup_token.tampered", audit.Failed, "tampered")
}

// PendingNotices returns the tokens that administrators have to be told of on
// every page, because no mail has told them: those whose notice no server has
// accepted yet and, where no mail is configured, those that are waiting or
// younger than the waiting period. Others than administrators get none.
func (s *Service) PendingNotices(ctx context.Context, a access.Actor) ([]TokenInfo, error) {
	if !a.Admin || !s.deps.Enabled {
		return nil, nil
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]TokenInfo, error) {
		all, err := s.tokens(ctx, tx)
		if err != nil {
			return nil, err
		}
		var out []TokenInfo
		for _, t := range all {
			young := tx.Now().Sub(t.CreatedAt) < s.deps.InitialWaitingPeriod
			if t.Phase == PendingNotice || s.deps.Mail == nil && (t.Phase == Waiting || young) {
				out = append(out, t)
			}
		}
		return out, nil
	})
}

// CancelToken deletes the token whose notice carried the secret. Anyone may,
// as often as they like: it can only make things safer. A secret that fits no
// token is no error, so that the answer tells nothing.
func (s *Service) CancelToken(ctx context.Context, a access.Actor, cancel string) error {
	if !secret.IsToken(cancelPrefix, cancel) {
		return nil
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		r, ok, err := db.One[tokenRow](ctx, tx, db.SQL(`SELECT `+tokenColumns+` FROM backup_tokens t WHERE t.cancel_hash = ?`, s.hash(cancel)))
		if err != nil || !ok {
			return err
		}
		return s.revoke(ctx, tx, a, r.UserID, "backup_token.cancel", audit.OK, "cancelled")
	})
}

// AllowNow ends the wait of the token of the user with the login, or of every
// waiting token when all. It keeps the original times and returns the owners.
//
// Faults: Forbidden for everyone but the operator; NotFound when nobody of
// that login has a waiting token.
func (s *Service) AllowNow(ctx context.Context, operator access.Actor, login string, all bool) ([]TokenInfo, error) {
	if operator.Kind != access.Machine {
		return nil, fault.Forbidden("only the operator of the server may end a waiting period")
	}
	if !all && strings.TrimSpace(login) == "" {
		return nil, fault.InvalidField("login", "blank")
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) ([]TokenInfo, error) {
		cond := db.SQL(`u.login_folded = ?`, db.Fold(strings.TrimSpace(login)))
		if all {
			cond = db.True
		}
		rows, err := db.All[ownedToken](ctx, tx, db.SQL(`SELECT `+tokenColumns+`, COALESCE(u.login, '') AS login, u.firstname, u.lastname
			FROM backup_tokens t JOIN users u ON u.id = t.user_id WHERE`).Append(cond).Add(`ORDER BY u.name_folded, u.id`))
		if err != nil {
			return nil, err
		}
		out, err := s.waive(ctx, tx, operator, rows)
		if err == nil && len(out) == 0 && !all {
			err = fault.NotFound("waiting backup token")
		}
		return out, err
	})
}

func (s *Service) waive(ctx context.Context, tx *db.Tx, operator access.Actor, rows []ownedToken) ([]TokenInfo, error) {
	m, err := s.elapsed.moment(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []TokenInfo
	for _, r := range rows {
		if p := r.phase(m); p == Active {
			continue
		}
		if !s.sealed(r.tokenRow) {
			if err := s.revokeDamaged(ctx, tx, operator, r.UserID); err != nil {
				return nil, err
			}
			continue
		}
		at := tx.Stamp()
		r.WaivedBy, r.WaivedAt = operator.Name, &at
		if err := s.updateToken(ctx, tx, r.tokenRow); err != nil {
			return nil, err
		}
		if err := s.record(ctx, tx, operator, "backup_token.allow_now", userObject(r.UserID), audit.OK, nil); err != nil {
			return nil, err
		}
		if err := s.mailWaived(ctx, tx, r.UserID, operator.Name); err != nil {
			return nil, err
		}
		info := r.info(m)
		info.Login, info.Name = r.Login, r.name()
		out = append(out, info)
	}
	return out, nil
}
