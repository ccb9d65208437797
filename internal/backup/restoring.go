package backup

import (
	"context"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// RestoreOrder tells the server to put another state in the place of the present one.
type RestoreOrder struct {
	// Kind is CheckRestore or CheckUndo.
	Kind CheckKind `json:"kind"`
	// Snapshot is what is to be restored, or the path of an archive that was uploaded
	// to an instance without people; "" for CheckUndo.
	Snapshot string `json:"snapshot"`
	// Passphrase opens an encrypted archive. It is never written down.
	Passphrase string `json:"-"`
	// By is the login of who asked, "" for whoever had the setup link.
	By string    `json:"by"`
	IP string    `json:"ip"`
	At time.Time `json:"at"`
	// Notices are the mails about it, which should leave before the present does.
	Notices []id.Mail `json:"-"`
}

// RestoreConfirmation is what people type who mean it.
const RestoreConfirmation = "restore"

// RestoreInput asks for a restore from the page.
type RestoreInput struct {
	// Backup is restored; Undo puts back what was there before the newest restore instead.
	Backup id.Backup
	Undo   bool
	// Token and Password are the requester's, the password for those who have one.
	Token, Password string
	// Confirmation is RestoreConfirmation.
	Confirmation string
}

// RequestRestore orders a restore of one of the instance's own snapshots, or the
// undoing of the newest restore. It is guarded as a backup is, and by a word that
// is typed; only administrators may. All administrators are told. The server
// carries it out at once, and ends all sessions with it.
//
// Faults: those of Request as far as they are about the actor and the token;
// Forbidden for everyone but administrators; Invalid for confirmation and
// password_confirmation; NotFound for the backup; Conflict with CodePending while a
// backup is made, or where no server could carry it out.
func (s *Service) RequestRestore(ctx context.Context, a access.Actor, in RestoreInput) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(in.Confirmation), RestoreConfirmation) {
		return fault.InvalidField("confirmation", "not_confirmed")
	}
	if s.deps.Restore == nil {
		return fault.Conflict("this process cannot restore; use holdfast restore on the server")
	}
	if err := s.confirmOwner(ctx, a, in.Password); err != nil {
		return err
	}
	order := RestoreOrder{Kind: CheckRestore, By: a.Login, IP: a.IP}
	if in.Undo {
		order.Kind = CheckUndo
	}
	refusal, err := db.Write(ctx, s.db, func(tx *db.Tx) (error, error) {
		if err := s.person(ctx, tx, a); err != nil {
			return nil, err
		}
		refusal, err := s.checkToken(ctx, tx, a, in.Token)
		if refusal == nil && err == nil {
			refusal, err = s.orderable(ctx, tx, a, in, &order)
		}
		if err != nil || refusal != nil {
			return refusal, err
		}
		return nil, s.announce(ctx, tx, a, &order)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return err
	}
	return s.deps.Restore(order)
}

// Confirm asks an administrator for what guards a backup: the password, where there
// is one, and the backup token. It guards what brings things back out of snapshots.
//
// Faults: as RequestRestore, about the actor and the token.
func (s *Service) Confirm(ctx context.Context, a access.Actor, token, password string) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	if err := s.confirmOwner(ctx, a, password); err != nil {
		return err
	}
	refusal, err := db.Write(ctx, s.db, func(tx *db.Tx) (error, error) { return s.checkToken(ctx, tx, a, token) })
	if err == nil {
		err = refusal
	}
	return err
}

// orderable finds the snapshot and says what stands against restoring it now.
func (s *Service) orderable(ctx context.Context, tx *db.Tx, a access.Actor, in RestoreInput, order *RestoreOrder) (refusal, err error) {
	order.At = tx.Now()
	_, pending, err := db.One[int64](ctx, tx, db.SQL(`SELECT id FROM backups WHERE state IN ('queued', 'running')`))
	if err != nil {
		return nil, err
	}
	if pending {
		return errPending(), nil
	}
	if in.Undo {
		return nil, nil
	}
	b, err := s.visible(ctx, tx, a, in.Backup)
	if err != nil {
		return nil, err
	}
	if !b.Restorable() {
		return fault.Conflict("the snapshot of this backup is not there any more"), nil
	}
	order.Snapshot = b.Snapshot
	return nil, nil
}

// Restorable says that the repository still holds the snapshot of the backup.
func (b *Backup) Restorable() bool { return b.State.Good() && b.Snapshot != "" && b.RemovedAt == nil }

// announce records the order and tells all administrators.
func (s *Service) announce(ctx context.Context, tx *db.Tx, a access.Actor, order *RestoreOrder) error {
	key := "mail.restoring_text"
	if order.Kind == CheckUndo {
		key = "mail.undoing_text"
	}
	sent, _, err := s.mail(ctx, tx, "backup.restore", a.ID, func(to recipient, owner string) letter {
		return letter{subject: to.say.T("mail.restoring"), link: s.pageLink(), lines: []string{
			to.say.T(key, "who", owner, "snapshot", order.Snapshot), to.say.T("mail.restoring_kept"), to.say.T("mail.address", "address", a.IP),
		}}
	})
	if err != nil {
		return err
	}
	for _, n := range sent {
		order.Notices = append(order.Notices, n)
	}
	return s.record(ctx, tx, a, "backup.restore_requested", "snapshot "+order.Snapshot, audit.OK, map[string]any{"undo": order.Kind == CheckUndo})
}

// RestoreEnded records how an order ended, and tells all administrators. The
// database is the restored one, or the one from before where it failed.
func (s *Service) RestoreEnded(ctx context.Context, order RestoreOrder, report any, cause error) error {
	a := access.System("restore")
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		n, err := db.Insert[int64](ctx, tx, db.SQL(`INSERT INTO backup_checks (kind, state, snapshot, started_at) VALUES (?, 'running', ?, ?) RETURNING id`,
			order.Kind, order.Snapshot, db.At(order.At)))
		if err != nil {
			return err
		}
		if err := s.endCheck(ctx, tx, a, n, order.Kind, order.Snapshot, report, cause); err != nil || cause != nil {
			return err
		}
		_, _, err = s.mail(ctx, tx, "backup.restored", 0, func(to recipient, _ string) letter {
			return letter{subject: to.say.T("mail.restored"), link: s.pageLink(), lines: []string{
				to.say.T("mail.restored_text", "who", or(order.By, to.say.T("mail.setup_link"))),
			}}
		})
		return err
	})
}

func (s *Service) mailRestoreFailed(ctx context.Context, tx *db.Tx, why string) error {
	_, _, err := s.mail(ctx, tx, "backup.restored", 0, func(to recipient, _ string) letter {
		return letter{subject: to.say.T("mail.not_restored"), link: s.pageLink(), lines: []string{
			to.say.T("mail.not_restored_text", "error", Why(to.say, why)), to.say.T("mail.not_restored_hint"),
		}}
	})
	return err
}

// NoticesGone says whether the mails have been accepted or given up.
func (s *Service) NoticesGone(ctx context.Context, notices []id.Mail) (bool, error) {
	if len(notices) == 0 {
		return true, nil
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (bool, error) {
		n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM mails WHERE sent_at IS NULL AND failed_at IS NULL AND`).Append(db.In("id", notices)))
		return n == 0, err
	})
}

// Loss is what was made or changed since a snapshot, and would be gone.
type Loss struct {
	Since time.Time
	Kinds []LossOf
	// Kept is how many snapshots there are since then, which a restore leaves alone.
	Newer int
}

// LossOf is one kind of things: how many, and when the newest came.
type LossOf struct {
	Kind  string
	Count int64
	Last  time.Time
}

// lossTables are what people would miss, by the names of their kinds.
var lossTables = []struct{ kind, table string }{
	{"projects", "projects"}, {"work packages", "work_packages"}, {"comments and changes", "journals"}, {"files", "attachments"}, {"users and groups", "users"},
}

// Loss tells what a restore of the backup would take away. Faults as
// VerifyRepository; NotFound when its snapshot is gone.
func (s *Service) Loss(ctx context.Context, a access.Actor, n id.Backup) (Loss, error) {
	if err := mayCare(a); err != nil {
		return Loss{}, err
	}
	return db.Read(ctx, s.db, func(tx *db.Tx) (Loss, error) {
		b, err := s.visible(ctx, tx, a, n)
		if err == nil && !b.Restorable() {
			err = fault.NotFound("snapshot")
		}
		if err != nil {
			return Loss{}, err
		}
		return s.loss(ctx, tx, b)
	})
}

func (s *Service) loss(ctx context.Context, tx *db.Tx, b Backup) (out Loss, err error) {
	since := b.CreatedAt
	if b.StartedAt != nil {
		since = *b.StartedAt // its rows are not older
	}
	out.Since = since.Time
	type sum struct {
		N    int64   `db:"n"`
		Last db.Time `db:"last_at"`
	}
	for _, t := range lossTables {
		got, err := db.Scalar[sum](ctx, tx, db.SQL(`SELECT COUNT(*) AS n, COALESCE(MAX(created_at), 0) AS last_at FROM `+t.table+` WHERE created_at > ?`, since))
		if err != nil {
			return out, err
		}
		if got.N > 0 {
			out.Kinds = append(out.Kinds, LossOf{t.kind, got.N, got.Last.Time})
		}
	}
	out.Newer, err = db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM backups WHERE id > ? AND snapshot <> '' AND removed_at IS NULL`, b.ID))
	return out, err
}

// Undoable tells of the newest restore that can be undone: when it was, and until
// when it can be. Faults as VerifyRepository.
func (s *Service) Undoable(ctx context.Context, a access.Actor) (at, until time.Time, ok bool, err error) {
	if err := mayCare(a); err != nil || s.deps.Kept == nil {
		return at, until, false, err
	}
	at, until, err = s.deps.Kept(ctx)
	return at, until, err == nil && !at.IsZero(), err
}

// LastRestore returns how the newest restore or undo ended; ok is false when there
// was none. It is also for those who have the setup link.
func (s *Service) LastRestore(ctx context.Context) (Check, bool, error) {
	var found bool
	c, err := db.Read(ctx, s.db, func(tx *db.Tx) (c Check, err error) {
		c, found, err = db.One[Check](ctx, tx, db.SQL(`SELECT `+checkColumns+` FROM backup_checks WHERE kind IN ('restore', 'undo') ORDER BY id DESC LIMIT 1`))
		return c, err
	})
	return c, found, err
}
