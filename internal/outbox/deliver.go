package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/mail"
)

// errHeld is why mails wait while mail is held back.
var errHeld = errors.New("outgoing mail is held back after a restore; release it under Administration > Mail")

// heldPause is how soon a mail that is held back is looked at again.
const heldPause = 2 * time.Minute

// settled is the job that tells a hook what became of a mail, when telling it
// at once did not work.
type settled struct{ ID id.Mail }

func (settled) Kind() string { return "mail.settled" }

// Register makes the runner deliver mails.
func (o *Outbox) Register(r *job.Runner) {
	job.Register(r, func(ctx context.Context, d deliver) error { return o.deliver(ctx, d.ID) })
	job.Register(r, func(ctx context.Context, s settled) error {
		return db.Do(ctx, o.db, func(tx *db.Tx) error {
			m, err := find(ctx, tx, s.ID)
			if err != nil {
				return err
			}
			return o.tell(ctx, tx, m)
		})
	})
}

func find(ctx context.Context, tx *db.Tx, n id.Mail) (Mail, error) {
	return db.Find[Mail](ctx, tx, "mail", db.SQL(`SELECT `+columns+` FROM mails WHERE id = ?`, n))
}

// deliver sends one mail. A mail that was accepted just before a crash is sent
// again: twice is better than never.
func (o *Outbox) deliver(ctx context.Context, n id.Mail) error {
	m, err := db.Read(ctx, o.db, func(tx *db.Tx) (Mail, error) { return find(ctx, tx, n) })
	switch {
	case fault.Is(err, fault.KindNotFound) || err == nil && m.SentAt != nil:
		return nil
	case err != nil:
		return err
	case o.sender == nil: // since it was queued
		return o.mark(ctx, m, o.unconfigured())
	case o.quarantined():
		return job.Later(heldPause, errHeld)
	}
	opened, openErr := o.Open(m)
	if openErr != nil {
		return errors.Join(o.settle(context.WithoutCancel(ctx), m, openErr, true), job.Permanent(openErr))
	}
	sendErr := o.sender.Send(ctx, o.message(opened))
	if sendErr != nil && ctx.Err() != nil { // cut off, not refused
		return sendErr
	}
	final := sendErr != nil && (job.IsLast(ctx) || !mail.Temporary(sendErr))
	if err := o.settle(context.WithoutCancel(ctx), m, sendErr, final); err != nil {
		return err
	}
	if final {
		return job.Permanent(sendErr)
	}
	return sendErr
}

// message has the same Message-ID at each attempt.
func (o *Outbox) message(m Mail) mail.Message {
	from := o.sender.From().Address
	domain := from[strings.LastIndexByte(from, '@')+1:]
	return mail.Message{
		To: mail.Address{Name: m.Name, Address: m.Address}, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		Headers: map[string]string{"Message-ID": fmt.Sprintf("<mail.%d.%d@%s>", m.ID, m.CreatedAt.UnixMicro(), domain)},
	}
}

// mark shows why a mail is not sent.
func (o *Outbox) mark(ctx context.Context, m Mail, text string) error {
	return db.Do(ctx, o.db, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, db.SQL(`UPDATE mails SET last_error = ? WHERE id = ? AND sent_at IS NULL`, text, m.ID))
		return err
	})
}

// settle records what became of an attempt and tells the hook.
func (o *Outbox) settle(ctx context.Context, m Mail, sendErr error, final bool) error {
	m.Attempts, m.FailedAt, m.LastError = m.Attempts+1, nil, ""
	if sendErr != nil {
		m.LastError = job.Text(sendErr.Error())
	}
	record := func(then func(tx *db.Tx, m Mail) error) error {
		return db.Do(ctx, o.db, func(tx *db.Tx) error {
			m := m
			switch {
			case sendErr == nil:
				m.SentAt = new(tx.Stamp())
			case final:
				m.FailedAt = new(tx.Stamp())
			}
			n, err := db.Exec(ctx, tx, db.SQL(`UPDATE mails SET attempts = ?, sent_at = ?, failed_at = ?, last_error = ? WHERE id = ? AND sent_at IS NULL`,
				m.Attempts, m.SentAt, m.FailedAt, m.LastError, m.ID))
			if err != nil || n == 0 {
				return err
			}
			return then(tx, m)
		})
	}
	err := record(func(tx *db.Tx, m Mail) error { return o.tell(ctx, tx, m) })
	if err == nil {
		return nil
	}
	return record(func(tx *db.Tx, m Mail) error {
		if m.SentAt == nil && m.FailedAt == nil {
			return nil
		}
		_, err := job.Enqueue(ctx, tx, settled{m.ID})
		return err
	})
}

// tell calls the hook for how the mail ended, if it has.
func (o *Outbox) tell(ctx context.Context, tx *db.Tx, m Mail) error {
	var h Hook
	switch {
	case m.SentAt != nil:
		h = o.accepted[m.Purpose]
	case m.FailedAt != nil:
		h = o.failed[m.Purpose]
	}
	if h == nil {
		return nil
	}
	return h(ctx, tx, m)
}
