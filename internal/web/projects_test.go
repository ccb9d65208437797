package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestListOfProjects(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	for path, parts := range map[string][]string{
		"/projects":                      {`role="treegrid"`, `aria-level="2"`, "5 in all", "The mirror cell is three weeks late", "16 open", `<progress max="25" value="9"`, `href="/projects/dome-and-telescope/members">7<`, "State: <strong>Active"},
		"/projects?tree=0":               {"Show hierarchy"},
		"/projects?status=at_risk":       {"Status: <strong>At risk", "1 in all", "Dome and telescope"},
		"/projects?q=TELESC":             {"Text: <strong>TELESC", "1 in all"},
		"/projects?visibility=yes":       {"Visibility: <strong>Public", "Open night"},
		"/projects?member=me":            {"Member: <strong>"},
		"/projects?under=1":              {"Subproject of: <strong>", "in all"},
		"/projects?created=past7":        {"Created: <strong>In the past 7 days"},
		"/projects?columns=closed":       {"status=closed\">9<", "<a id=\"p1\""},
		"/projects?sort=members:desc":    {`aria-sort="descending"`},
		"/projects?sort=activity:asc":    {`aria-sort="ascending"`},
		"/projects?state=archived":       {"No projects", "Without “State: Archived” there are 5"},
		"/projects?q=zz":                 {"No projects", "Without “Text: zz” there are 5", `href="/projects"`},
		"/projects?q=zz&status=finished": {"The filters together leave none."},
		"/projects?filter=status":        {`name="set" value="status"`, `value="off_track"`},
		"/projects?filter=visibility":    {`name="f-op"`, `<option value="yes"`},
		"/projects?filter=member":        {`value="me"`, "Tomás Ferreira"},
		"/projects?filter=under":         {"Observatory renewal"},
		"/projects?filter=type":          {`name="f-value"`, "Milestone"},
		"/projects?fold=1":               {`aria-expanded="false"`, "5 in all", "1–3 of 3"},
	} {
		status, page := b.get(path)
		want(t, path, status, page, 200, parts...)
	}
	status, page := b.get("/projects?fold=1")
	if want(t, "folded", status, page, 200, "Observatory renewal"); strings.Contains(page, "Visitor centre") {
		t.Error("what is folded is shown")
	}
	status, to := b.get("/projects?set=visibility&f-op=no&q=a")
	want(t, "the form of a filter", status, to, 303, "/projects?q=a&visibility=no")
	status, to = b.post("/projects/website/favorite", url.Values{"back": {"//elsewhere"}})
	want(t, "back leads nowhere else", status, to, 303, "/")
}

func TestWhoIsNoAdministratorIsNotAskedAboutArchivedProjects(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "tomas")
	b := &browser{t: t, in: in}
	b.signIn("tomas", apptest.Password)
	status, page := b.get("/projects?state=archived")
	if want(t, "the list", status, page, 200, "in all", "Open night"); strings.Contains(page, "Archived") {
		t.Error("archived projects are mentioned")
	}
}
