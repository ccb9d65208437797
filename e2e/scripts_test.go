package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPagesChangeInPlace follows links and sends forms without the document being loaded anew, and
// without anything that the content security policy refuses.
func TestPagesChangeInPlace(t *testing.T) {
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
