package ui

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/holdfast/holdfast/internal/web/assets"
)

// TestScreenshots writes pictures of the guide into the directory HOLDFAST_TEST_SCREENSHOTS, light
// and dark, as wide as a desk and a phone. Chromium refuses windows as narrow as a phone, so the
// narrow ones are taken of a frame of that width.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("HOLDFAST_TEST_SCREENSHOTS")
	if dir == "" {
		t.Skip("HOLDFAST_TEST_SCREENSHOTS names no directory")
	}
	srv := httptest.NewServer(guideServer(t))
	defer srv.Close()
	heights := map[string][2]int{"components": {2900, 4300}, "list": {950, 2000}, "package": {1650, 2600}, "backup": {1150, 1900}, "login": {720, 800}, "confirm": {620, 800}}
	for name, height := range heights {
		for _, theme := range []string{"light", "dark"} {
			page := fmt.Sprintf("%s/%s?theme=%s", srv.URL, name, theme)
			shoot(t, page, filepath.Join(dir, name+"-"+theme+"-1280.png"), 1280, height[0])
			shoot(t, fmt.Sprintf("%s/frame?of=%s&theme=%s&height=%d", srv.URL, name, theme, height[1]), filepath.Join(dir, name+"-"+theme+"-390.png"), 500, height[1])
		}
	}
}

func guideServer(t *testing.T) http.Handler {
	t.Helper()
	r := guideRenderer(t)
	mux := http.NewServeMux()
	mux.Handle("GET "+assets.Prefix, assets.Handler())
	mux.HandleFunc("GET /frame", func(w http.ResponseWriter, req *http.Request) {
		q := req.URL.Query()
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><body style="margin:0"><iframe src="/%s?theme=%s" width="390" height="%s" style="border:0"></iframe>`, q.Get("of"), q.Get("theme"), q.Get("height"))
	})
	mux.HandleFunc("GET /{name}", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'")
		name := req.PathValue("name")
		out, err := r.Bytes(name, GuidePage(name, req.URL.Query().Get("theme"), "", ""))
		if err != nil {
			http.NotFound(w, req)
			return
		}
		if name == "confirm" { // one page shows the account menu open
			out = bytes.Replace(out, []byte(`<details class="menu menu-account"`), []byte(`<details open class="menu menu-account"`), 1)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(out)
	})
	return mux
}

func shoot(t *testing.T, url, file string, width, height int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--hide-scrollbars", "--user-data-dir="+filepath.Join(os.TempDir(), "holdfast-guide-profile"), "--screenshot="+file, fmt.Sprintf("--window-size=%d,%d", width, height), url)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", url, err, out)
	}
}
