package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
)

// worker changes work packages through the API and notes what was acknowledged.
type worker struct {
	name    string
	subject map[int]string // what was acknowledged last
	tried   map[int]string // what was sent last and may have been carried out
	count   int
	acked   atomic.Int64 // answers that said it is done
}

// work goes on until the server is gone.
func (w *worker) work(s *server, key string) {
	for {
		w.count++
		subject := fmt.Sprintf("%s %d", w.name, w.count)
		n, status := s.create(key, subject)
		if status == 0 {
			return
		}
		if n == 0 {
			s.t.Errorf("create: status %d", status)
			return
		}
		w.acked.Add(1)
		w.subject[n] = subject
		w.tried[n] = subject + " changed"
		body := fmt.Sprintf(`{"lockVersion":0,"subject":%q}`, w.tried[n])
		status, answer := s.ask(key, "PATCH", fmt.Sprintf("/api/v3/work_packages/%d", n), "application/json", strings.NewReader(body))
		if status == 0 {
			return
		}
		if status != http.StatusOK {
			s.t.Errorf("update: status %d %s", status, answer)
			return
		}
		w.subject[n] = w.tried[n]
	}
}

// TestAcknowledgedChangesOutliveKills kills the server again and again while
// four people change things: whatever was acknowledged is there.
func TestAcknowledgedChangesOutliveKills(t *testing.T) { eachEngine(t, changesOutliveKills) }

func changesOutliveKills(t *testing.T, data string, rounds int) {
	key := prepared(t, data, "--work-packages", "5")
	var workers []*worker
	for n := range 4 {
		workers = append(workers, &worker{name: fmt.Sprintf("worker %d", n), subject: map[int]string{}, tried: map[int]string{}})
	}
	for range rounds {
		s := start(t, data)
		var wg sync.WaitGroup
		for _, w := range workers {
			wg.Go(func() { w.work(s, key) })
		}
		before := workers[0].acked.Load()
		for late := time.Now().Add(patience); workers[0].acked.Load() == before && time.Now().Before(late); {
			time.Sleep(5 * time.Millisecond) // a busy machine starts slowly
		}
		pause(200 * time.Millisecond)
		s.kill()
		wg.Wait()
	}
	sound(t, data)
	kept := map[string]string{}
	for _, line := range rows(t, data, `SELECT id || ' ' || subject FROM work_packages`) {
		n, subject, _ := strings.Cut(line, " ")
		kept[n] = subject
	}
	total := 0
	for _, w := range workers {
		for n, want := range w.subject {
			total++
			if got := kept[fmt.Sprint(n)]; got != want && got != w.tried[n] {
				t.Errorf("work package %d is %q, acknowledged was %q", n, got, want)
			}
		}
	}
	if total < rounds {
		t.Errorf("only %d changes were acknowledged in all rounds", total)
	}
	t.Logf("%d work packages were acknowledged", total)
	if lost := rows(t, data, `SELECT 'journal of ' || id FROM work_packages w WHERE NOT EXISTS
		(SELECT 1 FROM journals j WHERE j.entity_type = 'WorkPackage' AND j.entity_id = w.id)`); len(lost) != 0 {
		t.Errorf("changes without their history: %v", lost)
	}
}

// TestAcknowledgedUploadsOutliveKills does the same to uploads: what was
// acknowledged is there byte for byte, and nothing is there by half.
func TestAcknowledgedUploadsOutliveKills(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := prepared(t, data, "--work-packages", "5")
	var mu sync.Mutex
	stored := map[string]string{} // hash by name
	for round := range 6 {
		s := start(t, data)
		var wg sync.WaitGroup
		for person := range 3 {
			wg.Go(func() {
				for n := 0; ; n++ {
					content := noise(rand.IntN(3 << 20))
					name := fmt.Sprintf("%d-%d-%d.bin", round, person, n)
					if status, answer := s.attach(key, name, content); status == 0 {
						return
					} else if status != http.StatusCreated && status != http.StatusOK {
						t.Errorf("upload: status %d %s", status, answer)
						return
					}
					sum := sha256.Sum256(content)
					mu.Lock()
					stored[name] = hex.EncodeToString(sum[:])
					mu.Unlock()
				}
			})
		}
		time.Sleep(60 * time.Millisecond)
		pause(200 * time.Millisecond)
		s.kill()
		wg.Wait()
	}
	sound(t, data)
	kept := map[string]string{}
	for _, line := range rows(t, data, `SELECT file_name || ' ' || sha256 FROM attachments`) {
		name, sha, _ := strings.Cut(line, " ")
		kept[name] = sha
	}
	for name, sha := range stored {
		if kept[name] != sha {
			t.Errorf("%s was acknowledged with hash %s, kept is %q", name, sha, kept[name])
		}
	}
	if len(stored) == 0 {
		t.Error("no upload was acknowledged in any round")
	}
	t.Logf("%d uploads were acknowledged", len(stored))
}

// noise is content that no compression makes smaller.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(rand.Int())}).Read(b) // never fails
	return b
}

// TestUploadsCutInTheMiddleLeaveNothing ends the connection halfway.
func TestUploadsCutInTheMiddleLeaveNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := prepared(t, data, "--work-packages", "5")
	s := start(t, data)
	kind, body := upload("cut.bin", noise(4<<20))
	for _, share := range []int{1000, len(body) / 2, len(body) - 3} {
		u, err := url.Parse(s.url)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("POST", s.url+"/api/v3/work_packages/1/attachments", nil) // is well formed
		r.SetBasicAuth("apikey", key)
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			r.URL.Path, u.Host, r.Header.Get("Authorization"), kind, len(body))
		if _, err := io.Copy(c, bytes.NewReader(body[:share])); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "temporary files go", func() bool { return len(left(t, data, "blobs/tmp/*")) == 0 })
	if status, answer := s.attach(key, "whole.bin", []byte("whole")); status >= 300 {
		t.Fatalf("a whole upload afterwards: %d %s", status, answer)
	}
	s.stop()
	sound(t, data)
	if got := rows(t, data, `SELECT file_name FROM attachments`); !slices.Equal(got, []string{"whole.bin"}) {
		t.Errorf("attachments are %v", got)
	}
	if got := left(t, data, "blobs/??/*"); len(got) != 1 {
		t.Errorf("files are %v", got)
	}
}

// eventually waits until something that others do is done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// big is an instance whose backup takes long enough to be disturbed.
func big(t *testing.T, dir string, seed string) {
	t.Helper()
	prepared(t, dir, "--work-packages", "800", "--files", "20", "--file-mib", "20", "--seed", seed)
}

// TestKilledBackupsLeaveNoHalfArchive kills the command at random moments: an
// archive under its name is whole, and the next backup works at once.
func TestKilledBackupsLeaveNoHalfArchive(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	big(t, data, "1")
	whole := took(func() { command(t, "backup", "create", "--data", data, "-o", filepath.Join(dir, "first.zip")) })
	for n := range 6 {
		name := filepath.Join(dir, fmt.Sprintf("killed-%d.zip", n))
		p := begin(t, []string{"backup", "create", "--data", data, "-o", name}, "")
		pause(whole)
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		if _, err := os.Stat(name); err == nil {
			command(t, "backup", "verify", "--data", data, name)
		}
		command(t, "backup", "create", "--data", data, "-o", filepath.Join(dir, fmt.Sprintf("next-%d.zip", n)), "--no-attachments")
	}
	for _, name := range left(t, dir, "*.part", "data/backups/*") { // one killed before it was recorded leaves its name, empty
		if info, err := os.Stat(name); err != nil || info.Size() > 0 {
			t.Errorf("left behind: %s, %v", name, err)
		}
	}
	if got := rows(t, data, `SELECT id || ' ' || state FROM backups WHERE state IN ('queued', 'running')`); len(got) != 0 {
		t.Errorf("still open: %v", got)
	}
	sound(t, data)
}

// TestKilledServerInABackup kills the server while it makes a requested backup:
// that one has failed, nothing of it is left, and the next is made.
func TestKilledServerInABackup(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := prepared(t, data, "--work-packages", "1500", "--files", "20", "--file-mib", "40")
	s := start(t, data)
	token := s.token()
	request := func() (location string) {
		t.Helper()
		status, answer := s.ask(key, "POST", "/api/v3/backups", "application/json", strings.NewReader(fmt.Sprintf(`{"backupToken":%q}`, token)))
		var doc struct {
			Links struct {
				Status struct{ Href string } `json:"job_status"`
			} `json:"_links"`
		}
		if status != http.StatusAccepted || json.Unmarshal(answer, &doc) != nil {
			t.Fatalf("request: %d %s", status, answer)
		}
		return doc.Links.Status.Href
	}
	state := func(location string) string {
		status, answer := s.ask(key, "GET", location, "", http.NoBody)
		var doc struct{ Status string }
		if status != http.StatusOK || json.Unmarshal(answer, &doc) != nil {
			t.Fatalf("status: %d %s", status, answer)
		}
		return doc.Status
	}
	for range 3 {
		location := request()
		eventually(t, "the backup begins", func() bool { return len(left(t, data, "backups/*.part")) == 1 })
		pause(200 * time.Millisecond)
		s.kill()
		s = start(t, data)
		eventually(t, "the backup is over", func() bool { return slices.Contains([]string{"success", "failure"}, state(location)) })
		eventually(t, "its half archive goes", func() bool { return len(left(t, data, "backups/*.part")) == 0 })
		look(t, data, func(ctx context.Context, d *db.DB) error { // the limit of a day is not at stake
			return db.Do(ctx, d, func(tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, db.SQL(`UPDATE backups SET created_at = created_at - 90000000000`))
				return err
			})
		})
	}
	location := request()
	eventually(t, "a backup after the kills is made", func() bool { return state(location) == "success" })
	s.stop()
	sound(t, data)
}

// token makes the administrator's backup token on the page.
func (s *server) token() string {
	s.t.Helper()
	jar, _ := cookiejar.New(nil) // fails only for bad options
	c := &http.Client{Jar: jar, Timeout: patience}
	if status, page := form(s.t, c, s.url+"/login", url.Values{"username": {adminLogin}, "password": {adminPassword}}); status != http.StatusOK {
		s.t.Fatalf("sign in: %d %s", status, page)
	}
	status, page := form(s.t, c, s.url+"/admin/backups/reset_token", url.Values{"_password_confirmation": {adminPassword}})
	found := regexp.MustCompile(`<output[^>]* id="backup-token">(hfbk-[0-9a-f]{64})<`).FindStringSubmatch(page)
	if status != http.StatusOK || found == nil {
		s.t.Fatalf("make a backup token: %d %s", status, page)
	}
	return found[1]
}

// settledAs opens the instance, which settles an interrupted restore, and says
// which of the states it is in.
func settledAs(t *testing.T, data string, states map[string][]archive.TableSum) string {
	t.Helper()
	sound(t, data)
	if got := left(t, data, "restore.*", "*.restore-*"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	got := digests(t, data)
	for name, want := range states {
		if restored(want, got) {
			return name
		}
	}
	for name, want := range states {
		t.Errorf("not as %s: %s", name, cmp.Diff(want, got))
	}
	t.Fatal("the instance is a mixture")
	return ""
}

// TestKilledRestoresAreEntirelyOldOrNew kills restores onto an instance in use.
func TestKilledRestoresAreEntirelyOldOrNew(t *testing.T) { eachEngine(t, restoresAreOldOrNew) }

func restoresAreOldOrNew(t *testing.T, data string, rounds int) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	big(t, data, "1")
	big(t, other, "2")
	states := map[string][]archive.TableSum{"one": digests(t, data), "two": digests(t, other)}
	archives := map[string]string{"one": filepath.Join(dir, "one.zip"), "two": filepath.Join(dir, "two.zip")}
	command(t, "backup", "create", "--data", data, "-o", archives["one"])
	command(t, "backup", "create", "--data", other, "-o", archives["two"])
	is := "two"
	whole := took(func() { command(t, "restore", archives["two"], "--data", data, "--replace") })
	seen := map[string]int{}
	for range rounds {
		wanted := map[string]string{"one": "two", "two": "one"}[is]
		p := begin(t, []string{"restore", archives[wanted], "--data", data, "--replace"}, "")
		pause(whole * 11 / 10)
		p.signal(t, syscall.SIGKILL)
		r := p.wait(t)
		before := is
		is = settledAs(t, data, states)
		if r.code == 0 && is != wanted {
			t.Errorf("a restore that ended well is not there")
		}
		seen[map[bool]string{true: "old", false: "new"}[is == before]]++
	}
	t.Logf("after kills: %v", seen)
}

// TestKilledRestoresIntoNothing kills restores into an empty directory.
func TestKilledRestoresIntoNothing(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "full.zip")
	big(t, data, "1")
	want := map[string][]archive.TableSum{"whole": digests(t, data)}
	command(t, "backup", "create", "--data", data, "-o", file)
	whole := took(func() { command(t, "restore", file, "--into", filepath.Join(dir, "first")) })
	for n := range 5 {
		into := filepath.Join(dir, fmt.Sprint("into-", n))
		p := begin(t, []string{"restore", file, "--into", into}, "")
		pause(whole)
		p.signal(t, syscall.SIGKILL)
		r := p.wait(t)
		switch doctor := run(t, []string{"doctor", "--data", into}, ""); {
		case doctor.code == 0:
			settledAs(t, into, want)
		case doctor.code == 3 && r.code != 0:
			if got := left(t, into, "restore.*", "*.restore-*", "blobs/??/*", "holdfast.db*"); len(got) != 0 {
				t.Errorf("nothing was restored, but there is %v", got)
			}
			command(t, "restore", file, "--into", into)
			settledAs(t, into, want)
		default:
			t.Errorf("restore ended with %d, then doctor with %d: %s%s", r.code, doctor.code, doctor.out, doctor.errs)
		}
		if err := os.RemoveAll(into); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledRecoveries kills recoveries of an empty machine: the next one, with the
// same kit, begins again, unless the killed one had come to its end.
func TestKilledRecoveries(t *testing.T) {
	dir := t.TempDir()
	data, kit := filepath.Join(dir, "data"), filepath.Join(dir, "kit.txt")
	big(t, data, "1")
	want := map[string][]archive.TableSum{"whole": digests(t, data)}
	command(t, "backup", "create", "--data", data)
	command(t, "backup", "kit", "-o", kit, "--data", data)
	whole := took(func() { command(t, "recover", "--kit", kit, "--data", filepath.Join(dir, "first")) })
	for n := range 4 {
		into := filepath.Join(dir, fmt.Sprint("into-", n))
		p := begin(t, []string{"recover", "--kit", kit, "--data", into}, "")
		pause(whole)
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		again := run(t, []string{"recover", "--kit", kit, "--data", into}, "")
		if again.code != 0 && again.code != 4 { // 4: it is all there
			t.Errorf("recover after a kill ended with %d: %s%s", again.code, again.out, again.errs)
		}
		settledAs(t, into, want)
		if err := os.RemoveAll(into); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledFirstStarts kills the very first start of an instance: the next one
// completes it.
func TestKilledFirstStarts(t *testing.T) {
	for range 6 {
		data := filepath.Join(t.TempDir(), "data")
		p := begin(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, "")
		pause(250 * time.Millisecond)
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		s := start(t, data)
		if link := s.setupLink(); !strings.HasPrefix(link, "/setup?token=") {
			t.Errorf("the setup link is %q", link)
		}
		s.stop()
		sound(t, data)
	}
}

// TestASecondInterruptDoesNotWait: a server that waits for a request to end is
// ended by a second Ctrl-C, as people expect.
func TestASecondInterruptDoesNotWait(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := prepared(t, data, "--work-packages", "5")
	s := start(t, data)
	kind, body := upload("slow.bin", noise(1<<20))
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		status, _ := s.ask(key, "POST", "/api/v3/work_packages/1/attachments", kind, r)
		done <- status
	}()
	if _, err := w.Write(body[:1<<19]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload begins", func() bool { return len(left(t, data, "blobs/tmp/*")) == 1 })
	for range 2 {
		if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	_ = w.CloseWithError(io.ErrUnexpectedEOF) // always nil
	if status := <-done; status != 0 {
		t.Errorf("the upload was answered with %d", status)
	}
	s.once.Do(func() {
		for range s.lines {
			continue // Wait may only be called when everything is read
		}
		if err := s.cmd.Wait(); s.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
			t.Errorf("the server ended with %v", err)
		}
	})
	sound(t, data)
}

// TestInterruptedCommandsLeaveNothing presses Ctrl-C in a backup and a restore.
func TestInterruptedCommandsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "full.zip")
	big(t, data, "1")
	command(t, "backup", "create", "--data", data, "-o", file)
	for n, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		name := filepath.Join(dir, fmt.Sprintf("cut-%d.zip", n))
		p := begin(t, []string{"backup", "create", "--data", data, "-o", name}, "")
		eventually(t, "the backup begins", func() bool { return len(left(t, dir, "cut-*.zip.part")) == 1 })
		p.signal(t, sig)
		if r := p.wait(t); r.code != 130 || !strings.Contains(r.errs, "interrupted\nhint: there is no backup of it") {
			t.Errorf("backup after %v: %d %s", sig, r.code, r.errs)
		}
		if got := left(t, dir, "cut-*"); len(got) != 0 {
			t.Errorf("backup after %v leaves %v", sig, got)
		}
		before := digests(t, data)
		p = begin(t, []string{"restore", file, "--data", data, "--replace"}, "")
		eventually(t, "the restore begins", func() bool { return len(left(t, data, "*.restore-*")) > 0 })
		p.signal(t, sig)
		if r := p.wait(t); r.code != 130 || !strings.Contains(r.errs, "interrupted\nhint: nothing was changed") {
			t.Errorf("restore after %v: %d %s", sig, r.code, r.errs)
		}
		settledAs(t, data, map[string][]archive.TableSum{"old": before})
	}
	list := run(t, []string{"backup", "list", "--data", data, "--json"}, "")
	var all []struct{ State string }
	// One that is interrupted before it has begun leaves no record.
	if err := json.Unmarshal([]byte(list.out), &all); err != nil || len(all) < 1 || all[len(all)-1].State != "complete" {
		t.Fatalf("backups %+v, %v", all, err)
	}
	for _, b := range all[:len(all)-1] {
		if b.State != "cancelled" {
			t.Errorf("backups %+v", all)
		}
	}
}
