package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestKeysOfOnesOwn gives actions other keys, and finds that those work, the former ones do nothing,
// and neither does anything while somebody types.
func TestKeysOfOnesOwn(t *testing.T) {
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/my/shortcuts")
	b.fill("Create a work package", "N", "Next row", "z", "Set the assignee", "v", "Choose the row; with Shift, the arrows choose more", "q", "Go to the projects", "b p")
	b.picture("shortcuts")
	b.press("Save")
	b.sees("Undo")
	b.visit("/projects/castle/work_packages")
	b.until(`document.querySelector("[data-controller~=grid][data-ready]")`)
	b.keys("jca") // of nobody any more
	b.keys("z")
	b.until(`document.activeElement.closest("td, th")?.classList.contains("cell-title")`)
	b.keys("xq")
	b.until(`document.querySelectorAll("input[name=id]:checked").length === 1`)
	b.keys("q")
	b.until(`document.querySelectorAll("input[name=id]:checked").length === 0`)
	b.keys("v")
	b.until(`document.activeElement.closest("#cell-1-assignee")`)
	b.visit("/projects/castle/work_packages")
	b.keys("?")
	b.until(`[...document.querySelectorAll("dialog[open] .keys > div")].some(e => e.textContent.replace(/\s+/g, " ").includes("Shift N Create a work package"))`)
	b.picture("own-keys")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("dialog").close()`))
	b.keys("/")
	b.until(`document.activeElement.id === "header-q"`)
	b.keys("Nbp")
	b.until(`document.activeElement.value === "Nbp"`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	b.arrivesBy("/projects", func() { b.keys("bp") })
	b.visit("/projects/castle")
	b.arrivesBy("/projects/castle/work_packages/new", func() { b.keys("N") })
}
