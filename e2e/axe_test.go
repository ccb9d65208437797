package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/axe/axe.min.js
var axe string

// offence is a rule of accessibility that a page breaks, as axe names it.
type offence struct{ Rule, Impact, Help, Where string }

// The rules that depend on colours are asked again for each theme, and those that depend on where
// things stand for each width. What a page is made of is the same in all of them.
const (
	colours = `"color-contrast", "link-in-text-block"`
	places  = colours + `, "target-size", "scrollable-region-focusable", "bypass", "aria-hidden-focus"`
)

// audit runs axe on the page and returns what is serious or worse.
func (b *tab) audit(rules string) []offence {
	b.t.Helper()
	only := `runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	if rules != "" {
		only = `runOnly: { type: "rule", values: [` + rules + `] }`
	}
	return get(b, chromedp.Evaluate[[]offence](`axe.run(document, { `+only+`, resultTypes: ["violations"] }).then(found => found.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.flatMap(v => v.nodes.slice(0, 3).map(n => ({ rule: v.id, impact: v.impact, help: v.help, where: n.target.join(" ") + ": " + n.html.slice(0, 160) + " " + n.any.map(x => x.message).join(" ").slice(0, 200) }))))`, chromedp.EvalAwaitPromise))
}

// TestPagesAreAccessible opens every page, and looks at each in every width and theme.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	p := b.plan()
	b.still()
	for _, page := range everyPage(p.page) {
		b.visit(page)
		b.accessible(page)
	}
	b.visit("/projects")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until(`document.querySelector("#palette[open]")`)
	b.accessible("the palette")
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.keys("?")
	b.until(`document.querySelector("dialog[open] .keys")`)
	b.accessible("the keys")
	out := browse(t, b.base)
	out.still()
	for _, page := range []string{"/login", "/login/recovery"} {
		out.visit(page)
		out.accessible(page)
	}
}

// TestTheEditorIsAccessible looks at a list of people, a preview, a draft, and the sign-in page with a form that waits.
func TestTheEditorIsAccessible(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.still()
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/work_packages/1")
	b.until(`document.querySelector(".editor[data-ready]")`)
	b.do(chromedp.Focus(b.labelled("Comment")))
	b.keys("See #mend")
	b.until(`document.querySelector(".picker:popover-open")`)
	b.accessible("the list of work packages")
	b.keys(kb.Escape + ", *now*.")
	b.do(chromedp.Click(chromedp.CSS("#f-comment-preview")))
	b.until(`document.querySelector("#f-comment-view em")`)
	b.accessible("the preview")
	b.visit("/work_packages/1")
	b.until(`!document.querySelector(".editor-draft").hidden`)
	b.accessible("the draft")
	b.fill("Comment", "Too late")
	b.do(chromedp.Evaluate[chromedp.Void](`fetch("/logout", { method: "POST" })`, chromedp.EvalAwaitPromise))
	b.load(422, chromedp.Click(button("Comment")))
	b.accessible("the sign-in page with a form that waits")
}

// TestTheStyleGuideIsAccessible looks at every part in every state.
func TestTheStyleGuideIsAccessible(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "HOLDFAST_STYLEGUIDE=true")
	b := browse(t, s.url)
	b.still()
	for _, name := range []string{"components", "table", "board", "calendar", "gantt", "backup"} {
		b.visit("/styleguide/" + name)
		b.accessible("the style guide: " + name)
	}
}

// accessible checks the page in every width and theme.
func (b *tab) accessible(page string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](axe + ";undefined"))
	for _, width := range []int64{360, 768, 1280, 1920} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.fits(fmt.Sprintf("%s at %d", page, width))
		for _, theme := range []string{"light", "dark", "contrast"} {
			rules := colours
			if theme == "light" {
				rules = places
				if width == 360 || width == 1280 { // the layouts of a phone and of a desk
					rules = ""
				}
			}
			b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(wear, strings.Replace(theme, "contrast", "light", 1), theme)))
			for _, o := range b.audit(rules) {
				b.t.Errorf("%s at %d, %s: %s (%s): %s\n\t%s", page, width, theme, o.Rule, o.Impact, o.Help, o.Where)
			}
		}
	}
}

// wear puts a theme on the page as the server would.
const wear = `(d => { d.theme = %q; %q === "contrast" ? d.contrast = "more" : delete d.contrast })(document.documentElement.dataset)`

// still is for someone who wants nothing to move, so that a change of theme is complete at once.
func (b *tab) still() {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return chromedp.Void{}, err
	})
}
