package ui

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast/holdfast/internal/message"

	"golang.org/x/net/html"
)

func guideRenderer(t *testing.T) *Renderer {
	t.Helper()
	r, err := NewGuide()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryGuidePageRenders(t *testing.T) {
	r := guideRenderer(t)
	for _, name := range r.Names() {
		t.Run(name, func(t *testing.T) {
			out, err := r.Bytes(name, GuidePage(name, "", "", ""))
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, out)
		})
	}
}

// checkPage asserts what every page owes its readers and the content security policy.
func checkPage(t *testing.T, out []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	ids, refs, headings := map[string]int{}, []string{}, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "h1" && !insideProse(n) {
			headings++
		}
		if n.Data == "style" || n.Data == "script" && n.FirstChild != nil {
			t.Errorf("inline <%s> in the page", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("inline %s on <%s>", a.Key, n.Data)
			case a.Key == "id":
				ids[a.Val]++
			case a.Key == "for" || a.Key == "aria-describedby":
				refs = append(refs, strings.Fields(a.Val)...)
			case a.Key == "href" && strings.HasPrefix(a.Val, "#f-"):
				refs = append(refs, a.Val[1:])
			}
		}
	}
	if headings != 1 {
		t.Errorf("%d main headings", headings)
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q is used %d times", id, n)
		}
	}
	for _, ref := range refs {
		if ids[ref] == 0 {
			t.Errorf("%q names nothing in the page", ref)
		}
	}
}

func insideProse(n *html.Node) bool {
	for a := range n.Ancestors() {
		for _, attr := range a.Attr {
			if attr.Key == "class" && attr.Val == "prose" {
				return true
			}
		}
	}
	return false
}

func TestEveryPartIsUsedByTheGuide(t *testing.T) {
	r := guideRenderer(t)
	var all strings.Builder
	for _, dir := range []string{"guide", "templates"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			data, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			all.Write(data)
		}
	}
	for _, part := range r.base.Templates() {
		name := part.Name()
		if strings.HasSuffix(name, ".html") || name == "" {
			continue
		}
		if !strings.Contains(all.String(), `{{template "`+name+`"`) && !strings.Contains(all.String(), `{{block "`+name+`"`) {
			t.Errorf("part %q is never executed", name)
		}
	}
}

func TestPagesShowWhatTheyAreGiven(t *testing.T) {
	r := guideRenderer(t)
	for _, c := range []struct {
		page string
		must []string
	}{
		{"components", []string{`aria-invalid="true" aria-describedby="f-mail-error f-mail-hint"`, "2 things need your attention", "second &lt;line&gt;", `role="alert"`, `<option value="2" selected>In progress</option>`, `name="scope" type="radio" value="mine" checked`}},
		{"list", []string{`aria-sort="descending"`, "55–72 of 164", `<span aria-current="page">4</span>`, `<time datetime="2026-11-14"`, `<progress max="100" value="17"`}},
		{"package", []string{`id="activity-2"`, `<del>New</del> → <ins>In progress</ins>`, `href="/work_packages/42"`, `datetime="2026-11-23T09:41:00Z"`, "1.4 MiB", `class="none">–`}},
		{"login", []string{`autocomplete="current-password"`, `class="auth"`, "Sign in · Holdfast"}},
		{"backup", []string{`<li><a href="#" aria-current="page">`, "14 s", "664 MiB"}},
	} {
		out, err := r.Bytes(c.page, GuidePage(c.page, "", "", ""))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.must {
			if !strings.Contains(string(out), want) {
				t.Errorf("page %s lacks %s", c.page, want)
			}
		}
	}
}

func TestPasswordsAreNeverShownBack(t *testing.T) {
	r, err := New(fstest.MapFS{"p.html": {Data: []byte(`{{template "field" .}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	f := Password("p", "P", "new-password")
	f.Value = "swordfish"
	out, err := r.Bytes("p", f)
	if err != nil || strings.Contains(string(out), "swordfish") {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestRenderWritesNothingOnAnError(t *testing.T) {
	r, err := New(fstest.MapFS{"bad.html": {Data: []byte(`{{template "auth" .}}{{define "main"}}{{.Missing}}{{end}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bad", "absent"} {
		w := httptest.NewRecorder()
		if err := r.Render(w, 200, name, login()); err == nil {
			t.Errorf("page %s: no error", name)
		}
		if w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("page %s: wrote %q, %v", name, w.Body, w.Header())
		}
	}
}

func TestNewRefusesBrokenAndDoublePages(t *testing.T) {
	page := fstest.MapFS{"a.html": {Data: []byte(`x`)}}
	if _, err := New(page, page); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two pages of one name: %v", err)
	}
	if _, err := New(fstest.MapFS{"a.html": {Data: []byte(`{{`)}}); err == nil {
		t.Error("a page that does not parse was taken")
	}
	if _, err := New(brokenFS{}); err != nil {
		t.Errorf("no pages: %v", err)
	}
}

type brokenFS struct{ fstest.MapFS }

func (brokenFS) ReadFile(string) ([]byte, error) { return nil, errors.New("gone") }

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(times{message.In()}.datetime(time.Time{})) + string(times{message.In()}.date(time.Time{})), ""},
		{string(Day(message.In(), "<b>")), "&lt;b&gt;"},
		{string(times{message.In()}.date(at.In(time.FixedZone("x", 7200)))), `<time datetime="2026-11-23T11:41:00+02:00" title="Monday, 23 November 2026, 11:41:00 UTC+02:00">23 Nov 2026</time>`},
		{Avatar{Person: Person{Name: "émile de la Tour"}}.Initials(), "ÉT"},
		{Avatar{Person: Person{Name: " "}}.Initials(), "?"},
		{Avatar{Person: Person{ID: -1, Name: "x"}}.Class(), "avatar hue-red"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestHueOf(t *testing.T) {
	for hex, want := range map[string]Hue{"#1A67A3": Blue, "#35C53F": Green, "#FF922B": Orange, "#F03E3E": Red, "#ADB5BD": Gray, "#9775FA": Purple, "#E64980": Pink, "#FAB005": Orange, "#FFEC99": Yellow, "#12B886": Teal, "": Gray, "#12": Gray, "red": Gray} {
		if got := HueOf(hex); got != want {
			t.Errorf("HueOf(%q) = %s, want %s", hex, got, want)
		}
	}
}

func TestPagination(t *testing.T) {
	href := func(int) string { return "x" }
	for _, c := range []struct {
		page, total int
		want        []int
	}{{1, 0, []int{1}}, {1, 30, []int{1, 2, 3}}, {5, 100, []int{1, 0, 3, 4, 5, 6, 7, 0, 10}}, {10, 100, []int{1, 0, 8, 9, 10}}, {99, 100, []int{1, 0, 10}}} {
		p := Pagination{Page: c.page, PerPage: 10, Total: c.total, Href: href}
		var got []int
		for _, l := range p.Links() {
			got = append(got, l.Number)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("page %d of %d: %v, want %v", c.page, c.total, got, c.want)
		}
	}
	p := Pagination{Page: 1, PerPage: 10, Total: 11, Href: href}
	if p.Previous() != "" || p.Next() != "x" || p.From() != 1 || p.To() != 10 {
		t.Errorf("first page: %q %q %d-%d", p.Previous(), p.Next(), p.From(), p.To())
	}
}
