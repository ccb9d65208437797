package account_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

const (
	goodPassword  = "violet-harbour-lantern"
	otherPassword = "copper-meadow-thunder"
	thirdPassword = "granite-willow-ribbon"
)

var (
	home     = account.Client{IP: "192.0.2.1", UserAgent: "Test/1"}
	stranger = account.Client{IP: "198.51.100.7", UserAgent: "Evil/1"}
	operator = access.Operator("test")
)

// world is a service with what it was given.
type world struct {
	*account.Service
	t      *testing.T
	db     *db.DB
	clock  *dbtest.Clock
	log    *audit.Log
	mail   *mailbox
	sync   *synced
	pauses *[]time.Duration
	open   *bool
}

type options struct {
	noMail    bool
	providers []config.Provider
	http      *http.Client
}

func newWorld(t *testing.T, d *db.DB, c *dbtest.Clock, o options) *world {
	t.Helper()
	w := &world{t: t, db: d, clock: c, log: audit.New([]byte("key")), mail: &mailbox{}, sync: &synced{}, pauses: new([]time.Duration), open: new(bool)}
	var mu sync.Mutex
	deps := account.Deps{
		DB: d, Keys: secret.NewKeyring(), Hasher: secret.NewHasher(2, secret.Cost{Memory: 8, Passes: 1}), Audit: w.log, Mail: w.mail, Memberships: w.sync,
		BaseURL: "http://plan.test", InstanceName: "Holdfast", Providers: o.providers, HTTP: o.http, MaxFailures: 3,
		SelfRegistration: func(context.Context, *db.Tx) (bool, error) { return *w.open, nil },
		Pause: func(_ context.Context, p time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			*w.pauses = append(*w.pauses, p)
			return nil
		},
	}
	if o.noMail {
		deps.Mail = nil
	}
	w.Service = account.New(deps)
	return w
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	eachWith(t, options{}, fn)
}

func eachWith(t *testing.T, o options, fn func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) { fn(t, newWorld(t, d, c, o)) })
}

// mailbox keeps what is queued; a transaction that is undone or run again may
// leave more than was sent, which these tests do not do.
type mailbox struct {
	mu   sync.Mutex
	sent []account.Notice
}

func (m *mailbox) Queue(_ context.Context, _ *db.Tx, n account.Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, n)
	return nil
}

// last returns the newest notice for the purpose.
func (m *mailbox) last(t *testing.T, purpose string) account.Notice {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range slices.Backward(m.sent) {
		if n.Purpose == purpose {
			return n
		}
	}
	t.Fatalf("no mail for %s", purpose)
	return account.Notice{}
}

func (m *mailbox) count(purpose string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.sent {
		if s.Purpose == purpose {
			n++
		}
	}
	return n
}

func token(t *testing.T, link string) string {
	t.Helper()
	_, tok, ok := strings.Cut(link, "token=")
	if !ok {
		t.Fatalf("no token in %q", link)
	}
	return tok
}

type synced struct {
	added, removed, gone []id.User
}

func (s *synced) GroupUsersChanged(_ context.Context, _ *db.Tx, _ id.User, added, removed []id.User) error {
	s.added, s.removed = added, removed
	return nil
}

func (s *synced) PrincipalRemoved(_ context.Context, _ *db.Tx, principal id.User) error {
	s.gone = append(s.gone, principal)
	return nil
}

// user makes an active user with goodPassword.
func (w *world) user(login string) account.User {
	w.t.Helper()
	return w.make(account.CreateInput{Login: login, Password: goodPassword})
}

func (w *world) admin(login string) account.User {
	w.t.Helper()
	return w.make(account.CreateInput{Login: login, Password: goodPassword, Admin: true})
}

func (w *world) make(in account.CreateInput) account.User {
	w.t.Helper()
	in.Firstname, in.Lastname = strings.ToUpper(in.Login[:1])+in.Login[1:], "Tester"
	in.Mail = in.Login + "@example.org"
	u, err := w.Create(w.t.Context(), operator, in)
	must(w.t, err)
	return u
}

// in signs a user in from home.
func (w *world) in(login string) account.SignedIn {
	w.t.Helper()
	s, err := w.SignIn(w.t.Context(), login, goodPassword, home)
	must(w.t, err)
	return s
}

func actor(u account.User) access.Actor {
	return access.Actor{Kind: access.Person, ID: u.ID, Login: u.Login, Name: u.Name(), Admin: u.Admin, IP: home.IP}
}

func (w *world) exec(text string, args ...any) {
	w.t.Helper()
	must(w.t, db.Do(w.t.Context(), w.db, func(tx *db.Tx) error {
		_, err := db.Exec(w.t.Context(), tx, db.SQL(text, args...))
		return err
	}))
}

func read[T any](w *world, fn func(tx *db.Tx) (T, error)) T {
	w.t.Helper()
	v, err := db.Read(w.t.Context(), w.db, fn)
	must(w.t, err)
	return v
}

func (w *world) number(text string, args ...any) int64 {
	w.t.Helper()
	return read(w, func(tx *db.Tx) (int64, error) { return db.Scalar[int64](w.t.Context(), tx, db.SQL(text, args...)) })
}

// audited says how many entries there are for the action with the result.
func (w *world) audited(action, result string) int64 {
	w.t.Helper()
	return w.number(`SELECT COUNT(*) FROM audit_entries WHERE action = ? AND result = ?`, action, result)
}

// grant gives the user a global role with the permissions.
func (w *world) grant(u account.User, perms ...access.Permission) {
	w.t.Helper()
	role := 1000 + int64(u.ID)
	w.exec(`INSERT INTO roles (id, name, kind, position, created_at, updated_at) VALUES (?, ?, 'GlobalRole', 1, 0, 0)`, role, u.Login)
	for _, p := range perms {
		w.exec(`INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)`, role, p)
	}
	w.exec(`INSERT INTO members (id, user_id, created_at, updated_at) VALUES (?, ?, 0, 0)`, role, u.ID)
	w.exec(`INSERT INTO member_roles (member_id, role_id) VALUES (?, ?)`, role, role)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Fatalf("got %v (kind %d), want kind %d", err, fault.KindOf(err), k)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Code != code {
		t.Fatalf("got %v, want code %s", err, code)
	}
}

// wantFields compares refused fields as "name code".
func wantFields(t *testing.T, err error, want ...string) {
	t.Helper()
	var got []string
	for _, f := range fault.Fields(err) {
		got = append(got, f.Name+" "+f.Code)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got fields %q (%v), want %q", got, err, want)
	}
}
