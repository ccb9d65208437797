package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
)

// A golden repository is written once for each version of the format, and never again.
var writeGolden = flag.String("write-golden", "", "write a golden repository to this new directory and end")

// goldenSnapshot is what a snapshot must restore to for ever: SHA-256 by key.
type goldenSnapshot struct {
	ID    string            `json:"id"`
	Hash  Hash              `json:"hash"`
	Meta  json.RawMessage   `json:"meta"`
	Items map[string]string `json:"items"`
}

func sums(c content) map[string]string {
	out := map[string]string{}
	for k, v := range c {
		sum := sha256.Sum256(v)
		out[k] = hex.EncodeToString(sum[:])
	}
	return out
}

func TestWriteGolden(t *testing.T) {
	if *writeGolden == "" {
		t.Skip("only with -write-golden DIR")
	}
	if err := os.Mkdir(*writeGolden, 0o755); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.key = must[*age.X25519Identity](t)(age.GenerateX25519Identity())
	w.sim = objstoretest.NewSim()
	must[*Repository](t)(Create(t.Context(), w.sim, Options{}, Recipient{"Recovery kit", w.key.Recipient()}))
	rnd := random(2026)
	c := content{"f empty": nil, "f zeros": make([]byte, 2*chunkSize+77), "t ünï": []byte("[\"ünï\"]\n"), "f noise": noise(rnd, 20_000)}
	for i := range 200 {
		c[fmt.Sprintf("t %05d", i)] = text(rnd, rnd.IntN(400))
	}
	for i := range 3 {
		c[fmt.Sprintf("t %05d", i*50)] = text(rnd, 100)
		must[Snapshot](t)(w.backup(t.Context(), w.sim.Client(), maps2(c, content{fmt.Sprint("f only ", i): noise(rnd, 5000)}), BackupOptions{}))
		w.sim.Advance(time.Hour)
	}
	if err := w.forget(t.Context(), w.sim.Client(), w.tries[1]); err != nil {
		t.Fatal(err)
	}
	for _, dead := range []int{16, 17} { // one is fenced, one left
		must[PruneReport](t)(w.prune(t.Context(), w.sim.Client(), PruneOptions{}))
		client := w.sim.Client()
		client.Hook = objstoretest.CrashAfter(dead + 4)
		if _, err := w.backup(t.Context(), client, c, BackupOptions{Beat: -1}); err == nil {
			t.Fatal("it should have died")
		}
		w.sim.Advance(time.Hour)
	}
	w.sound(t)
	var want []goldenSnapshot
	for _, n := range w.tries {
		if n.committed && !n.forgotten {
			want = append(want, goldenSnapshot{n.snap.ID, n.snap.Hash, n.snap.Meta, sums(n.content)})
		}
	}
	files := map[string][]byte{
		"identity.txt":  []byte(w.key.String() + "\n"),
		"expected.json": must[[]byte](t)(json.MarshalIndent(want, "", "\t")),
	}
	for _, name := range w.sim.Names("") {
		if name != reserveName {
			files["repository/"+name] = w.sim.Bytes(name)
		}
	}
	for name, b := range files {
		path := filepath.Join(*writeGolden, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The repositories of all released versions open, verify, read, and take backups.
func TestGoldenRepositories(t *testing.T) {
	dirs := must[[]string](t)(filepath.Glob("testdata/format*"))
	if len(dirs) != formatVersion {
		t.Fatalf("there are %d golden repositories, want one for each of %d versions", len(dirs), formatVersion)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			ctx, place := t.Context(), t.TempDir()
			if err := os.CopyFS(place, os.DirFS(filepath.Join(dir, "repository"))); err != nil {
				t.Fatal(err)
			}
			store := must[*objstore.Dir](t)(objstore.NewDir(place))
			defer store.Close()
			secret := strings.TrimSpace(string(must[[]byte](t)(os.ReadFile(filepath.Join(dir, "identity.txt")))))
			r := must[*Repository](t)(Open(ctx, store, Options{}, must[*age.X25519Identity](t)(age.ParseX25519Identity(secret))))
			report := must[VerifyReport](t)(r.Verify(ctx, VerifyOptions{Shares: 1}))
			if len(report.Problems) > 0 {
				t.Fatal(report.Problems)
			}
			var want []goldenSnapshot
			if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(filepath.Join(dir, "expected.json"))), &want); err != nil {
				t.Fatal(err)
			}
			all := must[[]Snapshot](t)(r.Snapshots(ctx))
			if len(all) != len(want) || len(want) == 0 {
				t.Fatalf("%d snapshots, want %d", len(all), len(want))
			}
			for i, s := range all {
				got := goldenSnapshot{ID: s.ID, Hash: s.Hash, Items: sums(must[content](t)(restored(ctx, r, s, i%2 == 0)))}
				if got.ID != want[i].ID || got.Hash != want[i].Hash || fmt.Sprint(got.Items) != fmt.Sprint(want[i].Items) {
					t.Errorf("snapshot %s is not what it was", s.ID)
				}
			}
			c := content{"t more": []byte("more")}
			s := must[Snapshot](t)(r.Backup(ctx, c, BackupOptions{}))
			if err := equal(must[content](t)(restored(ctx, r, s, false)), c); err != nil {
				t.Error(err)
			}
			must[PruneReport](t)(r.Prune(ctx, PruneOptions{Confirmed: true}))
		})
	}
}
