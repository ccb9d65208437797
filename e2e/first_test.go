package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a new instance may ask before there is a work package in it: three forms, for the
// account, the project and the work package, with so many fields that have to be filled,
// on so many pages.
const (
	firstForms  = 3
	firstFields = 7
	firstPages  = 6
)

// TestFirstRun goes from the link that a new instance prints to the first work package.
func TestFirstRun(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	b := browse(t, s.url)
	b.firstRun(s.setupLink())
}

// TestFirstRunWithoutScripts does so in a browser that runs no JavaScript.
func TestFirstRunWithoutScripts(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	b := browse(t, s.url)
	b.noScripts()
	b.firstRun(s.setupLink())
}

// firstRun takes the way that each page offers first, fills what has to be filled, and
// counts what that was.
func (b *tab) firstRun(link string) {
	b.t.Helper()
	began := time.Now()
	forms, fields, pages := 0, 0, 1
	submit := func(label string, pairs ...string) {
		b.t.Helper()
		forms++
		fields += get(b, chromedp.Evaluate[int](`document.querySelectorAll("main form [required]").length`))
		b.fill(pairs...)
		b.press(label)
		pages++
	}
	onward := func(label string) {
		b.t.Helper()
		b.follow(label)
		pages++
	}
	b.visit(link)
	b.picture("first-setup")
	submit("Create the administrator", "Login", adminLogin, "First name", "Ada", "Last name", "Byron", "E-mail address", "ada@example.org", "New password", adminPassword)
	b.picture("first-home")
	onward("Create a project")
	submit("Create project", "Name", "Castle")
	b.heading("Castle")
	b.sees("First steps", "Bring people in", "Create the first work package")
	b.picture("first-project")
	onward("Create the first work package")
	submit("Create", "Subject", "Mend the north wall")
	b.heading("Mend the north wall")
	if forms > firstForms || fields > firstFields || pages > firstPages {
		b.t.Errorf("%d forms with %d fields that must be filled on %d pages, want at most %d, %d and %d", forms, fields, pages, firstForms, firstFields, firstPages)
	}
	b.t.Logf("%d forms, %d fields, %d pages; %.1f s from the link to the first work package", forms, fields, pages, time.Since(began).Seconds())
	b.visit("/projects/castle")
	b.until(`document.querySelectorAll("#steps .step-done").length === 1`)
}

// TestFavoriteIsAtHand marks a project in the list and finds it beside other pages and in the palette.
func TestFavoriteIsAtHand(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.visit("/projects")
	b.press("Mark Castle as a favourite")
	b.until(`document.querySelector(".side a[href='/projects/castle']")`)
	b.visit("/")
	b.arrivesBy("/projects/castle", func() { b.do(chromedp.Click(chromedp.CSS(".side a[href='/projects/castle']"))) })
	b.visit("/notifications")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until(`document.querySelector("#palette[open] a[href='/projects/castle']")`)
	b.keys(kb.Escape)
	b.visit("/projects")
	b.follow("Favourites")
	b.sees("1 in all")
	b.press("Castle is a favourite: take the mark away")
	b.sees("No projects", "Without “Favourite: yes” there is 1")
}

// TestProjectsFilteredToNothing drops the filter that takes everything away.
func TestProjectsFilteredToNothing(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.filteredToNothing()
}

// TestProjectsFilteredToNothingWithoutScripts does so by plain links and forms.
func TestProjectsFilteredToNothingWithoutScripts(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.noScripts()
	b.filteredToNothing()
}

func (b *tab) filteredToNothing() {
	b.t.Helper()
	b.project()
	b.visit("/projects?status=finished")
	b.sees("No projects", "Status: Finished")
	b.picture("projects-nothing")
	b.follow("Without “Status: Finished” there is 1")
	b.sees("Castle", "1 in all")
	b.visit("/projects?filter=visibility")
	b.choose("Visibility", "yes")
	b.press("Apply")
	b.sees("No projects", "Visibility: Public")
	b.follow("Without “Visibility: Public” there is 1")
	b.sees("Castle")
}

// TestTreeOfProjectsFolds folds what is below a project, by its link and by the arrow keys on its name.
func TestTreeOfProjectsFolds(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.visit("/projects/new")
	b.fill("Name", "North wall")
	b.choose("Subproject of", "1")
	b.press("Create project")
	b.visit("/projects")
	b.until(`document.querySelector("tr[aria-level='2'] a[href='/projects/north-wall']")`)
	b.keys("j")
	b.keys(kb.ArrowLeft)
	b.until(`!document.querySelector("a[href='/projects/north-wall']") && document.activeElement.pathname === "/projects/castle"`)
	b.keys(kb.ArrowRight)
	b.until(`document.querySelector("tr[aria-level='2'] a[href='/projects/north-wall']") && document.activeElement.pathname === "/projects/castle"`)
	b.noScripts()
	b.visit("/projects")
	b.do(chromedp.Click(chromedp.CSS("a.fold")))
	b.until(`location.search === "?fold=1" && !document.querySelector("a[href='/projects/north-wall']")`)
}

// TestMemberByKeyboard adds a member and changes their role without the mouse.
func TestMemberByKeyboard(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.visit("/admin/users/new")
	b.fill("Login", "brigid", "First name", "Brigid", "Last name", "Mason", "E-mail address", "brigid@example.org", "Password", adminPassword)
	b.press("Create user")
	b.visit("/projects/castle/settings/members")
	focus := func(selector string) {
		t.Helper()
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).focus()`, selector)))
	}
	box := func(in, label string) {
		t.Helper()
		id := get(b, chromedp.Evaluate[string](fmt.Sprintf(`[...document.querySelectorAll(%q)].find(l => l.textContent.trim().startsWith(%q)).htmlFor`, in+" label", label)))
		focus("#" + id)
		b.keys(" ")
	}
	focus("main details.card > summary")
	b.keys(kb.Enter)
	b.until(`document.querySelector("main details.card[open]")`)
	box("#people", "Brigid Mason") // as a Member, which is ticked
	b.load(200, chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector("table .cell-title")?.textContent.includes("Brigid Mason") && document.querySelector("table .chip").textContent === "Member"`)
	focus("table details > summary")
	b.keys(kb.Enter)
	box("table details", "Member")
	box("table details", "Project admin")
	b.load(200, chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector("table .chip").textContent === "Project admin"`)
	b.visit("/projects/castle")
	b.sees("Project admin", "Brigid Mason")
}

// TestDemoGoes fills a new instance with the demo, and takes it away again from its first page.
func TestDemoGoes(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	b := browse(t, s.url)
	b.noScripts()
	b.visit(s.setupLink())
	b.follow("Look at a demo")
	b.press("Fill with the demo")
	password := get(b, chromedp.Evaluate[string](`[...document.querySelectorAll("tr")].find(r => r.textContent.includes("mara")).querySelector("code").textContent`))
	b.signIn("mara", password)
	b.sees("This is a demo")
	b.follow("Remove the demo")
	b.press("Remove the demo")
	b.visit("/projects")
	b.sees("No projects yet")
	b.until(`![...document.querySelectorAll(".alert")].some(a => a.textContent.includes("This is a demo"))`)
}
