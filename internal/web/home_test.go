package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/db"
)

// Home is what waits for a person, in their order, each with its status and day to change there.
func TestHomeIsWhatWaits(t *testing.T) {
	var n atomic.Int64
	in := apptest.New(t, apptest.Options{Demo: true}, func(r chi.Router, in *apptest.Instance) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(db.CountStatements(r.Context(), &n)))
			})
		})
		mount(r, in)
	})
	setPassword(t, in, "tomas")
	b := &browser{t: t, in: in}
	b.signIn("tomas", apptest.Password)
	n.Store(0)
	status, page := b.get("/")
	if statements := n.Load(); statements > 48 {
		t.Errorf("home took %d statements, want at most 48", statements)
	}
	want(t, "home", status, page, 200, "Needs you today", "In progress", "Next up", "Worked on last", "Your projects", "/cell/status", "/cell/dueDate")
	at := 0
	for _, part := range []string{`id="today"`, `id="begun"`, `id="next"`} {
		i := strings.Index(page, part)
		if i < at {
			t.Errorf("%s stands at %d, not behind %d", part, i, at)
		}
		at = i
	}
	if head, _, _ := strings.Cut(page, `id="begun"`); strings.Count(head, ">Monthly report to the board<") != 1 {
		t.Error("what is due and news at once stands twice")
	}
}

func TestNothingWaits(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("zoe", true)
	b := &browser{t: t, in: in}
	b.signIn("zoe", apptest.Password)
	status, page := b.get("/")
	want(t, "home of a new instance", status, page, 200, "No projects yet", "Create a project")
	if strings.Contains(page, "Nothing waits for you") {
		t.Error("before there is a project nothing could wait")
	}
	if status, to := b.post("/projects", url.Values{"name": {"Castle"}}); status != 303 {
		t.Fatalf("the project was not made: %d %s", status, to)
	}
	status, page = b.get("/")
	want(t, "home", status, page, 200, "Nothing waits for you", `href="/work_packages/new"`, "Browse projects", "Your projects", "Castle")
	if strings.Contains(page, `id="today"`) {
		t.Error("an empty block is shown")
	}
}

// One click closes what is done, and says so where the workflow leads nowhere.
func TestDoneFromHome(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "tomas")
	b := &browser{t: t, in: in}
	b.signIn("tomas", apptest.Password)
	_, page := b.get("/")
	found := regexp.MustCompile(`action="(/work_packages/\d+)/closure"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("nothing can be closed at home")
	}
	status, to := b.post(found[1]+"/closure", url.Values{"back": {"/"}})
	want(t, "done", status, to, 303, "/?done=closed&undo=work_package-")
	status, page = b.get(to)
	want(t, "home", status, page, 200, "Closed.", "data-undo")
	if head, _, _ := strings.Cut(page, "Worked on last"); strings.Contains(head, `action="`+found[1]+`/closure"`) {
		t.Error("what is closed still waits")
	}
	status, page = b.post("/work_packages/99999/closure", url.Values{})
	want(t, "what is not there", status, page, 404)
	status, page = b.post("/work_packages/x/closure", url.Values{})
	want(t, "no number", status, page, 404)
}
