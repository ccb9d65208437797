package archive_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// storedIn takes a snapshot of a filled database into a repository in a directory.
func storedIn(t *testing.T, d *db.DB, dir string) *archive.Stored {
	t.Helper()
	files, keys := newStore(t), secret.NewKeyring()
	fill(t, d, files, 5)
	place, err := objstore.NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = place.Close() })
	r, err := openRepo(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := archive.Take(t.Context(), archive.Source{DB: d, Blobs: files, Keys: keys}, r, archive.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := archive.Load(r, snap, keys)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Rows of a snapshot are read one by one, with what a column holds or nothing where it
// holds nothing or is not there.
func TestRowsArePicked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		st := storedIn(t, d, t.TempDir())
		seen := 0
		err := st.Rows(t.Context(), "users", archive.Ids{From: 11, To: math.MaxInt64}, func(row archive.Row) error {
			seen++
			if n, ok := row.Int("id"); !ok || n != int64(10+seen) {
				t.Errorf("row %d has the number %d", seen, n)
			}
			login, ok := row.Text("login")
			if !ok || row.Bool("admin") != (login == "ben") {
				t.Errorf("%q is an administrator: %t", login, row.Bool("admin"))
			}
			if at := row.Instant("created_at"); at.IsZero() || at.Location() != time.UTC || !row.Instant("deleted_at").IsZero() {
				t.Errorf("%s was made at %v, deleted at %v", login, at, row.Instant("deleted_at"))
			}
			if _, ok := row.Text("of_a_newer_schema"); ok || row.Bool("of_a_newer_schema") {
				t.Error("a column that is not there has a value")
			}
			return nil
		})
		if err != nil || seen != 3 {
			t.Errorf("picked %d rows, %v", seen, err)
		}
		enough := errors.New("enough")
		if err := st.Rows(t.Context(), "users", archive.All, func(archive.Row) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("the error of the one who reads became %v", err)
		}
		if err := st.Rows(t.Context(), "of_a_newer_schema", archive.All, func(archive.Row) error { return enough }); err != nil {
			t.Errorf("a table that is not there: %v", err)
		}
	})
}

// A file of a snapshot is what its name says, or there is none.
func TestFilesArePicked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		st := storedIn(t, d, dir)
		var sha string
		err := st.Rows(t.Context(), "attachments", archive.All, func(row archive.Row) error {
			if n, _ := row.Int("size"); n == int64(len("one file")) {
				sha, _ = row.Text("sha256")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := st.File(t.Context(), sha)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != "one file" || r.Close() != nil {
			t.Errorf("got %q, %v", b, err)
		}
		for _, none := range []string{"", "no hash", sha[:62], strings.Repeat("ab", 32)} {
			if _, err := st.File(t.Context(), none); !fault.Is(err, fault.KindNotFound) {
				t.Errorf("%q: %v", none, err)
			}
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := st.File(ended, sha); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
		overwrite(t, filepath.Join(dir, "packs"))
		if r, err = st.File(t.Context(), sha); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); !errors.Is(err, archive.ErrBroken) {
			t.Errorf("of a damaged pack: %q, %v", b, err)
		}
		err = st.Rows(t.Context(), "users", archive.All, func(archive.Row) error { return nil })
		if !errors.Is(err, archive.ErrBroken) {
			t.Errorf("rows of a damaged pack: %v", err)
		}
	})
}

// overwrite damages every file below a directory.
func overwrite(t *testing.T, dir string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		n++
		return os.WriteFile(path, make([]byte, info.Size()), 0o600)
	})
	if err != nil || n == 0 {
		t.Fatalf("damaged %d files: %v", n, err)
	}
}
