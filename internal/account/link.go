package account

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/secret"
)

// oneTime is a one-time link that is still valid.
type oneTime struct {
	ID     id.Token `db:"id"`
	UserID *id.User `db:"user_id"`
}

// link finds a valid one-time link.
func (s *Service) link(ctx context.Context, tx *db.Tx, kind, token string) (oneTime, error) {
	if !secret.IsToken("", token) {
		return oneTime{}, errLink()
	}
	l, ok, err := db.One[oneTime](ctx, tx, db.SQL(`SELECT id, user_id FROM tokens WHERE hash = ? AND kind = ? AND expires_at > ?`,
		s.hash(token), kind, tx.Stamp()))
	if err != nil || !ok {
		return oneTime{}, orFault(err, errLink())
	}
	return l, nil
}

// spend takes a one-time link away; who finds it gone has lost.
func (s *Service) spend(ctx context.Context, tx *db.Tx, kind, token string) error {
	n, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE hash = ? AND kind = ? AND expires_at > ?`, s.hash(token), kind, tx.Stamp()))
	if err == nil && n != 1 {
		err = errLink()
	}
	return err
}

// makeLink replaces the user's link of the kind by a new one.
func (s *Service) makeLink(ctx context.Context, tx *db.Tx, user id.User, kind string, life time.Duration) (string, error) {
	token := secret.NewToken("")
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE user_id = ? AND kind = ?`, user, kind)); err != nil {
		return "", err
	}
	_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO tokens (user_id, kind, name, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
		user, kind, kind, s.hash(token), tx.Stamp(), db.At(tx.Now().Add(life))))
	return token, err
}

func (s *Service) url(path, token string) string {
	return strings.TrimRight(s.deps.BaseURL, "/") + path + token
}

// invite mails the link with which an invited user sets a password.
func (s *Service) invite(ctx context.Context, tx *db.Tx, u User) error {
	token, err := s.makeLink(ctx, tx, u.ID, "invitation", invitationLife)
	if err != nil {
		return err
	}
	say := message.In(u.Language)
	return s.notify(ctx, tx, u, Notice{
		Purpose: "account.invitation", Subject: say.T("mail.invited"),
		Lines: []string{say.T("mail.invited_text"), say.T("mail.link_7_days")},
		Link:  s.url(InvitationPath, token),
	})
}

// Invite mails a new invitation to a user who has not accepted yet; the link
// before becomes invalid.
//
// Faults: NotFound; Forbidden; Conflict with CodeStatusTransition; Invalid without mail.
func (s *Service) Invite(ctx context.Context, a access.Actor, user id.User) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		u, err := s.managed(ctx, tx, a, user)
		if err != nil {
			return err
		}
		if u.Status != Invited {
			return errTransition("only invited users can be invited again; this one is " + u.Status.String())
		}
		if s.deps.Mail == nil {
			return fault.InvalidField("status", "mail_not_configured")
		}
		if err := s.record(ctx, tx, a, "user.invite", object("user", user), nil); err != nil {
			return err
		}
		return s.invite(ctx, tx, u)
	})
}

// InvitationLink makes a new link with which an invited user sets a password, for an administrator
// to hand over where no mail is sent. It is returned this once, works once and for seven days; the
// link before becomes invalid.
//
// Faults: NotFound; Forbidden for everyone but administrators; Conflict with CodeStatusTransition.
func (s *Service) InvitationLink(ctx context.Context, a access.Actor, user id.User) (string, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (string, error) {
		u, err := s.managed(ctx, tx, a, user)
		if err != nil {
			return "", err
		}
		if st, err := standing(ctx, tx, a, u); err != nil || !st.Admin {
			return "", cmp.Or(err, errByHand())
		}
		if u.Status != Invited {
			return "", errTransition("only invited users have an invitation; this one is " + u.Status.String())
		}
		token, err := s.makeLink(ctx, tx, u.ID, "invitation", invitationLife)
		if err != nil {
			return "", err
		}
		return s.url(InvitationPath, token), s.record(ctx, tx, a, "user.invitation_link", object("user", user), nil)
	})
}

func errByHand() error {
	return fault.Forbidden("only administrators may hand over invitations")
}

// AcceptInput completes an invited user. Empty names and login keep what the
// invitation says.
type AcceptInput struct {
	Login, Firstname, Lastname string
	Password                   string
	Language, TimeZone         string
}

// Invitation returns the user whom an invitation or activation link belongs
// to, for the form.
//
// Faults: Forbidden with CodeLink.
func (s *Service) Invitation(ctx context.Context, token string) (User, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (User, error) { return s.linked(ctx, tx, "invitation", token) })
}

func (s *Service) linked(ctx context.Context, tx *db.Tx, kind, token string) (User, error) {
	l, err := s.link(ctx, tx, kind, token)
	if err != nil {
		return User{}, err
	}
	if l.UserID == nil {
		return User{}, errLink()
	}
	u, err := person(ctx, tx, *l.UserID)
	if fault.Is(err, fault.KindNotFound) {
		return User{}, errLink()
	}
	return u, err
}

// AcceptInvitation makes an invited user active, with a password, or confirms
// the address of a registered one, and signs in.
//
// Faults: Forbidden with CodeLink, also for a user who is locked meanwhile; Invalid.
func (s *Service) AcceptInvitation(ctx context.Context, token string, in AcceptInput, c Client) (SignedIn, error) {
	u, err := s.Invitation(ctx, token)
	if err != nil {
		return SignedIn{}, err
	}
	if u.Status != Invited && u.Status != Registered {
		return SignedIn{}, errLink()
	}
	after, hash, fields := accepted(u, in), "", []fault.Field(nil)
	if u.Status == Invited {
		if fields = s.checkNew("password", in.Password, after); len(fields) == 0 {
			if hash, err = s.deps.Hasher.Hash(ctx, in.Password); err != nil {
				return SignedIn{}, err
			}
		}
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (SignedIn, error) {
		if err := valid(ctx, tx, &after, fields...); err != nil {
			return SignedIn{}, err
		}
		if err := s.spend(ctx, tx, "invitation", token); err != nil {
			return SignedIn{}, err
		}
		now, err := person(ctx, tx, u.ID)
		if err != nil || now.Status != u.Status || now.Mail != u.Mail {
			return SignedIn{}, orFault(err, errLink())
		}
		return s.activate(ctx, tx, u, after, hash, c)
	})
}

func accepted(u User, in AcceptInput) User {
	if u.Status == Invited {
		u.Login = orDefault(strings.TrimSpace(in.Login), u.Login)
		u.Firstname = orDefault(strings.TrimSpace(in.Firstname), u.Firstname)
		u.Lastname = orDefault(strings.TrimSpace(in.Lastname), u.Lastname)
		u.Language = orDefault(in.Language, u.Language)
		u.TimeZone = orDefault(in.TimeZone, u.TimeZone)
	}
	u.Status = Active
	return u
}

func (s *Service) activate(ctx context.Context, tx *db.Tx, before, after User, hash string, c Client) (SignedIn, error) {
	if hash != "" {
		if err := insertPassword(ctx, tx, after.ID, hash); err != nil {
			return SignedIn{}, err
		}
	}
	by := after.actor(c.IP)
	if err := s.record(ctx, tx, by, "user.activate", object("user", after.ID), nil); err != nil {
		return SignedIn{}, err
	}
	u, err := s.save(ctx, tx, by, before, after, journal.Change{})
	if err != nil {
		return SignedIn{}, err
	}
	return s.open(ctx, tx, u, c, "password")
}

// RegisterInput is a visitor who wants an account.
type RegisterInput struct {
	Login, Firstname, Lastname, Mail string
	Password, Language, TimeZone     string
}

// Register makes an account for a visitor, where the setting allows it, and
// mails the link that confirms the address and activates it.
//
// Faults: NotFound when registration is off or no mail can be sent; TooMany for
// an address that asks often; Invalid.
func (s *Service) Register(ctx context.Context, in RegisterInput, c Client) error {
	if err := s.registrationOpen(ctx); err != nil {
		return err
	}
	if wait := s.limits.asking.take(addressOf(c.IP), s.db.Now()); wait > 0 {
		return tooMany(wait)
	}
	u, fields := s.draft(CreateInput{
		Login: in.Login, Firstname: in.Firstname, Lastname: in.Lastname, Mail: in.Mail, Status: Active,
		Language: in.Language, TimeZone: in.TimeZone, Password: in.Password,
	})
	u.Status = Registered
	if in.Password != "" {
		fields = append(fields, s.checkNew("password", in.Password, u)...)
	}
	hash, err := s.hashIfValid(ctx, in.Password, fields)
	if err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if err := valid(ctx, tx, &u, fields...); err != nil {
			return err
		}
		made, err := s.insert(ctx, tx, access.Actor{Kind: access.Machine, ID: access.SystemID, Name: "self-registration", IP: c.IP}, u, hash)
		if err != nil {
			return err
		}
		token, err := s.makeLink(ctx, tx, made.ID, "invitation", invitationLife)
		if err != nil {
			return err
		}
		say := message.In(made.Language)
		return s.notify(ctx, tx, made, Notice{
			Purpose: "account.activation", Subject: say.T("mail.confirm"),
			Lines: []string{say.T("mail.confirm_text"), say.T("mail.link_7_days")},
			Link:  s.url(InvitationPath, token),
		})
	})
}

func (s *Service) registrationOpen(ctx context.Context) error {
	if s.deps.SelfRegistration == nil || s.deps.Mail == nil {
		return fault.NotFound("registration")
	}
	open, err := db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) { return s.deps.SelfRegistration(ctx, tx) })
	if err == nil && !open {
		err = fault.NotFound("registration")
	}
	return err
}

// RequestRecovery mails a link with which the owner of the address sets a new
// password. The answer is the same whether there is such an account or not.
//
// Faults: TooMany for an address from which many links are asked for; NotFound
// where no mail can be sent.
func (s *Service) RequestRecovery(ctx context.Context, address string, c Client) error {
	if s.deps.Mail == nil {
		return fault.NotFound("password recovery")
	}
	now := s.db.Now()
	if wait := s.limits.asking.take(addressOf(c.IP), now); wait > 0 {
		return tooMany(wait)
	}
	if s.limits.recovery.take(db.Fold(strings.TrimSpace(address)), now) > 0 {
		return nil // the owner has mail enough; saying so would tell that the account exists
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		u, ok, err := db.One[User](ctx, tx, db.SQL(selectUser+`u.mail_folded = ? AND u.kind = 'User' AND u.deleted_at IS NULL AND u.status = ?`,
			key(strings.TrimSpace(address)), Active))
		if err != nil {
			return err
		}
		what := "unknown address"
		if ok {
			what = object("user", u.ID)
		}
		if err := s.record(ctx, tx, access.Anonymous(c.IP), "password.recover", what, nil); err != nil || !ok {
			return err
		}
		has, err := s.HasPassword(ctx, tx, u.ID)
		if err != nil || !has { // who signs in through a provider has no password to recover
			return err
		}
		token, err := s.makeLink(ctx, tx, u.ID, "recovery", recoveryLife)
		if err != nil {
			return err
		}
		say := message.In(u.Language)
		return s.notify(ctx, tx, u, Notice{
			Purpose: "account.recovery", Subject: say.T("mail.recovery"),
			Lines: []string{
				say.T("mail.recovery_text", "login", u.Login),
				say.T("mail.recovery_link"),
			},
			Link: s.url(RecoveryPath, token),
		})
	})
}

// Recovery returns the user whom a recovery link belongs to, for the form.
//
// Faults: Forbidden with CodeLink.
func (s *Service) Recovery(ctx context.Context, token string) (User, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (User, error) {
		u, err := s.linked(ctx, tx, "recovery", token)
		if err == nil && !u.mayEnter() {
			err = errLink()
		}
		return u, err
	})
}

// Recover sets a new password with a recovery link and ends every session. The
// person signs in with it afterwards.
//
// Faults: Forbidden with CodeLink; Invalid for a weak or reused password.
func (s *Service) Recover(ctx context.Context, token, password string, c Client) error {
	u, err := s.Recovery(ctx, token)
	if err != nil {
		return err
	}
	hash, err := s.newHash(ctx, "password", password, u)
	if err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		if err := s.spend(ctx, tx, "recovery", token); err != nil {
			return err
		}
		now, err := person(ctx, tx, u.ID)
		if err != nil || !now.mayEnter() {
			return orFault(err, errLink())
		}
		return s.storePassword(ctx, tx, now.actor(c.IP), now, hash, false, 0)
	})
}
