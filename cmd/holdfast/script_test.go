package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/secret"
)

// TestMain makes two programs of the test binary: holdfast itself, and exits,
// which runs a command and compares its exit code.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"holdfast": main, "exits": exits})
}

// exits CODE COMMAND... succeeds when the command ends with the code.
func exits() {
	want, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		fmt.Fprintf(os.Stderr, "exit code %d, want %d\n", got, want)
		os.Exit(1)
	}
}

// promptly keeps the race detector from waiting a second at the end of each process.
const promptly = "GORACE=atexit_sleep_ms=0"

// TestCommands runs the transcripts of testdata/script.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free now
			if err != nil {
				return err
			}
			e.Vars = append(e.Vars, "LISTEN="+l.Addr().String(), promptly)
			return l.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "waiting": command(1, waiting), "sql": command(2, statement), "newer": command(2, newer), "truncate": command(2, truncate), "flip": command(1, flip),
			"private": command(1, private), "damage": command(1, damage), "contains": contains,
		},
	})
}

// command is one that prepares something a script cannot; paths are relative
// to the script's directory.
func command(args int, fn func(ctx context.Context, abs func(string) string, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, given []string) {
		if neg || len(given) != args {
			ts.Fatalf("give %d arguments", args)
		}
		ts.Check(fn(context.Background(), ts.MkAbs, given))
	}
}

// await returns when the server at $LISTEN is ready.
func await(ts *testscript.TestScript, _ bool, _ []string) {
	for late := time.After(time.Minute); ; {
		r, err := http.Get("http://" + ts.Getenv("LISTEN") + "/health/ready")
		if err == nil {
			ts.Check(r.Body.Close())
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-late:
			ts.Fatalf("the server did not become ready: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// waiting LOGIN gives the user a backup token that has to wait, in ./data.
func waiting(ctx context.Context, abs func(string) string, args []string) error {
	old := time.Now().AddDate(0, 0, -9).UnixMicro()
	if err := statement(ctx, abs, []string{"data", fmt.Sprintf(`UPDATE settings SET value = '%d' WHERE name = 'installed_at'`, old)}); err != nil {
		return err
	}
	cfg, err := config.Load(config.Options{Flags: map[string]string{"data": abs("data")}})
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)), app.Options{MustExist: true})
	if err != nil {
		return err
	}
	u, err := a.Accounts.FindByLogin(ctx, access.Operator("test"), args[0])
	if err == nil {
		_, err = a.Backups.CreateToken(ctx, access.Actor{Kind: access.Person, ID: u.ID, Login: u.Login, Admin: u.Admin}, "correct horse battery staple")
	}
	return errors.Join(err, a.Close())
}

// statement DIR SQL changes the database of a data directory.
func statement(ctx context.Context, abs func(string) string, args []string) error {
	return with(ctx, abs(args[0]), func(d *db.DB) error {
		return db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(args[1]))
			return err
		})
	})
}

func with(ctx context.Context, dir string, fn func(d *db.DB) error) error {
	d, err := db.Open(ctx, db.Options{Path: filepath.Join(dir, "holdfast.db")})
	if err != nil {
		return err
	}
	return errors.Join(fn(d), d.Close())
}

// newer DIR FILE makes the database that of a later program and archives it.
func newer(ctx context.Context, abs func(string) string, args []string) error {
	dir := abs(args[0])
	if err := statement(ctx, abs, []string{args[0], `UPDATE goose_db_version SET version_id = 999 WHERE version_id > 0`}); err != nil {
		return err
	}
	keys, err := secret.OpenKeyring(filepath.Join(dir, "keys"), true)
	if err != nil {
		return err
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	f, err := os.Create(abs(args[1]))
	if err != nil {
		return err
	}
	err = with(ctx, dir, func(d *db.DB) error {
		e := backup.Archiver{
			Source: archive.Source{DB: d, Blobs: blobs, Keys: keys},
			Place:  &backup.Place{Location: filepath.Join(dir, "repository"), KeysDir: filepath.Join(dir, "keys")},
		}
		sum, err := e.Create(ctx, backup.EngineOptions{Attachments: true, Progress: func(backup.Progress) {}})
		if err != nil {
			return err
		}
		a, err := e.Open(ctx, sum.Snapshot, true)
		if err != nil {
			return err
		}
		return errors.Join(a.WriteTo(ctx, f, 0), e.Place.Close())
	})
	return errors.Join(err, f.Close(), blobs.Close())
}

// truncate FILE BYTES cuts a file; a negative number counts from its end.
func truncate(_ context.Context, abs func(string) string, args []string) error {
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err == nil && n < 0 {
		var info os.FileInfo
		if info, err = os.Stat(abs(args[0])); err == nil {
			n += info.Size()
		}
	}
	if err != nil {
		return err
	}
	return os.Truncate(abs(args[0]), n)
}

// flip FILE changes one bit in the middle of a file.
func flip(_ context.Context, abs func(string) string, args []string) error {
	content, err := os.ReadFile(abs(args[0]))
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 1
	return os.WriteFile(abs(args[0]), content, 0o600)
}

// contains ARCHIVE ENTRY TEXT looks for a text in an entry of an archive.
func contains(ts *testscript.TestScript, neg bool, args []string) {
	z, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { _ = z.Close() }()
	f, err := z.Open(args[1])
	ts.Check(err)
	text, err := io.ReadAll(f)
	ts.Check(err)
	if strings.Contains(string(text), args[2]) == neg {
		ts.Fatalf("%s: %s with %q is %v", args[0], args[1], args[2], !neg)
	}
}

// damage DIR changes bits all over the files in it.
func damage(_ context.Context, abs func(string) string, args []string) error {
	return filepath.WalkDir(abs(args[0]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := 100; i < len(content); i += 1000 {
			content[i] ^= 1
		}
		return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, content, 0o600))
	})
}

// private DIR fails when other users of the machine may read anything in it.
func private(_ context.Context, abs func(string) string, args []string) error {
	return filepath.WalkDir(abs(args[0]), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = fmt.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
}

// Every command says in its help what it is for, and takes the common flags.
func TestEveryCommandExplainsItself(t *testing.T) {
	for _, name := range []string{
		"serve", "setup-link", "user", "user create", "user list", "user reset-password", "user lock", "user unlock", "token create",
		"backup", "backup create", "backup list", "backup verify", "backup allow-now", "restore", "migrate", "doctor", "config show", "bench", "version",
	} {
		cmd := exec.Command("holdfast", append(strings.Fields(name), "--help")...)
		cmd.Env = append(os.Environ(), promptly)
		out, err := cmd.CombinedOutput()
		if text := string(out); err != nil || !strings.HasPrefix(text, "Usage: holdfast "+name) || !strings.Contains(text, "--data=DIR") || !strings.Contains(text, "--json") {
			t.Errorf("%s --help: %v\n%s", name, err, out)
		}
	}
}
