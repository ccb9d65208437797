package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/backup/retain"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/message"
)

// real gives the service an engine with a repository of its own.
func real(d *backup.Deps) {
	place := &backup.Place{Location: filepath.Join(d.Dir, "repository"), KeysDir: d.Dir}
	d.Place = place
	d.Engine = &backup.Archiver{Source: archive.Source{DB: d.DB, Keys: d.Keys}, TempDir: d.Dir, Place: place}
	d.Drill = func(_ context.Context, snapshot string, _ func(archive.Progress)) (archive.DrillReport, error) {
		return archive.DrillReport{Snapshot: snapshot, Rows: 3, Took: time.Second}, nil
	}
}

// store gives the engine of real a file store.
func (w *world) store() {
	w.t.Helper()
	s, err := blob.OpenDir(w.t.TempDir())
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, s.Close()) })
	w.deps.Engine.(*backup.Archiver).Source.Blobs = s
}

// work carries out the jobs that are due.
func (w *world) work() {
	w.t.Helper()
	r := job.NewRunner(w.db, slog.New(slog.NewTextHandler(io.Discard, nil)), 1)
	w.Register(r)
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); w.number(`SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running') AND kind <> 'backup.due' AND kind <> 'backup.recover'`) > 0; {
		if time.Now().After(deadline) {
			w.t.Fatal("the jobs do not end")
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	<-done
}

func TestTheScheduleMakesVerifiesProvesAndPrunes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		must(t, w.Due(t.Context()))
		if n := w.number(`SELECT COUNT(*) FROM backups`); n != 0 {
			t.Fatalf("%d backups before the schedule came", n)
		}
		w.clock.Advance(25 * time.Hour)
		must(t, w.Due(t.Context()))
		must(t, w.Due(t.Context())) // a minute later it is not due again
		w.work()
		b := w.find(1)
		if b.Source != backup.SourceSchedule || b.State != backup.Complete || b.Snapshot == "" || w.number(`SELECT COUNT(*) FROM backups`) != 1 {
			t.Fatalf("%+v", b)
		}
		if mails := w.mail.take("backup.result"); len(mails) != 0 {
			t.Errorf("good news of every night: %+v", mails)
		}
		w.clock.Advance(8 * 24 * time.Hour) // the server was off: one is caught up with
		must(t, w.Due(t.Context()))
		w.work()
		if n := w.number(`SELECT COUNT(*) FROM backups`); n != 2 {
			t.Errorf("%d backups after a week off", n)
		}
		for _, kind := range []string{"share", "drill", "prune"} {
			if n := w.number(`SELECT COUNT(*) FROM backup_checks WHERE kind = ? AND state = 'ok'`, kind); n != 1 {
				t.Errorf("%d good checks of kind %s", n, kind)
			}
		}
		st, err := w.Standing(t.Context(), w.root)
		must(t, err)
		if !st.Proven() || st.NextAt.IsZero() || !strings.HasPrefix(st.Sentence(message.At("en", "")), "Backups work") {
			t.Errorf("%+v: %s", st, st.Sentence(message.At("en", "")))
		}
	}, real)
}

func TestMissedAndFailedBackupsRaiseTheAlarm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Due(t.Context()))
		w.clock.Advance(30 * time.Hour)
		w.engine.fail = errors.New("the disk is gone")
		must(t, w.Due(t.Context()))
		must(t, w.Run(t.Context(), 1))
		w.mail.wantTo(t, "backup.result", "root second")
		w.clock.Advance(24 * time.Hour)
		must(t, w.Due(t.Context()))
		must(t, w.Due(t.Context()))
		w.mail.wantTo(t, "backup.missed", "root second") // once
		st, err := w.Standing(t.Context(), w.root)
		must(t, err)
		if st.Proven() || !st.Stale {
			t.Errorf("%+v", st)
		}
		w.clock.Advance(25 * time.Hour)
		must(t, w.Due(t.Context()))
		w.mail.wantTo(t, "backup.missed", "root second") // and every day
	})
}

func TestAWeakerPolicyWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		strong := backup.DefaultPolicy()
		strong.Keep.Daily = 30
		r, err := w.ChangePolicy(t.Context(), w.root, strong)
		must(t, err)
		if r.Keep.Daily != 30 || r.Next != nil {
			t.Errorf("stronger: %+v", r)
		}
		w.mail.wantTo(t, "backup.policy", "root second")
		for name, weaken := range map[string]func(*backup.Policy){
			"keeps less":      func(p *backup.Policy) { p.Keep.Daily = 1 },
			"no drills":       func(p *backup.Policy) { p.DrillDays = 0 },
			"rarer drills":    func(p *backup.Policy) { p.DrillDays = 30 },
			"off":             func(p *backup.Policy) { p.Schedule = "off" },
			"made less often": func(p *backup.Policy) { p.Schedule = "sun 02:00" },
		} {
			weak := strong
			weaken(&weak)
			r, err = w.ChangePolicy(t.Context(), w.root, weak)
			must(t, err)
			if r.Policy != strong || r.Next == nil || *r.Next != weak || r.NextAt.Sub(w.clock.Now()) < 71*time.Hour {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if mails := w.mail.take("backup.policy"); len(mails) == 0 || !strings.Contains(mails[0].Subject, "weakened") {
			t.Errorf("mails %+v", mails)
		}
		r, err = w.ChangePolicy(t.Context(), w.root, strong) // set back in time
		must(t, err)
		if r.Next != nil {
			t.Errorf("%+v", r)
		}
		weak := strong
		weak.Schedule = "off"
		_, err = w.ChangePolicy(t.Context(), w.root, weak)
		must(t, err)
		w.clock.Advance(73 * time.Hour)
		must(t, w.Due(t.Context()))
		r, err = w.Rules(t.Context(), w.root)
		must(t, err)
		if r.Schedule != "off" || r.Next != nil || w.audited("backup.policy_weakened") != 1 {
			t.Errorf("after three days: %+v", r)
		}
		for field, bad := range map[string]func(*backup.Policy){
			"schedule":   func(p *backup.Policy) { p.Schedule = "whenever" },
			"within":     func(p *backup.Policy) { p.Keep.Within = time.Hour },
			"daily":      func(p *backup.Policy) { p.Keep.Daily = -1 },
			"drill_days": func(p *backup.Policy) { p.DrillDays = -1 },
		} {
			p := backup.DefaultPolicy()
			bad(&p)
			_, err := w.ChangePolicy(t.Context(), w.root, p)
			if fs := fault.Fields(err); len(fs) == 0 || !strings.EqualFold(fs[0].Name, field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		_, err = w.ChangePolicy(t.Context(), w.holder, strong)
		wantKind(t, err, fault.KindForbidden)
	})
}

func TestDamageIsFoundToldAndStopsPruning(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		ctx := t.Context()
		for range 4 {
			_, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
			must(t, err)
			w.clock.Advance(40 * 24 * time.Hour)
		}
		w.mail.take("backup.result")
		out, err := w.Prune(ctx, w.root, backup.PruneInput{DryRun: true})
		must(t, err)
		if len(out.Decisions) != 4 {
			t.Fatalf("%+v", out)
		}
		packs, err := filepath.Glob(filepath.Join(w.deps.Dir, "repository", "packs", "*", "*"))
		must(t, err)
		must(t, os.Remove(packs[0]))
		report, err := w.VerifyRepository(ctx, w.root, backup.CheckStructure, nil)
		must(t, err)
		if len(report.Problems) == 0 {
			t.Fatal("a pack that is gone is not found")
		}
		w.mail.wantTo(t, "backup.check", "root second")
		st, err := w.Standing(ctx, w.root)
		must(t, err)
		if st.Proven() || st.Trouble == nil || !strings.HasPrefix(st.Sentence(message.At("en", "")), "Do not rely") {
			t.Errorf("%+v: %s", st, st.Sentence(message.At("en", "")))
		}
		before := w.number(`SELECT COUNT(*) FROM backups WHERE removed_at IS NULL`)
		if _, err := w.Prune(ctx, w.root, backup.PruneInput{}); err == nil {
			t.Error("prunes a repository that is not sound")
		}
		if after := w.number(`SELECT COUNT(*) FROM backups WHERE removed_at IS NULL`); after != before {
			t.Errorf("%d snapshots were let go", before-after)
		}
		_, err = w.VerifyRepository(ctx, w.holder, backup.CheckStructure, nil)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Prune(ctx, w.holder, backup.PruneInput{DryRun: true})
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Drill(ctx, w.holder, "", func(archive.Progress) {})
		wantKind(t, err, fault.KindForbidden)
	}, real)
}

func TestADrillThatFailsIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		_, err := w.Drill(t.Context(), operator, "", func(archive.Progress) {})
		wantKind(t, err, fault.KindNotFound)
		_, err = w.VerifyRepository(t.Context(), operator, backup.CheckFull, nil)
		wantKind(t, err, fault.KindNotFound)
		if st, err := w.Standing(t.Context(), w.root); err != nil || !st.LastVerified.IsZero() || st.Trouble != nil {
			t.Errorf("nothing was verified: %+v, %v", st, err)
		}
		_, err = w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		w.mail.take("backup.result")
		if _, err = w.Drill(t.Context(), operator, "", func(archive.Progress) {}); err == nil || !strings.Contains(err.Error(), "digest") {
			t.Errorf("got %v", err)
		}
		w.mail.wantTo(t, "backup.check", "root second")
		must(t, w.RequestCheck(t.Context(), w.root, backup.CheckDrill))
		wantKind(t, w.RequestCheck(t.Context(), w.root, backup.CheckDrill), fault.KindConflict)
		wantKind(t, w.RequestCheck(t.Context(), w.root, "nonsense"), fault.KindInvalid)
		wantKind(t, w.RequestCheck(t.Context(), w.holder, backup.CheckDrill), fault.KindForbidden)
		wantKind(t, w.RequestCheck(t.Context(), access.Anonymous(""), backup.CheckDrill), fault.KindUnauthenticated)
		checks, err := w.Checks(t.Context(), w.root, 10)
		must(t, err)
		if len(checks) != 1 || checks[0].State != "failed" {
			t.Errorf("%+v", checks)
		}
	}, real, func(d *backup.Deps) {
		d.Drill = func(context.Context, string, func(archive.Progress)) (archive.DrillReport, error) {
			return archive.DrillReport{}, errors.New("table users has another digest")
		}
	})
}

// flip changes a bit of a file and leaves its size alone.
func flip(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)/2] ^= 4
	must(t, os.Chmod(name, 0o600))
	must(t, os.WriteFile(name, b, 0o600))
}

func TestDamageIsStoredAgainByTheNextBackup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		ctx := t.Context()
		_, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		packs, err := filepath.Glob(filepath.Join(w.deps.Dir, "repository", "packs", "*", "*"))
		must(t, err)
		flip(t, packs[0])
		report, err := w.VerifyRepository(ctx, w.root, backup.CheckFull, nil)
		must(t, err)
		if len(report.Problems) != 1 || report.Problems[0].Known {
			t.Fatalf("%+v", report.Problems)
		}
		if mails := w.mail.take("backup.check"); len(mails) != 2 || !strings.Contains(strings.Join(mails[0].Lines, " "), "the next backup stores again what is damaged") {
			t.Errorf("%+v", mails)
		}
		_, err = w.VerifyRepository(ctx, w.root, backup.CheckFull, nil) // nothing has healed it yet
		must(t, err)
		w.mail.wantTo(t, "backup.check", "root second")
		b, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		report, err = w.VerifyRepository(ctx, w.root, backup.CheckFull, nil)
		must(t, err)
		if len(report.Problems) != 1 || !report.Problems[0].Known || slices.Contains(report.Problems[0].Snapshots, b.Snapshot) {
			t.Errorf("%+v", report.Problems)
		}
		checks, err := w.Checks(ctx, w.root, 1)
		must(t, err)
		if checks[0].State != "ok" || checks[0].Known() != 1 {
			t.Errorf("%+v", checks[0])
		}
		_, err = w.Prune(ctx, w.root, backup.PruneInput{}) // the newest backup is whole: no longer frozen
		must(t, err)
	}, real)
}

func TestADrillThatFailsHasItsSnapshotExamined(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		packs, err := filepath.Glob(filepath.Join(w.deps.Dir, "repository", "packs", "*", "*"))
		must(t, err)
		flip(t, packs[0])
		_, err = w.Drill(t.Context(), operator, "", func(archive.Progress) {})
		if !errors.Is(err, repo.ErrDamaged) || !strings.Contains(err.Error(), "packs/") || !strings.Contains(err.Error(), "wrong digest") {
			t.Errorf("got %v", err)
		}
		if notes, _ := filepath.Glob(filepath.Join(w.deps.Dir, "repository", "damaged", "*")); len(notes) != 1 {
			t.Errorf("noted: %v", notes)
		}
	}, real, func(d *backup.Deps) {
		d.Drill = func(context.Context, string, func(archive.Progress)) (archive.DrillReport, error) {
			return archive.DrillReport{}, errors.New("table users has the wrong digest")
		}
	})
}

// The watcher hears of every scheduled backup that is complete, and of no other.
func TestTheWatcherHearsOfScheduledBackupsOnly(t *testing.T) {
	type ear struct {
		calls  atomic.Int32
		answer atomic.Pointer[error]
	}
	var ears sync.Map // by database
	each(t, func(t *testing.T, w *world) {
		held, _ := ears.Load(w.db)
		heard := held.(*ear)
		calls, answer := &heard.calls, &heard.answer
		w.store()
		_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		w.work()
		if calls.Load() != 0 {
			t.Errorf("%d calls for a backup by hand", calls.Load())
		}
		w.clock.Advance(25 * time.Hour)
		must(t, w.Due(t.Context()))
		w.clock.Advance(25 * time.Hour)
		must(t, w.Due(t.Context()))
		w.work()
		if calls.Load() != 1 {
			t.Errorf("%d calls for a scheduled backup", calls.Load())
		}
		refusal := errors.New("the watcher of backups answered 500")
		answer.Store(&refusal)
		w.clock.Advance(25 * time.Hour)
		must(t, w.Due(t.Context()))
		r := job.NewRunner(w.db, slog.New(slog.DiscardHandler), 1)
		w.Register(r)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		waiting := func() bool {
			return w.number(`SELECT COUNT(*) FROM jobs WHERE kind = 'backup.ping' AND state = 'queued' AND attempt > 0 AND last_error LIKE '%answered 500%'`) == 1
		}
		for deadline := time.Now().Add(30 * time.Second); !waiting(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a call that failed does not wait for another try")
			}
		}
		stop()
		<-done
		answer.Store(nil)
		before := calls.Load()
		w.clock.Advance(time.Hour)
		w.work()
		if calls.Load() != before+1 || w.number(`SELECT COUNT(*) FROM jobs WHERE kind = 'backup.ping' AND state = 'dead'`) != 0 {
			t.Errorf("%d calls when the watcher was back", calls.Load()-before)
		}
	}, real, func(d *backup.Deps) {
		heard := &ear{}
		ears.Store(d.DB, heard)
		d.Ping = func(context.Context) error {
			heard.calls.Add(1)
			if p := heard.answer.Load(); p != nil {
				return *p
			}
			return nil
		}
	})
}

func TestASnapshotOnHoldStaysUntilItIsReleased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		ctx := t.Context()
		var made []backup.Backup
		for range 6 {
			b, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
			must(t, err)
			made = append(made, b)
			w.clock.Advance(time.Hour)
		}
		// The place dates snapshots by the clock of the machine; what is dated in the future is kept.
		w.clock.Advance(max(0, time.Since(w.clock.Now())+time.Hour))
		rules := backup.DefaultPolicy()
		w.exec(`DELETE FROM backup_policy`)
		rules.Keep = retain.Policy{Last: 1}
		w.exec(`INSERT INTO backup_policy (id, policy, changed_by, changed_at) VALUES (1, ?, 'test', 0)`, jsonOf(t, rules))
		h, err := w.Hold(ctx, w.root, made[0].Snapshot[:20], "  the auditors want it ")
		must(t, err)
		if h.Snapshot != made[0].Snapshot || h.Reason != "the auditors want it" || h.By != w.root.Name || w.audited("backup.hold") != 1 {
			t.Errorf("%+v", h)
		}
		_, err = w.Hold(ctx, w.root, made[0].Snapshot, "")
		wantKind(t, err, fault.KindConflict)
		_, err = w.Hold(ctx, w.root, "1999", "")
		wantKind(t, err, fault.KindNotFound)
		_, err = w.Hold(ctx, w.root, made[1].Snapshot, strings.Repeat("x", 256))
		wantKind(t, err, fault.KindInvalid)
		_, err = w.Hold(ctx, w.holder, made[1].Snapshot, "")
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Release(ctx, w.holder, made[0].Snapshot)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Holds(ctx, access.Anonymous(""))
		wantKind(t, err, fault.KindUnauthenticated)
		kept := func() string {
			t.Helper()
			_, err := w.Prune(ctx, w.root, backup.PruneInput{})
			must(t, err)
			out := ""
			for i, b := range made {
				if w.find(b.ID).RemovedAt == nil {
					out += strconv.Itoa(i)
				}
			}
			return out
		}
		if got := kept(); got != "045" {
			t.Errorf("kept are %s, want the one on hold and the newest two", got)
		}
		_, err = w.Release(ctx, w.root, "")
		wantKind(t, err, fault.KindNotFound)
		_, err = w.Release(ctx, w.root, "latest")
		wantKind(t, err, fault.KindNotFound)
		_, err = w.Hold(ctx, w.root, "latest", "")
		must(t, err)
		if h, err := w.Release(ctx, w.root, "latest"); err != nil || h.Snapshot != made[5].Snapshot {
			t.Errorf("%+v, %v", h, err)
		}
		w.mail.take("backup.release")
		_, err = w.Release(ctx, w.root, made[0].Snapshot)
		must(t, err)
		w.mail.wantTo(t, "backup.release", "root second")
		if got := kept(); got != "45" || w.audited("backup.release") != 2 {
			t.Errorf("after the release kept are %s", got)
		}
		if all, err := w.Holds(ctx, w.root); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
	}, real)
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}

// A server that may not delete lets nothing go, and that is no failure.
func TestAPlaceThatRefusesDeletingKeepsAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		sim := objstoretest.NewSim()
		sim.Hook = func(c objstoretest.Call) objstoretest.Fault {
			if c.Op == objstoretest.OpDelete {
				return objstoretest.Fault{Err: objstore.ErrDenied}
			}
			return objstoretest.Fault{}
		}
		id, err := age.GenerateX25519Identity()
		must(t, err)
		r, err := repo.Create(t.Context(), sim, repo.Options{}, repo.Recipient{Label: "server", Key: id.Recipient()})
		must(t, err)
		w.deps.Place.Use(r)
		for range 5 {
			_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
			must(t, err)
			sim.Advance(40 * 24 * time.Hour)
			w.clock.Advance(40 * 24 * time.Hour)
		}
		w.exec(`DELETE FROM backup_policy`)
		weak := backup.DefaultPolicy()
		weak.Keep = retain.Policy{Last: 1}
		w.exec(`INSERT INTO backup_policy (id, policy, changed_by, changed_at) VALUES (1, ?, 'test', 0)`, jsonOf(t, weak))
		out, err := w.Prune(t.Context(), w.root, backup.PruneInput{})
		must(t, err)
		if !out.MayNotDelete || w.number(`SELECT COUNT(*) FROM backups WHERE removed_at IS NOT NULL`) != 0 {
			t.Errorf("%+v", out.PruneReport)
		}
		if all, err := r.Snapshots(t.Context()); err != nil || len(all) != 5 {
			t.Errorf("%d snapshots are left, %v", len(all), err)
		}
		st, err := w.Standing(t.Context(), w.root)
		must(t, err)
		if st.Trouble != nil {
			t.Errorf("%+v", st.Trouble)
		}
	}, real)
}
