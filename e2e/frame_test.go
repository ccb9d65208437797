package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys presses keys one after the other, wherever the focus is. A key and what it types are one event, as
// they are for a person: what the page keeps from being typed is not typed.
func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, r := range strings.Join(keys, "") {
		events := kb.Encode(r)
		if len(events) == 3 {
			events[0].Text = events[1].Text
			events = append(events[:1], events[2])
		}
		for _, e := range events {
			b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
				_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, *e)
				return chromedp.Void{}, err
			})
		}
	}
}

// until waits until a condition in the page holds.
func (b *tab) until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	for ; ; time.Sleep(glance) {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && got {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("never true: %s", condition)
		}
	}
}

// quiet waits until nothing has been fetched for a while.
func (b *tab) quiet() {
	b.t.Helper()
	b.until(`performance.now() - Math.max(0, ...performance.getEntriesByType("resource").map(e => e.responseEnd)) > 600`)
}

// arrivesBy takes steps that lead to the page at this path.
func (b *tab) arrivesBy(path string, steps func()) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](leave))
	steps()
	b.until(fmt.Sprintf(`document.body && !document.body.dataset.left && location.pathname === %q`, path))
}

// TestKeys goes through a project, a list and a work package without the mouse.
func TestKeys(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	page := b.path()
	b.arrivesBy("/projects", func() { b.keys("g", "p") })
	b.arrivesBy("/projects/castle", func() { b.keys("j", kb.Enter) })
	b.arrivesBy("/projects/castle/work_packages", func() { b.keys("g", "w") })
	b.arrivesBy(page, func() { b.keys("k", kb.Enter) })
	b.arrivesBy(page+"/edit", func() { b.keys("e") })
	b.fill("Subject", "Mend the gates, g p c ?")
	b.arrivesBy(page, func() { b.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl))) })
	b.heading("Mend the gates, g p c ?")
	b.keys("m")
	b.until(`document.activeElement.name === "comment"`)
	b.keys("c", "?", "/")
	if got := b.value("Comment"); got != "c?/" {
		t.Errorf("the comment is %q", got)
	}
	b.visit(page)
	b.arrivesBy("/projects/castle/work_packages/new", func() { b.keys("c") })
	b.arrivesBy("/projects/castle", func() { b.keys("g", "o") })
	b.arrivesBy("/projects/castle/work_packages", func() { b.keys("g", "w", "p") })
	b.arrivesBy("/projects/castle/work_packages/new", func() { b.keys("n", "w", "p") })
	b.visit("/")
	b.arrivesBy("/work_packages", func() { b.keys("g", "g") })
	b.until(`location.search === "?view=gantt"`)
	b.arrivesBy("/", func() { b.keys("g", "m") })
	b.do(chromedp.KeyEvent("5", chromedp.KeyModifiers(chromedp.ModifierAlt)))
	b.until(`location.pathname === "/projects"`)
	b.keys("p")
	b.until(`document.querySelector("#palette[open]")`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.keys("s")
	b.until(`document.activeElement.id === "header-q"`)
	b.visit("/")
	b.keys("/")
	b.until(`document.activeElement.id === "header-q"`)
	b.arrivesBy("/search", func() { b.keys("gate", kb.Enter) })
	b.sees("Mend the gates")
	b.visit("/")
	b.keys("?")
	b.until(`document.querySelector("dialog[open] .keys")`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	b.visit("/my/account")
	b.do(chromedp.Click(b.labelled("Single keys do something, such as c for a new work package")))
	b.press("Save appearance")
	b.keys("g", "p", "?")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until(`document.querySelector("#palette[open]")`)
	if got := b.path(); got != "/my/account" {
		t.Errorf("keys that are switched off led to %s", got)
	}
}

// TestPalette jumps to a project, to a work package by its number, and to a page.
func TestPalette(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	page := b.path()
	open := func() {
		b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
		b.until(`document.querySelector("#palette[open]")`)
	}
	for text, path := range map[string]string{"cast": "/projects/castle", "#1": page, "mend": page, "audit": "/admin/audit"} {
		b.visit("/")
		open()
		b.keys(text)
		b.until(fmt.Sprintf(`document.querySelector("#palette [aria-selected=true]")?.pathname === %q`, path))
		b.arrivesBy(path, func() { b.keys(kb.Enter) })
	}
	b.visit("/")
	open()
	b.picture("palette")
	b.keys(kb.ArrowDown, kb.ArrowDown, kb.ArrowUp)
	b.until(`document.querySelector("#palette input").getAttribute("aria-activedescendant") === document.querySelector("#palette [role=option]").id`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector("dialog")`)
	open()
	b.keys("zzz")
	b.until(`!document.querySelector(".palette-none").hidden`)
	b.arrivesBy("/search", func() { b.keys(kb.Enter) })
	b.sees("Nothing found")
}

// TestSideNavigation makes it narrow, on this page and the next.
func TestSideNavigation(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	width := `document.querySelector(".side").offsetWidth`
	wide := get(b, chromedp.Evaluate[int](width))
	b.do(chromedp.Click(chromedp.CSS(".side-toggle")))
	b.follow("Members")
	if narrow := get(b, chromedp.Evaluate[int](width)); narrow >= wide/2 {
		t.Errorf("%d pixels wide, %d before", narrow, wide)
	}
	b.visit("/projects/castle")
	b.picture("side-narrow")
	b.do(chromedp.Click(chromedp.CSS(".side-toggle")))
	b.visit("/admin")
	if again := get(b, chromedp.Evaluate[int](width)); again != wide {
		t.Errorf("%d pixels wide, %d at first", again, wide)
	}
}

// TestUndoFromTheToast takes a saved change back by key, and brings it again by button.
func TestUndoFromTheToast(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.follow("Edit")
	b.fill("Subject", "Mend the other gate")
	b.press("Save")
	b.heading("Mend the other gate")
	b.picture("toast")
	b.load(200, chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.heading("Mend the gate")
	b.press("Redo")
	b.heading("Mend the other gate")
	b.do(chromedp.Click(button("Close this message")))
	b.until(`!document.querySelector(".toast:not(#live-notice)")`)
}
