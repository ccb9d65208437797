package db_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

func TestACopyIsConsistentWhileOthersWrite(t *testing.T) {
	ctx := t.Context()
	d := dbtest.OpenSQLite(t, nil)
	pair := func() { // both rows or none
		if err := db.Do(ctx, d, func(tx *db.Tx) error {
			for range 2 {
				if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO audit_entries (at, actor_name, action, prev_hash, hash) VALUES (1, 'a', 'b', lower(hex(randomblob(8))), '')`)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				pair()
			}
		}
	})
	path := filepath.Join(t.TempDir(), "copy.db")
	for range 5 { // a copy replaces the one before
		pair()
		if err := db.Copy(ctx, d, path); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	c, err := db.Open(ctx, db.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // was only read
	n, err := db.Read(ctx, c, func(tx *db.Tx) (int, error) {
		return db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM audit_entries`))
	})
	if err != nil || n < 10 || n%2 != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	if err := db.Check(ctx, c); err != nil {
		t.Error(err)
	}
}

func TestACopyThatFailsLeavesNothing(t *testing.T) {
	d := dbtest.OpenSQLite(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if err := db.Copy(ctx, d, filepath.Join(dir, "copy.db")); err == nil {
		t.Error("a copy was made although nobody waits for it")
	}
	if err := db.Copy(t.Context(), d, filepath.Join(dir, "missing", "copy.db")); err == nil {
		t.Error("a copy was made where there is no directory")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

func TestOnlyFilesAreCopied(t *testing.T) {
	if err := db.Copy(t.Context(), dbtest.OpenPostgres(t, nil), filepath.Join(t.TempDir(), "copy.db")); err == nil {
		t.Error("a PostgreSQL database was copied into a file")
	}
}
