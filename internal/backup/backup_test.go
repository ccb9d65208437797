package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/secret"
)

const (
	password      = "violet-harbour-lantern"
	otherPassword = "copper-meadow-thunder"
	period        = 24 * time.Hour
)

var operator = access.Operator("test")

// world is an instance three days old with the administrators root and second
// and the user holder, who may make backups.
type world struct {
	*backup.Service
	t                    *testing.T
	db                   *db.DB
	clock                *dbtest.Clock
	deps                 backup.Deps
	mail                 *mailbox
	engine               *engine
	root, second, holder access.Actor
}

type option func(*backup.Deps)

func each(t *testing.T, fn func(t *testing.T, w *world), opts ...option) {
	t.Helper()
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		w := &world{t: t, db: d, clock: c, mail: &mailbox{}, engine: &engine{}}
		keys, log := secret.NewKeyring(), audit.New([]byte("key"))
		w.deps = backup.Deps{
			DB: d, Keys: keys, Audit: log, Mail: w.mail, Engine: w.engine, Dir: t.TempDir(), BaseURL: "http://plan.test",
			Accounts: account.New(account.Deps{
				DB: d, Keys: keys, Hasher: secret.NewHasher(2, secret.Cost{Memory: 8, Passes: 1}), Audit: log,
				Pause: func(context.Context, time.Duration) error { return nil },
			}),
			Enabled: true, DailyLimit: 3, InitialWaitingPeriod: period, Beat: 5 * time.Millisecond, Passed: c.Passed,
		}
		for _, o := range opts {
			o(&w.deps)
		}
		w.Service = backup.New(w.deps)
		w.root, w.second, w.holder = w.user("root", true), w.user("second", true), w.user("holder", false)
		w.grant(w.holder)
		c.Advance(72 * time.Hour)
		fn(t, w)
	})
}

func (w *world) user(login string, admin bool) access.Actor {
	w.t.Helper()
	u, err := w.deps.Accounts.Create(w.t.Context(), operator, account.CreateInput{
		Login: login, Password: password, Admin: admin,
		Firstname: strings.ToUpper(login[:1]) + login[1:], Lastname: "Tester", Mail: login + "@example.org",
	})
	must(w.t, err)
	return access.Actor{Kind: access.Person, ID: u.ID, Login: login, Name: u.Name(), Admin: admin, IP: "192.0.2.1"}
}

// grant gives the user a global role with the permission.
func (w *world) grant(a access.Actor) {
	w.t.Helper()
	n := 1000 + int64(a.ID)
	w.exec(`INSERT INTO roles (id, name, kind, position, created_at, updated_at) VALUES (?, ?, 'GlobalRole', 1, 0, 0)`, n, a.Login)
	w.exec(`INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)`, n, access.CreateBackup)
	w.exec(`INSERT INTO members (id, user_id, created_at, updated_at) VALUES (?, ?, 0, 0)`, n, a.ID)
	w.exec(`INSERT INTO member_roles (member_id, role_id) VALUES (?, ?)`, n, n)
}

// external takes a user's password away, as if a provider signed it in.
func (w *world) external(a access.Actor) {
	w.t.Helper()
	w.exec(`DELETE FROM user_passwords WHERE user_id = ?`, a.ID)
}

func (w *world) exec(text string, args ...any) {
	w.t.Helper()
	must(w.t, db.Do(w.t.Context(), w.db, func(tx *db.Tx) error {
		_, err := db.Exec(w.t.Context(), tx, db.SQL(text, args...))
		return err
	}))
}

func (w *world) number(text string, args ...any) int64 {
	w.t.Helper()
	n, err := db.Read(w.t.Context(), w.db, func(tx *db.Tx) (int64, error) {
		return db.Scalar[int64](w.t.Context(), tx, db.SQL(text, args...))
	})
	must(w.t, err)
	return n
}

func (w *world) audited(action string) int64 {
	w.t.Helper()
	return w.number(`SELECT COUNT(*) FROM audit_entries WHERE action = ?`, action)
}

func (w *world) token(a access.Actor) string {
	w.t.Helper()
	n, err := w.CreateToken(w.t.Context(), a, password)
	must(w.t, err)
	return n.Value
}

func (w *world) request(a access.Actor, token string) (backup.Backup, error) {
	return w.Request(w.t.Context(), a, backup.RequestInput{Token: token, Attachments: true, Source: backup.SourceAPI})
}

// done requests and runs a backup.
func (w *world) done(a access.Actor, token string) backup.Backup {
	w.t.Helper()
	b, err := w.request(a, token)
	must(w.t, err)
	must(w.t, w.Run(w.t.Context(), b.ID))
	return w.find(b.ID)
}

func (w *world) find(n id.Backup) backup.Backup {
	w.t.Helper()
	b, err := w.Find(w.t.Context(), operator, n)
	must(w.t, err)
	return b
}

// accept lets a mail server accept the mail.
func (w *world) accept(n id.Mail) {
	w.t.Helper()
	must(w.t, db.Do(w.t.Context(), w.db, func(tx *db.Tx) error { return w.NoticeAccepted(w.t.Context(), tx, n) }))
}

func (w *world) phase(a access.Actor) backup.TokenPhase {
	w.t.Helper()
	i, err := w.TokenState(w.t.Context(), a)
	must(w.t, err)
	return i.Phase
}

type sentMail struct {
	account.Notice
	id id.Mail
}

type mailbox struct {
	mu   sync.Mutex
	sent []sentMail
}

func (m *mailbox) Queue(_ context.Context, _ *db.Tx, n account.Notice) (id.Mail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, sentMail{n, id.Mail(len(m.sent) + 1)})
	return id.Mail(len(m.sent)), nil
}

// take returns and marks as read what was sent for the purpose.
func (m *mailbox) take(purpose string) []sentMail {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []sentMail
	for i := range m.sent {
		if m.sent[i].Purpose == purpose {
			out = append(out, m.sent[i])
			m.sent[i].Purpose = "taken"
		}
	}
	return out
}

func to(mails []sentMail) string {
	var out []string
	for _, m := range mails {
		out = append(out, strings.TrimSuffix(m.Address, "@example.org"))
	}
	return strings.Join(out, " ")
}

func (m *mailbox) wantTo(t *testing.T, purpose, want string) []sentMail {
	t.Helper()
	mails := m.take(purpose)
	if got := to(mails); got != want {
		t.Errorf("mails %s to %q, want %q", purpose, got, want)
	}
	return mails
}

// status is what a client that polls is told about the backup.
type status struct {
	Status, Message string
	Payload         map[string]any
}

func (w *world) status(b backup.Backup) status {
	w.t.Helper()
	st, err := db.Read(w.t.Context(), w.db, func(tx *db.Tx) (job.Status, error) {
		return job.FindStatus(w.t.Context(), tx, *b.UserID, *b.JobStatusID)
	})
	must(w.t, err)
	out := status{Status: st.Status}
	if st.Message != nil {
		out.Message = *st.Message
	}
	if st.Payload != nil {
		must(w.t, json.Unmarshal([]byte(*st.Payload), &out.Payload))
	}
	return out
}

// engine makes snapshots whose archive is "rows" and a seal, or what the test asks for.
type engine struct {
	missing []backup.Missing
	fail    error
	noSeal  bool
	// hold is closed to let Create go on; begun is closed when it waits.
	hold, begun chan struct{}
	snapshots   []string
}

func (e *engine) Create(ctx context.Context, o backup.EngineOptions) (backup.Summary, error) {
	o.Progress(backup.Progress{Phase: "rows", Rows: 7, RowsTotal: 9})
	if e.hold != nil {
		close(e.begun)
		select {
		case <-e.hold:
		case <-ctx.Done():
			return backup.Summary{}, ctx.Err()
		}
	}
	if e.fail != nil {
		return backup.Summary{}, e.fail
	}
	name := fmt.Sprint("snapshot-", len(e.snapshots)+1)
	e.snapshots = append(e.snapshots, name)
	return backup.Summary{
		Snapshot: name, SHA256: strings.Repeat("ab", 32), Size: 8, Added: 5, Rows: 9, Files: 2, FileBytes: 20, Missing: e.missing,
	}, nil
}

func (e *engine) Open(_ context.Context, snapshot string, _ bool) (backup.Archive, error) {
	switch {
	case !slices.Contains(e.snapshots, snapshot):
		return nil, repo.ErrNoSnapshot
	case e.noSeal:
		return text("rows"), nil
	}
	return text("rowsSEAL"), nil
}

// text is an archive.
type text string

func (t text) Size() int64 { return int64(len(t)) }

func (t text) WriteTo(_ context.Context, w io.Writer, from int64) error {
	_, err := io.WriteString(w, string(t[from:]))
	return err
}

func (e *engine) Verify(_ context.Context, path string, _ ...age.Identity) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(b) != "rowsSEAL" {
		return errors.New("the seal is missing")
	}
	return nil
}

func (e *engine) block() {
	e.hold, e.begun = make(chan struct{}), make(chan struct{})
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

func wantCode(t *testing.T, err error, k fault.Kind, code string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Code != code || f.Kind != k {
		t.Fatalf("got %v, want kind %d with code %s", err, k, code)
	}
}
