package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDraftsOfFormsComeBack leaves forms half filled, and is offered what was typed until it is saved,
// thrown away, or the person signs out. Secrets are not kept.
func TestDraftsOfFormsComeBack(t *testing.T) {
	_, b := instance(t)
	b.project()
	kept := `Object.entries(localStorage).filter(([k]) => k.startsWith("draft "))`
	open := func(path string) {
		t.Helper()
		b.visit(path)
		b.until(`document.querySelector("form[data-kept]")`)
	}
	const work = "/projects/castle/work_packages/new"
	open(work)
	b.until(`document.querySelector(".form-draft").hidden`)
	b.fill("Subject", "Half a thought")
	b.visit("/")
	open(work)
	b.until(`!document.querySelector(".form-draft").hidden`)
	b.sees("You filled this in on")
	b.picture("form-draft")
	b.do(chromedp.Click(chromedp.CSS(".form-draft [data-action='drafts#restore']")))
	if got := b.value("Subject"); got != "Half a thought" {
		t.Errorf("restoring brings %q", got)
	}
	b.press("Create")
	b.until(kept + `.length === 0`)
	b.visit(work)
	b.until(`document.querySelector("form[data-kept]") && document.querySelector(".form-draft").hidden`)

	open("/projects/new") // the identifier follows the name, and both come back
	b.fill("Name", "Moat & Co")
	b.until(`document.querySelector("#f-identifier").value === "moat-co"`)
	open("/projects/new")
	b.do(chromedp.Click(chromedp.CSS(".form-draft [data-action='drafts#restore']")))
	if got := b.value("Identifier"); got != "moat-co" {
		t.Errorf("the identifier comes back as %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS("#f-identifier")))
	b.fill("Identifier", "projects/!")
	b.load(422, chromedp.Click(button("Create project")))
	b.until(`document.querySelector("form[data-kept]") && document.querySelector(".form-draft").hidden`) // it stands there
	open("/projects/new")
	b.until(`!document.querySelector(".form-draft").hidden`)
	b.do(chromedp.Click(chromedp.CSS(".form-draft [data-action='drafts#discard']")))
	b.until(kept + `.length === 0`)

	open("/projects/castle/settings")
	b.fill("Name", "Castle") // as it is
	b.visit("/admin/users/new")
	b.fill("Login", "eve", "Password", "a secret that nobody keeps")
	b.visit("/my/account")
	b.fill("Current password", "another secret")
	open(work)
	b.until(kept + `.length === 0`)
	b.fill("Subject", "Not for the next")
	b.until(kept + `.length === 1`)
	b.do(chromedp.Click(chromedp.CSS(".menu-account summary")))
	b.press("Sign out")
	b.until(kept + `.length === 0`)
}
