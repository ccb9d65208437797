package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestActingInPlace moves a row between groups by keyboard, does by the palette what the page
// offers, sees who is told of a comment, and has a page that was fetched ahead count as read
// once it is shown.
func TestActingInPlace(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	grace := b.colleague(t)
	for _, subject := range []string{"Mend the gate", "Oil the hinge"} {
		b.visit("/projects/castle/work_packages")
		b.packageIn(subject)
	}
	b.visit("/work_packages/1/cell/priority")
	b.do(chromedp.Evaluate[chromedp.Void](`(s => { s.selectedIndex = s.options.length - 1 })(document.querySelector("select[name=priority]"))`))
	b.press("Save")

	b.visit("/projects/castle/work_packages?group=priority")
	b.until(`document.querySelector("[data-controller~=grid][data-ready]") && document.querySelectorAll("tbody[data-value]").length === 2`)
	b.keys("j")
	b.do(chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	b.until(`document.querySelectorAll("tbody[data-value]").length === 1 && document.querySelectorAll("[data-grid-target=row]").length === 2`)
	b.sees("Saved.")
	b.until(`document.activeElement.closest("[data-grid-target=row]")`)
	b.picture("moved-row")
	b.load(200, chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until(`document.querySelectorAll("tbody[data-value]").length === 2`)

	b.visit("/work_packages/1")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until(`document.querySelector("#palette[open] #option-here-0")`)
	b.picture("palette-here")
	b.keys("edit")
	b.until(`document.querySelector("#palette [aria-selected=true]")?.textContent.startsWith("Edit")`)
	b.arrivesBy("/work_packages/1/edit", func() { b.keys(kb.Enter) })

	b.visit("/work_packages/1")
	b.until(`document.querySelector(".editor[data-ready]") && document.querySelector("[data-audience]").textContent.startsWith("Nobody is told")`)
	b.do(chromedp.Focus(b.labelled("Comment")))
	b.keys("@grace look")
	b.until(`document.querySelector("[data-audience]").textContent === "Will be told: Grace Hopper."`)
	b.picture("audience")
	b.load(200, chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))

	grace.visit("/")
	grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === "1" && document.querySelector("#main .rows-title")`)
	grace.visit("/")
	grace.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#main .rows-title").focus()`))
	grace.until(`performance.getEntriesByType("resource").some(e => e.name.endsWith("/work_packages/1") && e.responseEnd)`)
	grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === "1"`)
	grace.arrivesBy("/work_packages/1", func() { grace.keys(kb.Enter) })
	grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === ""`)
}
