package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
)

// stored takes a snapshot of the instance into its own repository.
func (i *instance) stored() *archive.Stored {
	i.t.Helper()
	ctx := context.Background()
	var st *archive.Stored
	i.with(func(d *db.DB) {
		r, err := repoIn(i.dir)(ctx)
		i.must(err)
		s, err := archive.Take(ctx, archive.Source{DB: d, Blobs: i.store, Keys: i.keys}, r, archive.Options{TempDir: i.t.TempDir()})
		i.must(err)
		st, err = archive.Load(r, s, i.keys)
		i.must(err)
	})
	return st
}

func TestADrillProvesASnapshotAndLeavesNothing(t *testing.T) {
	for _, engine := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			i := newInstance(t, engine).filled(30)
			st, want := i.stored(), i.digests()
			for _, target := range []*instance{i, newInstance(t, db.SQLite), newInstance(t, db.Postgres)} {
				tried := ""
				rep, err := archive.Drill(context.Background(), st, target.target(), archive.DrillOptions{
					Try: func(_ context.Context, o db.Options) error { tried = o.Path + o.URL; return nil },
				})
				i.must(err)
				if rep.Rows != st.Manifest.Rows || rep.Files != 3 || rep.OfFiles != 3 || rep.Took <= 0 || !strings.Contains(tried, "drill") {
					t.Errorf("report %+v, tried on %q", rep, tried)
				}
				for n, p := range rep.Tables {
					if p.Archive != p.Restored || p.Restored != want[n] {
						t.Errorf("%+v, want %+v", p, want[n])
					}
				}
				i.noScratch(target)
			}
			if diff := cmp.Diff(want, i.digests()); diff != "" {
				t.Errorf("the live database changed: %s", diff)
			}
		})
	}
}

func (i *instance) noScratch(of *instance) {
	i.t.Helper()
	if of.o.URL == "" {
		if left, _ := filepath.Glob(filepath.Join(of.dir, "drill-*")); len(left) > 0 {
			i.t.Errorf("left behind: %v", left)
		}
		return
	}
	if left := of.strings(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'holdfast\_' || CURRENT_SCHEMA() || '\_drill%'`); len(left) > 0 {
		i.t.Errorf("left behind: %v", left)
	}
}

func TestADrillFailsWhereTheSnapshotOrTheApplicationDoes(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(30)
	st := i.stored()
	_, err := archive.Drill(context.Background(), st, i.target(), archive.DrillOptions{
		Try: func(context.Context, db.Options) error { return errors.New("no login page") },
	})
	if err == nil || !strings.Contains(err.Error(), "no login page") {
		t.Errorf("got %v", err)
	}
	i.noScratch(i)
	packs, err := filepath.Glob(filepath.Join(i.dir, "repository", "packs", "*", "*"))
	i.must(err)
	for _, p := range packs {
		b, err := os.ReadFile(p)
		i.must(err)
		for n := 100; n < len(b); n += 500 {
			b[n] ^= 1
		}
		i.must(os.Chmod(p, 0o600))
		i.must(os.WriteFile(p, b, 0o600))
	}
	if _, err := archive.Drill(context.Background(), st, i.target(), archive.DrillOptions{}); !errors.Is(err, archive.ErrBroken) {
		t.Errorf("a damaged snapshot: %v", err)
	}
	i.noScratch(i)
	i.must(os.WriteFile(filepath.Join(i.dir, "drill-killed.db-wal"), nil, 0o600))
	i.must(archive.RemoveScratch(context.Background(), i.target()))
	i.noScratch(i)
}
