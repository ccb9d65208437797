package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// peer is the same data backed up in the usual way: a copy of the database made by
// sqlite3, and the files, with Debian's restic into an empty repository and once more.
type peer struct{ first, second time.Duration }

// restic measures the peer. change alters the instance between its two backups. ok is
// false where restic or sqlite3 is not installed.
func restic(ctx context.Context, data, dir string, change func() error) (p peer, ok bool, err error) {
	if !installed(ctx, "restic", "sqlite3") {
		row("restic beside it", "not measured: install restic and sqlite3", "")
		return p, false, nil
	}
	repository, source := filepath.Join(dir, "restic"), filepath.Join(dir, "source")
	env := append(os.Environ(), "RESTIC_PASSWORD=bench", "RESTIC_CACHE_DIR="+filepath.Join(dir, "restic-cache"))
	run := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %.300s", name, err, out)
		}
		return nil
	}
	if err := errors.Join(os.MkdirAll(source, 0o700), run("restic", "-q", "-r", repository, "init")); err != nil {
		return p, false, err
	}
	backup := func() (time.Duration, error) {
		began := time.Now()
		err := run("sqlite3", filepath.Join(data, "holdfast.db"), ".backup '"+filepath.Join(source, "copy.db")+"'")
		if err == nil {
			err = run("restic", "-q", "-r", repository, "backup", source, filepath.Join(data, "blobs"))
		}
		return time.Since(began), err
	}
	if p.first, err = backup(); err != nil {
		return p, false, err
	}
	if err := change(); err != nil {
		return p, false, err
	}
	p.second, err = backup()
	return p, err == nil, err
}

// reread measures what the usual way costs that of a restore of rows is nearest to: Debian's
// sqlite3 reads its own dump of the same rows, and builds the same indexes. Nothing is
// unpacked, compared or checked.
func reread(ctx context.Context, database, dir string, rows int64, ours ran) error {
	const name = "sqlite3 reading its own .dump of the same rows, nothing compared"
	if !installed(ctx, "sqlite3") {
		row(name, "not measured: install sqlite3", "")
		return nil
	}
	dump := filepath.Join(dir, "dump.sql")
	if _, err := timed(ctx, "sh", "-c", `sqlite3 -readonly "$0" .dump >"$1"`, database, dump); err != nil {
		return err
	}
	r, err := timed(ctx, "sqlite3", filepath.Join(dir, "reread.db"), "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-16384", ".read '"+dump+"'")
	if err != nil {
		return err
	}
	row(name, fmt.Sprintf("%.1f s, %.0f rows per second of one core; ours takes %.0f %% of its processor time", r.seconds(),
		float64(rows)/r.cpu.Seconds(), 100*ours.cpu.Seconds()/r.cpu.Seconds()), "")
	return nil
}

// installed says whether the programs are there, and installs Debian's packages of the same
// names where it may.
func installed(ctx context.Context, names ...string) bool {
	there := func() bool {
		for _, name := range names {
			if _, err := exec.LookPath(name); err != nil {
				return false
			}
		}
		return true
	}
	if there() || os.Getuid() != 0 {
		return there()
	}
	args := append([]string{"-qq", "-y", "install", "--no-install-recommends"}, names...)
	if out, err := exec.CommandContext(ctx, "apt-get", args...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: install %v: %v: %.300s\n", names, err, out)
	}
	return there()
}
