package e2e

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestRestoreInTheBrowser puts an instance back to a backup on its page, goes on
// in it, and undoes that.
func TestRestoreInTheBrowser(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	p := b.plan()
	token := b.backupToken()
	_ = b.backup(token)
	b.visit(p.page)
	b.fill("Comment", "This comment is lost.")
	b.press("Comment")
	b.visit("/admin/backups")
	b.follow("Restore…")
	b.sees("What is lost", "Comments and changes: 1", "What happens")
	b.picture("restore")
	b.fill("Your backup token", token, "Your password", adminPassword, "Type restore to confirm", "yes")
	b.load(422, chromedp.Click(button("Restore now")))
	b.wrong("Type restore to confirm")
	b.fill("Your backup token", token, "Your password", adminPassword, "Type restore to confirm", "restore")
	b.do(chromedp.Click(button("Restore now")), chromedp.WaitVisible(button("Sign in"))) // the page waits by itself
	b.signIn(adminLogin, adminPassword)
	b.visit(p.page)
	b.holds(p)
	if page := get(b, chromedp.OuterHTML(chromedp.CSS("html"))); strings.Contains(page, "This comment is lost.") {
		t.Error("the comment that was written after the backup is there")
	}
	token = b.backupToken()
	b.sees("Outgoing mail is held back", "That can be undone until")
	b.follow("Undo the restore…")
	b.fill("Your backup token", token, "Your password", adminPassword, "Type restore to confirm", "restore")
	b.do(chromedp.Click(button("Undo the restore")), chromedp.WaitVisible(button("Sign in")))
	b.signIn(adminLogin, adminPassword)
	b.visit(p.page)
	b.sees("This comment is lost.")
}

// person is somebody with a browser without scripts.
type person struct {
	t     *testing.T
	s     *server
	http  *http.Client
	token string
}

// signedIn is the administrator with a backup token.
func (s *server) signedIn() *person {
	s.t.Helper()
	jar, _ := cookiejar.New(nil) // fails only for bad options
	p := &person{t: s.t, s: s, http: &http.Client{Jar: jar, Timeout: patience}}
	eventually(s.t, "the administrator signs in", func() bool {
		status, _ := p.post("/login", url.Values{"username": {adminLogin}, "password": {adminPassword}})
		return status == http.StatusOK
	})
	_, page := p.post("/admin/backups/reset_token", url.Values{"_password_confirmation": {adminPassword}})
	found := regexp.MustCompile(`<output[^>]* id="backup-token">(hfbk-[0-9a-f]{64})<`).FindStringSubmatch(page)
	if found == nil {
		s.t.Fatalf("no backup token: %s", page)
	}
	p.token = found[1]
	return p
}

func (p *person) post(path string, v url.Values) (int, string) {
	p.t.Helper()
	return form(p.t, p.http, p.s.url+path, v)
}

func (p *person) get(path string) (int, string) {
	p.t.Helper()
	resp, err := p.http.Get(p.s.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(page)
}

// backup makes one and waits until it is there.
func (p *person) backup() {
	p.t.Helper()
	if status, page := p.post("/admin/backups/request_backup", url.Values{"backup_token": {p.token}, "include_attachments": {"1"}}); status != http.StatusOK {
		p.t.Fatalf("request a backup: %d %s", status, page)
	}
	eventually(p.t, "the backup is made", func() bool {
		_, page := p.get("/admin/backups")
		return strings.Contains(page, "/download")
	})
}

// restore orders the restore of the newest backup.
func (p *person) restore() (int, string) {
	p.t.Helper()
	_, page := p.get("/admin/backups")
	found := regexp.MustCompile(`/admin/backups/\d+/restore`).FindString(page)
	if found == "" {
		p.t.Fatalf("nothing can be restored: %s", page)
	}
	return p.post(found, url.Values{"backup_token": {p.token}, "_password_confirmation": {adminPassword}, "confirmation": {"restore"}})
}

// TestServersKilledWhileTheyRestore kills servers that carry out an order. The
// instance is then entirely what it was or what the backup held, and the page says
// which, whenever it was.
func TestServersKilledWhileTheyRestore(t *testing.T) { eachEngine(t, killedWhileRestoring) }

func killedWhileRestoring(t *testing.T, data string, rounds int) {
	prepared(t, data, "--work-packages", "200", "--files", "20", "--file-mib", "4")
	s := start(t, data)
	p := s.signedIn()
	p.backup()
	s.stop()
	outcomes := map[string]int{}
	for range rounds {
		s := start(t, data)
		p := s.signedIn()
		status, _ := p.restore()
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("the order was answered with %d", status)
		}
		pause(1200 * time.Millisecond)
		s.kill()
		again := start(t, data)
		q := again.signedIn()
		_, page := q.get("/admin/backups")
		switch {
		case strings.Contains(page, "The last restore failed"):
			outcomes["old"]++
		case strings.Contains(page, "The instance was restored on"):
			outcomes["new"]++
		default:
			t.Fatalf("the page does not say how the restore ended: %s", page)
		}
		again.stop()
		sound(t, data)
		if got := left(t, data, "restore.*", "*.restore-*"); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	}
	t.Logf("outcomes: %v", outcomes)
}

// TestARestoreThatFailsLeavesTheInstance takes a pack away, so that the restore
// cannot end well.
func TestARestoreThatFailsLeavesTheInstance(t *testing.T) {
	data := t.TempDir()
	prepared(t, data, "--work-packages", "50")
	s := start(t, data)
	p := s.signedIn()
	p.backup()
	packs, err := filepath.Glob(filepath.Join(data, "repository", "packs", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("%v %v", packs, err)
	}
	for _, pack := range packs {
		if err := os.Remove(pack); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := p.restore(); status != http.StatusOK && status != http.StatusServiceUnavailable {
		t.Fatalf("the order was answered with %d", status)
	}
	eventually(t, "the page says that the restore failed", func() bool {
		status, page := p.get("/admin/backups") // nobody was signed out
		return status == http.StatusOK && strings.Contains(page, "The last restore failed; the instance is as it was before it")
	})
	s.stop()
	sound(t, data)
}

// firstStart is a new instance and the token of its setup link.
func firstStart(t *testing.T) (s *server, c *http.Client, token string) {
	t.Helper()
	s = start(t, t.TempDir())
	jar, _ := cookiejar.New(nil) // fails only for bad options
	_, token, _ = strings.Cut(s.setupLink(), "token=")
	return s, &http.Client{Jar: jar, Timeout: patience}, token
}

// uploaded posts an archive to a new instance.
func uploaded(t *testing.T, s *server, c *http.Client, token, passphrase string, content []byte) (int, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	part(w.WriteField("passphrase", passphrase))
	f, err := w.CreateFormFile("archive", "backup.zip")
	part(err)
	_, err = f.Write(content)
	part(err)
	part(w.Close())
	resp, err := c.Post(s.url+"/setup/restore?token="+token, w.FormDataContentType(), &body)
	part(err)
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	part(err)
	return resp.StatusCode, string(page)
}

// TestFirstStartFromAnArchive brings an instance back on the first page of another.
func TestFirstStartFromAnArchive(t *testing.T) {
	t.Parallel()
	origin := t.TempDir()
	prepared(t, origin, "--work-packages", "50", "--files", "5", "--file-mib", "1")
	phrase := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(phrase, []byte("four lanterns over water\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "backup", "create", "--data", origin)
	out := filepath.Join(t.TempDir(), "b.zip.age")
	command(t, "backup", "export", "latest", "-o", out, "--passphrase-file", phrase, "--data", origin)
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	s, c, token := firstStart(t)
	for what, try := range map[string]struct {
		token, phrase string
		content       []byte
		status        int
		text          string
	}{
		"the link is wrong":        {"0000", "", content, http.StatusForbidden, ""},
		"the passphrase is wrong":  {token, "five lanterns", content, http.StatusUnprocessableEntity, "Does not open the archive."},
		"no archive at all":        {token, "", []byte("hello"), http.StatusUnprocessableEntity, "Cannot be restored"},
		"the archive is cut short": {token, "four lanterns over water", content[:len(content)/2], http.StatusUnprocessableEntity, "Cannot be restored"},
	} {
		status, page := uploaded(t, s, c, try.token, try.phrase, try.content)
		if status != try.status || !strings.Contains(page, try.text) {
			t.Errorf("%s: %d\n%s", what, status, page)
		}
	}
	if status, page := uploaded(t, s, c, token, "four lanterns over water", content); status != http.StatusOK && status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", status, page)
	}
	p := s.signedIn()
	if status, page := p.get("/work_packages/1"); status != http.StatusOK {
		t.Errorf("%d %s", status, page)
	}
	if status, _ := uploaded(t, s, c, token, "", content); status == http.StatusOK || status == http.StatusServiceUnavailable {
		t.Errorf("an archive for an instance with people was answered with %d", status)
	}
	data := filepath.Dir(filepath.Join(s.cmd.Args[3], "x"))
	s.stop()
	sound(t, data)
	if got := left(t, data, "restore*"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// TestFirstStartWithTheDemo fills a new instance on its first page.
func TestFirstStartWithTheDemo(t *testing.T) {
	t.Parallel()
	s, c, token := firstStart(t)
	if status, _ := form(t, c, s.url+"/setup/demo", url.Values{"token": {"0000"}}); status != http.StatusForbidden {
		t.Errorf("with a wrong link: %d", status)
	}
	status, page := form(t, c, s.url+"/setup/demo", url.Values{"token": {token}})
	found := regexp.MustCompile(`<th scope="row">mara</th><td><code>([^<]+)</code>`).FindStringSubmatch(page)
	if status != http.StatusOK || found == nil {
		t.Fatalf("%d %s", status, page)
	}
	if status, page := form(t, c, s.url+"/login", url.Values{"username": {"mara"}, "password": {found[1]}}); status != http.StatusOK || !strings.Contains(page, "Your projects") {
		t.Errorf("%d %s", status, page)
	}
	if status, _ := form(t, c, s.url+"/setup/demo", url.Values{"token": {token}}); status == http.StatusOK {
		t.Error("the link works a second time")
	}
}
