package audit_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

// filled is a log with n entries, the objects of which count from 1.
func filled(t *testing.T, d *db.DB, n int) *audit.Log {
	t.Helper()
	l := audit.New([]byte("the key"))
	for i := range n {
		record(t, d, l, audit.Act{ActorName: "Ann", Action: "backup.request", Object: fmt.Sprintf("backup %d", i+1)})
	}
	return l
}

func copied(t *testing.T, f *audit.File, d *db.DB) {
	t.Helper()
	if _, err := f.Copy(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func both(t *testing.T, f *audit.File, d *db.DB) audit.Report {
	t.Helper()
	r, err := f.Verify(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newest(t *testing.T, f *audit.File) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(f.Dir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file: %v", err)
	}
	return names[len(names)-1]
}

func TestTheFileHasWhatTheDatabaseHas(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := filled(t, d, 7)
		f := audit.NewFile(filepath.Join(t.TempDir(), "audit"), l)
		if r := both(t, f, d); r.Database != 7 || r.File != 0 || r.Waiting != 7 || len(r.Problems) != 0 {
			t.Errorf("before the first copy: %+v", r)
		}
		copied(t, f, d)
		copied(t, f, d)
		if r := both(t, f, d); r.Database != 7 || r.File != 7 || r.Waiting != 0 || len(r.Problems) != 0 || len(r.Restarts) != 0 {
			t.Errorf("after it: %+v", r)
		}
		// A crash in the middle of a line loses nothing.
		record(t, d, l, audit.Act{ActorName: "Ann", Action: "x"})
		name := newest(t, f)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(b, `{"entry":{"ID":8,"At`...), 0o600); err != nil {
			t.Fatal(err)
		}
		copied(t, audit.NewFile(f.Dir, l), d)
		if r := both(t, f, d); r.File != 8 || len(r.Problems) != 0 {
			t.Errorf("after a crash: %+v", r)
		}
	})
}

func TestTamperingWithEitherIsFound(t *testing.T) {
	drop := func(n int) func([]byte) []byte {
		return func(b []byte) []byte {
			lines := bytes.SplitAfter(b, []byte("\n"))
			return bytes.Join(append(append([][]byte{}, lines[:n]...), lines[n+1:]...), nil)
		}
	}
	for name, tt := range map[string]struct {
		file func([]byte) []byte
		sql  string
		want string
	}{
		"a line changed":  {file: func(b []byte) []byte { return bytes.Replace(b, []byte("backup 3"), []byte("backup 4"), 1) }, want: "was changed"},
		"a line removed":  {file: drop(2), want: "missing or was moved"},
		"the end cut off": {file: func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-900], '\n')+1] }, want: "the end of the file was cut off"},
		"lines swapped": {file: func(b []byte) []byte {
			l := bytes.SplitAfter(b, []byte("\n"))
			l[2], l[3] = l[3], l[2]
			return bytes.Join(l, nil)
		}, want: "missing or was moved"},
		"a line added": {file: func(b []byte) []byte { return append(b, "{}\n"...) }, want: "no line of the log"},
		"a head of theirs": {file: func(b []byte) []byte {
			return append(b, `{"head":{"at":"2026-01-01T00:00:00Z","id":9,"hash":"x","mac":"y"}}`+"\n"...)
		}, want: "the head does not fit"},
		"a restart of theirs": {file: func(b []byte) []byte {
			return append(b, `{"restart":{"at":"2026-01-01T00:00:00Z","id":0,"hash":"","mac":"y"}}`+"\n"...)
		}, want: "the restart is not"},
		"a row changed":      {sql: `UPDATE audit_entries SET object = 'backup 9' WHERE id = 4`, want: "was changed"},
		"a row removed":      {sql: `DELETE FROM audit_entries WHERE id = 4`, want: "missing or was moved"},
		"the newest removed": {sql: `DELETE FROM audit_entries WHERE id > 5`, want: "the database is older than the file, or its end was cut off"},
		"a row's number":     {sql: `UPDATE audit_entries SET id = 100 WHERE id = 4`, want: "missing or was moved"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.OpenSQLite(t, nil)
			l := filled(t, d, 7)
			f := audit.NewFile(filepath.Join(t.TempDir(), "audit"), l)
			copied(t, f, d)
			if tt.sql != "" {
				tamper(t, d, tt.sql)
			} else {
				b, err := os.ReadFile(newest(t, f))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(newest(t, f), tt.file(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if r := both(t, f, d); !strings.Contains(fmt.Sprint(r.Problems), tt.want) && !(name == "the end cut off" && r.Waiting > 0) {
				t.Errorf("got %q, want %q", r.Problems, tt.want)
			}
		})
	}
}

func TestADatabasePutInPlaceOfTheOneBeforeShows(t *testing.T) {
	d, other := dbtest.OpenSQLite(t, nil), dbtest.OpenSQLite(t, nil)
	l := filled(t, d, 7)
	f := audit.NewFile(filepath.Join(t.TempDir(), "audit"), l)
	copied(t, f, d)
	// An older state of the same database, which goes on by itself.
	tamper(t, d, `DELETE FROM audit_entries WHERE id > 4`)
	if r := both(t, f, d); len(r.Problems) != 1 {
		t.Errorf("an older database: %+v", r)
	}
	record(t, d, l, audit.Act{ActorName: "Ann", Action: "after"})
	copied(t, f, d)
	copied(t, f, d)
	r := both(t, f, d)
	if len(r.Restarts) != 1 || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "no restore says so") || r.File != 8 {
		t.Errorf("it goes on: %+v", r)
	}
	record(t, d, l, audit.Act{ActorName: "operator", Action: audit.Restored})
	copied(t, f, d)
	if r := both(t, f, d); len(r.Problems) != 0 {
		t.Errorf("a restore says so: %+v", r)
	}
	// Another database altogether.
	m := filled(t, other, 2)
	record(t, other, m, audit.Act{ActorName: "operator", Action: audit.Restored})
	g := audit.NewFile(f.Dir, m)
	copied(t, g, other)
	if r := both(t, g, other); len(r.Restarts) != 2 || r.Database != 3 || len(r.Problems) != 0 {
		t.Errorf("another one: %+v", r)
	}
	b, err := os.ReadFile(newest(t, f))
	if err != nil || bytes.Count(b, []byte(`"entry"`)) != 12 {
		t.Errorf("what the first database said is gone: %v", err)
	}
}
