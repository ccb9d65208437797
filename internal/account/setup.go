package account

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// SetupInput is the first administrator.
type SetupInput struct {
	Login, Firstname, Lastname, Mail string
	Password, Language, TimeZone     string
}

// NeedsSetup says whether there is no active administrator yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) { return needsSetup(ctx, tx) })
}

func needsSetup(ctx context.Context, tx *db.Tx) (bool, error) {
	_, there, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM users WHERE admin AND status = ? AND kind = 'User'
		AND deleted_at IS NULL LIMIT 1`, Active))
	return !there, err
}

// SetupLink makes the one-time link that creates the first administrator. It
// is valid for a day; a new one replaces the one before.
//
// Faults: Conflict when there is an active administrator.
func (s *Service) SetupLink(ctx context.Context, baseURL string) (string, error) {
	token := secret.NewToken("")
	err := db.Do(ctx, s.db, func(tx *db.Tx) error {
		if need, err := needsSetup(ctx, tx); err != nil || !need {
			return orFault(err, errSetUp())
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE kind = 'setup'`)); err != nil {
			return err
		}
		_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO tokens (kind, name, hash, created_at, expires_at) VALUES ('setup', 'setup', ?, ?, ?)`,
			s.hash(token), tx.Stamp(), db.At(tx.Now().Add(setupLife))))
		if err != nil {
			return err
		}
		return s.record(ctx, tx, access.Operator("setup"), "setup.link", "instance", nil)
	})
	if err != nil {
		return "", err
	}
	return strings.TrimRight(baseURL, "/") + SetupPath + token, nil
}

func errSetUp() error {
	return fault.WithHint(fault.Conflict("there is an active administrator already"),
		"to get in again, run holdfast user reset-password, or holdfast user create --admin")
}

func orFault(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// CheckSetup says whether the token of a setup link is valid, before the form
// is shown.
//
// Faults: Forbidden with CodeLink.
func (s *Service) CheckSetup(ctx context.Context, token string) error {
	_, err := db.Read(ctx, s.db, func(tx *db.Tx) (struct{}, error) {
		_, err := s.link(ctx, tx, "setup", token)
		return struct{}{}, err
	})
	return err
}

// CompleteSetup makes the first administrator and signs in. The link is spent:
// taking it away is the same row change for everyone who tries, so that only
// one can succeed.
//
// Faults: Forbidden with CodeLink; Conflict when there is an administrator;
// Invalid with one entry per refused field.
func (s *Service) CompleteSetup(ctx context.Context, token string, in SetupInput, c Client) (SignedIn, error) {
	if err := s.CheckSetup(ctx, token); err != nil {
		return SignedIn{}, err
	}
	u, fields := s.draft(CreateInput{
		Login: in.Login, Firstname: in.Firstname, Lastname: in.Lastname, Mail: in.Mail, Admin: true, Status: Active,
		Language: in.Language, TimeZone: in.TimeZone, Password: in.Password,
	})
	if in.Password != "" {
		fields = append(fields, s.checkNew("password", in.Password, u)...)
	}
	hash, err := s.hashIfValid(ctx, in.Password, fields)
	if err != nil {
		return SignedIn{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (SignedIn, error) {
		if err := valid(ctx, tx, &u, fields...); err != nil {
			return SignedIn{}, err
		}
		if err := s.spend(ctx, tx, "setup", token); err != nil {
			return SignedIn{}, err
		}
		if need, err := needsSetup(ctx, tx); err != nil || !need {
			return SignedIn{}, orFault(err, errSetUp())
		}
		by := access.System("setup")
		by.IP = c.IP
		made, err := s.insert(ctx, tx, by, u, hash)
		if err != nil {
			return SignedIn{}, err
		}
		if err := s.record(ctx, tx, by, "setup.complete", object("user", made.ID), nil); err != nil {
			return SignedIn{}, err
		}
		return s.open(ctx, tx, made, c, "password")
	})
}

// hashIfValid saves the work for a password that is refused anyway.
func (s *Service) hashIfValid(ctx context.Context, password string, fields []fault.Field) (string, error) {
	if len(fields) > 0 {
		return "", nil
	}
	return s.deps.Hasher.Hash(ctx, password)
}
