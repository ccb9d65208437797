package account

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// userColumns is a principal's row, with the alias u.
const userColumns = `u.id, u.kind, COALESCE(u.login, '') AS login, u.firstname, u.lastname, COALESCE(u.mail, '') AS mail,
	u.admin, u.status, u.language, u.time_zone, u.theme, u.density, u.keys_off, u.own_keys, u.force_password_change, u.last_login_at, u.rights_changed_at,
	u.mail_changed_at, u.created_at, u.updated_at, u.deleted_at`

const selectUser = `SELECT ` + userColumns + ` FROM users u WHERE `

// person returns a living user of any status.
func person(ctx context.Context, tx *db.Tx, user id.User) (User, error) {
	return db.Find[User](ctx, tx, "user", db.SQL(selectUser+`u.id = ? AND u.kind = 'User' AND u.deleted_at IS NULL`, user))
}

func personByLogin(ctx context.Context, tx *db.Tx, login string) (User, error) {
	return db.Find[User](ctx, tx, "user",
		db.SQL(selectUser+`u.login_folded = ? AND u.kind = 'User' AND u.deleted_at IS NULL`, key(login)))
}

// visible returns a living principal that the actor may see.
func visible(ctx context.Context, tx *db.Tx, a access.Actor, principal id.User, kinds ...Kind) (User, error) {
	may, err := access.VisiblePrincipals(ctx, tx, a, "u.id")
	if err != nil {
		return User{}, err
	}
	what := "user"
	if len(kinds) == 1 && kinds[0] == KindGroup {
		what = "group"
	}
	cond := db.And(db.SQL(`u.id = ?`, principal), db.SQL(`u.deleted_at IS NULL`), db.In("u.kind", kinds), may)
	return db.Find[User](ctx, tx, what, db.SQL(selectUser).Append(cond))
}

// nullable keeps empty logins and addresses out of the unique indexes.
func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// storable replaces what PostgreSQL takes for no text at all, so that odd input
// finds nothing instead of failing.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// key returns text from outside as folded columns are compared with.
func key(s string) string { return db.Fold(storable(s)) }

func folded(s string) *string { return nullable(db.Fold(s)) }

func insertUser(ctx context.Context, tx *db.Tx, u User) (id.User, error) {
	n, err := db.Insert[id.User](ctx, tx, db.SQL(`INSERT INTO users (kind, login, login_folded, firstname, lastname, name_folded,
		mail, mail_folded, admin, status, language, time_zone, force_password_change, rights_changed_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		u.Kind, nullable(u.Login), folded(u.Login), u.Firstname, u.Lastname, db.Fold(u.Name()),
		nullable(u.Mail), folded(u.Mail), u.Admin, u.Status, u.Language, u.TimeZone, u.ForcePasswordChange,
		u.RightsChangedAt, tx.Stamp(), tx.Stamp()))
	return n, taken(err)
}

// updateUser writes every column that can change.
func updateUser(ctx context.Context, tx *db.Tx, u User) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE users SET kind = ?, login = ?, login_folded = ?, firstname = ?, lastname = ?,
		name_folded = ?, mail = ?, mail_folded = ?, admin = ?, status = ?, language = ?, time_zone = ?,
		theme = ?, density = ?, keys_off = ?, own_keys = ?, force_password_change = ?, last_login_at = ?, rights_changed_at = ?, mail_changed_at = ?, updated_at = ?, deleted_at = ?
		WHERE id = ?`,
		u.Kind, nullable(u.Login), folded(u.Login), u.Firstname, u.Lastname,
		db.Fold(u.Name()), nullable(u.Mail), folded(u.Mail), u.Admin, u.Status, u.Language, u.TimeZone,
		u.Theme, u.Density, u.KeysOff, u.OwnKeys, u.ForcePasswordChange, u.LastLoginAt, u.RightsChangedAt, u.MailChangedAt, tx.Stamp(), u.DeletedAt, u.ID))
	return taken(err)
}

// taken turns the violation of a unique index, met only in a race, into a fault.
func taken(err error) error {
	if err != nil && db.IsUnique(err) {
		return fault.Conflict("the login, name or mail address was taken in this moment")
	}
	return err
}

// userState is what the journal keeps of a user: no secrets, nothing that changes by itself.
type userState struct {
	Kind      Kind      `json:"type"`
	Login     string    `json:"login,omitempty"`
	Firstname string    `json:"firstname,omitempty"`
	Lastname  string    `json:"lastname"`
	Mail      string    `json:"mail,omitempty"`
	Admin     bool      `json:"admin"`
	Status    string    `json:"status"`
	Language  string    `json:"language,omitempty"`
	TimeZone  string    `json:"timeZone,omitempty"`
	Theme     string    `json:"theme,omitempty"`
	Density   string    `json:"density,omitempty"`
	KeysOff   bool      `json:"keysOff,omitempty"`
	OwnKeys   OwnKeys   `json:"ownKeys,omitempty"`
	Members   []id.User `json:"members,omitempty"`
	Deleted   bool      `json:"deleted,omitempty"`
}

// journalUser records the state of a principal after a change by the actor.
func journalUser(ctx context.Context, tx *db.Tx, a access.Actor, u User, c journal.Change, members ...id.User) error {
	by := a.ID
	if by == 0 {
		by = access.SystemID
	}
	c.EntityType, c.EntityID, c.UserID = journal.User, int64(u.ID), by
	c.State = userState{
		Kind: u.Kind, Login: u.Login, Firstname: u.Firstname, Lastname: u.Lastname, Mail: u.Mail, Admin: u.Admin,
		Status: u.Status.String(), Language: u.Language, TimeZone: u.TimeZone,
		Theme: u.Theme, Density: u.Density, KeysOff: u.KeysOff, OwnKeys: u.OwnKeys, Members: members, Deleted: u.DeletedAt != nil,
	}
	_, err := journal.Record(ctx, tx, c)
	return err
}
