package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/setting"
)

func TestEveryFormattedTextHasTheEditor(t *testing.T) {
	in, b := planner(t)
	for path, want := range map[string]int{
		"/work_packages/1": 1, "/work_packages/1/edit": 2, "/work_packages/1/cell/description": 1, "/projects/observatory-renewal/work_packages/new": 2, "/projects/observatory-renewal/settings": 1,
	} {
		status, page := b.get(path)
		if got := strings.Count(page, `data-controller="editor"`); status != 200 || got != want {
			t.Errorf("%s: %d, %d editors, want %d", path, status, got, want)
		}
		if !strings.Contains(page, `formaction="/preview"`) || !strings.Contains(page, `value="/suggestions/people?project=`) && !strings.Contains(page, `people-value="/suggestions/people?project=`) {
			t.Errorf("%s: no preview or nobody to mention", path)
		}
		if submit, look := strings.Index(page, `type="submit"`), strings.Index(page, `formaction="/preview"`); look < submit {
			t.Errorf("%s: Enter would show a preview", path)
		}
	}
	in.User("ada", true)
	admin := &browser{t: t, in: in}
	admin.signIn("ada", apptest.Password)
	_, page := admin.get("/projects/new")
	if !strings.Contains(page, `data-editor-people-value=""`) || !strings.Contains(page, `data-editor-files-value=""`) {
		t.Error("a project that does not exist offers people or files")
	}
}

func TestPreview(t *testing.T) {
	in, b := planner(t)
	status, page := b.post("/preview", url.Values{"preview": {"description notes other"}, "description": {"*One*\r\n<script>alert(1)</script>"}, "notes": {"@mara #1"}, "password": {"unseen"}})
	want(t, "a preview", status, page, 200, "<em>One</em>", "&lt;script&gt;", `href="/users/mara"`, `href="/work_packages/1"`)
	if strings.Contains(page, "unseen") {
		t.Error("the preview shows what was not asked for")
	}
	status, page = b.post("/preview", url.Values{"preview": {"text"}, "text": {"  "}})
	want(t, "nothing", status, page, 200, "nothing to show yet")
	status, _ = b.post("/preview", url.Values{"preview": {"text"}, "text": {strings.Repeat("a", 3<<20)}})
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("a very long text: %d", status)
	}
	open := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_LOGIN_REQUIRED=false"}}, mount)
	for _, at := range []*apptest.Instance{in, open} {
		visitor := &browser{t: t, in: at}
		if status, to := visitor.post("/preview", url.Values{"preview": {"text"}, "text": {"a"}}); status != 303 || !strings.HasPrefix(to, "/login") {
			t.Errorf("a visitor: %d %.100s", status, to)
		}
	}
}

func TestSuggestions(t *testing.T) {
	in, b := planner(t)
	status, page := b.get("/suggestions/people?project=2&q=tom")
	want(t, "people", status, page, 200, `data-text="@tomas"`, `role="option"`, "1 suggestion")
	status, page = b.get("/suggestions/work_packages?q=45")
	want(t, "a number", status, page, 200, `data-text="#45"`)
	subject := regexp.MustCompile(`#45</span> ([^<]+)<`).FindStringSubmatch(page)[1]
	words := strings.Fields(subject)
	status, page = b.get("/suggestions/work_packages?q=" + url.QueryEscape(strings.ToUpper(words[len(words)-1]+" "+words[0])))
	want(t, "words in any order", status, page, 200, `data-text="#45"`)
	status, page = b.get("/suggestions/work_packages?q=" + strings.Repeat("a", 5000))
	want(t, "a long word", status, page, 200, "0 suggestions")
	in.User("stranger", false)
	stranger := &browser{t: t, in: in}
	stranger.signIn("stranger", apptest.Password)
	for _, path := range []string{"/suggestions/people?project=3", "/suggestions/people?project=4711", "/suggestions/people"} {
		if status, page := stranger.get(path); status != 404 {
			t.Errorf("a stranger gets %s: %d %.200s", path, status, page)
		}
	}
	if status, page := stranger.get("/suggestions/work_packages?q=45"); status != 200 || strings.Contains(page, subject) {
		t.Errorf("a stranger finds a work package: %d %.300s", status, page)
	}
}

// upload sends a file as scripts do and returns the answer.
func (b *browser) upload(path, name string, content []byte) (int, map[string]any) {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = form.Close()
	res := b.in.Do("", http.MethodPost, path, body.String(), "Content-Type", form.FormDataContentType(), "Accept", "application/json", "Cookie", serve.SessionCookie+"="+b.cookie)
	answer := map[string]any{}
	if text := apptest.Body(res); strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			b.t.Fatalf("%s: %v", text, err)
		}
	}
	return res.StatusCode, answer
}

var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82")

func TestFilesOfTheEditor(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true, Environ: []string{"HOLDFAST_ATTACHMENT_MAX_SIZE=1KB"}}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	status, got := b.upload("/work_packages/1/files", "plan.png", pixel)
	if status != 201 || got["image"] != true || got["name"] != "plan.png" || !strings.HasPrefix(fmt.Sprint(got["href"]), "/attachments/") {
		t.Fatalf("a picture: %d %v", status, got)
	}
	if status, _ := b.get(fmt.Sprint(got["href"])); status != 200 {
		t.Errorf("its address: %d", status)
	}
	if status, got = b.upload("/work_packages/1/files", "plan.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)); status != 201 || got["image"] == true {
		t.Errorf("a drawing that can carry scripts: %d %v", status, got)
	}
	if status, got = b.upload("/work_packages/1/files", "big.bin", make([]byte, 4096)); status != 413 || got["error"] == nil {
		t.Errorf("too large: %d %v", status, got)
	}
	if status, got = b.upload("/work_packages/1/files", strings.Repeat("n", 300), pixel); status != 422 || got["error"] == nil {
		t.Errorf("a long name: %d %v", status, got)
	}
	status, got = b.upload("/attachments", "early.png", pixel)
	if status != 201 {
		t.Fatalf("before the work package is there: %d %v", status, got)
	}
	file := fmt.Sprint(got["id"])
	refused, page := b.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {""}, "attachment": {file}})
	want(t, "a refused form keeps the file", refused, page, 422, `name="attachment" value="`+file+`"`)
	made, to := b.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {"With a picture"}, "attachment": {file}})
	want(t, "made", made, to, 303)
	shown, page := b.get(strings.TrimSuffix(to, "?done=created"))
	want(t, "with its file", shown, page, 200, "early.png")
	refused, page = b.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {"x"}, "attachment": {"x"}})
	want(t, "a file that is none", refused, page, 422)
	in.User("stranger", false)
	stranger := &browser{t: t, in: in}
	stranger.signIn("stranger", apptest.Password)
	if status, got := stranger.upload("/work_packages/1/files", "plan.png", pixel); status != 404 || got["href"] != nil {
		t.Errorf("a stranger: %d %v", status, got)
	}
	if status, got := stranger.upload("/attachments", "plan.png", pixel); status != 403 {
		t.Errorf("a stranger, anywhere: %d %v", status, got)
	}
}

func TestFilesAreShownOrSaved(t *testing.T) {
	_, b := planner(t)
	for name, c := range map[string]struct {
		content []byte
		picture bool
		shown   bool
	}{
		"plan.png": {pixel, true, true}, "notes.txt": {[]byte("plain words"), false, true}, "plan.pdf": {[]byte("%PDF-1.4\n%%EOF"), false, true},
		"plan.svg": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), false, false}, "page.html": {[]byte("<!doctype html><script>alert(1)</script>"), false, false},
		"fake.png": {[]byte("<!doctype html><html><script>alert(1)</script></html>"), false, false},
	} {
		status, got := b.upload("/work_packages/1/files", name, c.content)
		if status != 201 {
			t.Fatalf("%s: %d %v", name, status, got)
		}
		href := fmt.Sprint(got["href"])
		_, page := b.get("/work_packages/1")
		if has := strings.Contains(page, `<img src="`+href+`" alt="" width="64" height="48" loading="lazy"`); has != c.picture {
			t.Errorf("%s: a picture in the list: %t", name, has)
		}
		if has := strings.Contains(page, `href="`+href+`" data-turbo="false" target="_blank"`); has != c.shown {
			t.Errorf("%s: opens in a window: %t", name, has)
		}
		res := b.in.Do("", http.MethodGet, href, "", "Cookie", serve.SessionCookie+"="+b.cookie)
		_ = res.Body.Close()
		h := res.Header
		if inline := strings.HasPrefix(h.Get("Content-Disposition"), "inline"); inline != c.shown || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%s: sent with %v", name, h)
		}
	}
	_, page := b.get("/work_packages/1")
	if !strings.Contains(page, `data-most="`) || !strings.Contains(page, `id="f-file-hint">At most 5.0 MiB.`) {
		t.Error("the form does not say how large a file may be")
	}
}

// TestAKindOfFilesThatIsNotAllowed is said before it is sent and after, at its field, and by the editor.
func TestAKindOfFilesThatIsNotAllowed(t *testing.T) {
	in, b := planner(t)
	if _, err := in.Settings.Change(t.Context(), access.Operator("test"), func(v *setting.Values) { v.AttachmentKinds = []string{"*.txt", "image/*"} }); err != nil {
		t.Fatal(err)
	}
	_, page := b.get("/work_packages/1")
	want(t, "before", 200, page, 200, `accept=".txt,image/*"`, "Allowed: *.txt, image/*.")
	status, got := b.upload("/work_packages/1/files", "plan.exe", []byte("MZ"))
	if said, _ := got["error"].(string); status != 422 || !strings.Contains(said, "Allowed: *.txt, image/*") {
		t.Errorf("a program: %d %v", status, got)
	}
	if status, got = b.upload("/work_packages/1/files", "plan.txt", []byte("As agreed.")); status != 201 {
		t.Errorf("a text: %d %v", status, got)
	}
}
