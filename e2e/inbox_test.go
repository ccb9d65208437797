package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestInbox works through two notifications by keyboard, takes each step back, and does
// the same without scripts.
func TestInbox(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	grace := b.colleague(t)
	for _, subject := range []string{"Mend the gate", "Oil the hinge"} {
		b.visit("/projects/castle/work_packages")
		b.packageIn(subject)
		b.fill("Comment", "@grace, please look.")
		b.press("Comment")
	}
	waits := func(count string, subjects ...string) {
		t.Helper()
		grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === "` + count + `"`)
		grace.sees(subjects...)
	}
	first := `[...document.querySelectorAll("#topics .rows-title")].indexOf(document.activeElement) === 0`
	grace.visit("/")
	grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === "2"`)
	grace.visit("/notifications")
	waits("2", "Mend the gate", "Oil the hinge")

	grace.keys("j")
	grace.load(200, chromedp.KeyEvent(kb.Enter))
	waits("1", "@grace, please look.")
	grace.until(first)
	grace.picture("inbox-beside")
	grace.load(200, chromedp.KeyEvent("e")) // what comes next takes its place
	waits("", "Mend the gate")
	grace.until(first + ` && document.querySelector("#peek-title").textContent.includes("Mend the gate")`)
	grace.load(200, chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	grace.sees("The change is undone.")
	grace.until(`document.querySelectorAll("#topics .topic").length === 2`)
	grace.load(200, chromedp.KeyEvent(kb.Escape))
	grace.until(`!document.querySelector("#peek")`)

	grace.keys("j", "h")
	grace.until(`document.activeElement.value === "later"`)
	grace.keys(kb.ArrowDown)
	grace.load(200, chromedp.KeyEvent(kb.Enter))
	grace.sees("Put off.")
	grace.until(`document.querySelectorAll("#topics .topic").length === 1 && ` + first)
	grace.load(200, chromedp.KeyEvent("M"))
	grace.sees("You are told of it only where somebody mentions you.", "Nothing waits for you")

	grace.noScripts()
	grace.visit("/notifications?show=all")
	grace.sees("kept quiet", "until")
	grace.press("Tell me again: #1")
	grace.press("Back into the inbox: #1")
	grace.press("Done: #1")
	grace.sees("Done.")
	grace.press("Undo")
	grace.visit("/notifications")
	grace.follow("Mend the gate")
	grace.fill("Comment", "Looked.")
	grace.press("Comment")
	grace.sees("Your comment has been added.", "Looked.")
}
