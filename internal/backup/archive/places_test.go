package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
)

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// died is what a step panics with, as if the process had ended there.
type died struct{}

// dies runs fn and reports whether it died.
func dies(fn func()) (dead bool) {
	defer func() {
		switch v := recover(); v.(type) {
		case nil:
		case died:
			dead = true
		default:
			panic(v)
		}
	}()
	fn()
	return false
}

// A restore whose new state does not work, and which dies while it puts the old
// one back, has put it back after the next start.
func TestARollbackThatDiesIsFinished(t *testing.T) {
	oneEngineAfterTheOther(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(5)
		path := i.backup()
		i.exec(`UPDATE work_packages SET subject = 'newer'`)
		want := i.digests()
		reset := archive.OnStep(func(name string) {
			switch name {
			case "gate":
				i.exec(`DROP TABLE watchers`)
			case "rollback":
				panic(died{})
			}
		})
		defer reset()
		if !dies(func() { _, _ = i.restore(path, archive.RestoreOptions{Replace: true}) }) {
			t.Fatal("it did not die")
		}
		reset()
		if got, err := archive.Recover(context.Background(), i.target()); got != archive.IsOld || err != nil {
			t.Errorf("%s, %v", got, err)
		}
		if diff := cmp.Diff(want, i.digests()); diff != "" {
			t.Error(diff)
		}
		if archive.Interrupted(i.dir) {
			t.Error("the state stays")
		}
	})
}

// A state file that cannot be read, or that a newer program wrote, is not guessed at.
func TestAStateThatIsNotKnownIsLeftAlone(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(2)
	path, want := i.backup(), i.digests()
	for text, wants := range map[string]string{"{": "restore.state", `{"step":"dance"}`: `unknown step "dance"`} {
		write(t, filepath.Join(i.dir, "restore.state"), []byte(text))
		if _, err := archive.Recover(t.Context(), i.target()); err == nil || !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v", text, err)
		}
		if err := i.restoreIn(t.Context(), path); err == nil || !strings.Contains(err.Error(), "settle an earlier restore") {
			t.Errorf("%s: a restore: %v", text, err)
		}
		if _, err := archive.Undo(t.Context(), i.target()); err == nil || !strings.Contains(err.Error(), "settle an earlier restore") {
			t.Errorf("%s: an undo: %v", text, err)
		}
	}
	i.must(os.Remove(filepath.Join(i.dir, "restore.state")))
	same(t, want, i.digests())
}

// obstruct puts a directory with something in it where a file should be.
func (i *instance) obstruct(name string) {
	i.t.Helper()
	path := filepath.Join(i.dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		i.t.Fatal(err)
	}
	i.must(os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
}

// What a restore cannot note durably it does not do.
func TestARestoreThatCannotNoteItsStepsLeavesTheTargetAlone(t *testing.T) {
	for _, at := range []string{"before", "stage", "safety", "sanitise"} {
		i := newInstance(t, db.SQLite).filled(5)
		path := i.backup()
		i.exec(`UPDATE work_packages SET subject = 'newer'`)
		want := i.digests()
		if at == "before" {
			i.must(os.Mkdir(filepath.Join(i.dir, "restore.files"), 0o700))
		}
		reset := archive.OnStep(func(name string) {
			if name == at {
				i.obstruct("restore.state")
			}
		})
		err := i.restoreIn(t.Context(), path)
		reset()
		if err == nil {
			t.Fatalf("%s: it went on", at)
		}
		if diff := cmp.Diff(want, i.digests()); diff != "" {
			t.Errorf("%s: %s", at, diff)
		}
		i.must(os.RemoveAll(filepath.Join(i.dir, "restore.state")))
		i.must(os.RemoveAll(filepath.Join(i.dir, "restore.files")))
		i.must(i.restoreIn(t.Context(), path))
	}
}

// After the swap, too: then the old state is put back, or the next start is asked to.
func TestASwapThatCannotBeNotedIsUndone(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(5)
	path := i.backup()
	i.exec(`UPDATE work_packages SET subject = 'newer'`)
	want := i.digests()
	var state []byte
	reset := archive.OnStep(func(name string) {
		if name == "swapped" {
			var err error
			state, err = os.ReadFile(filepath.Join(i.dir, "restore.state"))
			i.must(err)
			i.obstruct("restore.state")
		}
	})
	err := i.restoreIn(t.Context(), path)
	reset()
	if err == nil || !strings.Contains(err.Error(), "restore.state") {
		t.Fatalf("got %v", err)
	}
	i.must(os.RemoveAll(filepath.Join(i.dir, "restore.state")))
	write(t, filepath.Join(i.dir, "restore.state"), state)
	got, err := archive.Recover(t.Context(), i.target())
	if err != nil || got != archive.IsNew {
		t.Fatalf("%s, %v", got, err)
	}
	if cmp.Equal(want, i.digests()) {
		t.Error("it says new and is old")
	}
}

// A database that cannot be reached is an error of everything that needs it.
func TestADatabaseThatCannotBeReached(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(2)
	path, st := i.backup(), i.stored()
	target := i.target()
	target.DB = db.Options{URL: "postgres://nobody@127.0.0.1:1/none?connect_timeout=2"}
	a, err := archive.Open(t.Context(), path, i.keys)
	i.must(err)
	defer func() { i.must(a.Close()) }()
	calls := map[string]func(ctx context.Context) error{
		"restore": func(ctx context.Context) error {
			_, err := archive.Restore(ctx, a, target, archive.RestoreOptions{})
			return err
		},
		"plan": func(ctx context.Context) error { _, err := archive.MakePlan(ctx, a, target); return err },
		"undo": func(ctx context.Context) error { _, err := archive.Undo(ctx, target); return err },
		"drill": func(ctx context.Context) error {
			_, err := archive.Drill(ctx, st, target, archive.DrillOptions{})
			return err
		},
		"remove old":     func(ctx context.Context) error { _, err := archive.RemoveOld(ctx, target); return err },
		"remove scratch": func(ctx context.Context) error { return archive.RemoveScratch(ctx, target) },
		"kept":           func(ctx context.Context) error { _, _, err := archive.Kept(ctx, target); return err },
		"recover": func(ctx context.Context) error {
			write(t, filepath.Join(i.dir, "restore.state"), []byte(`{"step":"swap"}`))
			defer func() { i.must(os.Remove(filepath.Join(i.dir, "restore.state"))) }()
			_, err := archive.Recover(ctx, target)
			return err
		},
	}
	for name, call := range calls {
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		if err := call(ctx); err == nil {
			t.Errorf("%s: works without a database", name)
		}
		stop()
	}
}

// The newest restore decides until when it can be undone.
func TestWhatIsKeptSaysUntilWhen(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(2)
		at, until, err := archive.Kept(context.Background(), i.target())
		if err != nil || !at.IsZero() || !until.IsZero() {
			t.Errorf("before any restore: %v, %v, %v", at, until, err)
		}
		path, begun := i.backup(), time.Now().Add(-time.Second)
		i.must(i.restoreIn(context.Background(), path))
		at, until, err = archive.Kept(context.Background(), i.target())
		if err != nil || at.Before(begun.Truncate(time.Second)) || until.Sub(at) != archive.KeepOld {
			t.Errorf("after a restore: %v, %v, %v", at, until, err)
		}
		i.tidyAll()
	})
}

// Where lists cannot be written a snapshot or a restore does not begin.
func TestNoRoomForLists(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(2)
	i.with(func(d *db.DB) {
		_, err := archive.Take(t.Context(), archive.Source{DB: d, Blobs: i.store, Keys: i.keys}, newRepo(t), archive.Options{TempDir: filepath.Join(i.dir, "none")})
		if err == nil || !strings.Contains(err.Error(), "list of files") {
			t.Errorf("got %v", err)
		}
	})
	i.exec(`UPDATE attachments SET sha256 = 'nonsense' WHERE id = (SELECT MIN(id) FROM attachments)`)
	i.with(func(d *db.DB) {
		_, err := archive.Take(t.Context(), archive.Source{DB: d, Blobs: i.store, Keys: i.keys}, newRepo(t), archive.Options{TempDir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), `names the file "nonsense"`) {
			t.Errorf("got %v", err)
		}
	})
}

// A row as long as a novel goes through, in pieces; its progress is told.
func TestALongRowIsRestored(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(3)
	i.exec(`UPDATE work_packages SET description = ? WHERE id = (SELECT MIN(id) FROM work_packages)`, strings.Repeat("a line\n", 200_000))
	path, want := i.backup(), i.digests()
	to := newInstance(t, db.SQLite)
	var seen []archive.Progress
	a, err := archive.Open(t.Context(), path, to.keys)
	i.must(err)
	_, err = archive.Restore(t.Context(), a, to.target(), archive.RestoreOptions{Progress: func(p archive.Progress) { seen = append(seen, p) }})
	i.must(err)
	i.must(a.Close())
	got := to.digests()
	for n := range want {
		if want[n].Name == "work_packages" && want[n] != got[n] {
			t.Errorf("%+v, want %+v", got[n], want[n])
		}
	}
	last := seen[len(seen)-1]
	if last.Step != "done" || last.Rows != last.RowsTotal || last.Files != last.FilesTotal || last.Rows == 0 {
		t.Errorf("progress in the end: %+v", last)
	}
	a, err = archive.Open(t.Context(), path, to.keys)
	i.must(err)
	defer func() { i.must(a.Close()) }()
	before := to.digests()
	defer archive.LimitRows(1 << 20)() // since the archive was looked at
	if _, err = archive.Restore(t.Context(), a, to.target(), archive.RestoreOptions{Replace: true}); err == nil || !strings.Contains(err.Error(), "is longer than 1048576") {
		t.Errorf("a row that is too long: %v", err)
	}
	archive.LimitRows(64 << 20)
	same(t, before, to.digests())
}

// An archive that changes after it was looked at is noticed, and nothing of it stays.
func TestAnArchiveThatChangesWhileItIsRestored(t *testing.T) {
	content, st, keys := sample(t)
	i := newInstance(t, db.SQLite).filled(2)
	i.keys = keys
	want, names := i.digests(), i.names()
	step := max(1, len(content)/25*min(stride, 5))
	for at := step / 2; at < len(content); at += step {
		path := filepath.Join(t.TempDir(), "backup.zip")
		write(t, path, content)
		a, err := archive.Open(t.Context(), path, keys)
		i.must(err)
		flipped := append([]byte(nil), content...)
		for n := at; n < min(at+step/2, len(flipped)); n++ {
			flipped[n] ^= 0xff
		}
		write(t, path, flipped) // the same file, other bytes
		_, err = archive.Restore(t.Context(), a, i.target(), archive.RestoreOptions{Replace: true})
		i.must(a.Close())
		if err == nil { // what was changed is not read again: indexes for people, documents
			if got := i.digests(); got[2].SHA256 == "" || len(got) != len(st.Sums()) {
				t.Fatalf("changed at %d: %v", at, got)
			}
			_, err := archive.Undo(t.Context(), i.target())
			i.must(err)
			want, names = i.digests(), i.names()
			continue
		}
		if diff := cmp.Diff(want, i.digests()) + cmp.Diff(names, i.names()); diff != "" {
			t.Fatalf("changed at %d: %s", at, diff)
		}
	}
}

func TestANewStateWithoutItsBuiltInUsersIsNotTaken(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(2)
	path, want := i.backup(), i.digests()
	for sql, wants := range map[string]string{
		`UPDATE users SET kind = 'PlaceholderUser' WHERE kind = 'SystemUser'`:  "built-in users are missing",
		`UPDATE goose_db_version SET version_id = 99999 WHERE version_id <> 0`: "",
	} {
		reset := archive.OnStep(func(name string) {
			if name == "gate" {
				i.exec(sql)
			}
		})
		err := i.restoreIn(t.Context(), path)
		reset()
		if err == nil || !strings.Contains(err.Error(), "was put back") || !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v", sql, err)
		}
		same(t, want, i.digests())
	}
}

func TestLookingAtAnArchiveCanBeInterrupted(t *testing.T) {
	content, _, keys := sample(t)
	path := filepath.Join(t.TempDir(), "backup.zip")
	write(t, path, content)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := archive.Open(ctx, path, keys); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
