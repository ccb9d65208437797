// Package outbox queues mails in the transaction that makes them necessary and
// delivers them afterwards.
//
// A mail is a row and a job, both written by Queue. The row stays as the record
// of what was sent to whom and what became of it: accepted by the mail server,
// waiting for another try, or given up. Where no mail server is configured the
// row says so, and nothing is tried. Mails that are held back, as after a
// restore, wait for their release however long it takes.
//
// What a mail says may be a secret, such as a link that sets a password. It is sealed
// in its row, under a key outside the database and for the address it goes to: a copy
// of the database opens nothing, and a row whose address was changed is not sent.
//
// Delivery is at least once. All attempts of a mail carry the same Message-ID,
// so that mail systems can drop the second copy that a crash may cause.
package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/mail"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/secret"
)

// Mail is a queued mail.
type Mail struct {
	ID        id.Mail  `db:"id"`
	Purpose   string   `db:"purpose"`
	UserID    *id.User `db:"user_id"`
	Address   string   `db:"address"`
	Name      string   `db:"name"`
	Subject   string   `db:"subject"`
	Text      string   `db:"body_text"` // sealed, and HTML with it, until Open opens it
	HTML      string   `db:"body_html"`
	CreatedAt db.Time  `db:"created_at"`
	SentAt    *db.Time `db:"sent_at"`
	FailedAt  *db.Time `db:"failed_at"`
	Attempts  int      `db:"attempts"`
	LastError string   `db:"last_error"`
}

const columns = `id, purpose, user_id, address, name, subject, body_text, body_html, created_at, sent_at, failed_at, attempts, last_error`

// Hook is told what became of a mail, in the transaction that records it. When
// it fails, that transaction is undone, the end of the mail is recorded without
// it, and the hook is tried again in a job of its own: the mail is not sent twice.
type Hook func(ctx context.Context, tx *db.Tx, m Mail) error

// Outbox queues and delivers.
type Outbox struct {
	db     *db.DB
	keys   *secret.Keyring
	sender *mail.Sender
	// quarantined says that mail is held back, as after a restore.
	quarantined func() bool
	accepted    map[string]Hook
	failed      map[string]Hook
}

// New returns the outbox. A nil sender means that no mail server is configured.
func New(d *db.DB, keys *secret.Keyring, sender *mail.Sender, quarantined func() bool) *Outbox {
	return &Outbox{db: d, keys: keys, sender: sender, quarantined: quarantined, accepted: map[string]Hook{}, failed: map[string]Hook{}}
}

// Configured says whether there is a mail server.
func (o *Outbox) Configured() bool { return o.sender != nil }

// OnAccepted registers the hook for mails of a purpose that the server accepted.
func (o *Outbox) OnAccepted(purpose string, h Hook) { o.accepted[purpose] = h }

// OnFailed registers the hook for mails of a purpose that were given up.
func (o *Outbox) OnFailed(purpose string, h Hook) { o.failed[purpose] = h }

// Letter is a mail as a slice writes it.
type Letter struct {
	Purpose string
	UserID  id.User // 0 when the recipient has no account
	Address string
	Name    string
	Subject string
	Content mail.Letter
}

// Delivery is the kind of the job that sends one mail.
const Delivery = "mail.deliver"

// deliver is that job.
type deliver struct{ ID id.Mail }

func (deliver) Kind() string { return Delivery }

// attempts of delivery spread over about three days.
const attempts = 16

// enqueue adds the job that delivers a mail; 0 when it waits or runs already.
func enqueue(ctx context.Context, tx *db.Tx, n id.Mail) (id.Job, error) {
	return job.Enqueue(ctx, tx, deliver{n}, job.Attempts(attempts), job.Unique(fmt.Sprintf("mail:%d", n)))
}

// Queue writes the mail and its job in the caller's transaction.
func (o *Outbox) Queue(ctx context.Context, tx *db.Tx, l Letter) (id.Mail, error) {
	m, err := l.Content.Message(mail.Address{Name: l.Name, Address: l.Address}, l.Subject)
	if err != nil {
		return 0, fmt.Errorf("queue mail %s: %w", l.Purpose, err)
	}
	var user *id.User
	if l.UserID != 0 {
		user = &l.UserID
	}
	n, err := db.Insert[id.Mail](ctx, tx, db.SQL(`INSERT INTO mails (purpose, user_id, address, name, subject, body_text, body_html, created_at, last_error)
		VALUES (?, ?, ?, ?, ?, ?, '', ?, ?) RETURNING id`, l.Purpose, user, l.Address, l.Name, l.Subject, o.seal(l.Address, m), tx.Stamp(), o.unconfigured()))
	if err != nil || !o.Configured() {
		return n, err
	}
	_, err = enqueue(ctx, tx, n)
	return n, err
}

func (o *Outbox) unconfigured() string {
	if o.Configured() {
		return ""
	}
	return "no mail server is configured"
}

func notConfigured() error {
	return fault.WithHint(fault.InvalidField("base", "mail_not_configured"), "set HOLDFAST_MAIL_HOST and HOLDFAST_MAIL_FROM")
}

// Test sends a mail at once, without the queue, and returns what the server
// said. Administrators use it to check the settings.
//
// Faults: Forbidden for others, Invalid without a configured server.
func (o *Outbox) Test(ctx context.Context, a access.Actor, to mail.Address) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	if o.sender == nil {
		return notConfigured()
	}
	say := message.In(a.Language)
	l := mail.Letter{
		Language: say.Tag(), Title: say.T("mail.test_title"), Paragraphs: []string{say.T("mail.test_text", "who", a.Name)},
	}
	m, err := l.Message(to, say.T("mail.test"))
	if err != nil {
		return fault.InvalidField("address", "invalid")
	}
	return o.sender.Send(ctx, m)
}

// List returns mails, newest first, without their bodies, and how many there are.
//
// Faults: Forbidden for everyone but administrators.
func (o *Outbox) List(ctx context.Context, a access.Actor, offset, limit int) ([]Mail, int, error) {
	if err := access.RequireAdmin(a); err != nil {
		return nil, 0, err
	}
	type page struct {
		rows  []Mail
		total int
	}
	p, err := db.Read(ctx, o.db, func(tx *db.Tx) (page, error) {
		n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM mails`))
		if err != nil {
			return page{}, err
		}
		rows, err := db.All[Mail](ctx, tx, db.SQL(`SELECT id, purpose, user_id, address, name, subject, '' AS body_text, '' AS body_html,
			created_at, sent_at, failed_at, attempts, last_error FROM mails ORDER BY id DESC LIMIT ? OFFSET ?`, limit, offset))
		return page{rows, n}, err
	})
	return p.rows, p.total, err
}

// Resend tries a mail that was given up, or written without a mail server, again.
//
// Faults: Forbidden for everyone but administrators, Invalid without a
// configured server, NotFound for mails that were accepted or are being tried.
func (o *Outbox) Resend(ctx context.Context, a access.Actor, n id.Mail) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	if !o.Configured() {
		return notConfigured()
	}
	return db.Do(ctx, o.db, func(tx *db.Tx) error {
		changed, err := db.Exec(ctx, tx, db.SQL(`UPDATE mails SET failed_at = NULL, last_error = '' WHERE id = ? AND sent_at IS NULL`, n))
		if err != nil {
			return err
		}
		var queued id.Job
		if changed > 0 {
			queued, err = enqueue(ctx, tx, n)
		}
		if err == nil && queued == 0 {
			err = fault.NotFound("failed mail")
		}
		return err
	})
}

// Purge clears the bodies of mails that were sent longer ago than keep; the
// record of who got what stays.
func (o *Outbox) Purge(ctx context.Context, keep time.Duration) error {
	return db.Do(ctx, o.db, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, db.SQL(`UPDATE mails SET body_text = '', body_html = '' WHERE sent_at < ? AND body_text <> ''`,
			db.At(tx.Now().Add(-keep))))
		return err
	})
}
