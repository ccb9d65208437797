package archive_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/secret"
)

// A snapshot of an instance, taken into a repository, becomes one file, which is
// checked as a whole before anything of it is used.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(ctx, db.Options{Path: filepath.Join(dir, "holdfast.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	if err := db.Migrate(ctx, d, db.MigrateOptions{}); err != nil {
		log.Fatal(err)
	}
	files, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	store, err := objstore.NewDir(filepath.Join(dir, "repository"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		log.Fatal(err)
	}
	r, err := repo.Create(ctx, store, repo.Options{}, repo.Recipient{Label: "server", Key: key.Recipient()})
	if err != nil {
		log.Fatal(err)
	}
	keys := secret.NewKeyring()
	snapshot, err := archive.Take(ctx, archive.Source{DB: d, Blobs: files, Keys: keys}, r, archive.Options{TempDir: dir})
	if err != nil {
		log.Fatal(err)
	}
	stored, err := archive.Load(r, snapshot, keys)
	if err != nil {
		log.Fatal(err)
	}
	x, err := archive.NewExport(ctx, stored, keys, true, dir)
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "archive.zip")
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := x.WriteTo(ctx, f, 0); err != nil {
		log.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("as long as it said:", info.Size() == x.Size())
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	a, err := archive.Open(ctx, path, keys)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	fmt.Println(a.Seal.State, a.Origin, a.Manifest.Rows == snapshot.Count)
	// Output:
	// as long as it said: true
	// complete own true
}
