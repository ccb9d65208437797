package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestFieldsInPlaceByKeyboard changes fields on the page of a work package and beside a list without
// the mouse, takes one back, walks the list and returns to the row.
func TestFieldsInPlaceByKeyboard(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/projects/castle")
	b.packageIn("Mend the roof")
	b.visit("/projects/castle/work_packages?sort=id:asc")
	b.until(`document.querySelector("main a[href='/work_packages/1']")`)
	b.arrivesBy("/work_packages/1", func() {
		b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".cell-title a[href='/work_packages/1']").focus()`))
		b.keys(kb.Enter)
	})
	edit := func(field string) {
		t.Helper()
		link := fmt.Sprintf("document.querySelector('#side-1-%s a[href*=cell]')", field)
		b.until(link)
		b.quiet() // a part that comes anew takes the focus along
		b.do(chromedp.Evaluate[chromedp.Void](link + ".focus()"))
		b.keys(kb.Enter)
		b.until(fmt.Sprintf("document.activeElement.closest('#side-1-%s[complete] .cell-form')", field))
	}
	b.until(`document.querySelector(".columns[data-ready]")`)
	edit("priority")
	b.keys("Hi", kb.Enter)
	b.until(`document.querySelector("#side-1-priority a")?.textContent.includes("High") && document.activeElement.closest("#side-1-priority")`)
	b.until(`document.querySelector(".toast [data-undo]")`)
	edit("subject")
	b.keys("Mend the gate at once", kb.Enter)
	b.until(`document.querySelector("h1").textContent === "Mend the gate at once"`)
	edit("percentageDone")
	b.keys("400", kb.Enter)
	b.until(`document.querySelector("#side-1-percentageDone .field-error") && document.activeElement.name === "percentageDone"`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("#side-1-percentageDone form")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	b.arrivesBy("/work_packages/2", func() { b.keys("]") })
	b.until(`!document.querySelector("#walk a[data-key='[']").hidden`)
	b.arrivesBy("/projects/castle/work_packages", func() { b.keys(kb.Escape) })
	b.until(`document.activeElement.pathname === "/work_packages/2"`)
	b.visit("/projects/castle/work_packages?peek=1")
	edit("status")
	b.keys("In pro", kb.Enter)
	b.until(`document.querySelector("#row-1").textContent.includes("In progress")`)
}

// TestFieldsWithoutScripts follows the link of a field to its form and back.
func TestFieldsWithoutScripts(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.noScripts()
	b.project()
	b.packageIn("Mend the gate")
	b.load(200, chromedp.Click(chromedp.CSS("#side-1-priority a")))
	b.choose("Priority", "3")
	b.press("Save")
	b.sees("Mend the gate", "High")
}
