package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

// planner is somebody who has signed in to the demo story.
func planner(t *testing.T) (*apptest.Instance, *browser) {
	t.Helper()
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	return in, b
}

var lockField = regexp.MustCompile(`name="lockVersion" value="(\d+)"`)

// lock is the version that the form at path is for.
func (b *browser) lock(path string) string {
	b.t.Helper()
	_, page := b.get(path)
	m := lockField.FindStringSubmatch(page)
	if m == nil {
		b.t.Fatalf("no version in %s: %.300s", path, page)
	}
	return m[1]
}

func TestHistoryOfAWorkPackage(t *testing.T) {
	_, b := planner(t)
	for _, text := range []string{"First of all.\n\nOne line.", "First of all.\n\nAnother line."} {
		v := url.Values{"lockVersion": {b.lock("/work_packages/1/cell/description")}, "description": {text}, "back": {"/work_packages/1"}}
		if status, to := b.post("/work_packages/1/cell/description", v); status != http.StatusSeeOther || to != "/work_packages/1?done=saved&undo=work_package-1" {
			t.Fatalf("save the description: %d %.300s", status, to)
		}
	}
	if status, to := b.post("/work_packages/1/comments", url.Values{"comment": {"Mind the *gap*.\nTwice."}}); status != http.StatusSeeOther {
		t.Fatalf("comment: %d %.300s", status, to)
	}
	status, page := b.get("/work_packages/1")
	want(t, "the page", status, page, 200, "Undo this", "Mind the <em>gap</em>", "Quote", `class="diff-ins"`, "Another line.")
	status, page = b.get("/work_packages/1?activity=comments")
	want(t, "comments", status, page, 200, "Mind the")
	if strings.Contains(page, `class="diff"`) {
		t.Error("comments show changes")
	}
	status, page = b.get("/work_packages/1?activity=changes")
	want(t, "changes", status, page, 200, `class="diff"`)
	if strings.Contains(page, "Mind the <em>") {
		t.Error("changes show comments")
	}
	n := regexp.MustCompile(`/work_packages/1/activities/(\d+)"`).FindAllStringSubmatch(page+func() string { _, p := b.get("/work_packages/1?activity=comments"); return p }(), -1)
	if len(n) == 0 {
		t.Fatal("no comment can be edited")
	}
	own := n[len(n)-1][1]
	status, page = b.get("/work_packages/1?quote=" + own)
	want(t, "a quotation", status, page, 200, "&gt; Mind the *gap*.\n&gt; Twice.")
	path := "/work_packages/1/activities/" + own
	status, page = b.get(path)
	want(t, "the form of a comment", status, page, 200, "Mind the *gap*.")
	status, page = b.post(path, url.Values{"comment": {"  "}})
	want(t, "an empty comment", status, page, 422, `id="f-comment-error"`)
	if status, to := b.post(path, url.Values{"comment": {"Mended."}}); status != 303 || !strings.HasSuffix(to, "#activity-"+own) {
		t.Errorf("edit a comment: %d %s", status, to)
	}
	status, page = b.get("/work_packages/2/activities/" + own)
	want(t, "a comment of another", status, page, 404)
}

func TestOrderOfTheHistory(t *testing.T) {
	in, b := planner(t)
	res := in.Do("", http.MethodPost, "/my/activity", "order=newest&back=%2F%2Felsewhere.example", "Content-Type", "application/x-www-form-urlencoded", "Cookie", "holdfast_session="+b.cookie)
	if got := res.Header.Get("Location"); got != "/#activity" {
		t.Errorf("led to %q", got)
	}
	var order string
	for _, c := range res.Cookies() {
		if c.Name == "holdfast_activity" {
			order = c.Value
		}
	}
	if order != "newest" {
		t.Errorf("kept %q", order)
	}
	page := apptest.Body(in.Do("", http.MethodGet, "/work_packages/1", "", "Cookie", "holdfast_session="+b.cookie+"; holdfast_activity=newest"))
	want(t, "newest first", 200, page, 200, "Oldest first")
}
