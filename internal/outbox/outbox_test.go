package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/mail"
	"github.com/holdfast/holdfast/internal/outbox"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/testpeer"
)

var (
	admin = access.Operator("test")
	keys  = secret.NewKeyring()
)

// world is an outbox with a real mail server behind it.
type world struct {
	*testing.T
	d      *db.DB
	clock  *dbtest.Clock
	server *testpeer.SMTPServer
	box    *outbox.Outbox
	held   atomic.Bool
}

func each(t *testing.T, fn func(w *world)) {
	t.Helper()
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		w := &world{T: t, d: d, clock: c, server: testpeer.SMTP(t)}
		w.box = outbox.New(d, keys, w.sender(), w.held.Load)
		fn(w)
	})
}

func (w *world) sender() *mail.Sender {
	w.Helper()
	s, err := mail.NewSender(mail.Options{Host: w.server.Host, Port: w.server.Port, TLS: "none", From: "Holdfast <holdfast@example.org>"})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// run delivers until the test or the returned function ends it.
func (w *world) run() func() {
	r := job.NewRunner(w.d, slog.New(slog.DiscardHandler), 2)
	w.box.Register(r)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop := func() { cancel(); <-done }
	w.Cleanup(stop)
	return stop
}

func letter(purpose, to string) outbox.Letter {
	return outbox.Letter{
		Purpose: purpose, UserID: access.SystemID, Address: to, Name: "Ada", Subject: "Größe " + purpose,
		Content: mail.Letter{Title: "Hello", Paragraphs: []string{"Read this: " + purpose}},
	}
}

func (w *world) queue(purpose, to string) id.Mail {
	w.Helper()
	n, err := db.Write(w.Context(), w.d, func(tx *db.Tx) (id.Mail, error) {
		return w.box.Queue(w.Context(), tx, letter(purpose, to))
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) mail(n id.Mail) outbox.Mail {
	w.Helper()
	all, _, err := w.box.List(w.Context(), admin, 0, 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range all {
		if m.ID == n {
			return m
		}
	}
	w.Fatalf("mail %d is not listed", n)
	return outbox.Mail{}
}

func (w *world) jobs(state string) []job.Job {
	w.Helper()
	all, err := db.Read(w.Context(), w.d, func(tx *db.Tx) ([]job.Job, error) { return job.List(w.Context(), tx, state, 100) })
	if err != nil {
		w.Fatal(err)
	}
	return all
}

func (w *world) eventually(what string, ok func() bool) {
	w.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.Fatal("did not come true: " + what)
}

// backsOff says whether one job waits for its next attempt. What became of a
// mail is recorded before what became of its job.
func (w *world) backsOff() bool {
	q := w.jobs(job.Queued)
	return len(q) == 1 && q[0].LastError != "" && q[0].RunAt.After(w.clock.Now())
}

// soon moves the clock so far that whatever backs off is due, and wakes the runner.
func (w *world) soon() {
	w.clock.Advance(24 * time.Hour)
	w.queue("wake", "wake@example.org")
}

func (w *world) exec(text string, args ...any) {
	w.Helper()
	err := db.Do(w.Context(), w.d, func(tx *db.Tx) error {
		_, err := db.Exec(w.Context(), tx, db.SQL(text, args...))
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func TestMailGoesOutAfterTheCommitOnly(t *testing.T) {
	each(t, func(w *world) {
		w.run()
		err := db.Do(w.Context(), w.d, func(tx *db.Tx) error {
			_, err := w.box.Queue(w.Context(), tx, letter("never", "ada@example.org"))
			return errors.Join(err, errors.New("rolled back"))
		})
		if err == nil {
			w.Fatal("the transaction passed")
		}
		n := w.queue("hello", "ada@example.org")
		got := w.server.Wait(1)[0]
		if got.Subject != "Größe hello" || len(got.To) != 1 || got.To[0] != "ada@example.org" ||
			!strings.Contains(got.Text, "Read this: hello") || !strings.Contains(got.HTML, "Read this: hello") {
			w.Errorf("got %+v", got)
		}
		w.eventually("sent", func() bool { m := w.mail(n); return m.SentAt != nil && m.Attempts == 1 && m.FailedAt == nil })
		if len(w.server.Messages()) != 1 {
			w.Errorf("%d messages arrived", len(w.server.Messages()))
		}
	})
}

func TestTemporaryRefusalsAreTriedAgain(t *testing.T) {
	each(t, func(w *world) {
		w.server.Greylist(1)
		n := w.queue("hello", "ada@example.org")
		w.run()
		w.eventually("turned away once", func() bool {
			m := w.mail(n)
			return w.backsOff() && m.Attempts == 1 && m.SentAt == nil && m.FailedAt == nil && strings.Contains(m.LastError, "greylisted")
		})
		w.soon()
		w.eventually("accepted", func() bool { m := w.mail(n); return m.SentAt != nil && m.Attempts == 2 && m.LastError == "" })
	})
}

func TestRefusedMailIsKeptAndCanBeResent(t *testing.T) {
	each(t, func(w *world) {
		var failed atomic.Int64
		w.box.OnFailed("hello", func(_ context.Context, _ *db.Tx, m outbox.Mail) error {
			if m.FailedAt == nil || !strings.Contains(m.LastError, "no such mailbox") {
				w.Errorf("the hook got %+v", m)
			}
			failed.Add(1)
			return nil
		})
		w.server.RejectAddress("gone@example.org")
		n := w.queue("hello", "gone@example.org")
		w.run()
		w.eventually("given up", func() bool { return w.mail(n).FailedAt != nil && len(w.jobs(job.Dead)) == 1 })
		if failed.Load() != 1 {
			w.Errorf("the hook was called %d times", failed.Load())
		}
		w.server.Accept()
		if err := w.box.Resend(w.Context(), admin, n); err != nil {
			w.Fatal(err)
		}
		w.eventually("accepted", func() bool { m := w.mail(n); return m.SentAt != nil && m.FailedAt == nil && m.LastError == "" })
		if err := w.box.Resend(w.Context(), admin, n); !fault.Is(err, fault.KindNotFound) {
			w.Errorf("resending a sent mail gave %v, want NotFound", err)
		}
	})
}

func TestTheLastTemporaryRefusalGivesUpVisibly(t *testing.T) {
	each(t, func(w *world) {
		w.server.Refuse(451, "not today")
		n := w.queue("hello", "ada@example.org")
		if err := w.box.Resend(w.Context(), admin, n); !fault.Is(err, fault.KindNotFound) {
			w.Errorf("resending a mail that waits gave %v, want NotFound", err)
		}
		w.exec(`UPDATE jobs SET attempt = max_attempts - 1`)
		w.run()
		w.eventually("given up", func() bool {
			m := w.mail(n)
			return m.FailedAt != nil && strings.Contains(m.LastError, "not today") && len(w.jobs(job.Dead)) == 1
		})
		w.server.Accept()
		dead := w.jobs(job.Dead)[0]
		err := db.Do(w.Context(), w.d, func(tx *db.Tx) error { return job.Retry(w.Context(), tx, dead.ID) })
		if err != nil {
			w.Fatal(err)
		}
		w.eventually("the retried job sent it", func() bool { m := w.mail(n); return m.SentAt != nil && m.FailedAt == nil })
	})
}

func TestAMailServerThatIsAwayIsWaitedFor(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		s, err := mail.NewSender(mail.Options{Host: "127.0.0.1", Port: 1, TLS: "none", From: "holdfast@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, d: d, clock: c, box: outbox.New(d, keys, s, func() bool { return false })}
		n := w.queue("hello", "ada@example.org")
		w.run()
		w.eventually("waits with its reason", func() bool {
			m := w.mail(n)
			return w.backsOff() && m.Attempts == 1 && m.FailedAt == nil && m.LastError != ""
		})
	})
}

func TestWithoutAMailServerNothingIsTried(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		w := &world{T: t, d: d, clock: c, box: outbox.New(d, keys, nil, func() bool { return false })}
		n := w.queue("hello", "ada@example.org")
		if m := w.mail(n); w.box.Configured() || m.LastError != "no mail server is configured" || len(w.jobs(job.Queued)) != 0 {
			t.Errorf("got %+v and jobs %+v", m, w.jobs(job.Queued))
		}
		if err := w.box.Resend(t.Context(), admin, n); !fault.Is(err, fault.KindInvalid) || fault.HintOf(err) == "" {
			t.Errorf("resend gave %v, want Invalid with a hint", err)
		}
		if err := w.box.Test(t.Context(), admin, mail.Address{Address: "ada@example.org"}); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("test mail gave %v, want Invalid", err)
		}
		w.server = testpeer.SMTP(t)
		w.box = outbox.New(d, keys, w.sender(), func() bool { return false })
		if err := w.box.Resend(t.Context(), admin, n); err != nil {
			t.Fatal(err)
		}
		w.run()
		w.server.Wait(1)
	})
}

func TestMailQueuedBeforeTheServerWasUnsetIsMarked(t *testing.T) {
	each(t, func(w *world) {
		n := w.queue("hello", "ada@example.org")
		w.box = outbox.New(w.d, keys, nil, func() bool { return false })
		w.run()
		w.eventually("marked", func() bool {
			return w.mail(n).LastError == "no mail server is configured" && len(w.jobs(job.Done)) == 1
		})
	})
}

func TestHeldMailWaitsForItsRelease(t *testing.T) {
	each(t, func(w *world) {
		w.held.Store(true)
		n := w.queue("hello", "ada@example.org")
		w.run()
		for range 20 { // more often than a mail is tried
			w.eventually("held", func() bool {
				q := w.jobs(job.Queued)
				return len(q) == 1 && q[0].Attempt == 0 && q[0].RunAt.After(w.clock.Now()) && strings.Contains(q[0].LastError, "held back")
			})
			w.clock.Advance(time.Hour)
			w.wake()
		}
		w.held.Store(false)
		w.clock.Advance(time.Hour)
		w.wake()
		w.eventually("sent", func() bool { m := w.mail(n); return m.SentAt != nil && m.Attempts == 1 })
	})
}

// wake has the runner look at once, by a job that does nothing.
func (w *world) wake() {
	w.Helper()
	err := db.Do(w.Context(), w.d, func(tx *db.Tx) error {
		n, err := job.Enqueue(w.Context(), tx, nothing{})
		if err != nil {
			return err
		}
		return job.Cancel(w.Context(), tx, n)
	})
	if err != nil {
		w.Fatal(err)
	}
}

type nothing struct{}

func (nothing) Kind() string { return "test.nothing" }

func TestTheHookRunsInTheTransactionThatMarksTheMailSent(t *testing.T) {
	each(t, func(w *world) {
		w.box.OnAccepted("hello", func(ctx context.Context, tx *db.Tx, m outbox.Mail) error {
			at, err := db.Scalar[*db.Time](ctx, tx, db.SQL(`SELECT sent_at FROM mails WHERE id = ?`, m.ID))
			if err != nil || at == nil || m.SentAt == nil || !at.Equal(m.SentAt.Time) || !tx.Now().Equal(at.Time) {
				w.Errorf("inside the hook sent_at is %v, %v", at, err)
			}
			_, err = db.Exec(ctx, tx, db.SQL(`UPDATE mails SET name = 'told' WHERE id = ?`, m.ID))
			return err
		})
		n := w.queue("hello", "ada@example.org")
		w.run()
		w.eventually("told", func() bool { m := w.mail(n); return m.Name == "told" && m.SentAt != nil })
	})
}

func TestAFailingHookDoesNotSendTwice(t *testing.T) {
	each(t, func(w *world) {
		var calls atomic.Int64
		w.box.OnAccepted("hello", func(context.Context, *db.Tx, outbox.Mail) error {
			if calls.Add(1) < 3 {
				return errors.New("not now")
			}
			return nil
		})
		n := w.queue("hello", "ada@example.org")
		w.run()
		w.eventually("sent, the hook is to be told again", func() bool {
			return w.backsOff() && w.mail(n).SentAt != nil && w.jobs(job.Queued)[0].Kind == "mail.settled" && calls.Load() == 2
		})
		w.soon()
		w.eventually("told", func() bool { return calls.Load() == 3 && len(w.jobs(job.Queued)) == 0 })
		for _, m := range w.server.Messages()[1:] {
			if m.To[0] == "ada@example.org" {
				w.Error("the mail was sent twice")
			}
		}
	})
}

// TestACrashAfterAcceptanceSendsACopyThatCanBeDropped leaves a mail as a
// process does that is killed between the server's yes and its own commit.
func TestACrashAfterAcceptanceSendsACopyThatCanBeDropped(t *testing.T) {
	each(t, func(w *world) {
		n := w.queue("hello", "ada@example.org")
		stop := w.run()
		w.eventually("sent", func() bool { return w.mail(n).SentAt != nil && len(w.jobs(job.Done)) == 1 })
		stop()
		w.exec(`UPDATE mails SET sent_at = NULL, attempts = 0`)
		w.exec(`UPDATE jobs SET state = 'running', leased_by = 'gone', lease_until = 0, finished_at = NULL`)
		w.run()
		got := w.server.Wait(2)
		first, second := got[0].Header.Get("Message-ID"), got[1].Header.Get("Message-ID")
		if first == "" || first != second || !strings.HasSuffix(first, "@example.org>") {
			w.Errorf("the copies are %q and %q", first, second)
		}
	})
}

func TestTheEndOfTheProcessIsNoFailure(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, c *dbtest.Clock) {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		s, err := mail.NewSender(mail.Options{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: "none", From: "holdfast@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, d: d, clock: c, box: outbox.New(d, keys, s, func() bool { return false })}
		n := w.queue("hello", "ada@example.org")
		stop := w.run()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		stop()
		if m := w.mail(n); m.Attempts != 0 || m.FailedAt != nil || m.LastError != "" {
			t.Errorf("got %+v, want a mail that was not tried", m)
		}
		if q := w.jobs(job.Queued); len(q) != 1 || q[0].Attempt != 0 {
			t.Errorf("queued are %+v, want the delivery", q)
		}
	})
}

func TestOnlyAdministratorsSeeAndResendMail(t *testing.T) {
	each(t, func(w *world) {
		n := w.queue("hello", "ada@example.org")
		for name, a := range map[string]struct {
			actor access.Actor
			want  fault.Kind
		}{
			"a member":  {access.Actor{Kind: access.Person, ID: 7}, fault.KindForbidden},
			"a visitor": {access.Anonymous("192.0.2.1"), fault.KindUnauthenticated},
		} {
			_, _, err := w.box.List(w.Context(), a.actor, 0, 10)
			for what, err := range map[string]error{
				"list": err, "resend": w.box.Resend(w.Context(), a.actor, n),
				"test": w.box.Test(w.Context(), a.actor, mail.Address{Address: "ada@example.org"}),
			} {
				if !fault.Is(err, a.want) {
					w.Errorf("%s, %s: got %v", name, what, err)
				}
			}
		}
	})
}

func TestListPagesNewestFirstWithoutBodies(t *testing.T) {
	each(t, func(w *world) {
		var last id.Mail
		for range 5 {
			last = w.queue("hello", "ada@example.org")
		}
		page, total, err := w.box.List(w.Context(), admin, 1, 2)
		if err != nil || total != 5 || len(page) != 2 || page[0].ID != last-1 || page[1].ID != last-2 {
			w.Fatalf("got %+v of %d, %v", page, total, err)
		}
		if page[0].Text != "" || page[0].HTML != "" {
			w.Error("the list shows bodies, which hold links that sign people in")
		}
	})
}

func TestBodiesOfSentMailAreCleared(t *testing.T) {
	each(t, func(w *world) {
		sent, waiting := w.queue("sent", "ada@example.org"), w.queue("waiting", "ada@example.org")
		w.exec(`UPDATE mails SET sent_at = ? WHERE id = ?`, db.At(w.clock.Now()), sent)
		length := func(n id.Mail) int {
			l, err := db.Read(w.Context(), w.d, func(tx *db.Tx) (int, error) {
				return db.Scalar[int](w.Context(), tx, db.SQL(`SELECT LENGTH(body_text) + LENGTH(body_html) FROM mails WHERE id = ?`, n))
			})
			if err != nil {
				w.Fatal(err)
			}
			return l
		}
		purge := func() {
			if err := w.box.Purge(w.Context(), 30*24*time.Hour); err != nil {
				w.Fatal(err)
			}
		}
		if purge(); length(sent) == 0 {
			w.Error("a young body is gone")
		}
		w.clock.Advance(31 * 24 * time.Hour)
		if purge(); length(sent) != 0 || length(waiting) == 0 {
			w.Errorf("lengths are %d of the sent and %d of the waiting", length(sent), length(waiting))
		}
	})
}

func TestTheTestMailGoesOutAtOnce(t *testing.T) {
	each(t, func(w *world) {
		if err := w.box.Test(w.Context(), admin, mail.Address{Address: "ada@example.org"}); err != nil {
			w.Fatal(err)
		}
		if got := w.server.Messages(); len(got) != 1 || !strings.Contains(got[0].Text, "operator: test") {
			w.Errorf("got %+v", got)
		}
		w.server.Refuse(550, "go away")
		if err := w.box.Test(w.Context(), admin, mail.Address{Address: "ada@example.org"}); err == nil || !strings.Contains(err.Error(), "go away") {
			w.Errorf("got %v, want what the server said", err)
		}
	})
}

// sealed returns what the database holds of all mails.
func (w *world) sealed() []outbox.Mail {
	w.Helper()
	all, err := db.Read(w.Context(), w.d, func(tx *db.Tx) ([]outbox.Mail, error) {
		return db.All[outbox.Mail](w.Context(), tx, db.SQL(`SELECT id, address, subject, body_text, body_html FROM mails ORDER BY id`))
	})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// What a mail says is in no copy of the database, before it is sent and after, and
// arrives all the same.
func TestWhatAMailSaysIsSealed(t *testing.T) {
	each(t, func(w *world) {
		n := w.queue("the-link-that-opens", "ada@example.org")
		look := func() {
			w.Helper()
			for _, m := range w.sealed() {
				if m.Text == "" || m.HTML != "" || strings.Contains(m.Text, "the-link-that-opens") {
					w.Errorf("the row holds %q and %q", m.Text, m.HTML)
				}
				o, err := w.box.Open(m)
				if err != nil || !strings.Contains(o.Text, "Read this: the-link-that-opens") || !strings.Contains(o.HTML, "<p") {
					w.Errorf("opened it is %+v, %v", o, err)
				}
			}
		}
		look()
		w.run()
		got := w.server.Wait(1)[0]
		if !strings.Contains(got.Text, "Read this: the-link-that-opens") || !strings.Contains(got.HTML, "Read this: the-link-that-opens") {
			w.Errorf("got %+v", got)
		}
		w.eventually("sent", func() bool { return w.mail(n).SentAt != nil })
		look()
	})
}

// A mail that cannot be opened is given up where people see it; one from before mails
// were sealed is sent.
func TestMailsThatCannotBeOpened(t *testing.T) {
	changes := map[string]string{
		"to somebody else": `UPDATE mails SET address = 'eve@example.org'`,
		"damaged":          `UPDATE mails SET body_text = SUBSTR(body_text, 1, LENGTH(body_text) - 3) || 'abc'`,
		"not sealed":       `UPDATE mails SET body_text = 'sealed:' || 'Read this'`,
		"under other keys": `UPDATE mails SET purpose = purpose`,
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				if name == "under other keys" {
					w.box = outbox.New(w.d, secret.NewKeyring(), w.sender(), w.held.Load)
				}
				box := w.box
				w.box = outbox.New(w.d, keys, w.sender(), w.held.Load)
				n := w.queue("hello", "ada@example.org")
				w.box = box
				w.exec(change)
				var failed atomic.Int64
				w.box.OnFailed("hello", func(context.Context, *db.Tx, outbox.Mail) error { failed.Add(1); return nil })
				w.run()
				w.eventually("given up", func() bool { return w.mail(n).FailedAt != nil && len(w.jobs(job.Dead)) == 1 })
				if m := w.mail(n); !strings.Contains(m.LastError, "cannot be read") || failed.Load() != 1 || len(w.server.Messages()) != 0 {
					w.Errorf("%+v, told %d times, %d sent", m, failed.Load(), len(w.server.Messages()))
				}
			})
		})
	}
	t.Run("from before", func(t *testing.T) {
		each(t, func(w *world) {
			w.queue("hello", "ada@example.org")
			w.exec(`UPDATE mails SET body_text = 'An older text', body_html = '<p>An older text</p>'`)
			w.run()
			if got := w.server.Wait(1)[0]; !strings.Contains(got.Text, "An older text") || !strings.Contains(got.HTML, "An older text") {
				w.Errorf("got %+v", got)
			}
		})
	})
}
