package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

// spool lists the files in the archives' directory.
func (w *world) spool() string {
	w.t.Helper()
	entries, err := os.ReadDir(w.deps.Dir)
	must(w.t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

// started requests a backup and lets it run until its engine waits; wait
// returns what Run returned.
func (w *world) started(ctx context.Context, a access.Actor) (b backup.Backup, wait func() error) {
	w.t.Helper()
	b, err := w.request(a, w.token(a))
	must(w.t, err)
	w.engine.block()
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx, b.ID) }()
	<-w.engine.begun
	return b, func() error { return <-done }
}

func (w *world) unpinned() {
	w.t.Helper()
	if w.number(`SELECT COUNT(*) FROM blob_pins`) != 0 {
		w.t.Error("blobs stay pinned")
	}
}

func TestRunMakesAVerifiedArchive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.done(w.holder, w.token(w.holder))
		if b.State != backup.Complete || b.VerifiedAt == nil || b.Size != 8 || b.RowCount != 9 || b.FileCount != 2 || len(b.SHA256) != 64 || b.FinishedAt == nil {
			t.Errorf("%+v", b)
		}
		st := w.status(b)
		if st.Status != job.Success || st.Payload["download"] != "/api/v3/attachments/1000000001/content" || st.Payload["mime_type"] != "application/zip" {
			t.Errorf("status %+v", st)
		}
		w.mail.wantTo(t, "backup.result", "root second holder")
		if b.Snapshot != "snapshot-1" || b.File != "" || w.spool() != "" || w.audited("backup.complete") != 1 {
			t.Errorf("spool %q", w.spool())
		}
		w.unpinned()
		must(t, w.Run(t.Context(), b.ID)) // delivered twice
		if w.audited("backup.complete") != 1 {
			t.Error("ran twice")
		}
	})
}

func TestRunsThatFail(t *testing.T) {
	cases := []struct {
		name, why string
		prepare   func(w *world)
	}{
		{"disk full", "the disk is full", func(w *world) { w.engine.fail = &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC} }},
		{"quota used up", "the disk quota is used up", func(w *world) { w.engine.fail = &os.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT} }},
		{"file too large", "larger than the system allows", func(w *world) { w.engine.fail = &os.PathError{Op: "write", Path: "x", Err: syscall.EFBIG} }},
		{"no inodes", "inodes", func(w *world) { w.engine.fail = fmt.Errorf("%w: %w", objstore.ErrFull, objstore.ErrNoNames) }},
		{"engine error", "connection lost", func(w *world) { w.engine.fail = errors.New("connection lost") }},
		{"right taken meanwhile", "may not make backups any more", func(w *world) { w.exec(`DELETE FROM role_permissions WHERE permission = 'create_backup'`) }},
		{"requester locked meanwhile", "may not make backups any more", func(w *world) { w.exec(`UPDATE users SET status = 3 WHERE id = ?`, w.holder.ID) }},
		{"spool is no directory", "not a directory", func(w *world) {
			must(w.t, os.Remove(w.deps.Dir))
			must(w.t, os.WriteFile(w.deps.Dir, nil, 0o600))
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				b, err := w.request(w.holder, w.token(w.holder))
				must(t, err)
				tc.prepare(w)
				must(t, w.Run(t.Context(), b.ID))
				b = w.find(b.ID)
				st := w.status(b)
				if b.State != backup.Failed || !strings.Contains(b.Error, tc.why) || st.Status != job.Failure || st.Message != b.Error {
					t.Errorf("%s %q, status %+v", b.State, b.Error, st)
				}
				if mails := w.mail.take("backup.result"); len(mails) != 3 || mails[0].Subject != "Backup failed" {
					t.Errorf("mails %+v", mails)
				}
				if w.number(`SELECT COUNT(*) FROM audit_entries WHERE action = 'backup.failed' AND result = ?`, audit.Failed) != 1 {
					t.Error("not audited")
				}
				w.unpinned()
				if entries, err := os.ReadDir(w.deps.Dir); err == nil && len(entries) > 0 {
					t.Errorf("left behind %v", entries)
				}
			})
		})
	}
}

func TestUnreadableFilesMakeItIncomplete(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.engine.missing = []backup.Missing{{SHA256: "ab", Reason: "no such file"}}
		w.exec(`INSERT INTO attachments (container_type, container_id, author_id, file_name, content_type, size, sha256, md5, created_at, updated_at)
			VALUES ('WorkPackage', 1, ?, 'plan.pdf', 'text/plain', 2048, 'ab', 'y', 0, 0)`, w.root.ID)
		b := w.done(w.holder, w.token(w.holder))
		if b.State != backup.Incomplete || len(b.MissingFiles()) != 1 || w.status(b).Payload["incomplete"] != true {
			t.Errorf("%+v", b)
		}
		mails := w.mail.take("backup.result")
		if mails[0].Subject != "Backup incomplete" || !strings.Contains(strings.Join(mails[0].Lines, " "), "plan.pdf") {
			t.Errorf("%+v", mails[0])
		}
		f, err := w.Download(t.Context(), w.holder, b.ID, backup.DownloadInput{Purpose: backup.APIKey})
		must(t, err)
		must(t, f.Close())
		if !strings.HasSuffix(f.Name, "-incomplete.zip") {
			t.Error(f.Name)
		}
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, wait := w.started(t.Context(), w.holder)
		_, err := w.Cancel(t.Context(), w.user("plain", false), b.ID)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Cancel(t.Context(), w.root, b.ID)
		must(t, err)
		must(t, wait())
		b = w.find(b.ID)
		if b.State != backup.Cancelled || w.status(b).Status != job.Cancelled || w.spool() != "" {
			t.Errorf("%+v, spool %q", b, w.spool())
		}
		w.unpinned()
		_, err = w.Cancel(t.Context(), w.root, b.ID)
		wantKind(t, err, fault.KindConflict)
		w.engine.hold = nil
		q, err := w.request(w.second, w.token(w.second))
		must(t, err)
		_, err = w.Cancel(t.Context(), w.holder, q.ID) // not his
		wantKind(t, err, fault.KindNotFound)
		_, err = w.Cancel(t.Context(), w.second, q.ID)
		must(t, err)
		must(t, w.Run(t.Context(), q.ID))
		if got := w.find(q.ID).State; got != backup.Cancelled {
			t.Error(got)
		}
	})
}

func TestProgressIsSavedAndShutdownGivesBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		b, wait := w.started(ctx, w.holder)
		for w.find(b.ID).Progress().Rows != 7 {
			time.Sleep(time.Millisecond)
		}
		if w.number(`SELECT COUNT(*) FROM blob_pins`) != 1 || w.status(b).Status != job.InProcess {
			t.Error("no pin or no status while it runs")
		}
		stop()
		if err := wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if b = w.find(b.ID); b.State != backup.Queued || w.status(b).Status != job.InQueue || w.spool() != "" {
			t.Errorf("%+v", b)
		}
		w.unpinned()
		w.engine.hold = nil
		must(t, w.Run(t.Context(), b.ID))
		if got := w.find(b.ID).State; got != backup.Complete {
			t.Error(got)
		}
	})
}

// crash leaves what a killed server leaves in the middle of a backup.
func (w *world) crash(a access.Actor) backup.Backup {
	w.t.Helper()
	b, err := w.request(a, w.token(a))
	must(w.t, err)
	w.exec(`UPDATE backups SET state = 'running', file = 'backup-1.zip' WHERE id = ?`, b.ID)
	w.exec(`INSERT INTO blob_pins (holder, since, lease_until) VALUES ('backup 1', 0, ?)`, w.clock.Now().Add(2*time.Minute).UnixMicro())
	must(w.t, os.WriteFile(filepath.Join(w.deps.Dir, "backup-1.zip.part"), []byte("ro"), 0o600))
	return b
}

// hold locks a file in the spool as a living runner does.
func (w *world) hold(name string) (free func()) {
	w.t.Helper()
	f, err := os.Open(filepath.Join(w.deps.Dir, name))
	must(w.t, err)
	must(w.t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	return func() { must(w.t, f.Close()) }
}

func TestCrashEndsAsFailed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.crash(w.holder)
		must(t, os.WriteFile(filepath.Join(w.deps.Dir, "notes.txt"), nil, 0o600))
		free := w.hold("backup-1.zip.part")
		must(t, w.Recover(t.Context(), false)) // the lease still holds: another process is at work
		wantKind(t, w.Run(t.Context(), b.ID), fault.KindConflict)
		if w.find(b.ID).State != backup.Running || w.spool() != "backup-1.zip.part notes.txt" {
			t.Fatal("ended while its lease held")
		}
		free()
		must(t, w.Recover(t.Context(), true))
		if b = w.find(b.ID); b.State != backup.Failed || !strings.Contains(b.Error, "server stopped") || w.status(b).Status != job.Failure {
			t.Errorf("%+v", b)
		}
		if w.spool() != "notes.txt" {
			t.Errorf("spool %q", w.spool())
		}
		w.unpinned()
		must(t, w.Run(t.Context(), b.ID))
		w.done(w.root, w.token(w.root))
	})
	each(t, func(t *testing.T, w *world) {
		b := w.crash(w.holder)
		must(t, w.Run(t.Context(), b.ID)) // nobody holds the file: no need to wait for the lease
		if got := w.find(b.ID); got.State != backup.Failed {
			t.Errorf("%+v", got)
		}
	})
	each(t, func(t *testing.T, w *world) {
		b := w.crash(w.holder)
		must(t, os.Remove(filepath.Join(w.deps.Dir, "backup-1.zip.part"))) // on another machine, perhaps
		wantKind(t, w.Run(t.Context(), b.ID), fault.KindConflict)
		w.clock.Advance(3 * time.Minute)
		must(t, w.Run(t.Context(), b.ID)) // the job is delivered again after its lease
		if got := w.find(b.ID); got.State != backup.Failed {
			t.Errorf("%+v", got)
		}
	})
}

func TestQueuedForADayIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, err := w.request(w.holder, w.token(w.holder))
		must(t, err)
		must(t, w.Recover(t.Context(), true))
		if w.find(b.ID).State != backup.Queued {
			t.Fatal("a queued backup is lost at a restart")
		}
		w.clock.Advance(25 * time.Hour)
		must(t, w.Recover(t.Context(), false))
		if got := w.find(b.ID); got.State != backup.Failed {
			t.Errorf("%+v", got)
		}
	})
}

func TestDownload(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.done(w.holder, w.token(w.holder))
		api := backup.DownloadInput{Purpose: backup.APIKey}
		page := backup.DownloadInput{Purpose: backup.Page, Password: password}
		get := func(a access.Actor, in backup.DownloadInput) error {
			f, err := w.Download(ctx, a, b.ID, in)
			if err != nil {
				return err
			}
			content, err := io.ReadAll(f)
			if string(content) != "rowsSEAL" || f.Size != 8 || !strings.HasPrefix(f.Tag, b.SHA256) || !strings.HasPrefix(f.Name, "holdfast-backup-2026") {
				t.Errorf("file %+v holds %q", f, content)
			}
			return errors.Join(err, f.Close())
		}
		must(t, get(w.holder, api))
		must(t, get(w.holder, api))
		w.mail.wantTo(t, "backup.download", "root second holder") // once for both
		w.clock.Advance(11 * time.Minute)
		must(t, get(w.holder, page))
		w.mail.wantTo(t, "backup.download", "root second holder")
		if w.audited("backup.download") != 3 {
			t.Error("not every download is audited")
		}
		wantKind(t, get(w.root, api), fault.KindNotFound)
		must(t, get(w.root, page))
		wantKind(t, get(w.root, backup.DownloadInput{Purpose: backup.Page}), fault.KindInvalid)
		plain := w.user("plain", false)
		wantKind(t, get(plain, page), fault.KindForbidden)
		w.grant(plain)
		wantKind(t, get(plain, page), fault.KindNotFound)
		w.clock.Advance(24 * time.Hour)
		wantKind(t, get(w.holder, api), fault.KindNotFound)
		must(t, get(w.holder, page))
		w.exec(`DELETE FROM role_permissions WHERE permission = 'create_backup'`)
		wantKind(t, get(w.holder, page), fault.KindForbidden)
		w.engine.snapshots = nil
		wantKind(t, get(w.root, page), fault.KindNotFound)
	})
}

func TestPeopleWithoutPasswordConfirmDownloadsWithTheirToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder)
		b := w.done(w.holder, token)
		w.external(w.holder)
		_, err := w.Download(t.Context(), w.holder, b.ID, backup.DownloadInput{Purpose: backup.Page})
		wantCode(t, err, fault.KindForbidden, backup.CodeTokenInvalid)
		f, err := w.Download(t.Context(), w.holder, b.ID, backup.DownloadInput{Purpose: backup.Page, Token: token})
		must(t, err)
		must(t, f.Close())
	})
}

func TestHistoryShowsOwnBackupsAndAdministratorsAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.done(w.holder, w.token(w.holder))
		w.done(w.root, w.token(w.root))
		for a, want := range map[*access.Actor]int{&w.holder: 1, &w.second: 2} {
			out, total, err := w.List(t.Context(), *a, backup.Filter{Limit: 1})
			must(t, err)
			if total != want || len(out) != 1 {
				t.Errorf("%s sees %d", a.Login, total)
			}
		}
		_, err := w.Find(t.Context(), w.holder, 2)
		wantKind(t, err, fault.KindNotFound)
	})
}

func TestCommandMakesABackupWithoutToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := filepath.Join(t.TempDir(), "deep", "copy.zip")
		_, err := w.RunInline(t.Context(), w.root, path, backup.InlineOptions{})
		wantKind(t, err, fault.KindForbidden)
		b, err := w.RunInline(t.Context(), operator, path, backup.InlineOptions{Attachments: true})
		must(t, err)
		if content, _ := os.ReadFile(path); string(content) != "rowsSEAL" || b.State != backup.Complete || b.File != path {
			t.Errorf("%+v holds %q", b, content)
		}
		w.mail.wantTo(t, "backup.result", "root second")
		_, err = w.RunInline(t.Context(), operator, path, backup.InlineOptions{})
		wantKind(t, err, fault.KindInvalid)
		f, err := w.Download(t.Context(), w.root, b.ID, backup.DownloadInput{Purpose: backup.Page, Password: password})
		must(t, err)
		must(t, f.Close())
		w.engine.noSeal = true
		_, err = w.RunInline(t.Context(), operator, path+"1", backup.InlineOptions{})
		if err == nil || !strings.Contains(err.Error(), "the seal is missing") {
			t.Errorf("got %v", err)
		}
		w.engine.noSeal = false
		b, err = w.RunInline(t.Context(), operator, "", backup.InlineOptions{})
		must(t, err)
		if b.File != "" || b.Snapshot == "" || w.spool() != "" {
			t.Errorf("without a path: %+v, %q", b, w.spool())
		}
		w.engine.fail = syscall.ENOSPC
		_, err = w.RunInline(t.Context(), operator, path+"2", backup.InlineOptions{})
		if !errors.Is(err, syscall.ENOSPC) || w.find(b.ID+1).State != backup.Failed {
			t.Errorf("got %v", err)
		}
		w.engine.fail = nil
		_, err = w.request(w.root, w.token(w.root))
		must(t, err)
		_, err = w.RunInline(t.Context(), operator, path+"3", backup.InlineOptions{})
		wantCode(t, err, fault.KindConflict, backup.CodePending)
	})
}

func TestTheNextCommandSettlesAKilledOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		killed, next := filepath.Join(dir, "killed.zip"), filepath.Join(dir, "next.zip")
		w.exec(`INSERT INTO backups (source, state, requested_by, include_attachments, file, created_at, started_at)
			VALUES ('command', 'running', 'operator: root', TRUE, ?, 0, 0)`, killed)
		w.exec(`INSERT INTO blob_pins (holder, since, lease_until) VALUES ('backup 1', 0, ?)`, w.clock.Now().Add(2*time.Minute).UnixMicro())
		must(t, os.WriteFile(killed+".part", []byte("ro"), 0o600))
		f, err := os.Open(killed + ".part")
		must(t, err)
		must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
		_, err = w.RunInline(t.Context(), operator, next, backup.InlineOptions{}) // it is alive
		wantCode(t, err, fault.KindConflict, backup.CodePending)
		_, err = w.RunInline(t.Context(), operator, killed, backup.InlineOptions{}) // and writes there
		wantKind(t, err, fault.KindConflict)
		must(t, f.Close())
		_, err = w.RunInline(t.Context(), operator, next, backup.InlineOptions{})
		must(t, err)
		if got, _ := filepath.Glob(dir + "/*"); len(got) != 1 || got[0] != next || w.find(1).State != backup.Failed {
			t.Errorf("left %v, the killed one is %s", got, w.find(1).State)
		}
		w.unpinned()
	})
}

func TestAnInterruptedCommandLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, interrupt := context.WithCancel(t.Context())
		dir := t.TempDir()
		w.engine.block()
		done := make(chan error, 1)
		go func() {
			_, err := w.RunInline(ctx, operator, filepath.Join(dir, "copy.zip"), backup.InlineOptions{})
			done <- err
		}()
		<-w.engine.begun
		interrupt()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if left, _ := filepath.Glob(dir + "/*"); len(left) != 0 || w.find(1).State != backup.Cancelled {
			t.Errorf("left %v, the backup is %s", left, w.find(1).State)
		}
		w.unpinned()
	})
}

func TestAttachmentIdsOfBackups(t *testing.T) {
	for n, want := range map[id.Attachment]id.Backup{1: 0, 1_000_000_000: 0, 1_000_000_007: 7} {
		got, ok := backup.FromAttachment(n)
		if ok != (want > 0) || ok && (got != want || backup.AttachmentID(got) != n) {
			t.Errorf("%d is backup %d, %v", n, got, ok)
		}
	}
}
