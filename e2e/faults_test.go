package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

// The tests of faults kill, cut and fill with the real binary. A random pause
// decides only when that happens, never what is right afterwards.

// prepared makes an instance in dir with an administrator, and returns his API key.
func prepared(t *testing.T, dir string, bench ...string) (key string) {
	t.Helper()
	command(t, append([]string{"bench", "--data", dir, "--projects", "2", "--users", "3"}, bench...)...)
	r := run(t, []string{"user", "create", "--data", dir, "--login", adminLogin, "--mail", "ada@example.org", "--admin", "--password-stdin"}, adminPassword+"\n")
	if r.code != 0 {
		t.Fatalf("user create: %d %s", r.code, r.errs)
	}
	return strings.TrimSpace(command(t, "token", "create", "--data", dir, "--user", adminLogin))
}

// onPostgres makes a data directory whose database is a fresh schema of a server.
func onPostgres(t *testing.T, data string) {
	t.Helper()
	address := dbtest.PostgresRole(t, true).URL
	err := os.MkdirAll(data, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(data, "holdfast.toml"), fmt.Appendf(nil, "[database]\nurl = %q\n", address), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// eachEngine runs a test on both engines, data being its data directory. There
// are fewer rounds on PostgreSQL, which takes longer over each.
func eachEngine(t *testing.T, fn func(t *testing.T, data string, rounds int)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, filepath.Join(t.TempDir(), "data"), 6) })
	t.Run("postgres", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "data")
		onPostgres(t, data)
		fn(t, data, 3)
	})
}

// result is how a command ended.
type result struct {
	code      int
	out, errs string
}

// process is a command that runs.
type process struct {
	cmd       *exec.Cmd
	out, errs bytes.Buffer
	done      chan struct{}
}

// begin starts holdfast with arguments.
func begin(t *testing.T, args []string, input string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(tool(t, "HOLDFAST_TEST_BINARY"), args...), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = environment(), strings.NewReader(input), &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state says how it ended
		close(p.done)
	}()
	return p
}

// signal sends a signal; the process may have ended by itself.
func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}

// wait returns how the process ended; code is -1 when it was killed.
func (p *process) wait(t *testing.T) result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill() // reported below
		t.Fatalf("holdfast %v did not end in %v", p.cmd.Args[1:], patience)
	}
	return result{p.cmd.ProcessState.ExitCode(), p.out.String(), p.errs.String()}
}

func run(t *testing.T, args []string, input string) result {
	t.Helper()
	return begin(t, args, input).wait(t)
}

// pause waits for a random part of d.
func pause(d time.Duration) { time.Sleep(time.Duration(rand.Int64N(int64(d)))) }

// took is how long fn runs.
func took(fn func()) time.Duration {
	began := time.Now()
	fn()
	return time.Since(began)
}

// ask sends a request to the API as the owner of the key; status 0 means that
// there was no answer.
func (s *server) ask(key, method, path, kind string, body io.Reader) (status int, answer []byte) {
	r, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.t.Error(err)
		return 0, nil
	}
	r.SetBasicAuth("apikey", key)
	r.Header.Set("Content-Type", kind)
	w, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = w.Body.Close() }() // was only read
	answer, err = io.ReadAll(w.Body)
	if err != nil {
		return 0, nil
	}
	return w.StatusCode, answer
}

const newPackage = `{"subject":%q,"_links":{"project":{"href":"/api/v3/projects/1"},"type":{"href":"/api/v3/types/1"}}}`

// create makes a work package and returns its id, 0 when it was not acknowledged.
func (s *server) create(key, subject string) (n, status int) {
	status, answer := s.ask(key, "POST", "/api/v3/work_packages", "application/json", strings.NewReader(fmt.Sprintf(newPackage, subject)))
	var made struct{ ID int }
	if status == http.StatusCreated && json.Unmarshal(answer, &made) != nil {
		s.t.Errorf("answer %s", answer)
	}
	return made.ID, status
}

// upload is the body of an upload.
func upload(name string, content []byte) (kind string, body []byte) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, _ := m.CreateFormField("metadata") // a buffer takes everything
	fmt.Fprintf(part, `{"fileName":%q}`, name)
	part, _ = m.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, name)}, "Content-Type": {"application/octet-stream"},
	})
	_, _ = part.Write(content)
	_ = m.Close()
	return m.FormDataContentType(), b.Bytes()
}

// attach uploads a file to the first work package.
func (s *server) attach(key, name string, content []byte) (status int, answer []byte) {
	kind, body := upload(name, content)
	return s.ask(key, "POST", "/api/v3/work_packages/1/attachments", kind, bytes.NewReader(body))
}

// look opens the database of a data directory beside whoever uses it.
func look(t *testing.T, data string, fn func(ctx context.Context, d *db.DB) error) {
	t.Helper()
	o := db.Options{Path: filepath.Join(data, "holdfast.db")}
	if cfg, err := os.ReadFile(filepath.Join(data, "holdfast.toml")); err == nil {
		o = db.Options{URL: strings.Split(string(cfg), `"`)[1]} // see onPostgres
	}
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fn(t.Context(), d), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// rows are the texts that a query gives.
func rows(t *testing.T, data, query string) (out []string) {
	t.Helper()
	look(t, data, func(ctx context.Context, d *db.DB) (err error) {
		out, err = db.Read(ctx, d, func(tx *db.Tx) ([]string, error) { return db.All[string](ctx, tx, db.SQL(query)) })
		return err
	})
	return out
}

// digests prove what a database holds.
func digests(t *testing.T, data string) (sums []archive.TableSum) {
	t.Helper()
	look(t, data, func(ctx context.Context, d *db.DB) (err error) {
		if err = db.IntegrityCheck(ctx, d); err == nil {
			sums, err = archive.Digests(ctx, d)
		}
		return err
	})
	return sums
}

// changed are the tables that a restore changes after it has proven them.
var changed = []string{"settings", "tokens", "audit_entries", "user_passwords"}

// restored says whether the database holds what the archive's instance held.
func restored(want, got []archive.TableSum) bool {
	return slices.EqualFunc(want, got, func(a, b archive.TableSum) bool {
		return a == b || a.Name == b.Name && slices.Contains(changed, a.Name)
	})
}

// sound checks an instance that nobody uses: the database is whole, every file
// that it names is there, and every file in the store is what its name says.
func sound(t *testing.T, data string) {
	t.Helper()
	if r := run(t, []string{"doctor", "--data", data}, ""); r.code != 0 {
		t.Errorf("doctor: %d\n%s%s", r.code, r.out, r.errs)
	}
	store, err := blob.OpenDir(filepath.Join(data, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	err = store.Walk(t.Context(), func(sha string, _ int64) error {
		f, _, err := store.Open(t.Context(), sha)
		if err != nil {
			return err
		}
		if err := errors.Join(blob.Verify(f, sha), f.Close()); err != nil {
			return fmt.Errorf("file %s: %w", sha, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// left are the files in a directory that match, without what SQLite keeps.
func left(t *testing.T, dir string, patterns ...string) (out []string) {
	t.Helper()
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}
