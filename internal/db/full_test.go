package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// On a full disk writes say so, reads go on, and nothing that was committed is
// lost; once there is room, writes go on too.
func TestAFullDiskIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no small disk to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ctx := context.Background()
	d, err := db.Open(ctx, db.Options{Path: filepath.Join(dir, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	write := func(q string, args ...any) error {
		return db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(q, args...))
			return err
		})
	}
	if err := errors.Join(write(`CREATE TABLE notes (text TEXT)`), write(`INSERT INTO notes VALUES ('kept')`)); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	for _, text := range []string{strings.Repeat("long", 100_000), "short", "short"} {
		err := write(`INSERT INTO notes VALUES (?)`, text)
		if !fault.Is(err, fault.KindNoSpace) || !db.IsFull(err) || fault.HintOf(err) == "" {
			t.Errorf("%d bytes on a full disk: %v", len(text), err)
		}
	}
	other := filepath.Join(dir, "other.db")
	if o, err := db.Open(ctx, db.Options{Path: other}); err == nil {
		t.Errorf("a database was made on a full disk, close: %v", o.Close())
	} else if !fault.Is(err, fault.KindNoSpace) {
		t.Errorf("open on a full disk: %v", err)
	}
	count := func() int64 {
		n, err := db.Read(ctx, d, func(tx *db.Tx) (int64, error) {
			return db.Scalar[int64](ctx, tx, db.SQL(`SELECT COUNT(*) FROM notes`))
		})
		if err != nil {
			t.Errorf("read on a full disk: %v", err)
		}
		return n
	}
	if n := count(); n != 1 {
		t.Errorf("%d rows, want the one that was committed", n)
	}
	if err := errors.Join(os.Remove(filler), write(`INSERT INTO notes VALUES ('again')`)); err != nil || count() != 2 {
		t.Errorf("with room again: %v, %d rows", err, count())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".room-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
