package web_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
)

// TestTroublesOfTheEngineInTheReadersLanguage lets a backup, a check and a restore fail: the pages
// say in German what can be done, and keep what the engine said.
func TestTroublesOfTheEngineInTheReadersLanguage(t *testing.T) {
	apptest.Each(t, apptest.Options{}, mount, func(t *testing.T, in *apptest.Instance) {
		in.User("ada", true)
		b := &browser{t: t, in: in}
		b.signIn("ada", apptest.Password)
		if _, err := in.Backups.RunInline(t.Context(), access.Operator("test"), "", backup.InlineOptions{Attachments: true}); err != nil {
			t.Fatal(err)
		}
		const full, unreachable, odd = "write packs/ab: the place for backups is full", "drill: the place for backups cannot be reached: dial <tcp>", "table users: row 7 differs"
		if err := db.Do(t.Context(), in.DB, func(tx *db.Tx) error {
			if _, err := db.Exec(t.Context(), tx, db.SQL(`UPDATE backups SET state = 'failed', error = ?, missing = ?`, full, `[{"name":"plan.pdf","sha256":"00","reason":"the file is damaged"}]`)); err != nil {
				return err
			}
			if _, err := db.Exec(t.Context(), tx, db.SQL(`UPDATE users SET language = 'de' WHERE login = 'ada'`)); err != nil {
				return err
			}
			for kind, said := range map[backup.CheckKind]string{backup.CheckDrill: unreachable, backup.CheckFull: odd, backup.CheckRestore: unreachable} {
				if _, err := db.Exec(t.Context(), tx, db.SQL(`INSERT INTO backup_checks (kind, state, snapshot, error, started_at, finished_at) VALUES (?, 'failed', '', ?, ?, ?)`, kind, said, tx.Stamp(), tx.Stamp())); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for path, texts := range map[string][]string{
			"/admin/backups":      {"Der Ort der Sicherungen ist voll;", full, "die Datei ist beschädigt", "Der Ort der Sicherungen ist nicht erreichbar;"},
			"/admin/backups/care": {"Der Ort der Sicherungen ist nicht erreichbar;", "dial &lt;tcp&gt;", odd},
		} {
			status, page := b.get(path)
			want(t, path, status, page, 200, texts...)
		}
	})
}
