package archive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
)

var errInjected = errors.New("injected")

// alike are statements that every table has: the first of each stands for all.
var alike = regexp.MustCompile(`^SELECT (COUNT\(\*\)|COALESCE\(MAX\(id\), 0\)|[\w, ]+) FROM (\w+)( WHERE [^?]*)?( ORDER BY [\w, ]+)?$`)

// named are statements with the name of a schema, which is another each time; unheard
// are those whose failure matters to nobody: a pin ends by itself.
var (
	named   = regexp.MustCompile(`SCHEMA.*holdfast_`)
	unheard = "DELETE FROM blob_pins WHERE id = ?"
)

// statements lists the different statements that op makes, in their order.
func statements(t *testing.T, op func(ctx context.Context) error) []string {
	t.Helper()
	var mu sync.Mutex
	var out []string
	shapes := map[string]bool{}
	err := op(db.RefuseStatements(context.Background(), func(query string) error {
		mu.Lock()
		defer mu.Unlock()
		shape := query
		if m := alike.FindStringSubmatch(query); m != nil && slices.ContainsFunc(archive.TableNames(), func(t string) bool { return t == m[2] && t != "audit_entries" && t != "tokens" && t != "users" }) {
			shape = fmt.Sprint(strings.HasPrefix(m[1], "CO"), m[1] == "COUNT(*)", m[4] != "")
		}
		if !shapes[shape] && !named.MatchString(query) && query != unheard {
			shapes[shape], out = true, append(out, query)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// refusing lets the statement fail the first time it is made.
func refusing(query string) context.Context {
	var once sync.Once
	return db.RefuseStatements(context.Background(), func(q string) (err error) {
		if q == query {
			once.Do(func() { err = errInjected })
		}
		return err
	})
}

// every is one in so many under the race detector, and all without it.
func every(all []string) []string {
	var out []string
	for i := 0; i < len(all); i += stride {
		out = append(out, all[i])
	}
	return out
}

// onBoth runs fn on SQLite with all statements of op that are not done yet, and on
// PostgreSQL with those that only it has. It returns what is done then.
func onBoth(t *testing.T, prepare func(i *instance) func(ctx context.Context) error, fn func(t *testing.T, i *instance, op func(ctx context.Context) error, all []string), done ...string) []string {
	t.Helper()
	for _, engine := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			scout := newInstance(t, engine).filled(3)
			all := statements(t, prepare(scout))
			if scout.tidyAll(); len(all) == 0 {
				t.Fatal("it makes no statement")
			}
			all = slices.DeleteFunc(all, func(q string) bool { return slices.Contains(done, q) })
			done = append(done, all...)
			all = every(all)
			i := newInstance(t, engine).filled(3)
			fn(t, i, prepare(i), all)
			i.tidyAll()
		})
	}
	return done
}

func TestEveryStatementOfASnapshotFails(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	take := func(i *instance) func(ctx context.Context) error {
		return func(ctx context.Context) (err error) {
			i.with(func(d *db.DB) {
				_, err = archive.Take(ctx, archive.Source{DB: d, Blobs: i.store, Keys: i.keys}, r, archive.Options{TempDir: i.t.TempDir()})
			})
			return err
		}
	}
	onBoth(t, take, func(t *testing.T, _ *instance, op func(ctx context.Context) error, all []string) {
		before, err := r.Snapshots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range all {
			if err := op(refusing(query)); !errors.Is(err, errInjected) {
				t.Errorf("without %s: %v", query, err)
			}
		}
		if after, err := r.Snapshots(t.Context()); err != nil || len(after) != len(before) {
			t.Errorf("%d snapshots from backups that failed: %v", len(after)-len(before), err)
		}
	})
}

func TestEveryStatementOfDigestsFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(i *instance) func(ctx context.Context) error {
		return func(ctx context.Context) (err error) {
			i.with(func(d *db.DB) { _, err = archive.Digests(ctx, d) })
			return err
		}
	}, func(t *testing.T, _ *instance, op func(ctx context.Context) error, all []string) {
		for _, query := range all {
			if err := op(refusing(query)); !errors.Is(err, errInjected) {
				t.Errorf("without %s: %v", query, err)
			}
		}
	})
}

// since changes what a restore of an earlier state has to keep.
func (i *instance) since() {
	i.t.Helper()
	for _, sql := range []string{
		`UPDATE users SET status = 3 WHERE login = 'cleo'`, `UPDATE users SET admin = FALSE WHERE login = 'anna'`,
		`DELETE FROM tokens WHERE id IN (SELECT MIN(id) FROM tokens WHERE kind = 'api')`,
		`INSERT INTO user_passwords (user_id, hash, created_at) SELECT id, 'newer', 5 FROM users WHERE login = 'anna'`,
		`INSERT INTO backup_checks (kind, state, started_at) VALUES ('drill', 'ok', 5)`,
		`UPDATE work_packages SET subject = 'newer'`,
	} {
		i.exec(sql)
	}
}

func TestEveryStatementOfARestoreFails(t *testing.T) {
	t.Parallel()
	var done []string
	for _, origin := range []archive.Origin{archive.Own, archive.Foreign} {
		t.Run(string(origin), func(t *testing.T) {
			foreign := newInstance(t, db.SQLite).filled(3).backup()
			done = onBoth(t, func(i *instance) func(ctx context.Context) error {
				path := foreign
				if origin == archive.Own {
					path = i.backup()
				}
				i.since()
				return func(ctx context.Context) error { return i.restoreIn(ctx, path) }
			}, func(t *testing.T, i *instance, op func(ctx context.Context) error, all []string) {
				want, names := i.digests(), []string(nil)
				for _, query := range all {
					if err := op(refusing(query)); !errors.Is(err, errInjected) || archive.Interrupted(i.dir) {
						t.Fatalf("without %s: %v", query, err)
					}
					if names == nil {
						names = i.names()
					}
					if diff := cmp.Diff(want, i.digests()) + cmp.Diff(names, i.names()); diff != "" {
						t.Fatalf("without %s the target changed: %s", query, diff)
					}
				}
			}, done...)
		})
	}
}

func (i *instance) restoreIn(ctx context.Context, path string) error {
	i.t.Helper()
	a, err := archive.Open(context.Background(), path, i.keys)
	i.must(err)
	defer func() { _ = a.Close() }()
	_, err = archive.Restore(ctx, a, i.target(), archive.RestoreOptions{Replace: true})
	return err
}

func TestEveryStatementOfADrillFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(i *instance) func(ctx context.Context) error {
		st := i.stored()
		return func(ctx context.Context) error {
			_, err := archive.Drill(ctx, st, i.target(), archive.DrillOptions{})
			return err
		}
	}, func(t *testing.T, i *instance, op func(ctx context.Context) error, all []string) {
		for _, query := range all {
			if err := op(refusing(query)); !errors.Is(err, errInjected) {
				t.Errorf("without %s: %v", query, err)
			}
			i.noScratch(i)
		}
	})
}

func TestEveryStatementOfAnUndoFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(i *instance) func(ctx context.Context) error {
		path := i.backup()
		i.since()
		i.must(i.restoreIn(context.Background(), path))
		return func(ctx context.Context) error { _, err := archive.Undo(ctx, i.target()); return err }
	}, func(t *testing.T, i *instance, op func(ctx context.Context) error, all []string) {
		want := i.digests()
		for _, query := range all {
			if err := op(refusing(query)); !errors.Is(err, errInjected) || archive.Interrupted(i.dir) {
				t.Fatalf("without %s: %v", query, err)
			}
			if diff := cmp.Diff(want, i.digests()); diff != "" {
				t.Fatalf("without %s the present changed: %s", query, diff)
			}
		}
		i.must(op(context.Background())) // what was kept is still there
		if got := i.strings(`SELECT DISTINCT subject FROM work_packages`); fmt.Sprint(got) != "[newer]" {
			t.Errorf("after the undo: %v", got)
		}
	})
}

// Removing what was kept, and what drills left, reports what it could not do. A plan
// calls a database damaged that cannot be read.
func TestEveryStatementOfTidyingFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(i *instance) func(ctx context.Context) error {
		a, err := archive.Open(context.Background(), i.backup(), i.keys)
		i.must(err)
		i.t.Cleanup(func() { _ = a.Close() })
		return func(ctx context.Context) error {
			p, err := archive.MakePlan(ctx, a, i.target())
			if err == nil {
				err = p.Refusal(archive.RestoreOptions{Replace: true, AcknowledgeDamaged: true})
			}
			if err == nil && p.Target == archive.TargetDamaged {
				err = errInjected
			}
			_, old := archive.RemoveOld(ctx, i.target())
			return errors.Join(err, old, archive.RemoveScratch(ctx, i.target()))
		}
	}, func(t *testing.T, _ *instance, op func(ctx context.Context) error, all []string) {
		for _, query := range all {
			if err := op(refusing(query)); !errors.Is(err, errInjected) {
				t.Errorf("without %s: %v", query, err)
			}
		}
	})
}

// A call of the repository that fails ends a snapshot, an export, a restore from
// it and a drill with that error.
func TestEveryCallToTheRepositoryFails(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(10)
	sim := objstoretest.NewSim()
	r, err := openRepo(t.Context(), sim)
	i.must(err)
	_ = r
	ops := map[string]func(client *objstoretest.Sim) error{
		"take": func(client *objstoretest.Sim) error {
			var err error
			i.with(func(d *db.DB) {
				r, oerr := openRepo(t.Context(), client)
				if err = oerr; err != nil {
					return
				}
				_, err = archive.Take(t.Context(), archive.Source{DB: d, Blobs: i.store, Keys: i.keys}, r, archive.Options{TempDir: t.TempDir()})
			})
			return err
		},
	}
	i.must(ops["take"](sim.Client()))
	read := func(fn func(st *archive.Stored) error) func(client *objstoretest.Sim) error {
		return func(client *objstoretest.Sim) error {
			r, err := openRepo(t.Context(), client)
			if err != nil {
				return err
			}
			s, err := r.Snapshot(t.Context(), "latest")
			if err != nil {
				return err
			}
			st, err := archive.Load(r, s, i.keys)
			if err != nil {
				return err
			}
			return fn(st)
		}
	}
	ops["export"] = read(func(st *archive.Stored) error {
		x, err := archive.NewExport(t.Context(), st, i.keys, true, t.TempDir())
		if err != nil {
			return err
		}
		return x.WriteTo(t.Context(), io.Discard, 0)
	})
	ops["drill"] = read(func(st *archive.Stored) error {
		_, err := archive.Drill(t.Context(), st, i.target(), archive.DrillOptions{})
		return err
	})
	for name, op := range ops {
		for n := 1; ; n += stride {
			client := sim.Clone()
			hit := false
			calls := 0
			var mu sync.Mutex
			client.Hook = func(objstoretest.Call) objstoretest.Fault {
				mu.Lock()
				defer mu.Unlock()
				if calls++; calls == n {
					hit = true
					return objstoretest.Fault{Err: errInjected}
				}
				return objstoretest.Fault{}
			}
			err := op(client)
			if !hit {
				i.must(err)
				t.Logf("%s makes %d calls", name, n-1)
				break
			}
			if err != nil && !errors.Is(err, errInjected) {
				t.Fatalf("%s, call %d: %v", name, n, err)
			}
			if err == nil && name != "take" { // which may go on without some
				t.Fatalf("%s succeeds without call %d", name, n)
			}
		}
	}
	i.noScratch(i)
}

// failing is a store whose n-th call fails.
type failing struct {
	blob.Store
	mu    *sync.Mutex
	left  *int
	calls string
}

func (f failing) call(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.Contains(f.calls, name) {
		return nil
	}
	if *f.left--; *f.left == 0 {
		return errInjected
	}
	return nil
}

func (f failing) Put(ctx context.Context, r io.Reader, limit int64) (blob.Ref, error) {
	if err := f.call("put"); err != nil {
		return blob.Ref{}, err
	}
	return f.Store.Put(ctx, r, limit)
}

func (f failing) Batch() blob.Batch { return failingBatch{f.Store.Batch(), f} }

type failingBatch struct {
	blob.Batch
	f failing
}

func (b failingBatch) Put(ctx context.Context, sha string, r io.Reader) (int64, error) {
	if err := b.f.call("put"); err != nil {
		return 0, err
	}
	return b.Batch.Put(ctx, sha, r)
}

func (b failingBatch) Close() error { return errors.Join(b.f.call("put"), b.Batch.Close()) }

func (f failing) Open(ctx context.Context, sha string) (io.ReadSeekCloser, int64, error) {
	if err := f.call("open"); err != nil {
		return nil, 0, err
	}
	return f.Store.Open(ctx, sha)
}

func (f failing) Stat(ctx context.Context, sha string) (int64, error) {
	if err := f.call("stat"); err != nil {
		return 0, err
	}
	return f.Store.Stat(ctx, sha)
}

func (f failing) Delete(ctx context.Context, sha string) error {
	if err := f.call("delete"); err != nil {
		return err
	}
	return f.Store.Delete(ctx, sha)
}

func (f failing) Walk(ctx context.Context, fn func(string, int64) error) error {
	if err := f.call("walk"); err != nil {
		return err
	}
	return f.Store.Walk(ctx, fn)
}

// A store of files that fails ends the restore, and the target is what it was.
func TestEveryCallToTheStoreOfFilesFails(t *testing.T) {
	path := newInstance(t, db.SQLite).filled(20).backup()
	i := newInstance(t, db.SQLite)
	i.exec(`INSERT INTO projects (identifier, identifier_folded, name, name_folded, created_at, updated_at) VALUES ('here', 'here', 'Here', 'here', 0, 0)`)
	want := i.digests()
	for n := 1; ; n++ {
		left := n
		target := i.target()
		target.Blobs = failing{i.store, &sync.Mutex{}, &left, "put open stat walk"}
		a, err := archive.Open(t.Context(), path, i.keys)
		i.must(err)
		_, err = archive.Restore(t.Context(), a, target, archive.RestoreOptions{Replace: true})
		i.must(a.Close())
		if left > 0 {
			i.must(err)
			t.Logf("%d calls", n-1)
			if fmt.Sprint(want) == fmt.Sprint(i.digests()) {
				t.Error("nothing was restored")
			}
			return
		}
		if !errors.Is(err, errInjected) || archive.Interrupted(i.dir) {
			t.Fatalf("call %d: %v", n, err)
		}
		if diff := cmp.Diff(want, i.digests()); diff != "" {
			t.Fatalf("call %d: %s", n, diff)
		}
	}
}
