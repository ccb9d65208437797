package archive_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

// golden is an archive of a format version, and what must come of it for ever.
type golden struct {
	Keys   map[secret.Name]string `json:"keys"`
	Tables []archive.TableSum     `json:"tables"`
	Files  int64                  `json:"files"`
}

// goldens are the archives that are kept, one for every schema version of the database,
// and the directories they are in. Those of released schemas are never changed.
var goldens = map[int64]string{1: "testdata/format1", 2: "testdata/format1-schema2", 3: "testdata/format1-schema3", 4: "testdata/format1-schema4", 5: "testdata/format1-schema5"}

// TestWriteGolden makes the archive of the present schema, where it is asked to. It is
// run once for a schema version; what it made is never changed after its release.
func TestWriteGolden(t *testing.T) {
	if os.Getenv("HOLDFAST_TEST_WRITE_GOLDEN") != "1" {
		t.Skip("HOLDFAST_TEST_WRITE_GOLDEN=1 writes it")
	}
	d, store, keys := dbtest.OpenSQLite(t, nil), newStore(t), secret.NewKeyring()
	fill(t, d, store, 40)
	attach(t, d, store, nil)
	plan(t, d)
	newest, err := db.NewestSchema()
	if err != nil {
		t.Fatal(err)
	}
	goldenDir := goldens[newest]
	content, st := create(t, archive.Source{DB: d, Blobs: store, Keys: keys}, archive.Options{})
	g := golden{Keys: map[secret.Name]string{}, Tables: st.Sums(), Files: st.Seal.Files.Count}
	for _, name := range secret.Names() {
		k := keys.Key(name)
		g.Keys[name] = hex.EncodeToString(k[:])
	}
	text, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"archive.zip": content, "expected.json": append(text, '\n')} {
		if err := os.MkdirAll(goldenDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(goldenDir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// plan adds what came with schema 2 and later, and takes out the file that would make the archive large.
func plan(t *testing.T, d *db.DB) {
	t.Helper()
	ctx := context.Background()
	err := db.Do(db.Alone(ctx), d, func(tx *db.Tx) error {
		for _, text := range []string{
			`DELETE FROM attachments WHERE size > 1000000`,
			`DELETE FROM blobs WHERE size > 1000000`,
			`INSERT INTO versions (id, project_id, name, name_folded, start_date, effective_date, status, sharing, created_at, updated_at) VALUES (7, 1, 'Straße <1>', 'strasse <1>', '2026-01-01', '2026-12-31', 'open', 'system', 1, 2)`,
			`INSERT INTO categories (id, project_id, name, name_folded, assigned_to_id, created_at, updated_at) VALUES (9, 1, 'Dächer', 'dächer', 10, 1, 2)`,
			`UPDATE work_packages SET version_id = 7, category_id = 9 WHERE id = 1`,
			`INSERT INTO non_working_days (date, name, created_at) VALUES ('2026-12-25', 'Weihnachten', 1)`,
			`INSERT INTO notifications (recipient_id, actor_id, reason, work_package_id, journal_id, created_at, updated_at) SELECT 11, 10, 'mentioned', 1, MIN(id), 1, 2 FROM journals`,
			`INSERT INTO notification_switches (user_id, reason, told) VALUES (11, 'watched', FALSE)`,
			`UPDATE users SET own_keys = 'create n' WHERE id = 10`,
			`INSERT INTO favorites (user_id, project_id, created_at) VALUES (11, 1, 1)`,
			`UPDATE notifications SET read_at = 3, snoozed_until = 5000000`,
			`INSERT INTO notification_mutes (user_id, work_package_id, created_at) VALUES (10, 1, 1)`,
			`UPDATE journals SET notes_replaced = 'before', notes_editor_id = 10 WHERE id = 1`,
		} {
			if _, err := db.Exec(ctx, tx, db.SQL(text)); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheGoldenArchivesRestoreForEver: whoever has an archive, of whatever schema, gets
// it back with every later program, on both engines, brought to the newest schema.
func TestTheGoldenArchivesRestoreForEver(t *testing.T) {
	newest, err := db.NewestSchema()
	if err != nil {
		t.Fatal(err)
	}
	for version := int64(1); version <= newest; version++ {
		if goldens[version] == "" {
			t.Errorf("no golden archive of schema %d: HOLDFAST_TEST_WRITE_GOLDEN=1 go test ./internal/backup/archive -run TestWriteGolden", version)
			continue
		}
		t.Run(fmt.Sprint("schema ", version), func(t *testing.T) { restoresForEver(t, goldens[version], version, newest) })
	}
}

func restoresForEver(t *testing.T, goldenDir string, version, newest int64) {
	text, err := os.ReadFile(filepath.Join(goldenDir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	ring := map[secret.Name]secret.Key{}
	for name, k := range g.Keys {
		raw, err := hex.DecodeString(k)
		if err != nil || len(raw) != 32 {
			t.Fatalf("key %s: %v", name, err)
		}
		ring[name] = secret.Key(raw)
	}
	a, err := archive.Open(context.Background(), filepath.Join(goldenDir, "archive.zip"), secret.RingOf(ring))
	if err != nil {
		t.Fatal(err)
	}
	if a.Manifest.SchemaVersion != version {
		t.Errorf("the archive has schema %d, want %d", a.Manifest.SchemaVersion, version)
	}
	if a.Origin != archive.Own {
		t.Errorf("the seal no longer proves its origin: %s", a.Origin)
	}
	if diff := cmp.Diff(g.Tables, a.Sums()); diff != "" {
		t.Error(diff)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine)
		rep, err := i.restore(filepath.Join(goldenDir, "archive.zip"), archive.RestoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for n, p := range rep.Tables {
			if p.Restored != g.Tables[n] {
				t.Errorf("%+v, want %+v", p.Restored, g.Tables[n])
			}
		}
		if rep.Files != g.Files {
			t.Errorf("%d files, want %d", rep.Files, g.Files)
		}
		i.with(func(d *db.DB) {
			if got, err := db.SchemaVersion(context.Background(), d); err != nil || got != newest {
				t.Errorf("restored with schema %d, %v, want the newest, %d", got, err, newest)
			}
		})
		if version < 2 {
			return
		}
		got := i.strings(`SELECT v.sharing || ' ' || c.name || ' ' || n.reason FROM work_packages w JOIN versions v ON v.id = w.version_id
			JOIN categories c ON c.id = w.category_id JOIN notifications n ON n.work_package_id = w.id JOIN favorites f ON f.project_id = w.project_id`)
		if len(got) != 1 || got[0] != "system Dächer mentioned" {
			t.Errorf("what was planned came back as %q", got)
		}
		if version < 4 {
			return
		}
		got = i.strings(`SELECT CAST(n.snoozed_until AS TEXT) || ' ' || j.notes_replaced || ' ' || CAST(m.user_id AS TEXT) FROM notifications n
			JOIN notification_mutes m ON m.work_package_id = n.work_package_id JOIN journals j ON j.notes_editor_id = 10`)
		if len(got) != 1 || got[0] != "5000000 before 10" {
			t.Errorf("the inbox came back as %q", got)
		}
	})
}
