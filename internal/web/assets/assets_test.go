package assets

import (
	"compress/gzip"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestHandlerServesBothEncodingsOfOneBody(t *testing.T) {
	plain := get(t, "GET", URL("app.css"))
	zipped := get(t, "GET", URL("app.css"), "Accept-Encoding", "br, gzip")
	if plain.Code != 200 || plain.Header().Get("Content-Encoding") != "" || zipped.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("got %d %v, %v", plain.Code, plain.Header(), zipped.Header())
	}
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil || string(body) != plain.Body.String() {
		t.Errorf("the encodings differ: %v", err)
	}
	if n := len(load().byName["app.css"].zipped); n > 30<<10 {
		t.Errorf("the style sheet takes %d bytes on the wire, budget 30 KiB", n)
	}
	if refused := get(t, "GET", URL("app.css"), "Accept-Encoding", "gzip;q=0"); refused.Header().Get("Content-Encoding") != "" {
		t.Error("gzip sent to a client that refuses it")
	}
}

func TestHandlerLetsBrowsersKeepWhatCannotChange(t *testing.T) {
	hashed, named := get(t, "GET", URL("icons.svg")), get(t, "GET", Prefix+"icons.svg")
	if got := hashed.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("hashed address: %q", got)
	}
	if got := named.Header().Get("Cache-Control"); got != "no-cache" {
		t.Errorf("plain name: %q", got)
	}
	again := get(t, "GET", Prefix+"icons.svg", "If-None-Match", "W/"+named.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("known version: %d, %d bytes", again.Code, again.Body.Len())
	}
}

func TestHandlerRefuses(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", Prefix + "app-000000000000.css", 404}, {"GET", Prefix + "../assets.go", 404}, {"GET", Prefix, 404}, {"POST", URL("app.css"), 405}, {"HEAD", URL("mark.svg"), 200}} {
		w := get(t, c.method, c.path)
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.method == "HEAD" && w.Body.Len() > 0 {
			t.Error("HEAD got a body")
		}
	}
}

func TestURLPanicsOnAMisspelling(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	URL("ap.css")
}

func TestEveryStyleFileIsPartOfTheSheet(t *testing.T) {
	found, err := fs.Glob(files, "css/*.css")
	if err != nil || len(found) != len(sheets) {
		t.Errorf("%d files, %d in the sheet (%v)", len(found), len(sheets), err)
	}
	for _, f := range found {
		if name := strings.TrimSuffix(strings.TrimPrefix(f, "css/"), ".css"); !slices.Contains(sheets, name) {
			t.Errorf("%s is in no sheet", f)
		}
	}
	css := string(styleSheet())
	for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)`).FindAllStringSubmatch(css, -1) {
		if !strings.Contains(css, m[1]+":") {
			t.Errorf("%s is used but never set", m[1])
		}
	}
	if strings.Contains(css, "url(") {
		t.Error("the style sheet loads something")
	}
}

// The pairs of WCAG 2.2: 4.5 for text (1.4.3), 3 for what marks a control (1.4.11).
func TestColoursContrastInBothThemes(t *testing.T) {
	pairs := map[string]float64{
		"text canvas": 4.5, "text surface": 4.5, "text hover": 4.5, "muted canvas": 4.5, "muted surface": 4.5, "muted sunken": 4.5, "muted hover": 4.5,
		"accent canvas": 4.5, "accent surface": 4.5, "accent-strong accent-soft": 4.5, "accent accent-soft": 4.5, "on-accent accent-fill": 4.5, "on-accent accent-fill-strong": 4.5,
		"danger surface": 4.5, "danger canvas": 4.5, "danger danger-soft": 4.5, "text danger-soft": 4.5, "warning warning-soft": 4.5, "success success-soft": 4.5, "info info-soft": 4.5,
		"success surface": 4.5, "control surface": 3, "control canvas": 3, "focus canvas": 3, "focus surface": 3, "accent line-strong": 3,
	}
	for _, h := range strings.Fields("gray blue teal green yellow orange red purple pink") {
		pairs[h+" "+h+"-soft"], pairs[h+" surface"], pairs[h+" hover"] = 4.5, 4.5, 4.5
	}
	colours := map[string][]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(mustRead("css/tokens.css")), -1) {
		if colours[m[1]] == nil { // later ones are for high contrast
			colours[m[1]] = m[2:]
		}
	}
	for pair, want := range pairs {
		a, b, _ := strings.Cut(pair, " ")
		for theme := range 2 {
			if len(colours[a]) == 0 || len(colours[b]) == 0 {
				t.Fatalf("no colours for %q", pair)
			}
			if got := contrast(t, colours[a][theme], colours[b][theme]); got < want {
				t.Errorf("%s in theme %d: %.2f, want %.1f", pair, theme, got, want)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// 37 of the 40 KiB are Turbo and Stimulus. What only some pages or people need loads later.
func TestScriptsOfTheFirstViewAreSmall(t *testing.T) {
	sum := 0
	for _, name := range []string{"turbo.js", "stimulus.js", "app.js"} {
		n := len(load().byName[name].zipped)
		sum += n
		t.Logf("%s takes %d bytes on the wire", name, n)
	}
	if sum > 40<<10 {
		t.Errorf("the scripts take %d bytes on the wire, budget 40 KiB", sum)
	}
	all := 0
	for _, a := range load().byName {
		all += len(a.zipped)
	}
	if all > 150<<10 {
		t.Errorf("all assets take %d bytes on the wire, budget 150 KiB", all)
	}
}

func TestScriptsAreServedAsOneModule(t *testing.T) {
	found, err := fs.Glob(files, "js/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		name := strings.TrimSuffix(strings.TrimPrefix(f, "js/"), ".js")
		module, _, _ := strings.Cut(name, "_")
		if !slices.Contains(scripts, name) && load().byName[name+".js"] == nil && !slices.Contains(further[module], name) {
			t.Errorf("%s is in no module", f)
		}
	}
	app := get(t, "GET", URL("app.js"))
	if got := app.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("served as %q", got)
	}
	body := app.Body.String()
	if !strings.Contains(body, `from ".`+strings.TrimPrefix(URL("turbo.js"), "/assets")+`"`) || strings.Contains(body, "asset:") || strings.Contains(body, "\n//") {
		t.Errorf("the module begins with %.300s", body)
	}
	defer func() {
		if recover() == nil {
			t.Error("an import of what is not there did not panic")
		}
	}()
	load().script([]byte(`import "asset:nothing.js"`))
}
