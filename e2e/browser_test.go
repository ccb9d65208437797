package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is a browser of its own with one page open.
type tab struct {
	t     *testing.T
	ctx   context.Context
	base  string
	saved string // where downloads go
}

type step = chromedp.Action[chromedp.Void]

// browse opens a browser that knows nothing yet.
func browse(t *testing.T, base string) *tab {
	t.Helper()
	b := &tab{t: t, base: base, saved: t.TempDir()}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(tool(t, "HOLDFAST_TEST_CHROMIUM")), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
	}
	for _, name := range []string{
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "disable-extensions",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	b.ctx = ctx
	// The first run starts the browser, which lives as long as the context of that run.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: b.saved, EventsEnabled: new(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.keepFailure)
	return b
}

// keepFailure keeps a picture of what the person saw when a journey failed.
func (b *tab) keepFailure() {
	if b.t.Failed() {
		b.t.Logf("the page was %q:\n%s", get(b, chromedp.Location()), get(b, chromedp.Text(chromedp.CSS("body"))))
		b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
	}
}

// get runs one action, which has some time to succeed.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Errorf("in the browser: %v", err)
		b.t.FailNow()
	}
	return got
}

func (b *tab) do(steps ...step) {
	b.t.Helper()
	get(b, chromedp.Steps(steps...))
}

// leave marks the page, so that its replacement can be told from it; arrived says what came, once it is
// there: a document that the browser loaded, or one that Turbo fetched and put in place.
const (
	leave   = `document.body.dataset.left = "1"; performance.clearResourceTimings()`
	arrived = `(() => {
		if (!document.body || document.body.dataset.left || document.readyState !== "complete" || document.documentElement.ariaBusy === "true") return 0
		const fetched = performance.getEntriesByType("resource").filter(e => e.initiatorType === "fetch" && e.responseStatus)
		return (fetched.at(-1) ?? performance.getEntriesByType("navigation")[0]).responseStatus
	})()`
)

// load takes steps that lead to another page and checks the status of that page.
func (b *tab) load(status int, steps ...step) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](leave))
	b.do(steps...)
	for late := time.Now().Add(patience); ; time.Sleep(glance) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		got, err := chromedp.Run(ctx, chromedp.Evaluate[int](arrived)) // fails while documents change
		cancel()
		switch {
		case err == nil && got == status:
			return
		case err == nil && got != 0:
			b.t.Fatalf("%s answered %d, want %d", get(b, chromedp.Location()), got, status)
		case time.Now().After(late):
			b.t.Fatalf("no page came from %s: %v", get(b, chromedp.Location()), err)
		}
	}
}

// visit opens an address of the instance.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.load(200, chromedp.Navigate(b.base+path))
}

// button and link find a control by what is written on it. What is in a closed menu cannot be used.
func button(label string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf("//button[normalize-space()=%q][not(ancestor::details[not(@open)])]", label))
}

func link(label string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf("//a[normalize-space()=%q][not(ancestor::details[not(@open)])]", label))
}

// press and follow use a control and wait for the page it leads to.
func (b *tab) press(label string)  { b.t.Helper(); b.load(200, chromedp.Click(button(label))) }
func (b *tab) follow(label string) { b.t.Helper(); b.load(200, chromedp.Click(link(label))) }

// fill puts values into the fields of a form, each found by its label.
func (b *tab) fill(pairs ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		id := b.labelled(pairs[i])
		mark := chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById(%q).select()", string(id)))
		b.do(mark, chromedp.SendKeys(id, pairs[i+1]))
	}
}

// choose sets a control that is not typed into: a day or a choice by its value.
func (b *tab) choose(label, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(b.labelled(label), value))
}

// labelled is the control that the label with this text is for.
func (b *tab) labelled(label string) chromedp.ID {
	b.t.Helper()
	id := get(b, chromedp.AttributeValue(chromedp.Search(fmt.Sprintf("//label[text()[normalize-space()=%q]]", label)), "for"))
	return chromedp.ID(id.Value)
}

func (b *tab) value(label string) string {
	b.t.Helper()
	return get(b, chromedp.Value(b.labelled(label)))
}

// sees checks that the texts stand on the page.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	page := get(b, chromedp.Text(chromedp.CSS("body")))
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.t.Fatalf("%q is not on the page:\n%s", text, page)
		}
	}
}

func (b *tab) heading(want string) {
	b.t.Helper()
	if got := get(b, chromedp.Text(chromedp.CSS("h1"))); got != want {
		b.t.Fatalf("the heading is %q, want %q", got, want)
	}
}

// path is where the browser is, without the query.
func (b *tab) path() string {
	b.t.Helper()
	path, _, _ := strings.Cut(strings.TrimPrefix(get(b, chromedp.Location()), b.base), "?")
	return path
}

// download presses a control and returns the file that the browser saved, and
// the name it was offered under.
func (b *tab) download(sel chromedp.Search) (path, name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	begun := chromedp.BrowserEvents(ctx, browser.DownloadWillBegin)
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	b.do(chromedp.Click(sel))
	for ev, err := range begun {
		if err != nil {
			b.t.Fatalf("no download began: %v", err)
		}
		name = ev.SuggestedFilename
		break
	}
	for ev, err := range progress {
		if err != nil {
			b.t.Fatalf("the download did not end: %v", err)
		}
		if ev.State == browser.DownloadProgressStateCanceled {
			b.t.Fatal("the download was broken off")
		}
		if ev.State == browser.DownloadProgressStateCompleted {
			return filepath.Join(b.saved, ev.GUID), name
		}
	}
	b.t.Fatal("the browser ended")
	return "", ""
}

// noScripts makes the browser run no JavaScript, and proves it.
func (b *tab) noScripts() {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	b.do(chromedp.Navigate("data:text/html,<p>plain</p><script>document.body.textContent='scripted'</script>"))
	b.until(`document.querySelector("p")?.textContent === "plain"`)
}

// look sets the width of the window and the colours the person prefers: light, dark, or light with
// more contrast.
func (b *tab) look(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900), func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: strings.Replace(scheme, "contrast", "light", 1)},
				{Name: "prefers-contrast", Value: strings.NewReplacer("light", "", "dark", "", "contrast", "more").Replace(scheme)},
			},
		})
		return chromedp.Void{}, err
	})
}

// pictures is the directory where pictures are kept; empty when nobody wants any.
func pictures() string { return os.Getenv("HOLDFAST_TEST_SCREENSHOTS") }

// picture keeps the whole page as it looks now, where pictures are asked for.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := pictures()
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), get(b, chromedp.FullScreenshot(100)), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
