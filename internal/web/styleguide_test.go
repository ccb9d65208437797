package web_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestTheStyleGuideIsForDevelopment(t *testing.T) {
	b := &browser{t: t, in: apptest.New(t, apptest.Options{}, mount)}
	status, page := b.get("/styleguide")
	want(t, "as installed", status, page, 404)
	b = &browser{t: t, in: apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_STYLEGUIDE=true"}}, mount)}
	status, page = b.get("/styleguide")
	want(t, "switched on", status, page, 200, "Every part in every state", `href="/styleguide/package"`, "toast")
	status, page = b.get("/styleguide/login?theme=dark&density=roomy&contrast=more")
	want(t, "a page in other looks", status, page, 200, `data-theme="dark"`, `data-density="roomy"`, `data-contrast="more"`)
	status, page = b.get("/styleguide/list?theme=pink")
	want(t, "a look that is none", status, page, 200)
	status, page = b.get("/styleguide/nothing")
	want(t, "a page that is none", status, page, 404)
}

var (
	classSelector = regexp.MustCompile(`\.([a-z][a-z-]*)`)
	classList     = regexp.MustCompile(`class="([^"]*)"`)
)

// TestEveryComponentIsInTheStyleGuide: each file of the style sheet is one component, of which the guide
// shows at least half of the classes. The rest are states that scripts bring about.
func TestEveryComponentIsInTheStyleGuide(t *testing.T) {
	b := &browser{t: t, in: apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_STYLEGUIDE=true"}}, mount)}
	shown := map[string]bool{}
	for _, name := range []string{"components", "list", "table", "board", "calendar", "gantt", "package", "backup", "login", "confirm"} {
		status, page := b.get("/styleguide/" + name)
		want(t, name, status, page, 200)
		for _, m := range classList.FindAllStringSubmatch(page, -1) {
			for _, class := range strings.Fields(m[1]) {
				shown[class] = true
			}
		}
	}
	sheets, err := filepath.Glob("assets/css/*.css")
	if err != nil || len(sheets) < 20 {
		t.Fatalf("%d sheets: %v", len(sheets), err)
	}
	for _, file := range sheets {
		switch strings.TrimSuffix(filepath.Base(file), ".css") {
		case "layers", "tokens", "reset", "base", "print", "utilities", "pages":
			continue // no component
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all, missing []string
		for _, m := range classSelector.FindAllStringSubmatch(string(text), -1) {
			if slices.Contains(all, m[1]) {
				continue
			}
			if all = append(all, m[1]); !shown[m[1]] {
				missing = append(missing, m[1])
			}
		}
		if 2*len(missing) > len(all) {
			t.Errorf("%s: the guide shows %d of %d classes; missing: %s", file, len(all)-len(missing), len(all), strings.Join(missing, " "))
		}
	}
}
