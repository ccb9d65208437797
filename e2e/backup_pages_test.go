package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/holdfast/holdfast/internal/db"
)

// TestBackupPagesFit goes through what an administrator sees of backups, from the first
// token to damage that is found, wide and on a phone, light and dark, in English and in
// German: nothing is wider than the window, and each page has its one heading.
func TestBackupPagesFit(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, data)
	b := browse(t, s.url)
	b.visit(s.setupLink())
	b.fill("Login", adminLogin, "First name", "Ada", "Last name", "Byron", "E-mail address", "ada@example.org", "New password", adminPassword)
	b.press("Create the administrator")
	p := b.plan()
	see := func(state string, pages ...string) {
		t.Helper()
		for _, language := range []string{"en", "de"} {
			speak(t, data, language)
			for _, width := range []int64{360, 1280} {
				for _, scheme := range []string{"light", "dark"} {
					if language == "de" && scheme == "dark" {
						continue // other words, the same colours
					}
					b.look(width, scheme)
					for _, page := range pages {
						b.visit(page)
						name := fmt.Sprintf("%s%s-%s-%d-%s", state, strings.NewReplacer("/", "-", "?", "-", "&", "-", "=", "-").Replace(strings.TrimPrefix(page, "/admin/backups")), language, width, scheme)
						b.fits(name)
						b.picture(name)
					}
				}
			}
		}
		speak(t, data, "en")
		b.look(1280, "light")
	}
	see("none", "/admin/backups", "/admin/backups/care", "/admin/backups/retrieve", "/admin/backups/prune")
	token := b.backupToken()
	_ = b.backup(token)
	b.visit("/admin/backups")
	restore := regexp.MustCompile(`/admin/backups/\d+/restore`).FindString(get(b, chromedp.OuterHTML(chromedp.CSS("html"))))
	work := regexp.MustCompile(`\d+$`).FindString(p.page)
	see("made", "/admin/backups", restore, strings.Replace(restore, "/restore", "/download", 1), "/admin/backups/retrieve?snapshot=latest&kind=work+package&ref="+work, "/admin/backups/retrieve?snapshot=latest&kind=project&ref=castle")
	command(t, "backup", "drill", "--data", data)
	command(t, "backup", "verify", "--read-data", "--data", data)
	command(t, "backup", "hold", "latest", "--reason", "The auditors want it", "--data", data)
	page := filepath.Join(t.TempDir(), "kit.html")
	command(t, "backup", "kit", "-o", page, "--data", data)
	see("proven", "/admin/backups", "/admin/backups/care", "/admin/backups/prune", "/admin/audit")
	packs, err := filepath.Glob(filepath.Join(data, "repository", "packs", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("no packs: %v", err)
	}
	flipByte(t, packs[0])
	if r := run(t, []string{"backup", "verify", "--read-data", "--data", data}, ""); r.code != 1 {
		t.Errorf("damage is not found: %d %s", r.code, r.errs)
	}
	see("damaged", "/admin/backups", "/admin/backups/care")
	for _, width := range []int64{360, 1280} {
		b.look(width, "light")
		b.do(chromedp.Navigate("file://" + page))
		b.sees("recovery kit")
		b.picture(fmt.Sprintf("kit-%d", width))
	}
}

// speak sets the language of all people.
func speak(t *testing.T, data, language string) {
	t.Helper()
	look(t, data, func(ctx context.Context, d *db.DB) error {
		return db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`UPDATE users SET language = ?`, language))
			return err
		})
	})
}
