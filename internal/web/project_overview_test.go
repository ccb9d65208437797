package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

// Every number of an overview leads to a list that holds as many.
func TestOverviewOfAProject(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	status, page := b.get("/projects/observatory-renewal")
	want(t, "the overview", status, page, 200, "On track", "The crane is booked", "Next dates", "First light", "Subprojects", "Dome and telescope", "Project admin", "Tomás Ferreira",
		`href="/projects/observatory-renewal/work_packages">41<`, `?due=overdue">2<`, `?status=closed">20<`)
	if strings.Contains(page, `id="steps"`) {
		t.Error("a project in full swing is told its first steps")
	}
	if admin, reader := strings.Index(page, "Project admin"), strings.Index(page, ">Reader<"); admin > reader {
		t.Error("the roles are not in their order")
	}
	for path, n := range map[string]string{"": "41 in all", "?due=overdue": "2 in all", "?status=closed": "20 in all"} {
		status, page := b.get("/projects/observatory-renewal/work_packages" + path)
		want(t, path, status, page, 200, n)
	}
	status, page = b.get("/projects")
	want(t, "the list counts each project by itself", status, page, 200, `/work_packages?project=1">9 open<`)
	status, page = b.get("/projects/observatory-renewal/work_packages?project=1")
	want(t, "and so does what it leads to", status, page, 200, "9 in all")
}

// The first steps of a new project go one by one, and then altogether.
func TestFirstStepsOfAProject(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	if status, to := b.post("/projects", url.Values{"name": {"Telescope shed"}}); status != 303 {
		t.Fatalf("the project was not made: %d %s", status, to)
	}
	const at = "/projects/telescope-shed"
	status, page := b.get(at)
	want(t, "at first", status, page, 200, `id="steps"`, at+"/settings/members", at+"/work_packages/new", "?view=board", "No work packages")
	status, made := b.post(at+"/work_packages", url.Values{"subject": {"Measure"}})
	if status != 303 {
		t.Fatalf("the work package was not made: %d %s", status, made)
	}
	made, _, _ = strings.Cut(made, "?")
	status, page = b.get(at)
	want(t, "with a work package", status, page, 200, `id="steps"`, "(done)")
	// value is what the form of a page offers under a label.
	value := func(path, before, label string) string {
		t.Helper()
		_, page := b.get(path)
		head, _, ok := strings.Cut(page, label)
		if at := strings.LastIndex(head, before); ok && at >= 0 {
			v, _, _ := strings.Cut(head[at+len(before):], `"`)
			return v
		}
		t.Fatalf("%s offers no %s", path, label)
		return ""
	}
	members, begun := at+"/settings/members", value(made+"/cell/status", `<option value="`, "In progress")
	for _, s := range []struct {
		path string
		form url.Values
	}{
		{members, url.Values{"people": {value(members, `name="people" type="checkbox" value="`, "Tomás Ferreira")}, "roles": {value(members, `name="roles" type="checkbox" value="`, "Member</label>")}}},
		{made + "/cell/status", url.Values{"status": {begun}, "lockVersion": {value(made+"/cell/status", `name="lockVersion" value="`, `name="back"`)}}},
	} {
		if status, page := b.post(s.path, s.form); status != 303 {
			t.Fatalf("%s: %d %s", s.path, status, page)
		}
	}
	if _, page = b.get(at); strings.Contains(page, `id="steps"`) {
		t.Errorf("all is done, and the steps are still there:\n%s", page[strings.Index(page, `id="steps"`):][:2500])
	}
}
