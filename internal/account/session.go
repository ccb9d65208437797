package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

const sessionPrefix = "hfs-"

// Session is a browser's sign-in.
type Session struct {
	ID         id.Session `db:"id"`
	UserID     id.User    `db:"user_id"`
	CreatedAt  db.Time    `db:"created_at"`
	LastSeenAt db.Time    `db:"last_seen_at"`
	ExpiresAt  db.Time    `db:"expires_at"`
	Provider   string     `db:"provider"`
	IP         string     `db:"ip"`
	UserAgent  string     `db:"user_agent"`
}

// SignIn opens a session for the right login (or mail address) and password.
//
// Faults: Unauthenticated, the same and after the same time for an unknown
// login, a wrong password and a user who is locked or not active yet;
// Forbidden with CodePasswordChange when the password is right but has to be
// changed; TooMany for an address, or an account from that address, with too
// many failures.
func (s *Service) SignIn(ctx context.Context, login, password string, c Client) (SignedIn, error) {
	cred, err := s.prove(ctx, login, password, c)
	if err != nil {
		return SignedIn{}, err
	}
	if cred.ForcePasswordChange {
		return SignedIn{}, fault.ForbiddenCode(CodePasswordChange, "this password has to be changed before you can go on")
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (SignedIn, error) {
		u, err := person(ctx, tx, cred.ID)
		if err != nil || !u.mayEnter() {
			return SignedIn{}, errWrong()
		}
		if same, err := inForce(ctx, tx, cred); err != nil || !same {
			return SignedIn{}, orFault(err, errWrong())
		}
		if err := replaceHash(ctx, tx, cred); err != nil {
			return SignedIn{}, err
		}
		return s.open(ctx, tx, u, c, "password")
	})
}

// prove checks login and password under the limits, and audits a refusal.
func (s *Service) prove(ctx context.Context, login, password string, c Client) (credential, error) {
	a := attempt{account: db.Fold(login), address: addressOf(c.IP)}
	if err := s.slowDown(ctx, a); err != nil {
		return credential{}, err
	}
	cred, err := s.credentialByLogin(ctx, login)
	if err != nil {
		return credential{}, err
	}
	ok, err := s.verify(ctx, cred, password)
	if err != nil {
		return credential{}, err
	}
	if !ok || !cred.mayEnter() {
		return credential{}, s.refuse(ctx, cred.User, c)
	}
	s.limits.succeeded(a)
	if s.deps.Hasher.NeedsRehash(cred.Hash) {
		cred.NewHash, err = s.deps.Hasher.Hash(ctx, password)
	}
	return cred, err
}

// refuse audits a failed sign-in; the login of an unknown one is not kept, as
// people type passwords there.
func (s *Service) refuse(ctx context.Context, u User, c Client) error {
	what := "unknown login"
	if u.ID != 0 {
		what = object("user", u.ID)
	}
	err := db.Do(ctx, s.db, func(tx *db.Tx) error {
		return s.recordResult(ctx, tx, access.Anonymous(c.IP), "session.create", what, audit.Refused, nil)
	})
	if err != nil {
		return err
	}
	return errWrong()
}

// open makes a session for a user who has proved to be it.
func (s *Service) open(ctx context.Context, tx *db.Tx, u User, c Client, provider string) (SignedIn, error) {
	token := secret.NewToken(sessionPrefix)
	expires := db.At(tx.Now().Add(s.deps.SessionLifetime))
	by := provider
	if provider == "password" {
		by = ""
	}
	n, err := db.Insert[id.Session](ctx, tx, db.SQL(`INSERT INTO sessions
		(token_hash, user_id, created_at, last_seen_at, expires_at, provider, ip, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		s.hash(token), u.ID, tx.Stamp(), tx.Stamp(), expires, by, c.IP, cut(c.UserAgent, 255)))
	if err != nil {
		return SignedIn{}, fmt.Errorf("open session: %w", err)
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE users SET last_login_at = ? WHERE id = ?`, tx.Stamp(), u.ID)); err != nil {
		return SignedIn{}, fmt.Errorf("open session: %w", err)
	}
	actor := u.actor(c.IP)
	actor.Session = n
	err = s.record(ctx, tx, actor, "session.create", object("user", u.ID), map[string]any{"by": provider})
	return SignedIn{Token: token, Session: n, Actor: actor, Expires: expires.Time}, err
}

func (s *Service) hash(token string) string { return s.deps.Keys.HashToken(secret.TokenPepper, token) }

// cut shortens text that a stranger sent, at a character.
func cut(text string, n int) string {
	text = storable(text)
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}

// Authenticate returns the person to whom a session's token belongs. It reads
// one row; that the session was used is remembered and written later.
//
// Faults: Unauthenticated for everything that is not a living session.
func (s *Service) Authenticate(ctx context.Context, token, ip string) (access.Actor, error) {
	if !secret.IsToken(sessionPrefix, token) {
		return access.Actor{}, errSession()
	}
	type row struct {
		User
		Session  id.Session `db:"session_id"`
		LastSeen db.Time    `db:"last_seen_at"`
		Expires  db.Time    `db:"expires_at"`
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (access.Actor, error) {
		r, ok, err := db.One[row](ctx, tx, db.SQL(`SELECT `+userColumns+`, s.id AS session_id, s.last_seen_at, s.expires_at
			FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?`, s.hash(token)))
		if err != nil {
			return access.Actor{}, err
		}
		seen := s.touches.lastSeen(r.Session, r.LastSeen.Time)
		now := tx.Now()
		if !ok || !r.mayEnter() || !now.Before(r.Expires.Time) || now.Sub(seen) >= s.deps.SessionIdle {
			return access.Actor{}, errSession()
		}
		s.touches.session(r.Session, r.LastSeen.Time, now)
		a := r.User.actor(ip)
		a.Session = r.Session
		return a, nil
	})
}

// Renew returns the actor of a session as it is now: rights may have come or gone.
// It does not count as use, so that a page that is left open does not keep its session alive.
//
// Faults: Unauthenticated when the session has ended.
func (s *Service) Renew(ctx context.Context, a access.Actor) (access.Actor, error) {
	type row struct {
		User
		LastSeen db.Time `db:"last_seen_at"`
		Expires  db.Time `db:"expires_at"`
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (access.Actor, error) {
		r, ok, err := db.One[row](ctx, tx, db.SQL(`SELECT `+userColumns+`, s.last_seen_at, s.expires_at
			FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?`, a.Session))
		if err != nil {
			return access.Actor{}, err
		}
		now := tx.Now()
		if !ok || !r.mayEnter() || !now.Before(r.Expires.Time) ||
			now.Sub(s.touches.lastSeen(a.Session, r.LastSeen.Time)) >= s.deps.SessionIdle {
			return access.Actor{}, errSession()
		}
		fresh := r.User.actor(a.IP)
		fresh.Session = a.Session
		return fresh, nil
	})
}

func errSession() error { return fault.Unauthenticated("you need to be signed in") }

// SignOut ends the actor's own session.
func (s *Service) SignOut(ctx context.Context, a access.Actor) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM sessions WHERE id = ? AND user_id = ?`, a.Session, a.ID)); err != nil {
			return err
		}
		return s.record(ctx, tx, a, "session.end", object("user", a.ID), nil)
	})
}

// Sessions lists the actor's own living sessions, the newest first.
func (s *Service) Sessions(ctx context.Context, a access.Actor) ([]Session, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return nil, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Session, error) {
		return db.All[Session](ctx, tx, db.SQL(`SELECT id, user_id, created_at, last_seen_at, expires_at, provider, ip, user_agent
			FROM sessions WHERE user_id = ? AND expires_at > ? AND last_seen_at > ? ORDER BY last_seen_at DESC, id DESC`,
			a.ID, tx.Stamp(), db.At(tx.Now().Add(-s.deps.SessionIdle))))
	})
}

// EndSession ends one of the actor's own sessions. NotFound for anyone else's.
func (s *Service) EndSession(ctx context.Context, a access.Actor, session id.Session) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		n, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM sessions WHERE id = ? AND user_id = ?`, session, a.ID))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.NotFound("session")
		}
		return s.record(ctx, tx, a, "session.revoke", object("user", a.ID), nil)
	})
}

// EndOtherSessions ends every session of the actor but the one it came with,
// and returns how many.
func (s *Service) EndOtherSessions(ctx context.Context, a access.Actor) (int64, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return 0, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (int64, error) {
		n, err := endSessions(ctx, tx, a.ID, a.Session)
		if err != nil {
			return 0, err
		}
		return n, s.record(ctx, tx, a, "session.revoke_others", object("user", a.ID), map[string]any{"count": n})
	})
}

// endSessions ends the user's sessions except one, 0 for none.
func endSessions(ctx context.Context, tx *db.Tx, user id.User, except id.Session) (int64, error) {
	return db.Exec(ctx, tx, db.SQL(`DELETE FROM sessions WHERE user_id = ? AND id <> ?`, user, except))
}

// touches remembers what was used since it was last written down, so that
// authenticating never writes.
type touches struct {
	mu       *sync.Mutex
	sessions map[id.Session]time.Time
	keys     map[id.Token]time.Time
}

const (
	sessionGrain = time.Minute
	keyGrain     = time.Hour
	maxFlush     = 10_000 // values in one statement; the rest waits for the next
)

func newTouches() touches {
	return touches{mu: &sync.Mutex{}, sessions: map[id.Session]time.Time{}, keys: map[id.Token]time.Time{}}
}

// lastSeen returns the later of what the database says and what is remembered.
func (t *touches) lastSeen(n id.Session, stored time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.sessions[n]; m.After(stored) {
		return m
	}
	return stored
}

func (t *touches) session(n id.Session, stored, now time.Time) {
	if now.Sub(stored) < sessionGrain {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions[n] = now
}

func (t *touches) key(n id.Token, stored *db.Time, now time.Time) {
	if stored != nil && now.Sub(stored.Time) < keyGrain {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys[n] = now
}

func (t *touches) take() (sessions []id.Session, keys []id.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range t.sessions {
		if len(sessions) < maxFlush {
			sessions = append(sessions, n)
		}
	}
	for n := range t.keys {
		if len(keys) < maxFlush {
			keys = append(keys, n)
		}
	}
	return sessions, keys
}

// written forgets what was written at the instant.
func (t *touches) written(sessions []id.Session, keys []id.Token, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range sessions {
		if !t.sessions[n].After(at) {
			delete(t.sessions, n)
		}
	}
	for _, n := range keys {
		delete(t.keys, n)
	}
}

// Flush writes down which sessions and keys were used. Run calls it twice a minute.
func (s *Service) Flush(ctx context.Context) error {
	sessions, keys := s.touches.take()
	if len(sessions)+len(keys) == 0 {
		return nil
	}
	at, err := db.Write(ctx, s.db, func(tx *db.Tx) (time.Time, error) {
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE sessions SET last_seen_at = ? WHERE`, tx.Stamp()).
			Append(db.In("id", sessions))); err != nil {
			return time.Time{}, err
		}
		_, err := db.Exec(ctx, tx, db.SQL(`UPDATE tokens SET last_used_at = ? WHERE`, tx.Stamp()).Append(db.In("id", keys)))
		return tx.Now(), err
	})
	if err != nil {
		return fmt.Errorf("write down use of sessions and keys: %w", err)
	}
	s.touches.written(sessions, keys, at)
	return nil
}

// Sweep removes sessions and one-time links that have expired.
func (s *Service) Sweep(ctx context.Context) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		idle := db.At(tx.Now().Add(-s.deps.SessionIdle))
		if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ?`, tx.Stamp(), idle)); err != nil {
			return err
		}
		_, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE expires_at <= ?`, tx.Stamp()))
		return err
	})
}
