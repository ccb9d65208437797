package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestEditTheTableByKeyboard changes a field in its cell, leaves another as it is, and
// is told what a rule refuses, without the mouse.
func TestEditTheTableByKeyboard(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/projects/castle/work_packages")
	cell := func(field string) string { return fmt.Sprintf("document.querySelector('#cell-1-%s a')", field) }
	focus := func(field string) {
		t.Helper()
		b.until(cell(field))
		b.do(chromedp.Evaluate[chromedp.Void](cell(field) + ".focus()"))
	}
	ready := func() {
		t.Helper()
		b.until(`document.querySelector("[data-controller~=grid][data-ready]")`)
	}
	ready()
	focus("type")
	b.keys(kb.ArrowRight, kb.ArrowRight)
	b.until(`document.activeElement.closest("turbo-frame")?.id === "cell-1-status" || document.activeElement.closest("th")`)
	focus("priority")
	b.keys(kb.Enter)
	b.until(`document.activeElement.role === "combobox" && document.activeElement.closest("#cell-1-priority")`)
	b.keys("hi") // finds High
	b.until(`document.activeElement.ariaExpanded === "true" && document.querySelectorAll("[role=option]").length === 1`)
	b.keys(kb.Enter)
	b.until(`document.querySelector('#cell-1-priority a')?.textContent.includes("High")`)
	focus("dueDate")
	b.keys(kb.Enter)
	b.until(`document.activeElement.name === "dueDate"`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("#cell-1-dueDate form") && document.activeElement.closest("#cell-1-dueDate")`)
	b.keys(kb.Enter)
	b.until(`document.querySelector("#cell-1-dueDate .days:popover-open")`)
	b.picture("days")
	b.keys("-") // none
	b.until(`document.querySelector("#cell-1-dueDate a")?.textContent.startsWith("–") && document.activeElement.matches("#cell-1-dueDate a")`)
	b.keys(kb.Enter)
	b.until(`document.querySelector("#cell-1-dueDate .days:popover-open")`)
	b.keys("w")
	b.until(`new Date(document.querySelector("#cell-1-dueDate time")?.dateTime) > Date.now() + 5 * 86400000`)
	b.visit("/projects/castle/work_packages?columns=id,subject,percentageDone")
	ready()
	focus("percentageDone")
	b.keys(kb.Enter)
	b.until(`document.activeElement.name === "percentageDone"`)
	b.keys("400", kb.Enter)
	b.until(`document.querySelector("#cell-1-percentageDone .field-error") && document.activeElement.name === "percentageDone"`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("#cell-1-percentageDone form")`)

	// Typing starts editing, Tab saves and moves on.
	b.visit("/projects/castle/work_packages?columns=id,subject,estimatedTime,percentageDone")
	ready()
	focus("estimatedTime")
	b.keys("4")
	b.until(`document.activeElement.name === "estimatedTime" && document.activeElement.value === "4"`)
	b.keys(kb.Tab)
	b.until(`document.querySelector("#cell-1-estimatedTime")?.textContent.includes("4 h") && document.activeElement.closest("#cell-1-percentageDone")`)

	// The subject is a link, so F2 edits it.
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#cell-1-subject a").focus()`))
	b.keys(kb.F2)
	b.until(`document.activeElement.name === "subject" && document.activeElement.selectionEnd > document.activeElement.selectionStart`) // so that typing replaces
	b.keys("Mend the drawbridge", kb.Enter)
	b.until(`document.querySelector("#cell-1-subject a")?.textContent === "Mend the drawbridge"`)

	// A single key sets a field of the row, or of the chosen rows in the bar.
	b.visit("/projects/castle/work_packages")
	ready()
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#cell-1-subject a").focus()`))
	b.keys("s")
	b.until(`document.activeElement.role === "combobox" && document.activeElement.closest("#cell-1-status")`)
	b.keys(kb.Escape)
	b.until(`document.activeElement.closest("#cell-1-status a")`)
	b.keys("x", "p")
	b.until(`document.activeElement.id === "fbulk-priority"`)
	b.visit("/work_packages/1")
	b.sees("High")
}

// TestManyAtOnce ticks rows, changes them and deletes them, with and without scripts.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprint("scripts ", scripts), func(t *testing.T) {
			_, b := instance(t)
			if !scripts {
				b.noScripts()
			}
			b.project()
			b.packageIn("Mend the gate")
			b.visit("/projects/castle")
			b.packageIn("Mend the roof")
			b.visit("/projects/castle/work_packages")
			if scripts {
				b.until(`document.querySelector("#bulk").hidden`)
			}
			b.do(chromedp.Click(chromedp.CSS(`input[name=id][value="1"]`)), chromedp.Click(chromedp.CSS(`input[name=id][value="2"]`)))
			b.do(chromedp.SetValue(chromedp.CSS("#fbulk-priority"), "1"))
			b.press("Change")
			b.sees("All of them have been changed.", "Low")
			b.do(chromedp.Click(chromedp.CSS(`input[name=id][value="2"]`)))
			b.press("Delete…")
			b.sees("Delete 1 work package?")
			b.press("Delete")
			b.sees("Mend the gate")
			if page := get(b, chromedp.Text(chromedp.CSS("main"))); strings.Contains(page, "Mend the roof") {
				t.Error("it is still in the list")
			}
		})
	}
}

// TestBoardByKeyboard picks a card up, carries it to the next column and drops it.
func TestBoardByKeyboard(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/projects/castle/work_packages?view=board&by=priority")
	b.picture("board")
	b.until(`document.querySelector("[data-controller~=board][data-ready]")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#card-1").focus()`))
	b.keys(kb.Enter)
	b.until(`document.querySelector("#card-1.board-held")`)
	b.keys(kb.ArrowRight, kb.Enter)
	b.until(`document.querySelector("#card-1")?.closest("section").getAttribute("aria-label") === "High"`)
	b.until(`document.querySelector(".toast") && document.activeElement.id === "card-1"`) // saved
	b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	b.until(`document.querySelector("#card-1")?.closest("section").getAttribute("aria-label") === "Immediate" && document.querySelector("#card-1").dataset.lock === "2"`)
	b.visit("/work_packages/1")
	b.sees("Immediate")

	// A column that the workflow does not lead to says so while the card is carried, and takes no card.
	b.visit("/projects/castle/work_packages?view=board&status=all")
	b.until(`document.querySelector("[data-controller~=board][data-ready]")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#card-1").focus()`))
	b.keys(kb.Enter)
	b.until(`document.querySelector(".board-column[data-shut] .board-why")?.textContent.includes("workflow")`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("[data-shut], .board-why, .board-held")`)

	// The menu offers what the workflow allows, and what is refused goes back with the reason.
	b.do(chromedp.Click(chromedp.CSS("#card-1 .board-move")))
	b.until(`document.querySelector("dialog[open] button:disabled") && document.querySelector("dialog[open] button[value]:enabled")`)
	b.picture("board-menu")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#card-1").dataset.move = "/work_packages/99/cell/status"`))
	b.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("dialog[open] button[value]:enabled")].find(e => !e.hidden).click()`))
	b.until(`document.querySelector(".toast-bad[role=alert]")`)
	b.until(`document.querySelector("#card-1").closest("section").getAttribute("aria-label") === "New"`)

	// At the foot of a column a work package is added to it.
	b.do(chromedp.SendKeys(chromedp.CSS(".board-column:first-child .board-add input[name=subject]"), "Paint the gate"+kb.Enter))
	b.until(`document.querySelector(".board-column:first-child .board-cards")?.textContent.includes("Paint the gate")`)
}

// TestBoardWithoutScripts moves the card with the form that it leads to.
func TestBoardWithoutScripts(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.noScripts()
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/projects/castle/work_packages?view=board&by=priority")
	b.do(chromedp.Click(chromedp.CSS("#card-1 .board-move")))
	b.until(`document.activeElement.name === "priority"`)
	b.keys("I")
	b.press("Save")
	b.sees("Immediate")
	b.visit("/work_packages/1")
	b.sees("Immediate")
}

// TestGanttOpensAtToday looks where today stands: at a third of what is left beside the names.
func TestGanttOpensAtToday(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	b := browse(t, s.url)
	b.visit(s.setupLink())
	b.follow("Look at a demo")
	b.press("Fill with the demo")
	password := get(b, chromedp.Evaluate[string](`[...document.querySelectorAll("tr")].find(r => r.textContent.includes("mara")).querySelector("code").textContent`))
	b.signIn("mara", password)
	b.visit("/work_packages?view=gantt")
	b.until(`document.querySelector("[data-controller~=gantt][data-ready]")`)
	b.until(`(() => {
		const of = selector => document.querySelector(selector).getBoundingClientRect()
		const view = of(".gantt"), left = of("tbody .gantt-name").right
		return Math.abs((of(".gantt-now").left - left) / (view.right - left) - 1 / 3) < 0.02
	})()`)
}

// TestGanttByKeyboard moves a bar by a day and makes it longer by one.
func TestGanttByKeyboard(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/work_packages/1/edit")
	b.choose("Start", "2026-11-02")
	b.choose("Finish", "2026-11-05")
	b.press("Save")
	b.visit("/projects/castle/work_packages?view=gantt")
	b.picture("gantt")
	b.until(`document.querySelector("[data-controller~=gantt][data-ready]")`)
	row := `document.querySelector(".gantt-table tbody tr")`
	b.do(chromedp.Evaluate[chromedp.Void](row + ".focus()"))
	b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	b.until(`document.querySelector(".gantt-table tbody").textContent.includes("6 Nov 2026")`)
	b.until(`document.activeElement.matches(".gantt-table tr") && document.activeElement.getAttribute("aria-label").includes("6 Nov 2026")`) // saved
	b.until(`document.querySelector("[data-controller~=gantt][data-ready]")`)
	b.do(chromedp.Evaluate[chromedp.Void](row + ".focus()"))
	b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierAlt|chromedp.ModifierShift)))
	b.until(`document.querySelector(".gantt-table tbody").textContent.includes("9 Nov 2026")`)
	b.visit("/work_packages/1")
	b.sees("3 Nov 2026", "9 Nov 2026")
	b.visit("/projects/castle/work_packages?view=calendar&at=2026-11-01")
	b.sees("November 2026", "Mend the gate")
	b.picture("calendar")
}
