package web_test

import (
	"net/url"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestFavorites(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "tomas")
	b := &browser{t: t, in: in}
	b.signIn("tomas", apptest.Password)
	status, page := b.get("/projects")
	want(t, "the list", status, page, 200, `action="/projects/visitor-centre/favorite"`)
	status, to := b.post("/projects/visitor-centre/favorite", url.Values{"back": {"list"}})
	want(t, "marked", status, to, 303, "/projects")
	status, page = b.get("/notifications")
	want(t, "beside pages of no project", status, page, 200, `<nav aria-label="Favourites">`, `href="/projects/visitor-centre"`)
	status, page = b.get("/projects?favorite=yes")
	want(t, "the favourites", status, page, 200, "Visitor centre is a favourite", `value="/projects?favorite=yes"`)
	status, to = b.post("/projects/visitor-centre/favorite", url.Values{"back": {"/projects?favorite=yes"}})
	want(t, "marked again from there", status, to, 303, "/projects?favorite=yes")
	status, page = b.get("/")
	want(t, "home", status, page, 200, "Favourites", "Visitor centre")
	status, page = b.get("/palette")
	want(t, "the palette", status, page, 200, "Favourites", "Visitor centre")
	status, page = b.get("/projects/visitor-centre")
	want(t, "the project", status, page, 200, "star-on", `name="undo"`)
	status, to = b.post("/projects/visitor-centre/favorite", url.Values{"undo": {"1"}})
	want(t, "taken away", status, to, 303, "/projects/visitor-centre")
	status, page = b.get("/projects?favorite=yes")
	want(t, "there is none, and the filter that says so can be dropped", status, page, 200, "No projects", "Without “Favourite: yes” there are")
}
