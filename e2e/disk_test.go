package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/archive"
)

// smallDisk mounts a disk of some MiB, which only root may.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	tool(t, "HOLDFAST_TEST_BINARY")
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("no small disk to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on the disk of dir until free is called.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(chunk)
	}
	if !errors.Is(err, syscall.ENOSPC) || f.Close() != nil {
		t.Fatalf("fill the disk: %v", err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// TestServerOnAFullDisk fills the disk under a running server: writes are
// refused in words, reads go on, and with room everything goes on.
func TestServerOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, 24)
	data := filepath.Join(disk, "data")
	key := prepared(t, data, "--work-packages", "50")
	s := start(t, data)
	first, status := s.create(key, "before")
	if first == 0 {
		t.Fatalf("create: %d", status)
	}
	free := fill(t, disk)
	for range 3 {
		status, answer := s.ask(key, "POST", "/api/v3/work_packages", "application/json", strings.NewReader(fmt.Sprintf(newPackage, "on a full disk")))
		if status != http.StatusInsufficientStorage || !strings.Contains(string(answer), "disk of the server is full") {
			t.Errorf("create on a full disk: %d %s", status, answer)
		}
	}
	if status, answer := s.attach(key, "full.bin", noise(1<<20)); status != http.StatusInsufficientStorage || !strings.Contains(string(answer), "disk of the server is full") {
		t.Errorf("upload to a full disk: %d %s", status, answer)
	}
	for _, path := range []string{"/api/v3/work_packages", fmt.Sprintf("/api/v3/work_packages/%d", first), "/login", "/health/ready"} {
		if status, answer := s.ask(key, "GET", path, "", http.NoBody); status != http.StatusOK {
			t.Errorf("%s on a full disk: %d %s", path, status, answer)
		}
	}
	free()
	if n, status := s.create(key, "after"); n == 0 {
		t.Errorf("create with room again: %d", status)
	}
	if status, answer := s.attach(key, "again.bin", noise(1<<20)); status >= 300 {
		t.Errorf("upload with room again: %d %s", status, answer)
	}
	s.stop()
	sound(t, data)
	if got := rows(t, data, `SELECT subject FROM work_packages WHERE id > 50 ORDER BY id`); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("work packages: %q", got)
	}
	if !strings.Contains(s.errs.String(), "the disk is full") {
		t.Errorf("the log does not say so: %s", s.errs.String())
	}
}

// TestBackupOnAFullDisk: there is no half archive, the reason is named, and
// the instance goes on.
func TestBackupOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, 8)
	data := filepath.Join(t.TempDir(), "data")
	prepared(t, data, "--work-packages", "200", "--files", "10", "--file-mib", "20")
	target := filepath.Join(disk, "full.zip")
	for range 2 {
		r := run(t, []string{"backup", "create", "--data", data, "-o", target}, "")
		if r.code != 1 || !strings.Contains(r.errs, "no space left") || !strings.Contains(r.errs, "hint: free space") {
			t.Errorf("backup to a full disk: %d %s", r.code, r.errs)
		}
		if got := left(t, disk, "*"); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	}
	if got := rows(t, data, `SELECT state || ': ' || error FROM backups`); !slices.Equal(got, []string{"failed: the disk is full", "failed: the disk is full"}) {
		t.Errorf("backups are %q", got)
	}
	command(t, "backup", "create", "--data", data)
	sound(t, data)
}

// TestBackupOfAFullDisk: not even the record of a backup finds room.
func TestBackupOfAFullDisk(t *testing.T) {
	disk := smallDisk(t, 24)
	data := filepath.Join(disk, "data")
	prepared(t, data, "--work-packages", "50")
	free := fill(t, disk)
	target := filepath.Join(t.TempDir(), "elsewhere.zip")
	r := run(t, []string{"backup", "create", "--data", data, "-o", target}, "")
	if r.code != 1 || !strings.Contains(r.errs, "the disk is full") || !strings.Contains(r.errs, "hint: free space") {
		t.Errorf("backup of a full disk: %d %s", r.code, r.errs)
	}
	if got := left(t, filepath.Dir(target), "*"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	free()
	command(t, "backup", "create", "--data", data, "-o", target)
	sound(t, data)
}

// TestRestoreOnAFullDisk: a disk that is too small is refused before the work,
// one that fills meanwhile leaves what was there.
func TestRestoreOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, 64)
	other, file := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "full.zip")
	prepared(t, other, "--work-packages", "2000", "--files", "10", "--file-mib", "10")
	command(t, "backup", "create", "--data", other, "-o", file)
	data := filepath.Join(disk, "data")
	prepared(t, data, "--work-packages", "20")
	before := digests(t, data)
	free := fill(t, disk)
	r := run(t, []string{"restore", file, "--data", data, "--replace"}, "")
	if r.code != 1 || !strings.Contains(r.errs, "hint: free space") {
		t.Errorf("restore onto a full disk: %d %s", r.code, r.errs)
	}
	free()
	p := begin(t, []string{"restore", file, "--data", data, "--replace"}, "")
	eventually(t, "the restore begins", func() bool { return len(left(t, data, "*.restore-*")) > 0 })
	free = fill(t, disk)
	if r := p.wait(t); r.code != 1 || !strings.Contains(r.errs, "hint: free space") {
		t.Errorf("restore onto a disk that fills: %d %s", r.code, r.errs)
	}
	free()
	settledAs(t, data, map[string][]archive.TableSum{"old": before})
	if got := left(t, data, "blobs/??/*"); len(got) != 0 {
		t.Errorf("files that nothing names: %v", got)
	}
	command(t, "restore", file, "--data", data, "--replace")
	settledAs(t, data, map[string][]archive.TableSum{"new": digests(t, other)})
}

// TestDiskThatFillsInSteps writes until there is no room left, so that the
// limit is met at many places: what was acknowledged is there.
func TestDiskThatFillsInSteps(t *testing.T) {
	disk := smallDisk(t, 6)
	data := filepath.Join(disk, "data")
	key := prepared(t, data, "--work-packages", "5")
	s := start(t, data)
	acknowledged, refused := 0, 0
	for late := time.Now().Add(10 * time.Second); refused < 5 && time.Now().Before(late); {
		switch n, status := s.create(key, "step "+strings.Repeat("by step ", 25)); {
		case n > 0:
			acknowledged++
		case status == http.StatusInsufficientStorage:
			refused++
		default:
			t.Fatalf("create: %d", status)
		}
		if status, answer := s.attach(key, "step.bin", noise(40<<10)); status >= 300 && status != http.StatusInsufficientStorage {
			t.Fatalf("upload: %d %s", status, answer)
		}
	}
	s.kill()
	if refused == 0 || acknowledged == 0 {
		t.Errorf("%d were acknowledged, %d refused", acknowledged, refused)
	}
	kept := rows(t, data, `SELECT subject FROM work_packages WHERE id > 5`)
	if len(kept) != acknowledged {
		t.Errorf("%d are kept, %d were acknowledged", len(kept), acknowledged)
	}
}
