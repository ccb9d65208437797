package account

import (
	"context"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// maxText is the longest value of a name, login or address, in characters.
const maxText = 255

// Standing says how an actor stands to a user.
type Standing struct {
	// Admin may change everything, Manager (manage_user) everything but rights, of people who are no administrators.
	Admin, Manager bool
	// Creator may make new users (create_user).
	Creator bool
	// Self is the user itself.
	Self bool
}

// FieldRule publishes what a field of a user takes.
type FieldRule struct {
	Name      string
	Required  bool
	MaxLength int
	// Writable says who may change it.
	Writable func(Standing) bool

	get   func(*User) string
	check func(string) string // a code, or "" when the value is fine
}

func byAdmin(s Standing) bool    { return s.Admin }
func byManager(s Standing) bool  { return s.Admin || s.Manager }
func byEveryone(s Standing) bool { return s.Admin || s.Manager || s.Self }

// Fields lists the rules of a user's fields, by API name.
var Fields = []FieldRule{
	{Name: "login", Required: true, MaxLength: maxText, Writable: byManager, get: func(u *User) string { return u.Login }, check: checkLogin},
	{Name: "firstName", Required: true, MaxLength: maxText, Writable: byEveryone, get: func(u *User) string { return u.Firstname }, check: checkName},
	{Name: "lastName", Required: true, MaxLength: maxText, Writable: byEveryone, get: func(u *User) string { return u.Lastname }, check: checkName},
	{Name: "email", Required: true, MaxLength: maxText, Writable: byEveryone, get: func(u *User) string { return u.Mail }, check: checkMail},
	{Name: "admin", Writable: byAdmin},
	{Name: "language", Required: true, MaxLength: 10, Writable: byEveryone, get: func(u *User) string { return u.Language }, check: checkLanguage},
	{Name: "timeZone", MaxLength: maxText, Writable: byEveryone, get: func(u *User) string { return u.TimeZone }, check: checkTimeZone},
	{Name: "theme", MaxLength: maxText, Writable: byEveryone, get: func(u *User) string { return u.Theme }, check: oneOf(Themes)},
	{Name: "density", MaxLength: maxText, Writable: byEveryone, get: func(u *User) string { return u.Density }, check: oneOf(Densities)},
	{Name: "singleKeys", Writable: byEveryone},
	{Name: "ownKeys", Writable: byEveryone},
	{Name: "password", Writable: byManager},
	{Name: "status", Writable: byManager},
}

// Themes and Densities are how pages can look, besides what the system prefers
// and what is normal: "".
var (
	Themes    = []string{"light", "dark", "contrast"}
	Densities = []string{"compact", "roomy"}
)

func oneOf(values []string) func(string) string {
	return func(s string) string {
		if !slices.Contains(values, s) {
			return "inclusion"
		}
		return ""
	}
}

var (
	loginForm    = regexp.MustCompile(`^[\p{L}\p{N}_.@+-]([\p{L}\p{N}_.@+ -]*[\p{L}\p{N}_.@+-])?$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z]{2,4})?$`)
)

func checkLogin(s string) string {
	if !loginForm.MatchString(s) {
		return "invalid"
	}
	return ""
}

func checkName(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		return "invalid"
	}
	return ""
}

func checkMail(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, " \"<>") {
		return "invalid"
	}
	return ""
}

func checkLanguage(s string) string {
	if !languageForm.MatchString(s) {
		return "inclusion"
	}
	return ""
}

func checkTimeZone(s string) string {
	if s == "" {
		return ""
	}
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return "inclusion"
	}
	return ""
}

// tooLong returns the refusal of a text, and whether it is short enough.
func tooLong(name, text string) (fault.Field, bool) {
	if utf8.RuneCountInString(text) <= maxText {
		return fault.Field{}, true
	}
	return fault.Field{Name: name, Code: "too_long", Params: map[string]any{"count": maxText}}, false
}

// check returns every refusal of u's fields, without looking at the database.
func check(u *User) []fault.Field {
	var out []fault.Field
	for _, f := range Fields {
		if f.get == nil {
			continue
		}
		v := f.get(u)
		switch {
		case v == "" && f.Required:
			out = append(out, fault.Field{Name: f.Name, Code: "blank"})
		case utf8.RuneCountInString(v) > f.MaxLength:
			out = append(out, fault.Field{Name: f.Name, Code: "too_long", Params: map[string]any{"count": f.MaxLength}})
		case v != "":
			if code := f.check(v); code != "" {
				out = append(out, fault.Field{Name: f.Name, Code: code})
			}
		}
	}
	return out
}

// unique returns the refusals of a login or address that someone else has. A
// login may not be someone else's address either: people sign in with both.
func unique(ctx context.Context, tx *db.Tx, u *User) ([]fault.Field, error) {
	type row struct {
		Login *string `db:"login_folded"`
		Mail  *string `db:"mail_folded"`
	}
	login, address := key(u.Login), key(u.Mail)
	rows, err := db.All[row](ctx, tx, db.SQL(`SELECT login_folded, mail_folded FROM users
		WHERE id <> ? AND (login_folded IN (?, ?) OR mail_folded IN (?, ?))`, u.ID, login, address, login, address))
	if err != nil {
		return nil, err
	}
	var loginTaken, mailTaken bool
	for _, r := range rows {
		for _, v := range []*string{r.Login, r.Mail} {
			loginTaken = loginTaken || v != nil && login != "" && *v == login
			mailTaken = mailTaken || v != nil && address != "" && *v == address
		}
	}
	var out []fault.Field
	if loginTaken {
		out = append(out, fault.Field{Name: "login", Code: "taken"})
	}
	if mailTaken {
		out = append(out, fault.Field{Name: "email", Code: "taken"})
	}
	return out, nil
}

// valid returns Invalid with every refusal of u, and those given.
func valid(ctx context.Context, tx *db.Tx, u *User, more ...fault.Field) error {
	same, err := unique(ctx, tx, u)
	if err != nil {
		return err
	}
	return fault.Invalid(append(append(check(u), same...), more...)...)
}

// standing returns how the actor stands to the user; a zero user is one to be made.
func standing(ctx context.Context, tx *db.Tx, a access.Actor, u User) (Standing, error) {
	to, err := standings(ctx, tx, a)
	if err != nil {
		return Standing{}, err
	}
	return to(u), nil
}

// standings reads the actor's rights once and tells how it stands to anyone.
func standings(ctx context.Context, tx *db.Tx, a access.Actor) (func(User) Standing, error) {
	manager, creator := false, a.Admin
	if !a.Admin && a.SignedIn() {
		var err error
		if manager, err = access.Allowed(ctx, tx, a, access.ManageUser, 0); err != nil {
			return nil, err
		}
		if creator, err = access.Allowed(ctx, tx, a, access.CreateUser, 0); err != nil {
			return nil, err
		}
	}
	return func(u User) Standing {
		return Standing{
			Admin: a.Admin, Self: u.ID != 0 && a.ID == u.ID && a.SignedIn(),
			Manager: manager && !u.Admin, // else a manager could take an administrator's account over
			Creator: manager || creator,
		}
	}, nil
}

// StandingTo returns how the actor stands to the user, for forms and action
// links; user 0 stands for one to be made.
func (s *Service) StandingTo(ctx context.Context, a access.Actor, u User) (Standing, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Standing, error) { return standing(ctx, tx, a, u) })
}

// Standings returns a function that tells how the actor stands to each user of
// a list, at the price of one.
func (s *Service) Standings(ctx context.Context, a access.Actor) (func(User) Standing, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (func(User) Standing, error) { return standings(ctx, tx, a) })
}
