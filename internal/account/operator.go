package account

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// FindByLogin returns the user with the login, for the operator.
//
// Faults: Forbidden for everyone else; NotFound.
func (s *Service) FindByLogin(ctx context.Context, operator access.Actor, login string) (User, error) {
	if err := requireMachine(operator); err != nil {
		return User{}, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (User, error) { return personByLogin(ctx, tx, login) })
}

// SetPassword sets a password for someone else, who has to change it at the
// next sign-in unless keep. Every session of the user ends.
//
// Faults: NotFound; Forbidden; Invalid.
func (s *Service) SetPassword(ctx context.Context, a access.Actor, user id.User, password string, keep bool) error {
	if a.SignedIn() && a.ID == user {
		return fault.Forbidden("change your own password with the current one")
	}
	u, err := db.Read(ctx, s.db, func(tx *db.Tx) (User, error) { return s.managed(ctx, tx, a, user) })
	if err != nil {
		return err
	}
	hash, err := s.newHash(ctx, "password", password, u)
	if err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		u, err := s.managed(ctx, tx, a, user)
		if err != nil {
			return err
		}
		if u.Status == Invited {
			return errTransition("an invited user sets the password with the invitation")
		}
		return s.storePassword(ctx, tx, a, u, hash, !keep, 0)
	})
}
