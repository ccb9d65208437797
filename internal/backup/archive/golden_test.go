package archive_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
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

const goldenDir = "testdata/format1"

// TestWriteGolden makes the archive of the present format, where it is asked to. It is
// run once for a format version; what it made is never changed afterwards.
func TestWriteGolden(t *testing.T) {
	if os.Getenv("HOLDFAST_TEST_WRITE_GOLDEN") != "1" {
		t.Skip("HOLDFAST_TEST_WRITE_GOLDEN=1 writes it")
	}
	d, store, keys := dbtest.OpenSQLite(t, nil), newStore(t), secret.NewKeyring()
	fill(t, d, store, 40)
	attach(t, d, store, nil)
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

// TestTheGoldenArchiveRestoresForEver: whoever has an archive of this format gets
// it back with every later program, on both engines.
func TestTheGoldenArchiveRestoresForEver(t *testing.T) {
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
	})
}
