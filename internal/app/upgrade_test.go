package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
)

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestBeforeAnUpgradeTheDatabaseIsCopied(t *testing.T) {
	clock := dbtest.NewClock()
	d := dbtest.OpenSQLite(t, clock.Now)
	dir := filepath.Join(t.TempDir(), "backups")
	s := safety{db: d, dir: dir, log: slog.New(slog.DiscardHandler), free: freeSpace}
	if err := s.copy(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), "before-upgrade-1-to-2-20261123t090000.db"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	c, err := db.Open(t.Context(), db.Options{Path: filepath.Join(dir, names(t, dir))})
	if err != nil {
		t.Fatal(err)
	}
	v, err := db.SchemaVersion(t.Context(), c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if newest, _ := db.NewestSchema(); err != nil || v != newest {
		t.Errorf("the copy has schema %d, %v", v, err)
	}
}

func TestAnUpgradeWithoutRoomForTheCopyIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := safety{db: dbtest.OpenSQLite(t, nil), dir: dir, log: slog.New(slog.DiscardHandler), free: func(string) (int64, error) { return upgradeMargin, nil }}
	err := s.copy(t.Context(), 1, 2)
	if err == nil || !strings.Contains(err.Error(), "needs") || !strings.Contains(fault.HintOf(err), "make room") || names(t, dir) != "" {
		t.Errorf("got %v with hint %q; left %q", err, fault.HintOf(err), names(t, dir))
	}
	s.dir, s.free = filepath.Join(dir, "file", "below"), freeSpace
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.copy(t.Context(), 1, 2); err == nil {
		t.Error("a copy was made below a file")
	}
}

func TestOnPostgreSQLTheOperatorIsToldThatNothingIsCopied(t *testing.T) {
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "backups")
	s := safety{db: dbtest.OpenPostgres(t, nil), dir: dir, log: slog.New(slog.NewTextHandler(&out, nil)), free: freeSpace}
	if err := s.copy(t.Context(), 1, 2); err != nil || !strings.Contains(out.String(), "PostgreSQL's own tools") {
		t.Errorf("%v, log %q", err, out.String())
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestCopiesAreKeptForAWeekAndThreeAtMost(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	aged := func(version int, age time.Duration) {
		t.Helper()
		name := fmt.Sprintf("before-upgrade-%d-to-99-%s.db", version, now.Add(-age).Format("20060102t150405"))
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, days := range []int{1, 2, 6, 8} {
		aged(20-i, time.Duration(days)*24*time.Hour)
	}
	for _, other := range []string{"before-upgrade-mine.db", "backup-1.zip"} {
		if err := os.WriteFile(filepath.Join(dir, other), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := removeCopies(dir, now.Add(-upgradeKept), upgradeCopies)
	if err != nil || strings.Join(removed, " ") != "before-upgrade-17-to-99-20261115t090000.db" {
		t.Errorf("too old: %v, %v", removed, err)
	}
	aged(9, 3*24*time.Hour) // the order is that of time, not that of names
	if removed, err = removeCopies(dir, time.Time{}, upgradeCopies); err != nil || strings.Join(removed, " ") != "before-upgrade-18-to-99-20261117t090000.db" {
		t.Errorf("too many: %v, %v", removed, err)
	}
	if got := strings.Count(names(t, dir), "before-upgrade-"); got != 4 || !strings.Contains(names(t, dir), "mine.db") || !strings.Contains(names(t, dir), "backup-1.zip") {
		t.Errorf("left: %s", names(t, dir))
	}
}
