package archive_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
)

// names are the files in the store and in the data directory.
func (i *instance) names() []string {
	i.t.Helper()
	var out []string
	i.must(i.store.Walk(context.Background(), func(sha string, _ int64) error {
		out = append(out, sha)
		return nil
	}))
	entries, err := os.ReadDir(i.dir)
	i.must(err)
	for _, e := range entries { // the safety copy stays in the repository
		if !strings.HasSuffix(e.Name(), "-wal") && !strings.HasSuffix(e.Name(), "-shm") && e.Name() != "repository" {
			out = append(out, e.Name())
		}
	}
	return out
}

// oneEngineAfterTheOther is for tests that hook into the steps of restores.
func oneEngineAfterTheOther(t *testing.T, fn func(t *testing.T, engine db.Dialect)) {
	for _, e := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(e), func(t *testing.T) { fn(t, e) })
	}
}

func TestARestoreThatIsGivenUpTakesItsFilesAway(t *testing.T) {
	oneEngineAfterTheOther(t, func(t *testing.T, engine db.Dialect) {
		path := newInstance(t, db.SQLite).filled(20).backup()
		i := newInstance(t, engine)
		own, err := i.store.Put(context.Background(), strings.NewReader("of this instance alone"), 0)
		i.must(err)
		i.exec(`INSERT INTO projects (identifier, identifier_folded, name, name_folded, created_at, updated_at) VALUES ('here', 'here', 'Here', 'here', 0, 0)`)
		before, rows := i.names(), i.digests()
		check := func(how string) {
			t.Helper()
			if diff := cmp.Diff(before, i.names()); diff != "" {
				t.Errorf("%s: files: %s", how, diff)
			}
			if diff := cmp.Diff(rows, i.digests()); diff != "" {
				t.Errorf("%s: rows: %s", how, diff)
			}
		}
		for _, at := range []string{"load users", "safety", "sanitise"} {
			ctx, interrupt := context.WithCancel(context.Background())
			reset := archive.OnStep(func(name string) {
				if name == at {
					interrupt()
				}
			})
			a, err := archive.OpenToRestore(context.Background(), path, i.keys)
			i.must(err)
			_, err = archive.Restore(ctx, a, i.target(), archive.RestoreOptions{Replace: true})
			reset()
			i.must(a.Close())
			if !errors.Is(err, context.Canceled) {
				t.Errorf("interrupted at %s: %v", at, err)
			}
			check("interrupted at " + at)

			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "HOLDFAST_TEST_RESTORE="+strings.Join([]string{i.dir, i.o.URL, path, at}, "\n"))
			if out, err := cmd.CombinedOutput(); err == nil || !archive.Interrupted(i.dir) {
				t.Fatalf("killed at %s: %v, %s", at, err, out)
			}
			if engine == db.SQLite { // as a process leaves it that is killed while it makes the database
				staged, err := filepath.Glob(filepath.Join(i.dir, "*.restore-*[0-9a-f]"))
				if i.must(err); len(staged) != 1 {
					t.Fatalf("killed at %s: staged are %v", at, staged)
				}
				i.must(os.WriteFile(staged[0]+"-journal", []byte("half"), 0o600))
			}
			if got, err := archive.Recover(context.Background(), i.target()); got != archive.IsOld || err != nil {
				t.Errorf("killed at %s: %s, %v", at, got, err)
			}
			check("killed at " + at)
		}
		rep, err := i.restore(path, archive.RestoreOptions{Replace: true})
		i.must(err)
		if got := strings.Join(i.names(), " "); rep.Files != 3 || !strings.Contains(got, own.SHA256) || strings.Contains(got, "restore.") {
			t.Errorf("after the restore of %d files: %s", rep.Files, got)
		}
	})
}
