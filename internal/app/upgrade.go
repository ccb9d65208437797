package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Copies made before an upgrade of the schema: how many are kept at most, and
// for how long. The newest one stays for its whole time whatever comes after.
const (
	upgradeCopies = 3
	upgradeKept   = 7 * 24 * time.Hour
)

// upgradeMargin is what must stay free beside the copy: the upgrade itself
// writes, and a full disk in the middle of it helps nobody.
const upgradeMargin = 64 << 20

const (
	upgradePrefix = "before-upgrade-"
	upgradeSuffix = ".db"
)

// safety makes the copy of a database that is about to get a newer schema.
type safety struct {
	db  *db.DB
	dir string
	log *slog.Logger
	// free tells the free space of the disk that holds a directory.
	free func(dir string) (int64, error)
}

// copy is for db.MigrateOptions.BeforeUpgrade: its error stops the upgrade,
// and then nothing has changed.
func (s safety) copy(ctx context.Context, from, to int64) error {
	if s.db.Dialect() == db.Postgres {
		s.log.Warn("the schema of the database is upgraded now; going back takes a copy made with PostgreSQL's own tools before this start",
			"from", from, "to", to)
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make directory for the copy: %w", err)
	}
	if err := s.room(); err != nil {
		return err
	}
	name := fmt.Sprintf("%s%d-to-%d-%s%s", upgradePrefix, from, to, s.db.Now().Format("20060102t150405"), upgradeSuffix)
	path := filepath.Join(s.dir, name)
	if err := db.Copy(ctx, s.db, path); err != nil {
		return fault.WithHint(err, "see that "+s.dir+" can be written, and start again; nothing has changed")
	}
	s.log.Info("copied the database before the upgrade of its schema", "copy", path, "from", from, "to", to)
	_, err := removeCopies(s.dir, time.Time{}, upgradeCopies)
	return err
}

// room refuses when the disk cannot hold the copy.
func (s safety) room() error {
	need := int64(upgradeMargin)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(s.db.Path() + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		need += info.Size()
	}
	free, err := s.free(s.dir)
	if err != nil || free >= need {
		return err
	}
	return fault.WithHint(
		fmt.Errorf("the copy before the schema upgrade needs %d bytes in %s, and only %d are free", need, s.dir, free),
		"make room on that disk and start again, or go on with the version before; nothing has changed")
}

// freeSpace returns the bytes that an unprivileged process may still write.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// removeCopies removes the copies that are older than the instant, and all but
// the newest ones, and returns their names.
func removeCopies(dir string, before time.Time, keep int) ([]string, error) {
	copies, err := filepath.Glob(filepath.Join(dir, upgradePrefix+"*"+upgradeSuffix))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(copies, func(a, b string) int { return copiedAt(b).Compare(copiedAt(a)) })
	var removed []string
	for i, path := range copies {
		at := copiedAt(path)
		if at.IsZero() || i < keep && !at.Before(before) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return removed, fmt.Errorf("remove an old copy: %w", err)
		}
		removed = append(removed, filepath.Base(path))
	}
	return removed, nil
}

// copiedAt reads the instant in the name of a copy, zero when it has none.
func copiedAt(path string) time.Time {
	name := strings.TrimSuffix(filepath.Base(path), upgradeSuffix)
	t, err := time.Parse("20060102t150405", name[strings.LastIndexByte(name, '-')+1:])
	if err != nil {
		return time.Time{}
	}
	return t
}

func (a *App) backupsDir() string { return filepath.Join(a.Config.Data, "backups") }
