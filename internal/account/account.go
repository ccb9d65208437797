// Package account knows who people are and how they prove it.
//
// A principal is a user, a group or one of the built-in ones; users sign in
// with a password or through an OpenID Connect provider, and get a session;
// programs sign in with an API key. Everything secret is kept as a hash under
// a pepper outside the database and is shown at most once.
//
// Invariants: logins and mail addresses are unique without regard to case; a
// deleted user's row stays, without name, login, mail and rights; at least one
// administrator stays active once there is one; whoever guesses passwords is
// slowed down and in the end refused, but never the owner of the account, who
// comes from another address; an answer to a wrong sign-in tells nothing.
package account

import (
	"context"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// Kind says what a principal is.
type Kind string

// Kinds of principals.
const (
	KindUser        Kind = "User"
	KindGroup       Kind = "Group"
	KindPlaceholder Kind = "PlaceholderUser"
	KindDeleted     Kind = "DeletedUser"
)

// Status is a user's standing.
type Status int

// Statuses of users, with OpenProject's numbers.
const (
	Active     Status = 1
	Registered Status = 2
	Locked     Status = 3
	Invited    Status = 4
)

var statusNames = map[Status]string{Active: "active", Registered: "registered", Locked: "locked", Invited: "invited"}

// String returns the status's API name.
func (s Status) String() string { return statusNames[s] }

// ParseStatus reads a status's API name.
func ParseStatus(name string) (Status, bool) {
	for s, n := range statusNames {
		if n == name {
			return s, true
		}
	}
	return 0, false
}

// User is a principal. Groups and placeholders keep their name in Lastname.
type User struct {
	ID                  id.User  `db:"id"`
	Kind                Kind     `db:"kind"`
	Login               string   `db:"login"`
	Firstname           string   `db:"firstname"`
	Lastname            string   `db:"lastname"`
	Mail                string   `db:"mail"`
	Admin               bool     `db:"admin"`
	Status              Status   `db:"status"`
	Language            string   `db:"language"`
	TimeZone            string   `db:"time_zone"`
	Theme               string   `db:"theme"`
	Density             string   `db:"density"`
	KeysOff             bool     `db:"keys_off"`
	OwnKeys             OwnKeys  `db:"own_keys"`
	ForcePasswordChange bool     `db:"force_password_change"`
	LastLoginAt         *db.Time `db:"last_login_at"`
	RightsChangedAt     *db.Time `db:"rights_changed_at"`
	MailChangedAt       *db.Time `db:"mail_changed_at"`
	CreatedAt           db.Time  `db:"created_at"`
	UpdatedAt           db.Time  `db:"updated_at"`
	DeletedAt           *db.Time `db:"deleted_at"`
}

// Name is what people call the principal.
func (u User) Name() string { return strings.TrimSpace(u.Firstname + " " + u.Lastname) }

// mayEnter says whether the user may act at all.
func (u User) mayEnter() bool {
	return u.Kind == KindUser && u.Status == Active && u.DeletedAt == nil
}

// actor returns the user as whoever asks.
func (u User) actor(ip string) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: u.ID, Login: u.Login, Name: u.Name(), Admin: u.Admin,
		IP: ip, Language: u.Language, TimeZone: u.TimeZone,
		Theme: u.Theme, Density: u.Density, KeysOff: u.KeysOff, OwnKeys: string(u.OwnKeys),
	}
}

// SignedIn is the result of every way to sign in.
type SignedIn struct {
	// Token belongs into the cookie and nowhere else.
	Token   string
	Session id.Session
	Actor   access.Actor
	// Expires is the absolute end of the session.
	Expires time.Time
	// ReturnTo is the local path the person came from, for OpenID Connect.
	ReturnTo string
}

// Client says where a request comes from.
type Client struct {
	IP        string
	UserAgent string
}

// Notice is a mail about an account. Lines are paragraphs of plain text; the
// link stands at the end.
type Notice struct {
	Purpose  string // such as "account.invitation"
	UserID   id.User
	Address  string
	Name     string
	Language string
	Subject  string
	Lines    []string
	Link     string
}

// Mailer queues mails in the caller's transaction.
type Mailer interface {
	// Queue writes the notice to the outbox; it is sent after the commit.
	Queue(ctx context.Context, tx *db.Tx, n Notice) error
}

// MembershipSync is told about changes from which memberships follow.
type MembershipSync interface {
	// GroupUsersChanged gives added people the group's roles and takes them from removed ones.
	GroupUsersChanged(ctx context.Context, tx *db.Tx, groupID id.User, added, removed []id.User) error
	// PrincipalRemoved removes every membership of a deleted user or group.
	PrincipalRemoved(ctx context.Context, tx *db.Tx, principal id.User) error
}

// Codes of faults that edges tell apart.
const (
	// CodeStatusTransition: the user's status does not allow the step.
	CodeStatusTransition = "InvalidUserStatusTransition"
	// CodePasswordChange: the password is right but must be changed; see ChangeForcedPassword.
	CodePasswordChange = "password_change_required"
	// CodeNoPassword: the user has no password to confirm with.
	CodeNoPassword = "no_password"
	// CodeLastAdmin: the last active administrator cannot be locked, demoted or deleted.
	CodeLastAdmin = "last_administrator"
	// CodeLink: a one-time link is wrong, used or expired.
	CodeLink = "link_invalid"
	// CodeProvider: a sign-in through a provider was refused; the message says what to do.
	CodeProvider = "provider_refused"
)

// Paths of one-time links; the token follows.
const (
	SetupPath      = "/setup?token="
	InvitationPath = "/account/activate?token="
	RecoveryPath   = "/account/lost_password?token="
)

// Lifetimes of one-time links.
const (
	setupLife      = 24 * time.Hour
	invitationLife = 7 * 24 * time.Hour
	recoveryLife   = 24 * time.Hour
)
