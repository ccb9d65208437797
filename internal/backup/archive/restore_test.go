package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv("HOLDFAST_TEST_RESTORE"); spec != "" {
		os.Exit(restoreAndDie(spec))
	}
	os.Exit(m.Run())
}

// instance is a data directory with keys, files and a database.
type instance struct {
	t     *testing.T
	dir   string
	o     db.Options
	keys  *secret.Keyring
	store *blob.Dir
}

func newInstance(t *testing.T, engine db.Dialect) *instance {
	t.Helper()
	return newInstanceAt(t, engine, t.TempDir())
}

func newInstanceAt(t *testing.T, engine db.Dialect, dir string) *instance {
	t.Helper()
	i := &instance{t: t, dir: dir}
	if engine == db.Postgres {
		i.o = db.Options{URL: dbtest.PostgresURL(t)}
	} else {
		i.o = db.Options{Path: filepath.Join(i.dir, "holdfast.db")}
	}
	var err error
	if i.keys, err = secret.OpenKeyring(filepath.Join(i.dir, "keys"), false); err != nil {
		t.Fatal(err)
	}
	if i.store, err = blob.OpenDir(filepath.Join(i.dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.store.Close() })
	i.with(func(d *db.DB) { i.must(db.Migrate(context.Background(), d, db.MigrateOptions{})) })
	return i
}

func (i *instance) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

// with opens the database as the application would, for as long as fn runs.
func (i *instance) with(fn func(d *db.DB)) {
	i.t.Helper()
	d, err := db.Open(context.Background(), i.o)
	i.must(err)
	defer func() { i.must(d.Close()) }()
	fn(d)
}

func (i *instance) exec(sql string, args ...any) {
	i.t.Helper()
	i.with(func(d *db.DB) {
		i.must(db.Do(context.Background(), d, func(tx *db.Tx) error {
			_, err := db.Exec(context.Background(), tx, db.SQL(sql, args...))
			return err
		}))
	})
}

func (i *instance) strings(sql string, args ...any) []string {
	i.t.Helper()
	var out []string
	i.with(func(d *db.DB) {
		var err error
		out, err = db.Read(context.Background(), d, func(tx *db.Tx) ([]string, error) {
			return db.All[string](context.Background(), tx, db.SQL(sql, args...))
		})
		i.must(err)
	})
	return out
}

func (i *instance) digests() []archive.TableSum {
	i.t.Helper()
	var sums []archive.TableSum
	i.with(func(d *db.DB) {
		var err error
		sums, err = archive.Digests(context.Background(), d)
		i.must(err)
	})
	return sums
}

func (i *instance) target() archive.Target {
	return archive.Target{DataDir: i.dir, DB: i.o, Blobs: i.store, Keys: i.keys, Repository: repoIn(i.dir)}
}

// repoIn opens the repository in a data directory.
func repoIn(dir string) func(context.Context) (*repo.Repository, error) {
	return func(ctx context.Context) (*repo.Repository, error) {
		place, err := objstore.NewDir(filepath.Join(dir, "repository"))
		if err != nil {
			return nil, err
		}
		return openRepo(ctx, place)
	}
}

// restoreSnapshot restores a snapshot of the instance's own repository.
func (i *instance) restoreSnapshot(id string) error {
	i.t.Helper()
	ctx := context.Background()
	r, err := repoIn(i.dir)(ctx)
	i.must(err)
	s, err := r.Snapshot(ctx, id)
	i.must(err)
	st, err := archive.Load(r, s, i.keys)
	i.must(err)
	rep, err := archive.Restore(ctx, st, i.target(), archive.RestoreOptions{Replace: true})
	i.tidy(rep)
	return err
}

// backup writes an archive of the instance and returns its path.
func (i *instance) backup() string {
	i.t.Helper()
	path := filepath.Join(i.t.TempDir(), "backup.zip")
	i.with(func(d *db.DB) {
		content, _ := create(i.t, archive.Source{DB: d, Blobs: i.store, Keys: i.keys}, archive.Options{})
		i.must(os.WriteFile(path, content, 0o600))
	})
	return path
}

func (i *instance) restore(path string, o archive.RestoreOptions) (archive.Report, error) {
	i.t.Helper()
	a, err := archive.OpenToRestore(context.Background(), path, i.keys)
	i.must(err)
	defer func() { _ = a.Close() }()
	rep, err := archive.Restore(context.Background(), a, i.target(), o)
	i.tidy(rep)
	return rep, err
}

// tidy removes the schema that a restore leaves beside the test's own.
func (i *instance) tidy(rep archive.Report) {
	if i.o.URL != "" && rep.Old != "" {
		i.exec(`DROP SCHEMA ` + rep.Old + ` CASCADE`)
	}
}

func (i *instance) filled(workPackages int) *instance {
	i.t.Helper()
	i.with(func(d *db.DB) { fill(i.t, d, i.store, workPackages) })
	return i
}

func TestRowsAndFilesMoveBetweenEngines(t *testing.T) {
	for _, way := range [][]db.Dialect{{db.SQLite, db.Postgres, db.SQLite}, {db.Postgres, db.SQLite, db.Postgres}} {
		t.Run(fmt.Sprint(way), func(t *testing.T) {
			t.Parallel()
			first := newInstance(t, way[0]).filled(120)
			path, want := first.backup(), first.digests()
			for _, engine := range way[1:] {
				next := newInstance(t, engine)
				rep, err := next.restore(path, archive.RestoreOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for n, proof := range rep.Tables {
					if proof.Archive != proof.Restored || proof.Restored != want[n] && !changed[want[n].Name] {
						t.Errorf("%s: %+v, want %+v", engine, proof, want[n])
					}
				}
				if rep.Origin != archive.Foreign || rep.Files != 3 || rep.Safety != "" {
					t.Errorf("report %+v", rep)
				}
				if keys := next.strings(`SELECT hash FROM tokens`); len(keys) != 0 {
					t.Errorf("keys of another instance work: %v", keys)
				}
				same(t, want, next.digests())
				next.verifyAudit()
				path = next.backup()
			}
		})
	}
}

// changed are the tables that a restore changes after their proof.
var changed = map[string]bool{"settings": true, "tokens": true, "audit_entries": true}

func same(t *testing.T, want, got []archive.TableSum) {
	t.Helper()
	for n := range want {
		if want[n] != got[n] && !changed[want[n].Name] {
			t.Errorf("got %+v, want %+v", got[n], want[n])
		}
	}
}

func (i *instance) verifyAudit() {
	i.t.Helper()
	i.with(func(d *db.DB) {
		key := i.keys.Key(secret.Audit)
		_, err := db.Read(context.Background(), d, func(tx *db.Tx) (int, error) {
			n, b, err := audit.New(key[:]).Verify(context.Background(), tx)
			if b != nil || n == 0 {
				i.t.Errorf("audit chain: %d entries hold, then %+v", n, b)
			}
			return n, err
		})
		i.must(err)
	})
}

func eachEngine(t *testing.T, fn func(t *testing.T, engine db.Dialect)) {
	for _, e := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) { t.Parallel(); fn(t, e) })
	}
}

func TestWhatWasRevokedSinceStaysRevoked(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(3)
		path, want := i.backup(), i.digests()
		i.exec(`UPDATE users SET status = 3 WHERE login = 'cleo'`)
		i.exec(`UPDATE users SET admin = FALSE WHERE login = 'anna'`)
		i.exec(`DELETE FROM tokens WHERE hash = 'key-ben'`)
		i.exec(`INSERT INTO user_passwords (user_id, hash, created_at) VALUES (13, 'newer', 5)`)
		i.exec(`UPDATE work_packages SET subject = 'changed since'`)
		i.exec(`INSERT INTO backups (source, state, user_id, requested_by, include_attachments, created_at) VALUES ('page', 'complete', NULL, 'x', TRUE, 5)`)
		i.exec(`INSERT INTO backup_holds (snapshot, held_by, held_at) VALUES ('kept', 'anna', 5)`)
		if _, err := i.restore(path, archive.RestoreOptions{}); fault.KindOf(err) != fault.KindConflict {
			t.Fatalf("without --replace: %v", err)
		}
		rep, err := i.restore(path, archive.RestoreOptions{Replace: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Notes) != 5 || rep.Origin != archive.Own {
			t.Errorf("notes %q, origin %s", rep.Notes, rep.Origin)
		}
		for sql, want := range map[string]string{
			`SELECT login FROM users WHERE status = 3`:                                    "[cleo]",
			`SELECT login FROM users WHERE admin ORDER BY id`:                             "[ben]",
			`SELECT hash FROM tokens ORDER BY hash`:                                       "[key-anna key-cleo key-dora]",
			`SELECT hash FROM user_passwords WHERE user_id = 13 ORDER BY id DESC LIMIT 1`: "[newer]",
			`SELECT token_hash FROM sessions`:                                             "[]",
			`SELECT subject FROM work_packages WHERE subject = 'changed since'`:           "[]",
			`SELECT value FROM settings WHERE name = 'mail_quarantine'`:                   "[true]",
			`SELECT snapshot FROM backup_holds`:                                           "[kept]",
			`SELECT source FROM backups ORDER BY id`:                                      "[page safety]",
			`SELECT action FROM audit_entries ORDER BY id`:                                "[backup.restore]",
		} {
			if got := fmt.Sprint(i.strings(sql)); got != want {
				t.Errorf("%s: %s, want %s", sql, got, want)
			}
		}
		i.verifyAudit()
		got := i.digests()
		for n := range want {
			if name := want[n].Name; want[n] != got[n] && !changed[name] && name != "users" && name != "user_passwords" {
				t.Errorf("%+v, want %+v", got[n], want[n])
			}
		}
		// The safety copy holds the state before and restores it.
		if err := i.restoreSnapshot(rep.Safety); err != nil {
			t.Fatal(err)
		}
		if got := i.strings(`SELECT DISTINCT subject FROM work_packages`); fmt.Sprint(got) != "[changed since]" {
			t.Errorf("after restoring the safety copy: %q", got)
		}
	})
}

func TestNumbersAreNotGivenOutAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine)
		i.exec(`INSERT INTO roles (name, kind, position, created_at, updated_at) VALUES ('a', 'ProjectRole', 1, 0, 0)`)
		i.exec(`INSERT INTO roles (name, kind, position, created_at, updated_at) VALUES ('b', 'ProjectRole', 1, 0, 0)`)
		i.exec(`DELETE FROM roles WHERE name = 'b'`)
		next := newInstance(t, engine)
		if _, err := next.restore(i.backup(), archive.RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
		next.exec(`INSERT INTO roles (name, kind, position, created_at, updated_at) VALUES ('c', 'ProjectRole', 1, 0, 0)`)
		if got := next.strings(`SELECT CAST(id AS TEXT) FROM roles ORDER BY id`); fmt.Sprint(got) != "[1 3]" {
			t.Errorf("roles %v", got)
		}
	})
}

func TestADamagedDatabaseIsKeptAside(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(50)
	path, want := i.backup(), i.digests()
	f, err := os.OpenFile(i.o.Path, os.O_RDWR, 0)
	i.must(err)
	junk := []byte(strings.Repeat("damaged ", 8192))
	_, err = f.WriteAt(junk, 8192)
	i.must(errors.Join(err, f.Close()))
	if _, err := i.restore(path, archive.RestoreOptions{Replace: true}); err == nil || !strings.Contains(fault.HintOf(err), "acknowledge") {
		t.Fatalf("without acknowledgement: %v, hint %q", err, fault.HintOf(err))
	}
	rep, err := i.restore(path, archive.RestoreOptions{Replace: true, AcknowledgeDamaged: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, want, i.digests())
	kept, err := os.ReadFile(rep.Old)
	if err != nil || !strings.Contains(string(kept), string(junk[:1000])) {
		t.Errorf("the damaged file is not kept: %v", err)
	}
}

func TestAnArchiveThatDoesNotFitItsRowsLeavesTheTargetAlone(t *testing.T) {
	source := newInstance(t, db.SQLite).filled(5)
	content, err := os.ReadFile(source.backup())
	source.must(err)
	foreign := func(s *archive.Seal) { s.Instance = "0000000000000000" }
	tests := map[string]func(string) string{
		"too few values":      replace(`,"anna","anna"`, `,"anna"`),
		"a wrong type":        replace(`,"anna","anna"`, `,5,"anna"`),
		"a row twice":         func(s string) string { return s + s[:strings.IndexByte(s, '\n')+1] },
		"a reference to none": replace(`[10,"User"`, `[999,"User"`),
		"another order": func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			lines[0], lines[1] = lines[1], lines[0]
			return strings.Join(lines, "")
		},
		"another spelling": replace(`"anna"`, `"\u0061nna"`),
		"no end":           func(s string) string { return strings.TrimSuffix(s, "\n") },
	}
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(2)
		want := i.digests()
		for name, change := range tests {
			bad := edit(t, content, func(n string, text []byte) []byte {
				if n == "MANIFEST.json" {
					return []byte(strings.Replace(string(text), string(fingerprintOf(text)), "0000000000000000", 1))
				}
				return text
			})
			bad = editSealed(t, bad, "MANIFEST.json", func(s string) string { return s }, nil)
			bad = editSealed(t, bad, "data/users.jsonl", change, foreign)
			path := filepath.Join(t.TempDir(), "bad.zip")
			i.must(os.WriteFile(path, bad, 0o600))
			_, err := i.restore(path, archive.RestoreOptions{Replace: true})
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
			if diff := cmp.Diff(want, i.digests()); diff != "" {
				t.Errorf("%s: the target changed: %s", name, diff)
			}
			if _, err := os.Stat(filepath.Join(i.dir, "restore.state")); !os.IsNotExist(err) {
				t.Errorf("%s: the state file stays", name)
			}
		}
	})
}

func fingerprintOf(manifest []byte) []byte {
	_, rest, _ := strings.Cut(string(manifest), `"instance": "`)
	return []byte(rest[:16])
}

// restoreAndDie restores in a process of its own, which kills itself at a step.
func restoreAndDie(spec string) int {
	parts := strings.Split(spec, "\n")
	dir, url, path, at := parts[0], parts[1], parts[2], parts[3]
	o := db.Options{URL: url}
	if url == "" {
		o.Path = filepath.Join(dir, "holdfast.db")
	}
	archive.OnStep(func(name string) {
		if name == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	})
	keys, err := secret.OpenKeyring(filepath.Join(dir, "keys"), true)
	if err == nil {
		var store *blob.Dir
		if store, err = blob.OpenDir(filepath.Join(dir, "blobs")); err == nil {
			var a *archive.Archive
			if a, err = archive.Open(context.Background(), path, keys); err == nil {
				_, err = archive.Restore(context.Background(), a, archive.Target{DataDir: dir, DB: o, Blobs: store, Keys: keys, Repository: repoIn(dir)}, archive.RestoreOptions{Replace: true})
			}
		}
	}
	fmt.Println(err)
	return 1
}

func TestAKilledRestoreIsEntirelyOldOrEntirelyNew(t *testing.T) {
	steps := map[string]archive.Outcome{
		"stage": archive.IsOld, "load users": archive.IsOld, "load journals": archive.IsOld, "safety": archive.IsOld, "sanitise": archive.IsOld,
		"swap": archive.IsNew, "swap half": archive.IsNew, "swapped": archive.IsNew, "gate": archive.IsNew,
	}
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		for at, want := range steps {
			if at == "swap half" && engine == db.Postgres {
				continue // one transaction has no half
			}
			i := newInstance(t, engine).filled(30)
			path := i.backup()
			i.exec(`UPDATE work_packages SET subject = 'newer', subject_folded = 'newer'`)
			before := i.digests()
			i.exec(`DELETE FROM sessions`)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "HOLDFAST_TEST_RESTORE="+strings.Join([]string{i.dir, i.o.URL, path, at}, "\n"))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%s: %v, %s", at, err, out)
			}
			var state struct{ Old string }
			text, err := os.ReadFile(filepath.Join(i.dir, "restore.state"))
			i.must(errors.Join(err, json.Unmarshal(text, &state)))
			got, err := archive.Recover(context.Background(), i.target())
			if err != nil || got != want {
				t.Errorf("killed at %s: %s, %v, want %s", at, got, err, want)
			}
			if want == archive.IsNew {
				i.tidy(archive.Report{Old: state.Old})
			}
			left := len(i.strings(`SELECT subject FROM work_packages WHERE subject = 'newer'`))
			if want == archive.IsOld {
				if diff := cmp.Diff(before, i.digests()); diff != "" {
					t.Errorf("killed at %s: mixed: %s", at, diff)
				}
			} else if left != 0 {
				t.Errorf("killed at %s: %d rows are old", at, left)
			}
			if again, err := archive.Recover(context.Background(), i.target()); again != archive.Nothing || err != nil {
				t.Errorf("killed at %s: a second look finds %s, %v", at, again, err)
			}
			if matches, _ := filepath.Glob(filepath.Join(i.dir, "*.restore-*")); len(matches) != 0 {
				t.Errorf("killed at %s: %v stay behind", at, matches)
			}
		}
	})
}
