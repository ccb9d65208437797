package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBackupAndRestore takes a backup in the browser, as the manual of the
// original describes it, and goes on working in what was restored from it.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	s, b := instance(t)
	p := b.plan()
	token := b.backupToken()
	archive := b.backup(token)
	b.signOut()
	s.stop()

	data := filepath.Join(t.TempDir(), "restored")
	command(t, "restore", archive, "--into", data)
	again := start(t, data)
	b = browse(t, again.url)
	b.visit("/")
	b.signIn(adminLogin, adminPassword)
	b.sees("Castle")
	b.visit(p.page)
	b.holds(p)
}

// backupToken makes the token of the person signed in, which is shown once.
func (b *tab) backupToken() string {
	b.t.Helper()
	b.visit("/admin/backups")
	b.fill("Your password", "not the password")
	b.load(422, chromedp.Click(button("Create backup token")))
	b.wrong("Your password")
	b.fill("Your password", adminPassword)
	b.press("Create backup token")
	token := strings.TrimSpace(get(b, chromedp.Text(chromedp.CSS("output#backup-token"))))
	if !regexp.MustCompile(`^hfbk-[0-9a-f]{64}$`).MatchString(token) {
		b.t.Fatalf("the backup token is %q", token)
	}
	b.visit("/admin/backups")
	if page := get(b, chromedp.OuterHTML(chromedp.CSS("html"))); strings.Contains(page, token) || strings.Contains(page, `id="backup-token"`) {
		b.t.Error("the backup token is shown a second time")
	}
	return token
}

// backup requests one, follows it until it is there and downloads it.
func (b *tab) backup(token string) string {
	b.t.Helper()
	b.fill("Backup token", "hfbk-"+strings.Repeat("0", 64))
	b.load(403, chromedp.Click(button("Request backup")))
	b.wrong("Backup token")
	b.fill("Backup token", token)
	b.press("Request backup")
	b.do(chromedp.WaitVisible(link("Download"))) // the page follows the backup by itself
	b.sees("none has been restored for a test yet", "Complete", "Everything")
	b.follow("Download")
	b.fill("Your password", "not the password")
	send := chromedp.Search("//button[starts-with(normalize-space(),'Download')]")
	b.load(422, chromedp.Click(send))
	b.wrong("Your password")
	b.fill("Your password", adminPassword)
	path, name := b.download(send)
	if filepath.Ext(name) != ".zip" {
		b.t.Errorf("the archive is offered as %q", name)
	}
	return path
}
