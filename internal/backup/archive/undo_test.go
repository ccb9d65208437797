package archive_test

import (
	"context"
	"fmt"
	"testing"

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
		if engine == db.Postgres {
			for _, name := range i.strings(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'holdfast\_' || CURRENT_SCHEMA() || '\_before%'`) {
				i.exec(`DROP SCHEMA ` + name + ` CASCADE`)
			}
		}
	})
}
