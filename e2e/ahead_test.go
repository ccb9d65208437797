package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPagesAreFetchedAhead rests on links with the mouse and the keyboard: a page is there sooner than after
// the 100 ms that Turbo waits, once, unless something was sent meanwhile, and never for who saves data.
func TestPagesAreFetchedAhead(t *testing.T) {
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/projects")
	do := func(script string) { t.Helper(); b.do(chromedp.Evaluate[chromedp.Void](script + ";undefined")) }
	asked := func(path string, times int) {
		t.Helper()
		do(`window.waited = 0; setTimeout(() => { window.waited = 1 }, 300)`)
		b.until(`waited`)
		if got := get(b, chromedp.Evaluate[int](fmt.Sprintf(`performance.getEntriesByName(new URL(%q, location).href).length`, path))); got != times {
			t.Errorf("%s was asked for %d times, want %d", path, got, times)
		}
	}
	const castle = "/projects/castle"
	do(`window.hover = (name, path) => document.querySelector("main a[href='" + path + "']").dispatchEvent(new MouseEvent(name))`)
	do(`hover("mouseenter", "/projects/castle"); hover("mouseleave", "/projects/castle")`)
	asked(castle, 0) // the mouse only passed
	do(`hover("mouseenter", "/projects/castle"); setTimeout(() => { window.early = performance.now() }, 60); setTimeout(() => { window.late = performance.now() }, 100)`)
	asked(castle, 1)
	if !get(b, chromedp.Evaluate[bool](`(at => early <= at && at <= late)(performance.getEntriesByName(location.origin + "/projects/castle")[0].startTime)`)) {
		t.Error("the page was not fetched after 60 ms and before 100")
	}
	do(`hover("mouseleave", "/projects/castle"); hover("mouseenter", "/projects/castle")`)
	asked(castle, 1)
	do(`dispatchEvent(new Event("sent")); hover("mouseenter", "/projects/castle")`)
	asked(castle, 2)
	b.arrivesBy(castle, func() { do(`document.querySelector("main a[href='/projects/castle']").click()`) })
	asked(castle, 0) // by the click: what was there is the page
	b.visit("/projects/castle/work_packages")
	b.until(`document.querySelector("[data-controller~=grid][data-ready]")`)
	b.keys("j")
	asked("/work_packages/1", 1)
	b.visit("/projects")
	do(`Object.defineProperty(navigator, "connection", { value: { saveData: true } }); document.querySelector("main a[href='/projects/castle']").dispatchEvent(new MouseEvent("mouseenter"))`)
	asked(castle, 0)
}
