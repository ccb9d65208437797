package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestPagesChangeInPlace follows links and sends forms without the document being loaded anew, and
// without anything that the content security policy refuses.
func TestPagesChangeInPlace(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.do(chromedp.Evaluate[chromedp.Void](`window.refused = []; addEventListener("securitypolicyviolation", e => refused.push(e.violatedDirective))`))
	b.packageIn("Mend the gate")
	b.fill("Comment", "It squeaks.")
	b.press("Comment")
	b.sees("It squeaks.")
	b.do(chromedp.NavigateBack())
	if got := get(b, chromedp.Evaluate[string](`"refused" in window ? refused.join() : "loaded anew"`)); got != "" {
		t.Errorf("on the way: %s", got)
	}
}

// TestColdLoadIsSmall holds what a browser that has nothing yet asks for, and what it gets.
func TestColdLoadIsSmall(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.visit("/")
	first := browse(t, b.base)
	first.visit("/login")
	const sizes = `(() => {
		const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
		return { requests: all.length, bytes: all.reduce((n, e) => n + e.transferSize, 0) }
	})()`
	type load struct{ Requests, Bytes int }
	got := get(first, chromedp.Evaluate[load](sizes))
	t.Logf("the first page takes %d bytes in %d requests", got.Bytes, got.Requests)
	if got.Requests < 4 || got.Requests > 8 || got.Bytes > 200<<10 || got.Bytes < 40<<10 {
		t.Errorf("the first page takes %d bytes in %d requests, budget 200 KiB in 8", got.Bytes, got.Requests)
	}
	if again := get(b, chromedp.Evaluate[load](sizes)); again.Bytes > 50<<10 {
		t.Errorf("a page after the first takes %d bytes", again.Bytes)
	}
}

// TestPagesStayWithinTheirBudget holds, for the pages that load more than others, what scripts they take
// in all, and what a browser asks for that has everything already.
func TestPagesStayWithinTheirBudget(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	p := b.plan()
	const measured = `(() => {
		const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter(e => !e.name.endsWith("/live"))
		const scripts = all.filter(e => new URL(e.name).pathname.endsWith(".js"))
		return { scripts: scripts.reduce((n, e) => n + e.encodedBodySize, 0), asked: all.filter(e => e.transferSize > 0).length, names: scripts.map(e => new URL(e.name).pathname).join(" ") }
	})()`
	type taken struct {
		Scripts, Asked int
		Names          string
	}
	for _, page := range []string{"/work_packages", "/work_packages?view=board", "/work_packages?view=gantt", "/work_packages?view=calendar", p.page, p.page + "/edit", "/admin/workflow"} {
		b.visit(page)
		b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("main textarea, main select")?.focus()`), chromedp.Sleep(500*time.Millisecond))
		b.visit(page)
		b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("main textarea, main select")?.focus()`), chromedp.Sleep(500*time.Millisecond))
		got := get(b, chromedp.Evaluate[taken](measured))
		t.Logf("%s: %d bytes of scripts, %d requests when warm", page, got.Scripts, got.Asked)
		if got.Scripts < 30<<10 || got.Scripts > 100<<10 {
			t.Errorf("%s takes %d bytes of scripts, budget 100 KiB: %s", page, got.Scripts, got.Names)
		}
		if got.Asked > 2 {
			t.Errorf("%s asks for %d things when warm, budget 2", page, got.Asked)
		}
	}
}
