package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestUndo(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	in.User("zoe", true)
	in.User("stranger", false)
	mara, zoe, stranger := &browser{t: t, in: in}, &browser{t: t, in: in}, &browser{t: t, in: in}
	mara.signIn("mara", apptest.Password)
	zoe.signIn("zoe", apptest.Password)
	stranger.signIn("stranger", apptest.Password)
	status, to := mara.post("/projects/observatory-renewal/work_packages", url.Values{"subject": {"Polish the mirror"}})
	want(t, "created", status, to, 303)
	href := strings.TrimSuffix(to, "?done=created")
	status, to = mara.post(href, url.Values{"subject": {"Polish both mirrors"}, "lockVersion": {"0"}})
	want(t, "saved", status, to, 303, "done=saved&undo=")
	status, page := mara.get(to)
	want(t, "the way back", status, page, 200, `action="`+href+`/undo"`, "Undo", "Polish both mirrors")
	status, page = stranger.post(href+"/undo", url.Values{})
	want(t, "a stranger", status, page, 404)
	status, page = zoe.post(href+"/undo", url.Values{})
	want(t, "someone else", status, page, 409, "can no longer be undone", "Polish both mirrors")
	status, to = mara.post(href+"/undo", url.Values{})
	want(t, "undone", status, to, 303, "done=undone")
	status, page = mara.get(to)
	want(t, "as before", status, page, 200, "The change is undone.", "Redo", "<h1>Polish the mirror</h1>", "undid the change before")
	status, to = mara.post(href+"/deletion", url.Values{})
	want(t, "deleted", status, to, 303, "done=deleted&undo=")
	status, page = mara.get(to)
	want(t, "the way back from the trash", status, page, 200, `action="`+href+`/undo"`)
	status, page = stranger.post(href+"/undo", url.Values{})
	want(t, "a stranger at the trash", status, page, 404)
	status, to = mara.post(href+"/undo", url.Values{})
	want(t, "brought back", status, to, 303, href+"?done=restored")
	status, page = mara.get("/projects?done=saved&undo=<b>")
	want(t, "a made-up address", status, page, 200, "Saved.")
	if strings.Contains(page, "/undo\"") {
		t.Error("undo is offered for what is no number")
	}
}
