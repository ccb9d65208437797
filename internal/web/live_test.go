package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// hears opens a stream and returns its lines, and the status; the channel is closed when it ends.
func (b *browser) hears(ctx context.Context) (int, <-chan string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.in.URL+"/live", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Cookie", serve.SessionCookie+"="+b.cookie)
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer func() { _ = res.Body.Close() }()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return res.StatusCode, lines
}

// next is the next line with a prefix; "" when the stream ends or nothing comes.
func next(lines <-chan string, prefix string, within time.Duration) string {
	end := time.After(within)
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				return ""
			}
			if strings.HasPrefix(l, prefix) {
				return l
			}
		case <-end:
			return ""
		}
	}
}

func TestPagesHearOfWhatTheyMaySeeAndOfNothingElse(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		setPassword(t, in, "mara")
		in.User("stranger", false)
		mara, stranger := &browser{t: t, in: in}, &browser{t: t, in: in}
		mara.signIn("mara", apptest.Password)
		stranger.signIn("stranger", apptest.Password)
		if status, _ := (&browser{t: t, in: in}).hears(t.Context()); status == http.StatusOK {
			t.Error("a visitor hears what happens")
		}
		ctx, gone := context.WithCancel(t.Context())
		status, hers := mara.hears(ctx)
		_, theirs := stranger.hears(t.Context())
		if status != http.StatusOK || next(hers, "retry:", 5*time.Second) == "" || next(theirs, "retry:", 5*time.Second) == "" {
			t.Fatalf("no stream: %d", status)
		}
		heard := ""
		for range 50 { // on PostgreSQL the server may not be listening yet
			if _, err := in.WorkPackages.Comment(t.Context(), access.Operator("test"), 1, "Seen?", false); err != nil {
				t.Fatal(err)
			}
			if heard = next(hers, "data:", time.Second); heard != "" {
				break
			}
		}
		if !strings.Contains(heard, `"id":1,`) || strings.Contains(heard, "Seen") {
			t.Errorf("heard %q", heard)
		}
		if got := next(theirs, "data:", 500*time.Millisecond); got != "" {
			t.Errorf("a stranger heard %q", got)
		}
		gone()
		// The session ends, and with it the stream.
		stranger.post("/logout", nil)
		if _, err := in.WorkPackages.Comment(t.Context(), access.Operator("test"), 1, "Again", false); err != nil {
			t.Fatal(err)
		}
		for end := time.After(10 * time.Second); ; {
			select {
			case l, ok := <-theirs:
				if ok {
					t.Logf("before the end: %q", l)
					continue
				}
			case <-end:
				t.Error("the stream outlives its session")
			}
			return
		}
	})
}

func TestTheBellRingsForWhoIsMentioned(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	mara := &browser{t: t, in: in}
	mara.signIn("mara", apptest.Password)
	_, lines := mara.hears(t.Context())
	if next(lines, "retry:", 5*time.Second) == "" {
		t.Fatal("no stream")
	}
	act, err := in.WorkPackages.Comment(t.Context(), access.Operator("test"), 1, "@mara, look", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Notifications.Tell(t.Context(), workpackage.Changed{Journal: act.ID}); err != nil {
		t.Fatal(err)
	}
	if next(lines, "event: bell", 5*time.Second) == "" || !strings.Contains(next(lines, "data:", time.Second), `"count":1`) {
		t.Error("the bell did not ring")
	}
	status, page := mara.get("/notifications")
	want(t, "told", status, page, 200, "Mentioned", "@mara, look", `class="bell-count">1<`, "commented")
	status, page = mara.get("/notifications?reason=watched&project=1")
	want(t, "filtered to nothing", status, page, 200, "Nothing with these filters", "Without “Reason: Watched”", "Drop all filters")
	status, page = mara.get("/notifications?at=1")
	want(t, "beside the list", status, page, 200, `id="peek"`, `class="bell-count"><`, `aria-current="true"`, "Mark as unread", `name="comment"`)
	status, page = mara.get("/notifications?at=999999&show=nowhere")
	want(t, "beside the list is nothing", status, page, 200, "@mara, look", `class="bell-count"><`)
	inbox := func(do, back string, more ...string) string {
		t.Helper()
		form := map[string][]string{"do": {do}, "work_package": {"1"}, "back": {back}}
		for i := 0; i < len(more); i += 2 {
			form[more[i]] = []string{more[i+1]}
		}
		status, to := mara.post("/notifications/marks", form)
		want(t, do, status, to, 303, "done=told_"+do, "undo=told-")
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("undo")
	}
	shows := func(what, where string, texts ...string) {
		t.Helper()
		status, page := mara.get(where)
		want(t, what, status, page, 200, texts...)
	}
	inbox("unread", "https://example.com")
	shows("unread again", "/notifications", `class="bell-count">1<`)
	step := inbox("done", "/notifications")
	shows("done", "/notifications", "Nothing waits for you", `class="bell-count"><`)
	shows("among all", "/notifications?show=all", "Back into the inbox")
	status, to := mara.post("/undo/"+step, map[string][]string{"back": {"/notifications"}})
	want(t, "undone", status, to, 303, "done=undone", "undo=told-2-")
	shows("in the inbox again", "/notifications", "@mara, look", `class="bell-count">1<`)
	inbox("snooze", "/notifications", "until", "monday")
	shows("put off", "/notifications", "Nothing waits for you", `class="bell-count"><`)
	shows("until then", "/notifications?show=snoozed", "@mara, look", "until Mon")
	inbox("reopen", "/notifications")
	shows("nothing put off", "/notifications?show=snoozed", "Nothing is put off", "To the inbox")
	inbox("snooze", "/notifications", "until", "day", "day", in.DB.Now().AddDate(0, 0, 3).Format(time.DateOnly))
	shows("put off to a day", "/notifications?show=snoozed", "09:00")
	inbox("reopen", "/notifications")
	inbox("mute", "/notifications")
	shows("kept quiet", "/notifications?show=all", "kept quiet", "Tell me again")
	inbox("unmute", "/notifications")
	inbox("reopen", "/notifications")
	shows("for me", "/notifications?show=me", "@mara, look")
	shows("watching", "/notifications?show=watching", "Nothing waits for you")
	shows("at home", "/", "Put off: #1")
	for _, bad := range []map[string][]string{
		{"do": {"snooze"}, "work_package": {"1"}, "until": {"day"}, "day": {"2001-01-01"}},
		{"do": {"snooze"}, "work_package": {"1"}, "until": {"never"}},
		{"do": {"snooze"}, "until": {"week"}},
		{"do": {"burn"}, "work_package": {"1"}},
	} {
		if status, page := mara.post("/notifications/marks", bad); status != 422 {
			t.Errorf("%v: got %d %s", bad, status, page)
		}
	}
	for bad, code := range map[string]int{"told-1-1": 409, "told-77-1": 404, "told-1": 404, "told-4-1-1": 422, "told-7-1-999999": 404} {
		if status, _ := mara.post("/undo/"+bad, nil); status != code {
			t.Errorf("undo %s: got %d, want %d", bad, status, code)
		}
	}
	if status, _ := mara.post("/notifications/marks", map[string][]string{"do": {"done"}, "work_package": {"x"}}); status != 404 {
		t.Errorf("a work package without a number: %d", status)
	}
	shows("who is told", "/work_packages/1", "/work_packages/1/audience")
	status, page = mara.post("/work_packages/1/audience", map[string][]string{"comment": {"@tomas, look"}})
	want(t, "who is told of this", status, page, 200, "Tomás Ferreira")
	for path, code := range map[string]int{"/work_packages/999999/audience": 404, "/work_packages/x/opening": 404, "/work_packages/1/opening": 204} {
		if status, _ := mara.post(path, nil); status != code {
			t.Errorf("%s: got %d, want %d", path, status, code)
		}
	}
	status, to = mara.post("/my/notifications", map[string][]string{"watched": {"1"}, "created": {"1"}})
	want(t, "switched", status, to, 303, "/my/notifications?done=saved")
	status, page = mara.get("/my/notifications")
	want(t, "switches", status, page, 200, `name="created" type="checkbox" value="1" checked`)
	if strings.Contains(page, `name="assigned" type="checkbox" value="1" checked`) {
		t.Error("assigned is still on")
	}
}

func TestOnePersonHoldsOnlySoManyStreams(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	mara := &browser{t: t, in: in}
	mara.signIn("mara", apptest.Password)
	ctx, gone := context.WithCancel(t.Context())
	for range 12 {
		if status, lines := mara.hears(ctx); status != http.StatusOK || next(lines, "retry:", 5*time.Second) == "" {
			t.Fatalf("refused: %d", status)
		}
	}
	if status, _ := mara.hears(ctx); status != http.StatusTooManyRequests {
		t.Errorf("the thirteenth: %d", status)
	}
	gone()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithCancel(t.Context())
		status, _ := mara.hears(ctx)
		cancel()
		if status == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			t.Fatal("closed streams still count")
		}
	}
}
