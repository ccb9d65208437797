package account

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// maxKeysPerUser keeps a script in a loop from filling the table.
const maxKeysPerUser = 50

// Key is an API key without its secret.
type Key struct {
	ID         id.Token `db:"id"`
	UserID     id.User  `db:"user_id"`
	Name       string   `db:"name"`
	CreatedAt  db.Time  `db:"created_at"`
	LastUsedAt *db.Time `db:"last_used_at"`
}

const keyColumns = `id, user_id, name, created_at, last_used_at`

// CreateKey makes an API key for the actor and returns it once, in plain.
//
// Faults: Unauthenticated; Forbidden for an actor that itself came with an API
// key, so that a stolen one cannot multiply; Invalid for the name.
func (s *Service) CreateKey(ctx context.Context, a access.Actor, name string) (Key, string, error) {
	if err := requirePerson(a); err != nil {
		return Key{}, "", err
	}
	if a.Token != 0 {
		return Key{}, "", fault.Forbidden("an API key cannot make another one; sign in with a browser")
	}
	plain := secret.NewToken(secret.APIPrefix)
	k, err := db.Write(ctx, s.db, func(tx *db.Tx) (Key, error) { return s.insertKey(ctx, tx, a, a.ID, name, plain) })
	return k, plain, err
}

// CreateKeyFor makes an API key for the user with the login, as the operator.
func (s *Service) CreateKeyFor(ctx context.Context, operator access.Actor, login, name string) (Key, string, error) {
	if err := requireMachine(operator); err != nil {
		return Key{}, "", err
	}
	plain := secret.NewToken(secret.APIPrefix)
	k, err := db.Write(ctx, s.db, func(tx *db.Tx) (Key, error) {
		u, err := personByLogin(ctx, tx, login)
		if err != nil {
			return Key{}, err
		}
		if !u.mayEnter() {
			return Key{}, errTransition("the user is " + u.Status.String() + ", and only active users have API keys")
		}
		return s.insertKey(ctx, tx, operator, u.ID, name, plain)
	})
	return k, plain, err
}

func (s *Service) insertKey(ctx context.Context, tx *db.Tx, a access.Actor, user id.User, name, plain string) (Key, error) {
	if name = strings.TrimSpace(name); name == "" {
		name = "API key"
	}
	if f, ok := tooLong("name", name); !ok {
		return Key{}, fault.Invalid(f)
	}
	if code := checkName(name); code != "" {
		return Key{}, fault.InvalidField("name", code)
	}
	count, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM tokens WHERE user_id = ? AND kind = 'api'`, user))
	if err != nil {
		return Key{}, err
	}
	if count >= maxKeysPerUser {
		return Key{}, fault.Invalid(fault.Field{Name: "base", Code: "too_many_keys", Params: map[string]any{"count": maxKeysPerUser}})
	}
	k, err := db.Scalar[Key](ctx, tx, db.SQL(`INSERT INTO tokens (user_id, kind, name, hash, created_at)
		VALUES (?, 'api', ?, ?, ?) RETURNING `+keyColumns, user, name, s.hash(plain), tx.Stamp()))
	if err != nil {
		return Key{}, err
	}
	return k, s.record(ctx, tx, a, "api_key.create", object("user", user), map[string]any{"key": k.ID, "name": name})
}

// Keys lists the actor's own API keys.
func (s *Service) Keys(ctx context.Context, a access.Actor) ([]Key, error) {
	if err := requirePerson(a); err != nil {
		return nil, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Key, error) {
		return db.All[Key](ctx, tx, db.SQL(`SELECT `+keyColumns+` FROM tokens WHERE user_id = ? AND kind = 'api' ORDER BY id`, a.ID))
	})
}

// RevokeKey deletes one of the actor's own API keys. NotFound for anyone else's.
func (s *Service) RevokeKey(ctx context.Context, a access.Actor, key id.Token) error {
	if err := requirePerson(a); err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		n, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE id = ? AND user_id = ? AND kind = 'api'`, key, a.ID))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.NotFound("API key")
		}
		return s.record(ctx, tx, a, "api_key.revoke", object("user", a.ID), map[string]any{"key": key})
	})
}

// AuthenticateKey returns the person to whom an API key belongs. It reads one
// row; that the key was used is remembered and written later.
//
// Faults: Unauthenticated.
func (s *Service) AuthenticateKey(ctx context.Context, key, ip string) (access.Actor, error) {
	if !secret.IsToken(secret.APIPrefix, key) {
		return access.Actor{}, errKey()
	}
	type row struct {
		User
		Token    id.Token `db:"token_id"`
		LastUsed *db.Time `db:"last_used_at"`
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (access.Actor, error) {
		r, ok, err := db.One[row](ctx, tx, db.SQL(`SELECT `+userColumns+`, t.id AS token_id, t.last_used_at
			FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = ? AND t.kind = 'api'`, s.hash(key)))
		if err != nil {
			return access.Actor{}, err
		}
		if !ok || !r.mayEnter() {
			return access.Actor{}, errKey()
		}
		s.touches.key(r.Token, r.LastUsed, tx.Now())
		a := r.User.actor(ip)
		a.Token = r.Token
		return a, nil
	})
}

func errKey() error { return fault.Unauthenticated("you did not provide the correct credentials") }

func requirePerson(a access.Actor) error {
	if !a.SignedIn() {
		return fault.Unauthenticated("you need to be signed in")
	}
	return nil
}

func requireMachine(a access.Actor) error {
	if a.Kind != access.Machine {
		return fault.Forbidden("only the operator may do this, on the command line")
	}
	return nil
}
