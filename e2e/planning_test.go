package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// version makes a version of the project with the form.
func (b *tab) version(name, due string) {
	b.t.Helper()
	b.visit("/projects/castle/settings/versions/new")
	b.fill("Name", name)
	b.choose("Finish", due)
	b.press("Create version")
	b.sees(name)
}

// TestBoardByVersionByKeyboard plans a work package for the next version but one by
// carrying its card, and takes the version from it in the table.
func TestBoardByVersionByKeyboard(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.version("Winter", "2027-02-01")
	b.version("Autumn", "2026-12-01")
	b.visit("/projects/castle/work_packages?view=board&by=version")
	b.picture("board-by-version")
	b.until(`document.querySelector("[data-controller~=board][data-ready]")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#card-1").focus()`))
	b.keys(kb.Enter)
	b.until(`document.querySelector("#card-1.board-held")`)
	b.keys(kb.ArrowRight, kb.ArrowRight, kb.Enter)
	b.until(`document.querySelector("#card-1")?.closest("section").getAttribute("aria-label") === "Winter"`)
	b.visit("/work_packages/1")
	b.sees("Version", "Winter")
	b.visit("/projects/castle/settings/versions")
	b.do(chromedp.Click(link("Winter")))
	b.until(`document.querySelector("#f-name")?.value === "Winter"`)
	b.follow("Delete version")
	b.sees("1 work package is planned for it")
	b.visit("/projects/castle/work_packages?columns=id,subject,version")
	b.until(`document.querySelector("[data-controller~=grid][data-ready]")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#cell-1-version a").focus()`))
	b.keys(kb.Enter)
	b.until(`document.activeElement.role === "combobox" && document.activeElement.closest("#cell-1-version")`)
	b.keys("no") // finds No version
	b.until(`document.activeElement.ariaExpanded === "true" && document.querySelectorAll("[role=option]").length === 1`)
	b.keys(kb.Enter)
	b.until(`document.querySelector('#cell-1-version a')?.textContent.includes("–")`)
}
