package archive_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

func TestARestoreIsUndoneAndTheUndoingToo(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(5)
		if _, err := archive.Undo(context.Background(), i.target()); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("nothing to undo: %v", err)
		}
		path := i.backup()
		i.exec(`UPDATE work_packages SET subject = 'newer'`)
		a, err := archive.Open(context.Background(), path, i.keys)
		i.must(err)
		_, err = archive.Restore(context.Background(), a, i.target(), archive.RestoreOptions{Replace: true})
		i.must(err)
		i.must(a.Close())
		i.exec(`UPDATE users SET status = 3 WHERE login = 'cleo'`) // since the restore
		subjects := func() string {
			return fmt.Sprint(len(i.strings(`SELECT DISTINCT subject FROM work_packages WHERE subject = 'newer'`)))
		}
		for n, want := range []string{"1", "0", "1"} {
			rep, err := archive.Undo(context.Background(), i.target())
			i.must(err)
			if subjects() != want || rep.Safety == "" {
				t.Errorf("undo %d: %s, %+v", n, subjects(), rep)
			}
			i.verifyAudit()
			for sql, want := range map[string]string{
				`SELECT login FROM users WHERE status = 3`:                  "[cleo]",
				`SELECT value FROM settings WHERE name = 'mail_quarantine'`: "[true]",
			} {
				if got := fmt.Sprint(i.strings(sql)); got != want {
					t.Errorf("undo %d: %s: %s", n, sql, got)
				}
			}
		}
		i.tidyAll()
	})
}

// What was kept aside is still there when an undo did not work, whether that was
// noticed at once or after a crash.
func TestAnUndoThatDoesNotWorkKeepsWhatWasKept(t *testing.T) {
	oneEngineAfterTheOther(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(5)
		path := i.backup()
		i.exec(`UPDATE work_packages SET subject = 'before the restore'`)
		a, err := archive.Open(context.Background(), path, i.keys)
		i.must(err)
		rep, err := archive.Restore(context.Background(), a, i.target(), archive.RestoreOptions{Replace: true})
		i.must(err)
		i.must(a.Close())
		restored := i.digests()
		reset := archive.OnStep(func(name string) {
			if name == "gate" {
				i.exec(`ALTER TABLE watchers RENAME TO hidden`)
			}
		})
		_, err = archive.Undo(context.Background(), i.target())
		reset()
		if err == nil || !strings.Contains(err.Error(), "was put back") {
			t.Fatalf("got %v", err)
		}
		if diff := cmp.Diff(restored, i.digests()); diff != "" {
			t.Errorf("the present after an undo that failed: %s", diff)
		}
		mend := `ALTER TABLE hidden RENAME TO watchers`
		if engine == db.SQLite {
			d, err := db.Open(context.Background(), db.Options{Path: rep.Old})
			i.must(err)
			i.must(db.Do(context.Background(), d, func(tx *db.Tx) error { _, err := db.Exec(context.Background(), tx, db.SQL(mend)); return err }))
			i.must(d.Close())
		} else {
			i.exec(`ALTER TABLE ` + rep.Old + `.hidden RENAME TO watchers`)
		}
		_, err = archive.Undo(context.Background(), i.target())
		i.must(err)
		if got := i.strings(`SELECT DISTINCT subject FROM work_packages`); fmt.Sprint(got) != "[before the restore]" {
			t.Errorf("after the undo: %v", got)
		}
		i.tidyAll()
	})
}

// tidyAll removes the schemas that restores left beside the test's own.
func (i *instance) tidyAll() {
	i.t.Helper()
	if i.o.URL == "" {
		return
	}
	for _, name := range i.strings(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'holdfast\_' || CURRENT_SCHEMA() || '\_before%'`) {
		i.exec(`DROP SCHEMA ` + name + ` CASCADE`)
	}
}
