package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Copy writes a consistent copy of an SQLite database to path, while others go
// on reading and writing. The copy is on disk, under its name, when Copy
// returns; after an error there is nothing under the name. A file that is
// there already is replaced.
func Copy(ctx context.Context, d *DB, path string) (err error) {
	if d.dialect != SQLite {
		return errors.New("copy the database: only a database in a file can be copied")
	}
	making := path + ".copying"
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("copy the database: %w", err), gone(os.Remove(making)))
		}
	}()
	if err = gone(os.Remove(making)); err != nil { // of a copy that was killed
		return err
	}
	pool, err := sql.Open(sqliteDriver, dsn(d.opt.Path, "rw"))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	_, err = pool.ExecContext(ctx, `VACUUM INTO ?`, making)
	if err = errors.Join(err, pool.Close()); err != nil {
		return err
	}
	return settle(making, path)
}

// settle gives a file that was written its name, durably.
func settle(making, path string) error {
	if err := os.Chmod(making, 0o600); err != nil {
		return err
	}
	if err := syncPath(making); err != nil {
		return err
	}
	if err := os.Rename(making, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// gone is err unless it says that a file is not there.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
