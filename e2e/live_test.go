package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPagesFollowWhatOthersDo changes a work package in one browser and watches the
// list, the page and the bell of others follow, without losing the place.
func TestPagesFollowWhatOthersDo(t *testing.T) {
	s, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")

	list := browse(t, s.url)
	list.signIn(adminLogin, adminPassword)
	list.visit("/projects/castle/work_packages")
	list.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-live="1"] .cell-title a').focus()`))
	list.until(`performance.getEntriesByType("resource").some(e => e.name.includes("live"))`)

	grace := b.colleague(t)
	grace.until(`performance.getEntriesByType("resource").some(e => e.name.includes("live"))`)

	b.visit("/work_packages/1/edit")
	b.choose("Priority", "4")
	b.fill("Comment", "The smith asks for @grace.")
	b.press("Save")
	b.sees("Immediate")

	list.until(`document.querySelector('[data-live="1"]').textContent.includes("Immediate")`)
	list.until(`document.activeElement.closest('[data-live="1"] .cell-title')`)
	grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === "1"`)
	grace.visit("/work_packages/1")

	// Nothing is replaced under the hands of somebody who types.
	grace.fill("Comment", "I will ask")
	b.visit("/work_packages/1/edit")
	b.choose("Priority", "1")
	b.press("Save")
	grace.until(`!document.querySelector("#live-notice").hidden`)
	if got := grace.value("Comment"); got != "I will ask" {
		t.Errorf("what was typed became %q", got)
	}
	grace.do(chromedp.Click(chromedp.CSS("#live-notice button")))
	grace.until(`document.querySelector("#facts").textContent.includes("Low")`)
	if got := grace.value("Comment"); got != "I will ask" {
		t.Errorf("after showing, what was typed became %q", got)
	}
}
