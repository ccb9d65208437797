package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPagesFollowWhatOthersDo changes a work package in one browser and watches the
// list, the page and the bell of others follow, without losing the place.
func TestPagesFollowWhatOthersDo(t *testing.T) {
	t.Parallel()
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

// TestCalendarAndGanttFollowWhatOthersDo moves a work package in one browser and watches its bar and its
// entry move in others, but not while somebody moves the bar there.
func TestCalendarAndGanttFollowWhatOthersDo(t *testing.T) {
	t.Parallel()
	s, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	dates := func(start, finish string) {
		t.Helper()
		b.visit("/work_packages/1/edit")
		b.choose("Start", start)
		b.choose("Finish", finish)
		b.press("Save")
	}
	dates("2026-11-02", "2026-11-05")
	watch := func(path string) *tab {
		t.Helper()
		w := browse(t, s.url)
		w.signIn(adminLogin, adminPassword)
		w.visit(path)
		w.until(`performance.getEntriesByType("resource").some(e => e.name.includes("live"))`)
		return w
	}
	calendar := watch("/projects/castle/work_packages?view=calendar&at=2026-11-01")
	gantt := watch("/projects/castle/work_packages?view=gantt")
	gantt.until(`document.querySelector("[data-controller~=gantt][data-ready]")`)
	gantt.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#bar-1").focus()`))
	calendar.until(`document.querySelector("#on-2026-11-02-1 a")`)

	dates("2026-11-09", "2026-11-12")
	calendar.until(`document.querySelector("#on-2026-11-09-1 a") && !document.querySelector("#on-2026-11-02-1")`)
	gantt.until(`document.querySelector("#bar-1").ariaLabel.includes("9 Nov 2026")`)
	gantt.until(`document.activeElement.id === "bar-1" && document.activeElement.tabIndex === 0`)

	gantt.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#bar-1 .gantt-bar").classList.add("gantt-moving")`)) // as while it is dragged
	dates("2026-11-16", "2026-11-19")
	calendar.until(`document.querySelector("#on-2026-11-16-1 a")`)
	gantt.until(`!document.querySelector("#live-notice").hidden`)
	gantt.until(`document.querySelector("#bar-1").ariaLabel.includes("9 Nov 2026")`)
}
