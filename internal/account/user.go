package account

import (
	"context"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/opt"
)

// CreateInput is a new user. Status is Active, which needs a password, or
// Invited, which needs a mail address; zero is Invited without a password and
// Active with one.
type CreateInput struct {
	Login, Firstname, Lastname, Mail string
	Admin                            bool
	Status                           Status
	Language, TimeZone               string
	Password                         string
	// MustChange makes the user change the password at the first sign-in.
	MustChange bool
	// ByHand makes an invited user without a mail; InvitationLink has what to hand over. It is for
	// administrators.
	ByHand bool
}

// Patch changes a user; absent fields stay as they are.
type Patch struct {
	Login, Firstname, Lastname, Mail opt.Value[string]
	Admin                            opt.Value[bool]
	Language, TimeZone               opt.Value[string]
	// Theme and Density are among Themes and Densities, or empty.
	Theme, Density opt.Value[string]
	// KeysOff switches off what single keys do.
	KeysOff opt.Value[bool]
	// OwnKeys takes the place of all that were chosen before.
	OwnKeys opt.Value[OwnKeys]
	// CurrentPassword confirms a change of one's own mail address.
	CurrentPassword string
}

// Create makes a user, and mails the invitation to an invited one.
//
// Faults: Forbidden without the right to create users, or to make an
// administrator; Invalid with one entry per refused field.
func (s *Service) Create(ctx context.Context, a access.Actor, in CreateInput) (User, error) {
	u, fields := s.draft(in)
	if err := s.mayCreate(ctx, a, u); err != nil {
		return User{}, err
	}
	hash := ""
	if in.Password != "" {
		fields = append(fields, s.checkNew("password", in.Password, u)...)
		if len(fields) == 0 {
			var err error
			if hash, err = s.deps.Hasher.Hash(ctx, in.Password); err != nil {
				return User{}, err
			}
		}
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (User, error) {
		st, err := standing(ctx, tx, a, User{})
		if err == nil {
			err = mayCreate(a, st, u)
		}
		if err == nil && in.ByHand && !st.Admin {
			err = errByHand()
		}
		if err == nil {
			err = valid(ctx, tx, &u, fields...)
		}
		if err != nil {
			return User{}, err
		}
		made, err := s.insert(ctx, tx, a, u, hash)
		if err != nil || made.Status != Invited || hash != "" || in.ByHand {
			return made, err
		}
		return made, s.invite(ctx, tx, made)
	})
}

// draft returns the user to be made and the refusals that need no database.
func (s *Service) draft(in CreateInput) (User, []fault.Field) {
	u := User{
		Kind: KindUser, Login: strings.TrimSpace(in.Login), Firstname: strings.TrimSpace(in.Firstname),
		Lastname: strings.TrimSpace(in.Lastname), Mail: strings.TrimSpace(in.Mail), Admin: in.Admin, Status: in.Status,
		Language: orDefault(in.Language, s.deps.Language), TimeZone: in.TimeZone, ForcePasswordChange: in.MustChange,
	}
	if u.Status == 0 {
		u.Status = Invited
		if in.Password != "" {
			u.Status = Active
		}
	}
	var fields []fault.Field
	switch {
	case u.Status == Active && in.Password == "":
		fields = append(fields, fault.Field{Name: "password", Code: "blank"})
	case u.Status == Invited && s.deps.Mail == nil && !in.ByHand:
		fields = append(fields, fault.Field{Name: "status", Code: "mail_not_configured"})
	case u.Status != Active && u.Status != Invited:
		fields = append(fields, fault.Field{Name: "status", Code: "inclusion"})
	}
	if u.Status == Invited { // the rest is asked of the person when accepting
		if u.Login == "" {
			u.Login = u.Mail
		}
		if u.Firstname == "" && u.Lastname == "" {
			u.Firstname, u.Lastname = nameFromMail(u.Mail)
		}
	}
	return u, fields
}

// nameFromMail makes a name to show until the person gives one.
func nameFromMail(address string) (first, last string) {
	local, domain, _ := strings.Cut(address, "@")
	if domain == "" {
		return "", ""
	}
	return local, "@" + domain
}

func (s *Service) mayCreate(ctx context.Context, a access.Actor, u User) error {
	st, err := s.StandingTo(ctx, a, User{})
	if err != nil {
		return err
	}
	return mayCreate(a, st, u)
}

func mayCreate(a access.Actor, st Standing, u User) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	if !st.Creator {
		return fault.Forbidden("you are not allowed to create users")
	}
	if u.Admin && !st.Admin {
		return fault.Forbidden("only administrators may make administrators")
	}
	return nil
}

// insert writes a checked new user with its password or invitation.
func (s *Service) insert(ctx context.Context, tx *db.Tx, a access.Actor, u User, hash string) (User, error) {
	if u.Admin {
		u.RightsChangedAt = stamp(tx)
	}
	n, err := insertUser(ctx, tx, u)
	if err != nil {
		return User{}, err
	}
	if u, err = person(ctx, tx, n); err != nil {
		return User{}, err
	}
	if err := journalUser(ctx, tx, a, u, journal.Change{First: true}); err != nil {
		return User{}, err
	}
	if err := s.record(ctx, tx, a, "user.create", object("user", n), map[string]any{"admin": u.Admin, "status": u.Status.String()}); err != nil {
		return User{}, err
	}
	if hash != "" {
		return u, insertPassword(ctx, tx, n, hash)
	}
	return u, nil
}

func stamp(tx *db.Tx) *db.Time {
	t := tx.Stamp()
	return &t
}

// Update applies all of p to the user or nothing.
//
// Faults: NotFound when the actor may not see the user; Forbidden when it may
// not change one of the fields; Conflict with CodeLastAdmin; Invalid with one
// entry per refused field, also for a wrong current_password.
func (s *Service) Update(ctx context.Context, a access.Actor, user id.User, p Patch) (User, error) {
	if a.SignedIn() && a.ID == user && p.Mail.Set && p.CurrentPassword != "" {
		if _, err := s.confirm(ctx, a, p.CurrentPassword, "current_password"); err != nil {
			return User{}, err
		}
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (User, error) {
		before, err := visible(ctx, tx, a, user, KindUser)
		if err != nil {
			return User{}, err
		}
		st, err := standing(ctx, tx, a, before)
		if err != nil {
			return User{}, err
		}
		after, err := s.apply(ctx, tx, before, st, p)
		if err != nil {
			return User{}, err
		}
		return s.save(ctx, tx, a, before, after, journal.Change{})
	})
}

// apply returns the user after p, or why p is refused.
func (s *Service) apply(ctx context.Context, tx *db.Tx, before User, st Standing, p Patch) (User, error) {
	u := before
	changed := map[string]bool{}
	set := func(name string, field *string, v opt.Value[string]) {
		if t := strings.TrimSpace(v.V); v.Set && t != *field {
			*field, changed[name] = t, true
		}
	}
	set("login", &u.Login, p.Login)
	set("firstName", &u.Firstname, p.Firstname)
	set("lastName", &u.Lastname, p.Lastname)
	set("email", &u.Mail, p.Mail)
	set("language", &u.Language, p.Language)
	set("timeZone", &u.TimeZone, p.TimeZone)
	set("theme", &u.Theme, p.Theme)
	set("density", &u.Density, p.Density)
	if p.KeysOff.Set && p.KeysOff.V != u.KeysOff {
		u.KeysOff, changed["singleKeys"] = p.KeysOff.V, true
	}
	if p.OwnKeys.Set && p.OwnKeys.V != u.OwnKeys {
		u.OwnKeys, changed["ownKeys"] = p.OwnKeys.V, true
	}
	if p.Admin.Set && p.Admin.V != u.Admin {
		u.Admin, changed["admin"] = p.Admin.V, true
	}
	if err := writable(st, changed); err != nil {
		return User{}, err
	}
	if len(changed) == 0 {
		return u, nil
	}
	if err := keepAdmin(ctx, tx, before, u); err != nil {
		return User{}, err
	}
	fields, err := s.mailConfirmed(ctx, tx, st, u, p, changed["email"])
	if err != nil {
		return User{}, err
	}
	if changed["email"] {
		u.MailChangedAt = stamp(tx)
	}
	if changed["admin"] {
		u.RightsChangedAt = stamp(tx)
	}
	if changed["ownKeys"] {
		fields = append(fields, u.OwnKeys.check()...)
	}
	return u, valid(ctx, tx, &u, fields...)
}

// mailConfirmed asks people with a password for it before their own address
// changes. That it is right was checked before the transaction.
func (s *Service) mailConfirmed(ctx context.Context, tx *db.Tx, st Standing, u User, p Patch, changed bool) ([]fault.Field, error) {
	if !changed || !st.Self || p.CurrentPassword != "" {
		return nil, nil
	}
	has, err := s.HasPassword(ctx, tx, u.ID)
	if err != nil || !has {
		return nil, err
	}
	return []fault.Field{{Name: "current_password", Code: "blank"}}, nil
}

// writable refuses what the actor may not change. An actor who may change
// nothing at all is refused even without a change.
func writable(st Standing, changed map[string]bool) error {
	any := false
	for _, f := range Fields {
		ok := f.Writable(st)
		any = any || ok
		if changed[f.Name] && !ok {
			return fault.Forbidden("you are not allowed to change the " + f.Name + " of this user")
		}
	}
	if !any {
		return fault.Forbidden("you are not allowed to change this user")
	}
	return nil
}

// save writes a changed user with journal, audit and notices.
func (s *Service) save(ctx context.Context, tx *db.Tx, a access.Actor, before, after User, c journal.Change) (User, error) {
	if before == after {
		return after, nil
	}
	if err := updateUser(ctx, tx, after); err != nil {
		return User{}, err
	}
	after, err := person(ctx, tx, after.ID)
	if err != nil {
		return User{}, err
	}
	if err := journalUser(ctx, tx, a, after, c); err != nil {
		return User{}, err
	}
	if before.Admin != after.Admin {
		err = s.record(ctx, tx, a, "user.admin", object("user", after.ID), map[string]any{"admin": after.Admin})
	}
	if err == nil && db.Fold(before.Mail) != db.Fold(after.Mail) {
		err = s.mailChanged(ctx, tx, a, before, after)
	}
	return after, err
}

// mailChanged audits, ends recovery links and tells the old address.
func (s *Service) mailChanged(ctx context.Context, tx *db.Tx, a access.Actor, before, after User) error {
	if err := s.record(ctx, tx, a, "user.mail", object("user", after.ID), nil); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM tokens WHERE user_id = ? AND kind = 'recovery'`, after.ID)); err != nil {
		return err
	}
	say := message.In(before.Language)
	return s.notify(ctx, tx, before, Notice{
		Purpose: "account.mail_changed", Subject: say.T("mail.mail_changed"),
		Lines: []string{say.T("mail.mail_changed_text"), say.T("mail.not_you")},
	})
}

// keepAdmin refuses a change that takes the last active administrator away.
func keepAdmin(ctx context.Context, tx *db.Tx, before, after User) error {
	if !before.Admin || !before.mayEnter() || after.Admin && after.mayEnter() {
		return nil
	}
	_, other, err := db.One[int64](ctx, tx, db.SQL(`SELECT u.id FROM users u WHERE u.admin AND u.status = ? AND u.kind = 'User'
		AND u.deleted_at IS NULL AND u.id <> ? LIMIT 1`, Active, before.ID))
	if err != nil || other {
		return err
	}
	return &fault.Fault{Kind: fault.KindConflict, Code: CodeLastAdmin, Message: "the last active administrator has to stay one"}
}

func errTransition(message string) error {
	return &fault.Fault{Kind: fault.KindConflict, Code: CodeStatusTransition, Message: message}
}

// Lock keeps a user out and ends its sessions; API keys rest meanwhile.
//
// Faults: NotFound; Forbidden; Conflict with CodeStatusTransition for a user
// who is locked already, or with CodeLastAdmin.
func (s *Service) Lock(ctx context.Context, a access.Actor, user id.User) (User, error) {
	return s.move(ctx, a, user, Locked, "user.lock", Active, Registered, Invited)
}

// Unlock lets a locked user in again, and a registered one for the first time.
//
// Faults: NotFound; Forbidden; Conflict with CodeStatusTransition for others.
func (s *Service) Unlock(ctx context.Context, a access.Actor, user id.User) (User, error) {
	return s.move(ctx, a, user, Active, "user.unlock", Locked, Registered)
}

func (s *Service) move(ctx context.Context, a access.Actor, user id.User, to Status, action string, from ...Status) (User, error) {
	return db.Write(ctx, s.db, func(tx *db.Tx) (User, error) {
		before, err := s.managed(ctx, tx, a, user)
		if err != nil {
			return User{}, err
		}
		return s.setStatus(ctx, tx, a, before, to, action, journal.Change{}, from...)
	})
}

func (s *Service) setStatus(ctx context.Context, tx *db.Tx, a access.Actor, before User, to Status, action string, c journal.Change, from ...Status) (User, error) {
	switch {
	case before.Status == to:
		return User{}, errTransition("the user is " + to.String() + " already")
	case !slices.Contains(from, before.Status):
		return User{}, errTransition("a user who is " + before.Status.String() + " cannot become " + to.String())
	}
	after := before
	after.Status = to
	if err := keepAdmin(ctx, tx, before, after); err != nil {
		return User{}, err
	}
	if _, err := endSessions(ctx, tx, before.ID, 0); err != nil {
		return User{}, err
	}
	if err := s.record(ctx, tx, a, action, object("user", before.ID), nil); err != nil {
		return User{}, err
	}
	return s.save(ctx, tx, a, before, after, c)
}

// managed returns a visible user whom the actor may manage.
func (s *Service) managed(ctx context.Context, tx *db.Tx, a access.Actor, user id.User) (User, error) {
	if err := access.RequireSignedIn(a); err != nil {
		return User{}, err
	}
	u, err := visible(ctx, tx, a, user, KindUser)
	if err != nil {
		return User{}, err
	}
	st, err := standing(ctx, tx, a, u)
	if err != nil {
		return User{}, err
	}
	if !byManager(st) {
		return User{}, fault.Forbidden("you are not allowed to manage this user")
	}
	return u, nil
}

// Delete removes a user for good: the row stays for the history, as a deleted
// user without name, login, address and rights; memberships, groups, sessions,
// keys, passwords and identities go.
//
// Faults: NotFound; Forbidden for everyone but administrators; Conflict with CodeLastAdmin.
func (s *Service) Delete(ctx context.Context, a access.Actor, user id.User) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		before, err := visible(ctx, tx, a, user, KindUser)
		if err != nil {
			return err
		}
		if err := access.RequireAdmin(a); err != nil {
			return err
		}
		after := User{
			ID: before.ID, Kind: KindDeleted, Lastname: "Deleted user", Status: Locked, Language: before.Language,
			CreatedAt: before.CreatedAt, DeletedAt: stamp(tx),
		}
		if err := keepAdmin(ctx, tx, before, after); err != nil {
			return err
		}
		if err := s.purge(ctx, tx, user); err != nil {
			return err
		}
		if err := updateUser(ctx, tx, after); err != nil {
			return err
		}
		if err := journalUser(ctx, tx, a, after, journal.Change{}); err != nil {
			return err
		}
		return s.record(ctx, tx, a, "user.delete", object("user", user), nil)
	})
}

// purge removes everything by which the user could act.
func (s *Service) purge(ctx context.Context, tx *db.Tx, user id.User) error {
	for _, text := range []string{
		`DELETE FROM sessions WHERE user_id = ?`, `DELETE FROM tokens WHERE user_id = ?`,
		`DELETE FROM user_passwords WHERE user_id = ?`, `DELETE FROM identities WHERE user_id = ?`,
		`DELETE FROM group_users WHERE user_id = ?`,
	} {
		if _, err := db.Exec(ctx, tx, db.SQL(text, user)); err != nil {
			return err
		}
	}
	if s.deps.Memberships == nil {
		return nil
	}
	return s.deps.Memberships.PrincipalRemoved(ctx, tx, user)
}

// Find returns a user the actor may see. The mail address is empty for those
// who may not see it.
func (s *Service) Find(ctx context.Context, a access.Actor, user id.User) (User, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (User, error) {
		u, err := visible(ctx, tx, a, user, KindUser)
		if err != nil {
			return User{}, err
		}
		return veil(ctx, tx, a, u)
	})
}

func veil(ctx context.Context, tx *db.Tx, a access.Actor, u User) (User, error) {
	us := []User{u}
	err := veilAll(ctx, tx, a, us)
	return us[0], err
}
