package account

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/message"
)

// Identity is a link between a user and a provider.
type Identity struct {
	UserID    id.User `db:"user_id"`
	Provider  string  `db:"provider"`
	CreatedAt db.Time `db:"created_at"`
}

// Identities lists the actor's own links to providers.
func (s *Service) Identities(ctx context.Context, a access.Actor) ([]Identity, error) {
	if err := requirePerson(a); err != nil {
		return nil, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Identity, error) {
		return db.All[Identity](ctx, tx, db.SQL(`SELECT user_id, provider, created_at FROM identities WHERE user_id = ? ORDER BY id`, a.ID))
	})
}

func identityOwner(ctx context.Context, tx *db.Tx, slug, subject string) (User, bool, error) {
	return db.One[User](ctx, tx, db.SQL(`SELECT `+userColumns+` FROM identities i JOIN users u ON u.id = i.user_id
		WHERE i.provider = ? AND i.subject = ?`, slug, storable(subject)))
}

// personOf returns whom the provider's claims mean; see FinishOIDC.
func (s *Service) personOf(ctx context.Context, tx *db.Tx, p *provider, got claims, c Client) (User, error) {
	if u, ok, err := identityOwner(ctx, tx, p.Slug, got.Subject); err != nil || ok {
		return u, err
	}
	if got.Email == "" || !got.Verified {
		return User{}, providerFault("the provider does not vouch for your mail address; verify it there, or ask an administrator for an account")
	}
	u, there, err := db.One[User](ctx, tx, db.SQL(selectUser+`u.mail_folded = ? AND u.kind = 'User' AND u.deleted_at IS NULL`, key(got.Email)))
	switch {
	case err != nil:
		return User{}, err
	case there && !p.AllowEmailLink:
		return User{}, providerFault("there is an account with your mail address already; sign in to it with its password, " +
			"or ask the operator to let this provider attach to accounts (allow_email_link)")
	case there:
		return s.attach(ctx, tx, p, got, u, c)
	case !p.AllowSignup:
		return User{}, providerFault("there is no account with your mail address; ask an administrator to invite you")
	}
	return s.signUp(ctx, tx, p, got, c)
}

// attach links an existing user by the verified address. An invited one has
// thereby accepted.
func (s *Service) attach(ctx context.Context, tx *db.Tx, p *provider, got claims, u User, c Client) (User, error) {
	if u.Status == Locked {
		return u, nil // refused by the caller, and not linked
	}
	if err := s.addIdentity(ctx, tx, p, got, u, c); err != nil {
		return User{}, err
	}
	if u.mayEnter() {
		return u, nil
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE user_id = ? AND kind = 'invitation'`, u.ID)); err != nil {
		return User{}, err
	}
	// A password that a stranger chose while registering with this address must not open the account.
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM user_passwords WHERE user_id = ?`, u.ID)); err != nil {
		return User{}, err
	}
	after := u
	after.Status = Active
	return s.save(ctx, tx, u.actor(c.IP), u, after, journal.Change{})
}

func (s *Service) addIdentity(ctx context.Context, tx *db.Tx, p *provider, got claims, u User, c Client) error {
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO identities (user_id, provider, subject, created_at) VALUES (?, ?, ?, ?)`,
		u.ID, p.Slug, storable(got.Subject), tx.Stamp()))
	if err != nil {
		return err
	}
	if err := s.record(ctx, tx, u.actor(c.IP), "identity.link", object("user", u.ID), map[string]any{"provider": p.Slug}); err != nil {
		return err
	}
	say := message.In(u.Language)
	return s.notify(ctx, tx, u, Notice{
		Purpose: "account.identity_linked", Subject: say.T("mail.new_way"),
		Lines: []string{say.T("mail.new_way_text", "name", orDefault(p.DisplayName, p.Slug)), say.T("mail.not_you")},
	})
}

// signUp makes a user from what the provider says.
func (s *Service) signUp(ctx context.Context, tx *db.Tx, p *provider, got claims, c Client) (User, error) {
	first, last := names(got)
	u := User{
		Kind: KindUser, Login: orDefault(strings.TrimSpace(got.Username), got.Email), Firstname: first, Lastname: last,
		Mail: got.Email, Status: Active, Language: s.deps.Language,
	}
	if same, err := unique(ctx, tx, &u); err != nil {
		return User{}, err
	} else if len(same) > 0 || checkLogin(u.Login) != "" {
		u.Login = got.Email
	}
	if err := valid(ctx, tx, &u); err != nil {
		if fault.Is(err, fault.KindInvalid) {
			return User{}, providerFault("an account cannot be made from what the provider says (" + err.Error() + "); ask an administrator to invite you")
		}
		return User{}, err
	}
	made, err := s.insert(ctx, tx, access.Actor{Kind: access.Machine, ID: access.SystemID, Name: "sign-up through " + p.Slug, IP: c.IP}, u, "")
	if err != nil {
		return User{}, err
	}
	return made, s.addIdentity(ctx, tx, p, got, made, c)
}

func names(got claims) (first, last string) {
	first, last = strings.TrimSpace(got.Given), strings.TrimSpace(got.Family)
	if first != "" && last != "" {
		return first, last
	}
	if head, tail, ok := strings.Cut(strings.TrimSpace(got.Name), " "); ok {
		return head, strings.TrimSpace(tail)
	}
	f, l := nameFromMail(got.Email)
	return orDefault(first, f), orDefault(last, l)
}
