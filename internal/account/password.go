package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/secret"
)

// reuseSpan is how many of the latest passwords cannot be taken again.
const reuseSpan = 3

// credential is a user with the password in force; PasswordID is 0 without one.
type credential struct {
	User
	PasswordID int64  `db:"password_id"`
	Hash       string `db:"hash"`
	// NewHash replaces a hash that is weaker than today's.
	NewHash string `db:"-"`
}

const selectCredential = `SELECT ` + userColumns + `, COALESCE(p.id, 0) AS password_id, COALESCE(p.hash, '') AS hash
	FROM users u LEFT JOIN user_passwords p ON p.id = (SELECT MAX(l.id) FROM user_passwords l WHERE l.user_id = u.id)
	WHERE u.kind = 'User' AND u.deleted_at IS NULL AND `

// credentialByLogin returns the user with the login, else with the mail
// address, else an empty credential, which no password fits.
func (s *Service) credentialByLogin(ctx context.Context, login string) (credential, error) {
	name := key(login)
	return s.credential(ctx, db.SQL(`(u.login_folded = ? OR u.mail_folded = ?)
		ORDER BY CASE WHEN u.login_folded = ? THEN 0 ELSE 1 END LIMIT 1`, name, name, name))
}

func (s *Service) credentialOf(ctx context.Context, user id.User) (credential, error) {
	return s.credential(ctx, db.SQL(`u.id = ?`, user))
}

func (s *Service) credential(ctx context.Context, cond db.Frag) (credential, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (credential, error) {
		c, _, err := db.One[credential](ctx, tx, db.SQL(selectCredential).Append(cond))
		return c, err
	})
}

// verify takes the same time whether there is a password or not.
func (s *Service) verify(ctx context.Context, c credential, password string) (bool, error) {
	if c.Hash == "" {
		return false, s.deps.Hasher.VerifyNobody(ctx, password)
	}
	ok, err := s.deps.Hasher.Verify(ctx, password, c.Hash)
	if errors.Is(err, secret.ErrHashUnknown) { // imported in a form nobody can enter with: as if there were none
		return false, s.deps.Hasher.VerifyNobody(ctx, password)
	}
	return ok, err
}

// replaceHash keeps the row and its date: the password itself did not change.
func replaceHash(ctx context.Context, tx *db.Tx, c credential) error {
	if c.NewHash == "" {
		return nil
	}
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE user_passwords SET hash = ? WHERE id = ? AND hash = ?`, c.NewHash, c.PasswordID, c.Hash))
	return err
}

func insertPassword(ctx context.Context, tx *db.Tx, user id.User, hash string) error {
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO user_passwords (user_id, hash, created_at) VALUES (?, ?, ?)`, user, hash, tx.Stamp()))
	return err
}

// checkNew returns the refusals of a new password for u, under the field's name.
func (s *Service) checkNew(name, password string, u User) []fault.Field {
	rules := secret.PasswordRules{MinLength: s.deps.MinPassword, About: []string{u.Login, u.Mail, u.Firstname, u.Lastname, s.deps.InstanceName}}
	var out []fault.Field
	for _, w := range rules.Check(password) {
		f := fault.Field{Name: name, Code: string(w)}
		if w == secret.TooShort {
			f.Params = map[string]any{"count": s.deps.MinPassword}
		}
		out = append(out, f)
	}
	return out
}

// newHash checks a new password and returns what is stored. It runs outside
// transactions, because hashing takes long.
func (s *Service) newHash(ctx context.Context, name, password string, u User) (string, error) {
	fields := s.checkNew(name, password, u)
	if len(fields) == 0 && u.ID != 0 {
		used, err := s.usedBefore(ctx, u.ID, password)
		if err != nil {
			return "", err
		}
		if used {
			fields = append(fields, fault.Field{Name: name, Code: "reused", Params: map[string]any{"count": reuseSpan}})
		}
	}
	if len(fields) > 0 {
		return "", fault.Invalid(fields...)
	}
	return s.deps.Hasher.Hash(ctx, password)
}

func (s *Service) usedBefore(ctx context.Context, user id.User, password string) (bool, error) {
	hashes, err := db.Read(ctx, s.db, func(tx *db.Tx) ([]string, error) {
		return db.All[string](ctx, tx, db.SQL(`SELECT hash FROM user_passwords WHERE user_id = ? ORDER BY id DESC LIMIT ?`, user, reuseSpan))
	})
	if err != nil {
		return false, err
	}
	for _, h := range hashes {
		ok, err := s.deps.Hasher.Verify(ctx, password, h)
		if errors.Is(err, secret.ErrHashUnknown) {
			continue // an imported form nobody can enter with any more
		}
		if err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// ChangePassword replaces the actor's password. Every other session of the
// actor ends.
//
// Faults: Invalid for a wrong current_password and for a weak or reused
// password; TooMany after repeated wrong ones; Forbidden with CodeNoPassword;
// Forbidden for an actor that came with an API key.
func (s *Service) ChangePassword(ctx context.Context, a access.Actor, current, password string) error {
	if a.Token != 0 {
		return fault.Forbidden("an API key cannot change the password; sign in with a browser")
	}
	cred, err := s.confirm(ctx, a, current, "current_password")
	if err != nil {
		return err
	}
	hash, err := s.newHash(ctx, "password", password, cred.User)
	if err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		return s.setPassword(ctx, tx, a, cred, hash, a.Session)
	})
}

// inForce says whether the password that was proved, outside the transaction,
// is still the user's.
func inForce(ctx context.Context, tx *db.Tx, c credential) (bool, error) {
	newest, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COALESCE(MAX(id), 0) FROM user_passwords WHERE user_id = ?`, c.ID))
	return newest == c.PasswordID, err
}

// setPassword stores a new password unless another was set since cred was read.
func (s *Service) setPassword(ctx context.Context, tx *db.Tx, a access.Actor, cred credential, hash string, keep id.Session) error {
	u, err := person(ctx, tx, cred.ID)
	if err != nil {
		return err
	}
	if same, err := inForce(ctx, tx, cred); err != nil || !same {
		return orFault(err, fault.Conflict("the password was changed in this moment by someone else"))
	}
	return s.storePassword(ctx, tx, a, u, hash, false, keep)
}

// storePassword makes the password the one in force, ends sessions but keep,
// and all recovery links.
func (s *Service) storePassword(ctx context.Context, tx *db.Tx, a access.Actor, u User, hash string, force bool, keep id.Session) error {
	if err := insertPassword(ctx, tx, u.ID, hash); err != nil {
		return err
	}
	u.ForcePasswordChange = force
	if err := updateUser(ctx, tx, u); err != nil {
		return err
	}
	if _, err := endSessions(ctx, tx, u.ID, keep); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE user_id = ? AND kind = 'recovery'`, u.ID)); err != nil {
		return err
	}
	if err := s.record(ctx, tx, a, "password.set", object("user", u.ID), map[string]any{"by_owner": a.ID == u.ID, "must_change": force}); err != nil {
		return err
	}
	say := message.In(u.Language)
	return s.notify(ctx, tx, u, Notice{
		Purpose: "account.password_changed", Subject: say.T("mail.password_changed"),
		Lines: []string{say.T("mail.password_changed_text"), say.T("mail.not_you")},
	})
}

// ChangeForcedPassword proves login and password, replaces the password that
// has to be changed, and signs in. Faults are those of SignIn and ChangePassword.
func (s *Service) ChangeForcedPassword(ctx context.Context, login, current, password string, c Client) (SignedIn, error) {
	cred, err := s.prove(ctx, login, current, c)
	if err != nil {
		return SignedIn{}, err
	}
	hash, err := s.newHash(ctx, "password", password, cred.User)
	if err != nil {
		return SignedIn{}, err
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (SignedIn, error) {
		if err := s.setPassword(ctx, tx, cred.actor(c.IP), cred, hash, 0); err != nil {
			return SignedIn{}, err
		}
		u, err := person(ctx, tx, cred.ID)
		if err != nil || !u.mayEnter() {
			return SignedIn{}, errWrong()
		}
		return s.open(ctx, tx, u, c, "password")
	})
}

// ConfirmPassword says that the actor just typed its right password. It is
// asked by every sensitive step itself; nothing is remembered.
//
// Faults: Invalid for password_confirmation when it is missing or wrong;
// TooMany after repeated wrong ones; Forbidden with CodeNoPassword.
func (s *Service) ConfirmPassword(ctx context.Context, a access.Actor, password string) error {
	_, err := s.confirm(ctx, a, password, "password_confirmation")
	return err
}

func (s *Service) confirm(ctx context.Context, a access.Actor, password, field string) (credential, error) {
	if err := requirePerson(a); err != nil {
		return credential{}, err
	}
	cred, err := s.credentialOf(ctx, a.ID)
	if err != nil {
		return credential{}, err
	}
	if cred.Hash == "" || !cred.mayEnter() {
		return credential{}, fault.ForbiddenCode(CodeNoPassword, "this account has no password to confirm with")
	}
	who := fmt.Sprint(a.ID)
	if wait := s.limits.confirm.take(who, s.db.Now()); wait > 0 {
		return credential{}, tooMany(wait)
	}
	ok, err := s.verify(ctx, cred, password)
	if err != nil {
		return credential{}, err
	}
	if ok {
		s.limits.confirm.forget(who)
		return cred, nil
	}
	err = db.Do(ctx, s.db, func(tx *db.Tx) error {
		return s.recordResult(ctx, tx, a, "password.confirm", object("user", a.ID), audit.Refused, nil)
	})
	if err != nil {
		return credential{}, err
	}
	return credential{}, fault.InvalidField(field, "wrong")
}

// HasPassword says whether the user can confirm with a password.
func (s *Service) HasPassword(ctx context.Context, tx *db.Tx, user id.User) (bool, error) {
	_, ok, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM user_passwords WHERE user_id = ? LIMIT 1`, user))
	return ok, err
}

// CredentialsChangedAt returns when last a password was set, the mail address
// or the rights were changed, or a provider was linked; at least when the
// account was made. A thief's traces are among these.
func (s *Service) CredentialsChangedAt(ctx context.Context, tx *db.Tx, user id.User) (time.Time, error) {
	u, err := person(ctx, tx, user)
	if err != nil {
		return time.Time{}, err
	}
	newest, err := db.Scalar[int64](ctx, tx, db.SQL(`SELECT COALESCE(MAX(at), 0) FROM (
		SELECT MAX(created_at) AS at FROM user_passwords WHERE user_id = ?
		UNION ALL SELECT MAX(created_at) AS at FROM identities WHERE user_id = ?) x`, user, user))
	if err != nil {
		return time.Time{}, err
	}
	last := time.UnixMicro(newest).UTC()
	for _, t := range []*db.Time{u.MailChangedAt, u.RightsChangedAt, &u.CreatedAt} {
		if t != nil && t.After(last) {
			last = t.Time
		}
	}
	return last, nil
}

// RightsChanged notes that what the users may do has changed, which new backup
// tokens wait for. Package membership calls it for global roles.
func (s *Service) RightsChanged(ctx context.Context, tx *db.Tx, users ...id.User) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE users SET rights_changed_at = ? WHERE`, tx.Stamp()).Append(db.In("id", users)))
	return err
}

// notify queues a mail to u where mail can be sent.
func (s *Service) notify(ctx context.Context, tx *db.Tx, u User, n Notice) error {
	if s.deps.Mail == nil || u.Mail == "" {
		return nil
	}
	n.UserID, n.Address, n.Name, n.Language = u.ID, u.Mail, u.Name(), u.Language
	return s.deps.Mail.Queue(ctx, tx, n)
}
