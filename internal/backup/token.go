package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// cancelPrefix marks the secret of a cancel link, which can only make things safer.
const cancelPrefix = "hfbc-"

// TokenPhase is where a token stands.
type TokenPhase string

// Phases of a token.
const (
	NoToken TokenPhase = "none"
	// PendingNotice: the wait begins when an administrator's mail is accepted.
	PendingNotice TokenPhase = "pending_notice"
	Waiting       TokenPhase = "waiting"
	Active        TokenPhase = "active"
	// Damaged: the row was changed outside Holdfast; the token opens nothing.
	Damaged TokenPhase = "damaged"
)

// TokenInfo is what people may know about a token; never the token itself.
type TokenInfo struct {
	UserID    id.User
	Login     string
	Name      string
	Phase     TokenPhase
	CreatedAt time.Time
	// ActivatesAt is zero while the wait has not begun.
	ActivatesAt time.Time
	// Wait is the length of the waiting period the token was given, 0 for none.
	Wait time.Duration
	// WaivedBy names the operator who ended the wait.
	WaivedBy string
	// MustWait says whether a token made now would have to wait. TokenState alone fills it.
	MustWait bool
	// NeedsPassword says whether making and deleting asks for a password. TokenState alone fills it.
	NeedsPassword bool
}

// NewToken is a token that was just made. Value is shown once and kept nowhere.
type NewToken struct {
	Value string
	// Reset says that it replaced another.
	Reset bool
	Info  TokenInfo
}

// CreateToken makes the actor's backup token and replaces an earlier one.
//
// Faults: NotFound when backups are off; Unauthenticated; Forbidden without
// the permission and for API keys; Invalid for password_confirmation and
// TooMany as account.ConfirmPassword says. After a fault nothing has changed.
func (s *Service) CreateToken(ctx context.Context, a access.Actor, password string) (NewToken, error) {
	if err := s.confirmOwner(ctx, a, password); err != nil {
		return NewToken{}, err
	}
	value, cancel := secret.NewToken(secret.BackupPrefix), secret.NewToken(cancelPrefix)
	return db.Write(ctx, s.db, func(tx *db.Tx) (NewToken, error) {
		if err := access.Require(ctx, tx, a, access.CreateBackup, 0); err != nil {
			return NewToken{}, err
		}
		return s.issue(ctx, tx, a, value, cancel)
	})
}

// confirmOwner checks switch, permission and, for those who have one, the password.
func (s *Service) confirmOwner(ctx context.Context, a access.Actor, password string) error {
	has, err := db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) {
		if err := s.person(ctx, tx, a); err != nil {
			return false, err
		}
		return s.deps.Accounts.HasPassword(ctx, tx, a.ID)
	})
	if err != nil {
		return err
	}
	if a.Token != 0 {
		return fault.Forbidden("an API key cannot make or delete backup tokens; sign in with a browser")
	}
	if !has {
		return nil
	}
	return s.deps.Accounts.ConfirmPassword(ctx, a, password)
}

// person refuses everyone but people who may make backups, in the order of
// the checks: switch, authentication, permission.
func (s *Service) person(ctx context.Context, tx *db.Tx, a access.Actor) error {
	if !s.deps.Enabled {
		return fault.NotFound("backup")
	}
	if err := access.Require(ctx, tx, a, access.CreateBackup, 0); err != nil {
		return err
	}
	if !a.SignedIn() {
		return fault.Forbidden("only people have backup tokens; operators use the command line")
	}
	return nil
}

func (s *Service) issue(ctx context.Context, tx *db.Tx, a access.Actor, value, cancel string) (NewToken, error) {
	_, reset, err := findToken(ctx, tx, a.ID)
	if err != nil {
		return NewToken{}, err
	}
	if err := deleteToken(ctx, tx, a.ID); err != nil {
		return NewToken{}, err
	}
	waits, err := s.mustWait(ctx, tx, a.ID)
	if err != nil {
		return NewToken{}, err
	}
	r := tokenRow{UserID: a.ID, Hash: s.hash(value), CancelHash: s.hash(cancel), CreatedAt: tx.Stamp()}
	if waits {
		r.WaitSeconds = int64(s.deps.InitialWaitingPeriod / time.Second)
	}
	notices, err := s.mailToken(ctx, tx, a, reset, r, s.cancelLink(cancel))
	if err != nil {
		return NewToken{}, err
	}
	r.setNotices(notices)
	m, err := s.elapsed.moment(ctx, tx)
	if err != nil {
		return NewToken{}, err
	}
	if !waits || s.deps.Mail == nil {
		r.start(m)
	}
	if err := s.insertToken(ctx, tx, r); err != nil {
		return NewToken{}, err
	}
	action := "backup_token.create"
	if reset {
		action = "backup_token.reset"
	}
	if err := s.record(ctx, tx, a, action, userObject(a.ID), audit.OK, map[string]any{"waits": waits}); err != nil {
		return NewToken{}, err
	}
	return NewToken{Value: value, Reset: reset, Info: r.info(m)}, nil
}

func (s *Service) cancelLink(cancel string) string {
	return s.deps.BaseURL + "/backup_tokens/cancel?token=" + cancel
}

// mustWait says whether a token the user makes now has to wait.
func (s *Service) mustWait(ctx context.Context, tx *db.Tx, user id.User) (bool, error) {
	has, err := s.deps.Accounts.HasPassword(ctx, tx, user)
	if err != nil {
		return false, err
	}
	changed, err := s.deps.Accounts.CredentialsChangedAt(ctx, tx, user)
	if err != nil {
		return false, err
	}
	installed, err := s.installedAt(ctx, tx)
	if err != nil {
		return false, err
	}
	latest, err := last(ctx, tx, installed, db.SQL(`SELECT COALESCE(MAX(at), 0) FROM audit_entries`))
	if err != nil {
		return false, err
	}
	period := s.deps.InitialWaitingPeriod
	passed, err := s.elapsed.certain(ctx, tx, changed)
	if err != nil {
		return false, err
	}
	passed = min(passed, tx.Now().Sub(changed))
	return mustWait(passed, period, has, isYoung(tx.Now(), latest, installed, period)), nil
}

// installedAt is when the instance was made: what Deps say, else the creation
// of the oldest account a person ever had.
func (s *Service) installedAt(ctx context.Context, tx *db.Tx) (time.Time, error) {
	if s.deps.InstalledAt != nil {
		if t, ok, err := s.deps.InstalledAt(ctx, tx); err != nil || ok {
			return t, err
		}
	}
	at, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COALESCE(MIN(created_at), 0) FROM users
		WHERE kind IN ('User', 'DeletedUser') AND id > ?`, access.DeletedID))
	return time.UnixMicro(at).UTC(), err
}

// DeleteToken deletes the actor's token; without one it does nothing. Faults
// are those of CreateToken.
func (s *Service) DeleteToken(ctx context.Context, a access.Actor, password string) error {
	if err := s.confirmOwner(ctx, a, password); err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		_, ok, err := findToken(ctx, tx, a.ID)
		if err != nil || !ok {
			return err
		}
		return s.revoke(ctx, tx, a, a.ID, "backup_token.delete", audit.OK, "deleted")
	})
}

// revoke deletes a user's token, audits it and mails owner and administrators.
func (s *Service) revoke(ctx context.Context, tx *db.Tx, a access.Actor, user id.User, action, result, how string) error {
	if err := deleteToken(ctx, tx, user); err != nil {
		return err
	}
	if err := s.record(ctx, tx, a, action, userObject(user), result, nil); err != nil {
		return err
	}
	return s.mailTokenGone(ctx, tx, user, how)
}

// TokenState returns where the actor's own token stands. Faults: NotFound when
// backups are off, Unauthenticated, Forbidden without the permission.
func (s *Service) TokenState(ctx context.Context, a access.Actor) (TokenInfo, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (TokenInfo, error) {
		if err := s.person(ctx, tx, a); err != nil {
			return TokenInfo{}, err
		}
		r, ok, err := findToken(ctx, tx, a.ID)
		if err != nil {
			return TokenInfo{}, err
		}
		info := TokenInfo{UserID: a.ID, Phase: NoToken}
		if ok {
			m, err := s.elapsed.moment(ctx, tx)
			if err != nil {
				return TokenInfo{}, err
			}
			info = s.describe(r, m)
		}
		info.Login, info.Name = a.Login, a.Name
		if info.NeedsPassword, err = s.deps.Accounts.HasPassword(ctx, tx, a.ID); err != nil {
			return TokenInfo{}, err
		}
		info.MustWait, err = s.mustWait(ctx, tx, a.ID)
		return info, err
	})
}

// Tokens returns every token with its owner, by name. Faults as TokenState.
func (s *Service) Tokens(ctx context.Context, a access.Actor) ([]TokenInfo, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]TokenInfo, error) {
		if err := s.person(ctx, tx, a); err != nil {
			return nil, err
		}
		return s.tokens(ctx, tx)
	})
}

func (s *Service) tokens(ctx context.Context, tx *db.Tx) ([]TokenInfo, error) {
	rows, err := db.All[ownedToken](ctx, tx, db.SQL(`SELECT `+tokenColumns+`, COALESCE(u.login, '') AS login, u.firstname, u.lastname
		FROM backup_tokens t JOIN users u ON u.id = t.user_id ORDER BY u.name_folded, u.id`))
	if err != nil {
		return nil, err
	}
	m, err := s.elapsed.moment(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []TokenInfo
	for _, r := range rows {
		info := s.describe(r.tokenRow, m)
		info.Login, info.Name = r.Login, r.name()
		out = append(out, info)
	}
	return out, nil
}

func (s *Service) describe(r tokenRow, m moment) TokenInfo {
	info := r.info(m)
	if !s.sealed(r) {
		info.Phase = Damaged
	}
	return info
}

// record writes an audit entry about what the actor did.
func (s *Service) record(ctx context.Context, tx *db.Tx, a access.Actor, action, object, result string, detail map[string]any) error {
	act := audit.Act{ActorName: a.Name, IP: a.IP, Action: action, Object: object, Result: result, Detail: detail}
	if a.SignedIn() {
		act.ActorID, act.ActorName = a.ID, a.Login
	}
	return s.deps.Audit.Record(ctx, tx, act)
}

func userObject(n id.User) string     { return fmt.Sprintf("user %d", n) }
func backupObject(n id.Backup) string { return fmt.Sprintf("backup %d", n) }
