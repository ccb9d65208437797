package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// pages are the main pages, as somebody who plans work sees them.
var pages = []string{"/", "/projects", "/work_packages", "/work_packages/7", "/work_packages?view=board", "/work_packages?view=calendar", "/work_packages?view=gantt"}

// paints is how often each page is opened in the browser.
const paints = 5

// painted is when a page first showed something, in milliseconds, and how far its content moved.
type painted struct{ First, Shift float64 }

const measurePaint = `new Promise(done => {
	let shift = 0
	new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) shift += e.value }).observe({ type: "layout-shift", buffered: true })
	setTimeout(() => done({ first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0, shift }), 400)
})`

// paint measures the main pages in headless Chromium; without one it says so and measures nothing.
func (s *server) paint(ctx context.Context, key string) error {
	chromium := os.Getenv("HOLDFAST_TEST_CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	if _, err := os.Stat(chromium); err != nil {
		row("first paint and layout shift", "not measured: no Chromium; HOLDFAST_TEST_CHROMIUM names one", "<= 300 ms, <= 0.02")
		return nil
	}
	allocator, end := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(chromium), chromedp.WindowSize(1280, 900), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU)
	defer end()
	tab, leave := chromedp.NewContext(allocator)
	defer leave()
	signIn := func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("apikey:"+key))}})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(tab, chromedp.Navigate("about:blank"), signIn); err != nil {
		return fmt.Errorf("start the browser: %w", err)
	}
	for _, page := range pages {
		var first []float64
		shift := 0.0
		for range paints {
			if err := chromedp.Do(tab, chromedp.Navigate("http://"+s.addr+page)); err != nil {
				return fmt.Errorf("%s: %w", page, err)
			}
			p, err := chromedp.Run(tab, chromedp.Evaluate[painted](measurePaint, chromedp.EvalAwaitPromise))
			if err != nil {
				return fmt.Errorf("%s: %w", page, err)
			}
			first, shift = append(first, p.First), max(shift, p.Shift)
		}
		slices.Sort(first)
		row("first paint of "+page, fmt.Sprintf("%s, moved by %.3f", (time.Duration(first[len(first)/2])*time.Millisecond).String(), shift), "<= 300 ms, <= 0.02")
	}
	return nil
}
