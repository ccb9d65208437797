package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestPagesFit opens every page in light and dark, on a desk and in the width that is left of a
// desk at 400 % (320 pixels). None may be wider than the window, also where people space their
// texts as WCAG 1.4.12 lets them, and then nothing narrow loses a word; each page has one heading
// and a title of its own. Where pictures are asked for, they are of all widths and themes, with a
// page to leaf through them.
func TestPagesFit(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	p := b.plan()
	pages := everyPage(p.page)
	widths, schemes := []int64{narrow, 1280}, []string{"light", "dark"}
	if pictures() != "" {
		widths, schemes = []int64{narrow, 360, 768, 1280, 1920}, []string{"light", "dark", "contrast"}
	}
	var a album
	for _, width := range widths {
		for _, scheme := range schemes {
			b.look(width, scheme)
			titles := map[string]string{}
			for _, page := range pages {
				b.visit(page)
				b.fits(fmt.Sprintf("%s at %d, %s", page, width, scheme))
				title := get(b, chromedp.Title())
				if other, twice := titles[title]; twice {
					t.Errorf("%s and %s share the title %q", page, other, title)
				}
				titles[title] = page
				name := fmt.Sprintf("%s-%d-%s", cmp.Or(strings.NewReplacer("/", "-", "?", "-").Replace(strings.Trim(page, "/")), "home"), width, scheme)
				b.picture(name)
				if scheme == "light" {
					b.spaced(fmt.Sprintf("%s at %d", page, width), width == narrow)
				}
				a.add(page, name+".png")
			}
		}
	}
	a.keep(t)
	b.outside(widths)
}

// outside checks the pages that people see who are not signed in, and the one of a wrong address.
func (b *tab) outside(widths []int64) {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
		return chromedp.Void{}, err
	})
	for _, width := range widths {
		b.look(width, "dark")
		for page, status := range map[string]int{"/login": 200, "/login/recovery": 200, "/backup_tokens/cancel": 200, "/setup": 403, "/nowhere": 404} {
			b.load(status, chromedp.Navigate(b.base+page))
			what := fmt.Sprintf("%s at %d, outside", page, width)
			b.fits(what)
			b.spaced(what, width == narrow)
		}
	}
}

// album is a page that shows the pictures of all pages beside each other.
type album struct{ Pages []albumPage }

type albumPage struct {
	Path     string
	Pictures []string
}

func (a *album) add(path, picture string) {
	i := slices.IndexFunc(a.Pages, func(p albumPage) bool { return p.Path == path })
	if i < 0 {
		i = len(a.Pages)
		a.Pages = append(a.Pages, albumPage{Path: path})
	}
	a.Pages[i].Pictures = append(a.Pages[i].Pictures, picture)
}

var albumHTML = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><title>Pages of Holdfast</title>
<style>body{font:14px system-ui;background:#777;margin:1rem}section{display:flex;gap:8px;overflow:auto;align-items:start}img{block-size:30rem}h2{color:#fff}</style>
{{range .Pages}}<h2 id="{{.Path}}">{{.Path}}</h2><section>{{range .Pictures}}<a href="{{.}}"><img src="{{.}}" alt="{{.}}" loading="lazy"></a>{{end}}</section>{{end}}`))

func (a *album) keep(t *testing.T) {
	t.Helper()
	if pictures() == "" {
		return
	}
	var page bytes.Buffer
	if err := errors.Join(albumHTML.Execute(&page, a), os.WriteFile(filepath.Join(pictures(), "index.html"), page.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// everyPage is the addresses of an instance in which somebody has planned, with the page of a work package.
func everyPage(work string) []string {
	return []string{
		"/", "/search?q=wall", "/search?q=nothing", "/keyboard", "/notifications", "/notifications?show=all", "/notifications?show=snoozed", "/my/notifications", "/my/account", "/my/shortcuts", "/my/changes", "/projects", "/projects/new", "/projects/castle",
		"/projects/castle/work_packages", "/projects/castle/settings", "/projects/castle/settings/modules", "/projects/castle/settings/members", "/projects/castle/settings/types", "/projects/castle/settings/versions", "/projects/castle/settings/versions/new", "/projects/castle/settings/categories", "/projects/castle/settings/categories/new", "/projects/castle/deletion", "/projects/castle/work_packages/new",
		"/work_packages", "/projects/castle/work_packages?view=board", "/work_packages?view=calendar", "/work_packages?view=gantt", work, work + "/edit", work + "/deletion", work + "/watchers",
		"/admin", "/admin/users", "/admin/users/new", "/admin/mail", "/admin/jobs", "/admin/audit", "/admin/backups", "/admin/backups/care",
		"/admin/groups", "/admin/groups/new", "/admin/backups/prune", "/admin/backups/retrieve",
		"/admin/roles", "/admin/roles/new", "/admin/roles/permissions",
		"/admin/types", "/admin/types/1", "/admin/types/1/deletion", "/admin/statuses", "/admin/statuses/1", "/admin/statuses/new", "/admin/priorities", "/admin/priorities/new", "/admin/workflow", "/admin/working_days", "/admin/settings", "/admin/authentication", "/admin/info", "/admin/users/invitations",
	}
}

// narrow is what is left of a window of 1280 pixels when everything is four times as large.
const narrow = 320

// space spaces texts as WCAG 1.4.12 says and returns how many pixels the page is too wide then;
// cut adds what is cut off where it stands. What is there for the ears only is not seen anyway.
const space = `(() => {
	const sheet = new CSSStyleSheet()
	sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-block-end: 2em !important }")
	document.adoptedStyleSheets = [sheet]
	const root = document.documentElement, cut = []
	for (const e of document.querySelectorAll("body *")) {
		const style = getComputedStyle(e)
		if (!/hidden|clip/.test(style.overflow) || style.clipPath !== "none" || !e.checkVisibility() || !e.textContent.trim()) continue
		if (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2) cut.push(e.className + ": " + e.textContent.trim().slice(0, 40))
	}
	return { over: root.scrollWidth - root.clientWidth, cut }
})()`

// spaced checks that a page keeps its width when texts are spaced out, and if whole, that no text
// is cut off. On a desk, rows of tables end their texts with dots, and lead to the whole.
func (b *tab) spaced(what string, whole bool) {
	b.t.Helper()
	type found struct {
		Over int      `json:"over"`
		Cut  []string `json:"cut"`
	}
	got := get(b, chromedp.Evaluate[found](space))
	if got.Over > 0 {
		b.t.Errorf("%s, spaced out, is %d pixels wider than the window", what, got.Over)
	}
	if whole && len(got.Cut) > 0 {
		b.t.Errorf("%s, spaced out, cuts off %q", what, got.Cut)
	}
}

// fits checks that nobody has to scroll sideways and that the page has one heading.
func (b *tab) fits(what string) {
	b.t.Helper()
	over := get(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	if over > 0 {
		b.t.Errorf("%s is %d pixels wider than the window", what, over)
	}
	if n := get(b, chromedp.Evaluate[int](`document.querySelectorAll("h1:not(.prose h1)").length`)); n != 1 {
		b.t.Errorf("%s has %d main headings", what, n)
	}
}
