package repo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
)

// letters is a source of two items.
type letters struct{ first, second string }

func (l letters) Items(_ context.Context, put func(repo.Item) error) error {
	if err := put(repo.Item{Key: []byte("letters/1"), Count: 1, Data: []byte(l.first), Text: true}); err != nil {
		return err
	}
	return put(repo.Item{Key: []byte("letters/2"), Count: 1, Data: []byte(l.second), Text: true})
}

func (l letters) Meta() (doc json.RawMessage, complete bool, err error) {
	return json.RawMessage(`{"program":"letters"}`), true, nil
}

// A repository in a directory, two snapshots of a source, and what the second holds.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := objstore.NewDir(dir)
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
	for _, second := range []string{"Dear Ben", "Dear Cleo"} {
		s, err := r.Backup(ctx, letters{"Dear Anna", second}, repo.BackupOptions{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("snapshot %d: %d items of %d bytes\n", s.Seq, s.Items, s.Size)
	}
	// Anybody with the key opens it, wherever the directory is.
	r, err = repo.Open(ctx, store, repo.Options{}, key)
	if err != nil {
		log.Fatal(err)
	}
	s, err := r.Snapshot(ctx, "latest")
	if err != nil {
		log.Fatal(err)
	}
	err = r.Read(ctx, s, nil, nil, repo.Reading{
		Entry: func(e *repo.Entry) error { fmt.Printf("%s: ", e.Key); return nil },
		Chunk: func(b []byte) error { fmt.Printf("%s\n", b); return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	report, err := r.Verify(ctx, repo.VerifyOptions{Shares: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(report.Problems), "problems")
	// Output:
	// snapshot 1: 2 items of 17 bytes
	// snapshot 2: 2 items of 18 bytes
	// letters/1: Dear Anna
	// letters/2: Dear Cleo
	// 0 problems
}
