package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// smallDisk mounts a disk of some MiB; only root may.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
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

func TestAFullDiskDuringARestoreLeavesTheTargetAlone(t *testing.T) {
	path := newInstance(t, db.SQLite).filled(1500).backup()
	dir := smallDisk(t, 64)
	i := newInstanceAt(t, db.SQLite, dir).filled(5)
	want := i.digests()
	for _, at := range []string{"load users", "load journals", "safety"} {
		filler := filepath.Join(dir, "filler")
		reset := archive.OnStep(func(name string) {
			if name == at {
				fillDisk(t, filler)
			}
		})
		_, err := i.restore(path, archive.RestoreOptions{Replace: true})
		reset()
		if err == nil || fault.HintOf(err) == "" {
			t.Errorf("full at %s: %v, hint %q", at, err, fault.HintOf(err))
		}
		i.must(os.Remove(filler))
		if diff := cmp.Diff(want, i.digests()); diff != "" {
			t.Errorf("full at %s: %s", at, diff)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*restore*")); len(left) != 0 {
			t.Errorf("full at %s: %v stay behind", at, left)
		}
	}
	fillDisk(t, filepath.Join(dir, "filler"))
	if _, err := i.restore(path, archive.RestoreOptions{Replace: true}); err == nil || !strings.Contains(fault.HintOf(err), "free space") {
		t.Errorf("a disk that is full before: %v", err)
	}
}

func fillDisk(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	for chunk := make([]byte, 64<<10); ; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Error(err)
			return
		}
	}
}

func TestARestoreThatDoesNotWorkIsUndone(t *testing.T) {
	for _, engine := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			i := newInstance(t, engine).filled(5)
			path := i.backup()
			i.exec(`UPDATE work_packages SET subject = 'newer'`)
			want := i.digests()
			defer archive.OnStep(func(name string) {
				if name == "gate" {
					i.exec(`DROP TABLE watchers`)
				}
			})()
			_, err := i.restore(path, archive.RestoreOptions{Replace: true})
			if err == nil || !strings.Contains(err.Error(), "was put back") {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(want, i.digests()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestANewerSchemaIsRefusedWithAHint(t *testing.T) {
	source := newInstance(t, db.SQLite).filled(1)
	source.exec(`UPDATE goose_db_version SET version_id = 999 WHERE version_id > 0`)
	path := filepath.Join(t.TempDir(), "newer.zip")
	source.with(func(d *db.DB) {
		content, _ := create(t, archive.Source{DB: d, Blobs: source.store, Keys: source.keys}, archive.Options{})
		source.must(os.WriteFile(path, content, 0o600))
	})
	i := newInstance(t, db.SQLite)
	if _, err := i.restore(path, archive.RestoreOptions{}); err == nil || !strings.Contains(fault.HintOf(err), "newer") {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
}

func TestThePlanSaysWhatWouldBeLost(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine db.Dialect) {
		i := newInstance(t, engine).filled(7)
		a, err := archive.Open(context.Background(), i.backup(), i.keys)
		i.must(err)
		defer func() { _ = a.Close() }()
		p, err := archive.MakePlan(context.Background(), a, i.target())
		i.must(err)
		lost := map[string]int64{}
		for _, n := range p.Lost {
			lost[n.Name] = n.Rows
		}
		if p.Target != archive.TargetInUse || lost["work_packages"] != 7 || p.Rows != a.Manifest.Rows || p.Files != 3 || p.Needed == 0 || p.Free == 0 {
			t.Errorf("plan %+v", p)
		}
		empty, err := archive.MakePlan(context.Background(), a, newInstance(t, engine).target())
		if err != nil || empty.Target != archive.TargetEmpty || empty.Lost != nil {
			t.Errorf("plan for an empty target %+v, %v", empty, err)
		}
	})
}

func TestOldStatesGoAfterAWeek(t *testing.T) {
	i := newInstance(t, db.SQLite).filled(1)
	rep, err := i.restore(i.backup(), archive.RestoreOptions{Replace: true})
	i.must(err)
	target := i.target()
	for _, tt := range []struct {
		days int
		want string
	}{{6, "[]"}, {8, "[" + rep.Old + "]"}, {9, "[]"}} {
		target.DB.Now = func() time.Time { return time.Now().AddDate(0, 0, tt.days) }
		if got, err := archive.RemoveOld(context.Background(), target); err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("after %d days: %v, %v, want %s", tt.days, got, err, tt.want)
		}
	}
}
