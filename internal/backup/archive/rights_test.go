package archive_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// newRoleInstance is an instance in a database of its own, as that role.
func newRoleInstance(t *testing.T, r *dbtest.Role) *instance {
	t.Helper()
	i := &instance{t: t, dir: t.TempDir(), o: db.Options{URL: r.URL}}
	var err error
	i.keys, err = secret.OpenKeyring(filepath.Join(i.dir, "keys"), false)
	i.must(err)
	i.store, err = blob.OpenDir(filepath.Join(i.dir, "blobs"))
	i.must(err)
	t.Cleanup(func() { i.must(i.store.Close()) })
	return i
}

func TestARoleThatOwnsOnlyItsDatabaseRestores(t *testing.T) {
	source := newInstance(t, db.SQLite).filled(40)
	path, want := source.backup(), source.digests()
	i := newRoleInstance(t, dbtest.PostgresRole(t, true))
	for _, replace := range []bool{false, true} {
		a, err := archive.Open(context.Background(), path, i.keys)
		i.must(err)
		rep, err := archive.Restore(context.Background(), a, i.target(), archive.RestoreOptions{Replace: replace})
		i.must(a.Close())
		if err != nil {
			t.Fatalf("replace %v: %v", replace, err)
		}
		if (rep.Safety != "") != replace {
			t.Errorf("replace %v: the safety copy is %q", replace, rep.Safety)
		}
		same(t, want, i.digests())
	}
	names := i.strings(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'holdfast%'`)
	if len(names) != 2 {
		t.Errorf("kept aside: %v", names)
	}
	back := newInstance(t, db.SQLite)
	if _, err := back.restore(i.backup(), archive.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	same(t, want, back.digests())
}

func TestARoleThatMayNotSwapIsToldBeforeTheWork(t *testing.T) {
	source := newInstance(t, db.SQLite).filled(5)
	path := source.backup()
	r := dbtest.PostgresRole(t, false)
	r.Exec("GRANT CREATE ON SCHEMA public TO " + r.Name)
	i := newRoleInstance(t, r)
	for _, tt := range []struct{ refusal, hint, then string }{
		{"may not make schemas", "GRANT CREATE ON DATABASE", `GRANT CREATE ON DATABASE "` + r.Database + `" TO ` + r.Name},
		{"may not rename the schema public", `ALTER SCHEMA "public" OWNER TO`, "ALTER SCHEMA public OWNER TO " + r.Name},
	} {
		a, err := archive.Open(context.Background(), path, i.keys)
		i.must(err)
		p, err := archive.MakePlan(context.Background(), a, i.target())
		i.must(err)
		_, err = archive.Restore(context.Background(), a, i.target(), archive.RestoreOptions{Progress: func(p archive.Progress) {
			t.Errorf("began with %+v", p)
		}})
		i.must(a.Close())
		if err == nil || !strings.Contains(err.Error(), tt.refusal) || !strings.Contains(fault.HintOf(err), tt.hint) {
			t.Errorf("got %v, hint %q", err, fault.HintOf(err))
		}
		if refusal := p.Refusal(archive.RestoreOptions{}); refusal == nil || !strings.Contains(refusal.Error(), tt.refusal) {
			t.Errorf("the plan says %v", refusal)
		}
		r.Exec(tt.then)
	}
	a, err := archive.Open(context.Background(), path, i.keys)
	i.must(err)
	defer func() { _ = a.Close() }()
	if _, err := archive.Restore(context.Background(), a, i.target(), archive.RestoreOptions{}); err != nil {
		t.Errorf("with the rights it asked for: %v", err)
	}
}
