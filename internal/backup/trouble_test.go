package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// simulated puts the repository of the place into a store that fails as told.
func (w *world) simulated() (*objstoretest.Sim, age.Identity) {
	w.t.Helper()
	w.store()
	sim := objstoretest.NewSim()
	key, err := age.GenerateX25519Identity()
	must(w.t, err)
	r, err := repo.Create(w.t.Context(), sim, repo.Options{}, repo.Recipient{Label: "server", Key: key.Recipient()})
	must(w.t, err)
	w.deps.Place.Use(r)
	return sim, key
}

// Every call to the place fails once in everything that is done with it. It is said,
// or was made good at once; afterwards all is whole, and it can be done again.
func TestEveryCallToThePlaceFails(t *testing.T) {
	exports := 0
	operations := []struct {
		name string
		do   func(w *world) error
	}{
		{"backup", func(w *world) error {
			_, err := w.RunInline(w.t.Context(), operator, "", backup.InlineOptions{Attachments: true})
			return err
		}},
		{"verify", func(w *world) error { return w.sound(backup.CheckStructure) }},
		{"drill", func(w *world) error {
			_, err := w.Drill(w.t.Context(), operator, "", func(archive.Progress) {})
			return err
		}},
		{"export", func(w *world) error {
			exports++
			path := filepath.Join(w.deps.Dir, fmt.Sprintf("%d.zip", exports))
			_, err := w.Export(w.t.Context(), operator, "latest", path, backup.ExportOptions{Attachments: true})
			if _, gone := os.Stat(path); (err == nil) != (gone == nil) {
				w.t.Errorf("an export that ended with %v: %v", err, gone)
			}
			return err
		}},
		{"prune", func(w *world) error { _, err := w.Prune(w.t.Context(), operator, backup.PruneInput{}); return err }},
		{"kit", func(w *world) error { _, err := w.IssueKit(w.t.Context(), operator, true); return err }},
	}
	each(t, func(t *testing.T, w *world) {
		sim, key := w.simulated()
		for range 2 {
			must(t, operations[0].do(w))
			w.clock.Advance(time.Hour)
			sim.Advance(time.Hour)
		}
		known := w.number(`SELECT MAX(id) FROM backups`)
		for _, op := range operations {
			for n, hit := 1, true; hit; n += stride {
				place := sim.Clone() // each try finds what the one before found
				r, err := repo.Open(t.Context(), place, repo.Options{}, key)
				must(t, err)
				w.deps.Place.Use(r)
				hit = w.without(place, n, op.name, op.do)
				report, err := r.Verify(t.Context(), repo.VerifyOptions{Shares: 1})
				must(t, err)
				if len(report.Problems) > 0 || report.Snapshots < 2 {
					t.Fatalf("after %s without call %d: %+v", op.name, n, report)
				}
				w.exec(`UPDATE backup_checks SET state = 'ok' WHERE state = 'failed'`)
				w.exec(`DELETE FROM backups WHERE id > ?`, known)
			}
		}
	}, real)
}

// without does something while the n-th call to the place fails, and says whether there was one.
func (w *world) without(place *objstoretest.Sim, n int, name string, do func(*world) error) (hit bool) {
	w.t.Helper()
	first := len(place.Calls())
	place.Hook = func(c objstoretest.Call) objstoretest.Fault {
		if c.N-first != n {
			return objstoretest.Fault{}
		}
		hit = true
		return objstoretest.Fault{Err: objstore.ErrUnavailable}
	}
	before := w.number(`SELECT COUNT(*) FROM backups WHERE state = 'complete'`)
	err := do(w)
	place.Hook = nil
	if err != nil && (!hit || !errors.Is(err, objstore.ErrUnavailable)) {
		w.t.Fatalf("%s without call %d: %v", name, n, err)
	}
	if made := w.number(`SELECT COUNT(*) FROM backups WHERE state = 'complete'`) - before; name == "backup" && (err == nil) != (made == 1) {
		w.t.Errorf("backup without call %d: %v, and %d more are called complete", n, err, made)
	}
	return hit
}

// sound verifies and wants nothing found.
func (w *world) sound(kind backup.CheckKind) error {
	report, err := w.VerifyRepository(w.t.Context(), operator, kind, nil)
	if err == nil && len(report.Problems) > 0 {
		w.t.Errorf("found %+v", report.Problems)
	}
	return err
}

// A place that lies about the new snapshot is found out before the backup is called good.
func TestABackupThatIsNotWholeIsNoBackup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sim, _ := w.simulated()
		sim.Hook = func(c objstoretest.Call) objstoretest.Fault {
			return objstoretest.Fault{Vanish: c.Op == objstoretest.OpPut && strings.HasPrefix(c.Name, "packs/")}
		}
		b, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		if err == nil {
			t.Fatalf("%+v", b)
		}
		if w.number(`SELECT COUNT(*) FROM backups WHERE state = 'failed' AND error <> ''`) != 1 {
			t.Errorf("not noted: %v", err)
		}
		w.mail.wantTo(t, "backup.result", "root second")
	}, real)
}

func TestPlacesThatCannotKeepBackups(t *testing.T) {
	for name, tc := range map[string]struct {
		hook       func(objstoretest.Call) objstoretest.Fault
		says, hint string
	}{
		"it does not keep what it took": {
			func(c objstoretest.Call) objstoretest.Fault {
				return objstoretest.Fault{StoreFlipped: c.Op == objstoretest.OpPut}
			}, "cannot keep backups", "backup.repository",
		},
		"names can be taken twice": {
			func(c objstoretest.Call) objstoretest.Fault {
				return objstoretest.Fault{IgnoreCondition: c.Op == objstoretest.OpPut}
			}, "keep two writers apart", "If-None-Match",
		},
		"it is away": {
			func(c objstoretest.Call) objstoretest.Fault {
				if c.Op == objstoretest.OpPut {
					return objstoretest.Fault{Err: objstore.ErrUnavailable}
				}
				return objstoretest.Fault{}
			}, "cannot be reached", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			sim := objstoretest.NewSim()
			sim.Hook = tc.hook
			place := &backup.Place{KeysDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))}
			_, err := place.MakeIn(t.Context(), sim)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v", err)
			}
			if tc.hint != "" && (fault.Of(err) == nil || !strings.Contains(fault.Of(err).Hint, tc.hint) || !strings.Contains(log.String(), "finding=")) {
				t.Errorf("hint %+v, log %s", fault.Of(err), log.String())
			}
			sim.Hook = nil
			if left := sim.Names("format"); len(left) != 0 {
				t.Errorf("a repository was made: %v", left)
			}
			_, err = place.MakeIn(t.Context(), sim) // mended, with the key of before
			must(t, err)
		})
	}
}

func TestKeysOfThePlace(t *testing.T) {
	dir := t.TempDir()
	gone := &backup.Place{Location: filepath.Join(dir, "a"), KeysDir: filepath.Join(dir, "no", "such")}
	if _, err := gone.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "make a key") {
		t.Errorf("without a directory for the key: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "a")); len(left) != 0 {
		t.Errorf("a repository nobody has the key of: %v", left)
	}
	// Servers that begin at once agree on one key.
	var keys sync.Map
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			p := &backup.Place{Location: filepath.Join(dir, "b"), KeysDir: dir}
			r, err := p.Open(context.WithoutCancel(t.Context()))
			if err != nil {
				return // another was making it just then
			}
			keys.Store(r.ID(), n)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	found := 0
	keys.Range(func(any, any) bool { found++; return true })
	p := &backup.Place{Location: filepath.Join(dir, "b"), KeysDir: dir}
	r, err := p.Open(t.Context())
	must(t, err)
	defer func() { must(t, p.Close()) }()
	if _, ok := keys.Load(r.ID()); found != 1 || !ok {
		t.Errorf("%d repositories were made", found)
	}
	format := filepath.Join(dir, "b", "format")
	must(t, os.Chmod(format, 0o600))
	must(t, os.WriteFile(format, []byte(`{"format":"holdfast-repository","version":2,"id":""}`), 0o600))
	_, err = (&backup.Place{Location: filepath.Join(dir, "b"), KeysDir: dir}).Open(t.Context())
	if !errors.Is(err, repo.ErrNewer) || !strings.Contains(fault.Of(err).Hint, "newer one") {
		t.Errorf("a newer format: %v", err)
	}
}

func TestAdoptingNeedsAPlaceAndSomewhereForTheKey(t *testing.T) {
	dir := t.TempDir()
	key, err := age.GenerateX25519Identity()
	must(t, err)
	if _, err := (&backup.Place{Location: "ftp://x/y", KeysDir: dir}).Adopt(t.Context(), key); err == nil || !strings.Contains(fault.Of(err).Hint, "backup.repository") {
		t.Errorf("an address that is none: %v", err)
	}
	store, err := objstore.NewDir(filepath.Join(dir, "repository"))
	must(t, err)
	defer func() { must(t, store.Close()) }()
	_, err = repo.Create(t.Context(), store, repo.Options{}, repo.Recipient{Label: "recovery", Key: key.Recipient()})
	must(t, err)
	p := &backup.Place{Location: filepath.Join(dir, "repository"), KeysDir: filepath.Join(dir, "no", "such")}
	if _, err := p.Adopt(t.Context(), key); err == nil || !strings.Contains(err.Error(), "make a key") {
		t.Errorf("nowhere for the key: %v", err)
	}
	if got := (&backup.Place{Location: "s3://bucket/plan"}).Address(); got != "s3://bucket/plan" {
		t.Errorf("a bucket lies at %s", got)
	}
}

// breaking is an archive whose writing ends with an error after its first bytes.
type breaking struct{ err error }

func (b breaking) Size() int64 { return 8 }

func (b breaking) WriteTo(_ context.Context, w io.Writer, _ int64) error {
	_, err := io.WriteString(w, "rows")
	return errors.Join(err, b.err)
}

// breaker is an engine whose archives break.
type breaker struct {
	*engine
	err error
}

func (b breaker) Open(context.Context, string, bool) (backup.Archive, error) {
	return breaking{b.err}, nil
}

func TestExportsThatCannotBeWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, dir := t.Context(), t.TempDir()
		b, err := w.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		key, err := age.GenerateX25519Identity()
		must(t, err)
		path := filepath.Join(dir, "copy.zip")
		_, err = w.Export(ctx, w.root, b.Snapshot, path, backup.ExportOptions{})
		wantKind(t, err, fault.KindForbidden)
		_, err = w.Export(ctx, operator, "none", path, backup.ExportOptions{})
		if !errors.Is(err, repo.ErrNoSnapshot) {
			t.Errorf("a snapshot that is none: %v", err)
		}
		must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("mine"), 0o600))
		_, err = w.Export(ctx, operator, b.Snapshot, filepath.Join(dir, "file"), backup.ExportOptions{})
		wantKind(t, err, fault.KindInvalid)
		_, err = w.Export(ctx, operator, b.Snapshot, filepath.Join(dir, "file", "copy.zip"), backup.ExportOptions{})
		if err == nil {
			t.Error("below a file")
		}
		must(t, os.MkdirAll(path+".part", 0o700)) // what is to be written is a directory
		if _, err = w.Export(ctx, operator, b.Snapshot, path, backup.ExportOptions{}); err == nil || !strings.Contains(err.Error(), "create archive") {
			t.Errorf("in the place of a directory: %v", err)
		}
		must(t, os.Remove(path+".part"))
		full := w.deps
		for cause, hint := range map[error]string{syscall.ENOSPC: "free space", syscall.EDQUOT: "raise the quota", syscall.EFBIG: "ulimit -f"} {
			full.Engine = breaker{w.engine, &os.PathError{Op: "write", Path: path, Err: cause}}
			_, err = backup.New(full).Export(ctx, operator, b.Snapshot, path, backup.ExportOptions{Recipients: []age.Recipient{key.Recipient()}})
			if !errors.Is(err, cause) || fault.Of(err) == nil || !strings.Contains(fault.Of(err).Hint, dir) || !strings.Contains(fault.Of(err).Hint, hint) {
				t.Errorf("%v: %v", cause, err)
			}
		}
		stopped, stop := context.WithCancel(ctx)
		stop()
		if _, err = w.Export(stopped, operator, b.Snapshot, path, backup.ExportOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped: %v", err)
		}
		if left, _ := filepath.Glob(dir + "/*"); len(left) != 1 || w.audited("backup.export") != 0 {
			t.Errorf("left %v, %d audited", left, w.audited("backup.export"))
		}
		// For somebody else's key: only what was written can be compared.
		_, err = w.Export(ctx, operator, b.Snapshot, path, backup.ExportOptions{Recipients: []age.Recipient{key.Recipient()}})
		must(t, err)
		f, err := os.Open(path)
		must(t, err)
		defer func() { must(t, f.Close()) }()
		plain, err := age.Decrypt(f, key)
		must(t, err)
		if text, err := io.ReadAll(plain); err != nil || string(text) != "rowsSEAL" {
			t.Errorf("holds %q, %v", text, err)
		}
	})
}

func TestDownloadsCanBeReadFromAnywhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.done(w.holder, w.token(w.holder))
		f, err := w.Download(t.Context(), w.holder, b.ID, backup.DownloadInput{Purpose: backup.APIKey})
		must(t, err)
		defer func() { must(t, f.Close()) }()
		if _, err := f.Seek(-1, io.SeekStart); err == nil {
			t.Error("before the beginning")
		}
		for _, at := range []struct {
			offset int64
			whence int
			want   string
		}{{2, io.SeekStart, "wsSEAL"}, {-4, io.SeekEnd, "SEAL"}, {-8, io.SeekCurrent, "rowsSEAL"}, {0, io.SeekEnd, ""}} {
			_, err := f.Seek(at.offset, at.whence)
			must(t, err)
			if got, err := io.ReadAll(f); err != nil || string(got) != at.want {
				t.Errorf("from %+v: %q, %v", at, got, err)
			}
		}
	})
}

// A check that the schedule began and that fails is logged, and not tried at once.
func TestACheckOfTheScheduleThatFailsIsLogged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sim, _ := w.simulated()
		_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		sim.Hook = func(objstoretest.Call) objstoretest.Fault { return objstoretest.Fault{Err: objstore.ErrDenied} }
		for _, kind := range []backup.CheckKind{backup.CheckDrill, backup.CheckPrune, backup.CheckShare} {
			must(t, w.RequestCheck(t.Context(), w.root, kind))
		}
		w.work()
		if n := w.number(`SELECT COUNT(*) FROM jobs WHERE kind = 'backup.check' AND state <> 'done'`); n != 0 {
			t.Errorf("%d checks are tried again", n)
		}
		st, err := w.Standing(t.Context(), w.root)
		must(t, err)
		if st.Trouble == nil || !strings.Contains(st.Trouble.Error, "refuses access") {
			t.Errorf("%+v", st)
		}
	}, real, func(d *backup.Deps) { d.Log = slog.New(slog.DiscardHandler) })
}

// Where no file of an archive can be removed, or the directory is not there yet, the rest goes on.
func TestWhatNobodyNamesIsSwept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		kept := filepath.Join(w.deps.Dir, "notes.txt")
		must(t, os.WriteFile(kept, nil, 0o600))
		for _, name := range []string{"backup-7.zip", "backup-7.zip.part", "command-12.zip.part"} {
			must(t, os.WriteFile(filepath.Join(w.deps.Dir, name), []byte("x"), 0o600))
		}
		must(t, w.Recover(t.Context(), true))
		if got := w.spool(); got != "notes.txt" {
			t.Errorf("left %q", got)
		}
		must(t, os.RemoveAll(w.deps.Dir))
		must(t, w.Recover(t.Context(), true))
		must(t, os.WriteFile(w.deps.Dir, nil, 0o600))
		if err := w.Recover(t.Context(), true); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("where the directory is a file: %v", err)
		}
	})
}

// Damaged rows of the database are shown empty, and never stop the page.
func TestRowsThatCannotBeRead(t *testing.T) {
	b := backup.Backup{ProgressJSON: "{", MissingJSON: "["}
	if b.Progress() != (backup.Progress{}) || b.MissingFiles() != nil {
		t.Errorf("%+v", b)
	}
	if c := (backup.Check{Kind: backup.CheckFull, State: "ok", Report: "{"}); c.Known() != 0 {
		t.Error("known damage of a report that cannot be read")
	}
	if _, ok := (backup.Check{Kind: backup.CheckFull, Report: "{}"}).Drill(); ok {
		t.Error("a verification is no drill")
	}
	each(t, func(t *testing.T, w *world) {
		for _, row := range []string{`'{', '', NULL`, `'{}', '{', 99999999999999999`} {
			w.exec(`DELETE FROM backup_policy`)
			w.exec(`INSERT INTO backup_policy (id, changed_by, changed_at, policy, next, next_at) VALUES (1, 'test', 0, ` + row + `)`)
			if _, err := w.Rules(t.Context(), w.root); err == nil || !strings.Contains(err.Error(), "read the backup policy") {
				t.Errorf("%s: %v", row, err)
			}
			if err := w.Due(t.Context()); err == nil {
				t.Errorf("%s: the schedule goes on without a policy", row)
			}
		}
	})
}

// silent is a mail queue that takes nothing.
type silent struct{}

func (silent) Queue(context.Context, *db.Tx, account.Notice) (id.Mail, error) {
	return 0, errRefused
}

// What has to be told and cannot be is not done either.
func TestNothingHappensUntold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder)
		d := w.deps
		d.Mail = silent{}
		untold := backup.New(d)
		before := w.fingerprint()
		for name, do := range map[string]func() error{
			"token":  func() error { _, err := untold.CreateToken(t.Context(), w.root, password); return err },
			"policy": func() error { _, err := untold.ChangePolicy(t.Context(), w.root, backup.DefaultPolicy()); return err },
			"delete": func() error { return untold.DeleteToken(t.Context(), w.holder, password) },
		} {
			if err := do(); !errors.Is(err, errRefused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := w.fingerprint(); before != after {
			t.Errorf("before %v, after %v", before, after)
		}
		_, err := w.request(w.holder, token)
		must(t, err)
	})
}

// Mails name the first files that are missing and count the rest; who has no address,
// or that of another administrator, gets none.
func TestMailsToManyAboutMuch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE users SET mail = NULL WHERE id = ?`, w.second.ID)
		for n := range 25 {
			w.engine.missing = append(w.engine.missing, backup.Missing{SHA256: fmt.Sprint(n), Name: fmt.Sprintf("plan-%d.txt", n), Reason: "no such file"})
		}
		_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		mails := w.mail.wantTo(t, "backup.result", "root")
		text := strings.Join(mails[0].Lines, "\n")
		if !strings.Contains(text, "plan-19.txt") || strings.Contains(text, "plan-20.txt") || !strings.Contains(text, "5 more") {
			t.Error(text)
		}
	})
}

// A run that another process ended meanwhile does not call itself complete.
func TestARunThatWasEndedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, wait := w.started(t.Context(), w.holder)
		w.exec(`UPDATE backups SET state = 'failed', error = 'ended' WHERE id = ?`, b.ID)
		close(w.engine.hold)
		if err := wait(); err != nil && !strings.Contains(err.Error(), "meanwhile") {
			t.Errorf("got %v", err)
		}
		if got := w.find(b.ID); got.State != backup.Failed || got.Error != "ended" {
			t.Errorf("%+v", got)
		}
	})
}

func TestOperatorsHaveNoTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.TokenState(t.Context(), operator)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.request(operator, "x")
		wantKind(t, err, fault.KindForbidden)
	})
}

// A drill that somebody interrupts, or the end of the server, proves nothing: the
// backups are neither doubted for it, nor is anybody told, nor does pruning stop.
func TestAnInterruptedDrillRaisesNoAlarm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		ctx, interrupt := context.WithCancel(t.Context())
		w.deps.Drill = func(ctx context.Context, _ string, _ func(archive.Progress)) (archive.DrillReport, error) {
			interrupt()
			return archive.DrillReport{}, ctx.Err()
		}
		if _, err := backup.New(w.deps).Drill(ctx, operator, "", func(archive.Progress) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		st, err := w.Standing(t.Context(), w.root)
		must(t, err)
		if st.Trouble != nil || w.number(`SELECT COUNT(*) FROM backup_checks`) != 0 || w.audited("backup.drill") != 1 {
			t.Errorf("%+v", st)
		}
		w.mail.wantTo(t, "backup.check", "")
		_, err = w.Prune(t.Context(), w.root, backup.PruneInput{})
		must(t, err)
	}, real)
}

// An export tells how much has been written, up to all of it, plain and encrypted.
func TestAnExportTellsHowMuchIsWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		_, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		key, err := age.GenerateX25519Identity()
		must(t, err)
		for name, to := range map[string][]age.Recipient{"a.zip": nil, "a.zip.age": {key.Recipient()}} {
			last, all := int64(0), int64(0)
			o := backup.ExportOptions{Attachments: true, Recipients: to, Progress: func(written, size int64) {
				if written < last || written > size {
					t.Errorf("%s: %d of %d after %d", name, written, size, last)
				}
				last, all = written, size
			}}
			n, err := w.Export(t.Context(), operator, "latest", filepath.Join(w.deps.Dir, name), o)
			must(t, err)
			if last == 0 || last != all || all > n {
				t.Errorf("%s: told %d of %d, and there are %d", name, last, all, n)
			}
		}
	}, real)
}
