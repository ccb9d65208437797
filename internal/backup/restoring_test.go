package backup_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// ordered makes a server that takes orders, and returns those that reach it.
func (w *world) ordered() *[]backup.RestoreOrder {
	var orders []backup.RestoreOrder
	w.deps.Restore = func(o backup.RestoreOrder) error {
		orders = append(orders, o)
		return nil
	}
	w.Service = backup.New(w.deps)
	return &orders
}

// withSnapshot gives a backup the snapshot that the engine of these tests does not take.
func (w *world) withSnapshot(n id.Backup) {
	w.exec(`UPDATE backups SET snapshot = '20261101T020000Z-aaaaaaaaaaaa' WHERE id = ?`, n)
}

func TestARestoreIsGuardedAsABackupIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		orders := w.ordered()
		token, theirs := w.token(w.root), w.token(w.holder)
		b := w.done(w.root, token)
		w.withSnapshot(b.ID)
		ask := func(a access.Actor, change func(*backup.RestoreInput)) error {
			in := backup.RestoreInput{Backup: b.ID, Token: token, Password: password, Confirmation: "restore"}
			if change != nil {
				change(&in)
			}
			return w.RequestRestore(t.Context(), a, in)
		}
		wantKind(t, ask(access.Anonymous(""), nil), fault.KindUnauthenticated)
		wantKind(t, ask(w.holder, func(in *backup.RestoreInput) { in.Token = theirs }), fault.KindForbidden)
		wantKind(t, ask(w.root, func(in *backup.RestoreInput) { in.Confirmation = "yes" }), fault.KindInvalid)
		wantKind(t, ask(w.root, func(in *backup.RestoreInput) { in.Password = otherPassword }), fault.KindInvalid)
		wantCode(t, ask(w.root, func(in *backup.RestoreInput) { in.Token = "hfbk-" + strings.Repeat("0", 64) }), fault.KindForbidden, backup.CodeTokenInvalid)
		wantCode(t, ask(w.second, func(in *backup.RestoreInput) { in.Token = "" }), fault.KindForbidden, backup.CodeTokenInvalid)
		wantKind(t, ask(w.root, func(in *backup.RestoreInput) { in.Backup = 99 }), fault.KindNotFound)
		if len(*orders) != 0 || w.audited("backup.restore_requested") != 0 {
			t.Fatalf("refused, but ordered: %+v", *orders)
		}
		w.mail.take("backup.restore")
		must(t, ask(w.root, nil))
		if len(*orders) != 1 || (*orders)[0].Kind != backup.CheckRestore || (*orders)[0].By != "root" || !strings.HasPrefix((*orders)[0].Snapshot, "20261101") || len((*orders)[0].Notices) != 2 {
			t.Errorf("%+v", *orders)
		}
		w.mail.wantTo(t, "backup.restore", "root second")
		w.exec(`UPDATE backups SET removed_at = 1 WHERE id = ?`, b.ID)
		wantKind(t, ask(w.root, nil), fault.KindConflict)
		wantKind(t, func() error { _, err := w.Loss(t.Context(), w.root, b.ID); return err }(), fault.KindNotFound)
		must(t, ask(w.root, func(in *backup.RestoreInput) { in.Undo, in.Backup = true, 0 }))
		if len(*orders) != 2 || (*orders)[1].Kind != backup.CheckUndo || (*orders)[1].Snapshot != "" {
			t.Errorf("%+v", *orders)
		}
	})
}

func TestNoRestoreWhileABackupIsMadeOrWhereNobodyCarriesItOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		orders := w.ordered()
		token := w.token(w.root)
		b := w.done(w.root, token)
		w.withSnapshot(b.ID)
		_, err := w.request(w.root, token)
		must(t, err)
		in := backup.RestoreInput{Backup: b.ID, Token: token, Password: password, Confirmation: " Restore "}
		wantCode(t, w.RequestRestore(t.Context(), w.root, in), fault.KindConflict, backup.CodePending)
		w.deps.Restore = nil
		wantKind(t, backup.New(w.deps).RequestRestore(t.Context(), w.root, in), fault.KindConflict)
		if len(*orders) != 0 {
			t.Errorf("%+v", *orders)
		}
	})
}

func TestLossCountsWhatCameSince(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.root)
		b := w.done(w.root, token)
		w.withSnapshot(b.ID)
		w.exec(`UPDATE backups SET started_at = created_at WHERE id = ?`, b.ID)
		l, err := w.Loss(t.Context(), w.root, b.ID)
		must(t, err)
		if len(l.Kinds) != 0 || l.Newer != 0 {
			t.Errorf("nothing has come yet: %+v", l)
		}
		w.clock.Advance(time.Hour)
		w.user("late", false)
		later := w.done(w.root, token)
		w.withSnapshot(later.ID)
		l, err = w.Loss(t.Context(), w.root, b.ID)
		must(t, err)
		if len(l.Kinds) != 2 || l.Kinds[1].Count != 1 || l.Kinds[1].Kind != "users and groups" || !l.Kinds[1].Last.After(l.Since) || l.Newer != 1 {
			t.Errorf("%+v", l)
		}
		_, err = w.Loss(t.Context(), w.holder, b.ID)
		wantKind(t, err, fault.KindForbidden)
	})
}

func TestTheEndOfARestoreIsRecordedAndTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, found, err := w.LastRestore(ctx)
		must(t, err)
		if found {
			t.Error("a restore before there was one")
		}
		o := backup.RestoreOrder{Kind: backup.CheckRestore, Snapshot: "s", By: "root", At: w.clock.Now()}
		must(t, w.RestoreEnded(ctx, o, archive.Report{}, errors.New("the disk is full")))
		c, _, err := w.LastRestore(ctx)
		must(t, err)
		if c.State != "failed" || c.Error != "the disk is full" {
			t.Errorf("%+v", c)
		}
		if m := w.mail.wantTo(t, "backup.restored", "root second"); !strings.Contains(strings.Join(m[0].Lines, " "), "The restore failed: the disk of the server is full; free space on it.") {
			t.Errorf("%+v", m[0])
		}
		st, err := w.Standing(ctx, w.root)
		must(t, err)
		if st.Trouble != nil {
			t.Error("a restore that failed says nothing about the backups")
		}
		must(t, w.RestoreEnded(ctx, o, archive.Report{}, nil))
		if m := w.mail.wantTo(t, "backup.restored", "root second"); !strings.Contains(strings.Join(m[0].Lines, " "), "Ordered by root") {
			t.Errorf("%+v", m[0])
		}
	})
}

func TestUndoableSaysUntilWhen(t *testing.T) {
	at := time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
	each(t, func(t *testing.T, w *world) {
		got, until, ok, err := w.Undoable(t.Context(), w.root)
		if err != nil || !ok || !got.Equal(at) || until.Sub(got) != archive.KeepOld {
			t.Errorf("%v %v %v %v", got, until, ok, err)
		}
		_, _, _, err = w.Undoable(t.Context(), w.holder)
		wantKind(t, err, fault.KindForbidden)
		w.deps.Kept = func(context.Context) (a, b time.Time, err error) { return a, b, nil }
		if _, _, ok, err := backup.New(w.deps).Undoable(t.Context(), w.root); ok || err != nil {
			t.Errorf("%v %v", ok, err)
		}
	}, func(d *backup.Deps) {
		d.Kept = func(context.Context) (time.Time, time.Time, error) { return at, at.Add(archive.KeepOld), nil }
	})
}

func TestNoticesGone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		gone, err := w.NoticesGone(t.Context(), nil)
		if !gone || err != nil {
			t.Errorf("%v %v", gone, err)
		}
		w.exec(`INSERT INTO mails (purpose, address, name, subject, body_text, body_html, created_at) VALUES ('x', 'a@b.test', '', '', '', '', 0)`)
		n := id.Mail(w.number(`SELECT MAX(id) FROM mails`))
		gone, err = w.NoticesGone(t.Context(), []id.Mail{n})
		if gone || err != nil {
			t.Errorf("%v %v", gone, err)
		}
		w.exec(`UPDATE mails SET sent_at = 1 WHERE id = ?`, n)
		gone, err = w.NoticesGone(t.Context(), []id.Mail{n})
		if !gone || err != nil {
			t.Errorf("%v %v", gone, err)
		}
	})
}

func TestConfirmAsksForTokenAndPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		token, theirs := w.token(w.root), w.token(w.holder)
		wantKind(t, w.Confirm(ctx, w.holder, theirs, password), fault.KindForbidden)
		wantKind(t, w.Confirm(ctx, access.Anonymous(""), theirs, password), fault.KindUnauthenticated)
		wantKind(t, w.Confirm(ctx, w.root, token, otherPassword), fault.KindInvalid)
		wantCode(t, w.Confirm(ctx, w.root, theirs, password), fault.KindForbidden, backup.CodeTokenInvalid)
		if n := w.number(`SELECT COUNT(*) FROM backup_failures`); n != 1 {
			t.Errorf("%d wrong tokens were counted", n)
		}
		must(t, w.Confirm(ctx, w.root, token, password))
	})
}
