package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

// planners returns the browsers of an administrator and of a member of the demo.
func planners(t *testing.T) (mara, tomas *browser) {
	t.Helper()
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	mara, tomas = &browser{t: t, in: in}, &browser{t: t, in: in}
	setPassword(t, in, "mara")
	setPassword(t, in, "tomas")
	mara.signIn("mara", apptest.Password)
	tomas.signIn("tomas", apptest.Password)
	return mara, tomas
}

func TestVersionsOfAProject(t *testing.T) {
	mara, tomas := planners(t)
	const base = "/projects/visitor-centre/settings/versions"
	only(t, tomas, base, base+"/new")
	status, page := mara.get(base)
	want(t, "versions of the project beside, with the hierarchy", status, page, 200, `aria-current="page"`, "New version", "No versions yet")
	status, page = mara.post(base, url.Values{"name": {" "}, "description": {"For the *guests*"}, "startDate": {"2026-12-24"}, "endDate": {"2026-12-01"}, "status": {"open"}, "sharing": {"none"}})
	want(t, "a version without a name, backwards", status, page, 422, "For the *guests*", `value="2026-12-01"`, `href="#f-name"`, `href="#f-endDate"`, "Can&#39;t be before the start date")
	status, to := mara.post(base, url.Values{"name": {"Opening"}, "startDate": {"2026-11-01"}, "endDate": {"2026-12-01"}, "status": {"open"}, "sharing": {"none"}})
	want(t, "a version", status, to, 303, base+"?done=created")
	status, page = mara.post(base, url.Values{"name": {"OPENING"}})
	want(t, "the same name", status, page, 422, "Has already been taken.")
	_, page = mara.get(base)
	href := between(t, page, `href="`, `">Opening<`)
	only(t, tomas, href, href+"/deletion")
	status, page = mara.get("/projects/website" + strings.TrimPrefix(href, "/projects/visitor-centre"))
	want(t, "under another project", status, page, 404)
	number := href[strings.LastIndex(href, "/")+1:]
	status, to = mara.post("/projects/visitor-centre/work_packages", url.Values{"subject": {"Cut the ribbon"}, "version": {number}})
	want(t, "work is planned", status, to, 303, "done=created")
	wp, _, _ := strings.Cut(to, "?")
	status, page = mara.get(wp)
	want(t, "its page", status, page, 200, "Opening")
	status, page = mara.get("/projects/visitor-centre/work_packages?version=" + number + "&columns=subject,version,category&group=version")
	want(t, "the list", status, page, 200, "Cut the ribbon", "Version: <strong>Opening</strong>", "cell/version", `<th scope="rowgroup"`)
	status, page = mara.get("/projects/visitor-centre/work_packages?version=none&status=all")
	want(t, "the others", status, page, 200, "Raise the frame")
	status, page = mara.get(href + "/deletion")
	want(t, "in use", status, page, 200, "1 work package is planned for it", "version="+number)
	if strings.Contains(page, "button-danger-fill") {
		t.Error("a version in use can be deleted")
	}
	status, page = mara.post(href+"/deletion", url.Values{})
	want(t, "deleted all the same", status, page, 422, "1 work package is planned for it")
	status, to = mara.post(href, url.Values{"name": {"Opening day"}, "status": {"locked"}})
	want(t, "renamed and locked", status, to, 303, "done=saved")
	status, page = mara.get(wp + "/edit")
	want(t, "what it has it keeps", status, page, 200, `<option value="`+number+`" selected>Opening day`)
	status, page = mara.get("/projects/visitor-centre/work_packages/new")
	if status != 200 || strings.Contains(page, "Opening day") {
		t.Errorf("a locked version is offered to new work: %d", status)
	}
	status, to = mara.post(wp+"/cell/version", url.Values{"version": {""}, "lockVersion": {"0"}, "back": {wp}})
	want(t, "taken out in its cell", status, to, 303, wp)
	status, to = mara.post(href+"/deletion", url.Values{})
	want(t, "deleted", status, to, 303, "done=removed")
	if status, _ = mara.get(href); status != 404 {
		t.Errorf("the version is still there: %d", status)
	}
}

func TestCategoriesOfAProject(t *testing.T) {
	mara, tomas := planners(t)
	const base = "/projects/website/settings/categories"
	status, page := mara.get("/projects/open-night/settings/categories")
	want(t, "none", status, page, 200, "No categories yet")
	only(t, tomas, "/projects/open-night/settings/categories")
	status, page = mara.post(base, url.Values{"name": {""}, "assignee": {"99"}})
	want(t, "no name, and somebody who is not there", status, page, 422, `href="#f-name"`, `href="#f-assignee"`)
	status, to := mara.post(base, url.Values{"name": {"Print"}, "assignee": {""}})
	want(t, "a category", status, to, 303, base+"?done=created")
	_, page = mara.get(base)
	pages, booking := between(t, page, `href="`, `">Pages<`), between(t, page, `href="`, `">Booking<`)
	status, to = mara.post(pages, url.Values{"name": {"Web pages"}, "assignee": {""}})
	want(t, "renamed", status, to, 303, "done=saved")
	status, page = mara.post(pages, url.Values{"name": {"booking"}, "assignee": {""}})
	want(t, "taken", status, page, 422, "Has already been taken.")
	status, page = mara.get(booking + "/deletion")
	want(t, "the question", status, page, 200, "work packages have this category", "Give them instead", "Web pages")
	status, page = mara.post(booking+"/deletion", url.Values{"reassignTo": {"99"}})
	want(t, "replaced by what is not there", status, page, 422, `href="#f-reassignTo"`)
	other := pages[strings.LastIndex(pages, "/")+1:]
	status, to = mara.post(booking+"/deletion", url.Values{"reassignTo": {other}})
	want(t, "replaced", status, to, 303, "done=removed")
	status, page = mara.get("/projects/website/work_packages?category=" + other)
	want(t, "they have the other one", status, page, 200, "Pay by card")
	status, page = mara.get("/projects/website/work_packages?group=category&columns=category")
	want(t, "grouped", status, page, 200, "Web pages", "No category")
}

func TestBoardByVersion(t *testing.T) {
	mara, _ := planners(t)
	status, page := mara.get("/projects/dome-and-telescope/work_packages?view=board&by=version")
	want(t, "the board", status, page, 200, `data-board-field-value="version"`, `aria-label="No version"`, `aria-label="First light"`, `aria-label="Student nights"`)
	if strings.Contains(page, `aria-label="Old instrument out"`) {
		t.Error("a closed version has a column")
	}
	status, page = mara.get("/work_packages?view=board&by=version")
	want(t, "all projects", status, page, 200, `data-board-field-value="status"`)
	if _, page = mara.get("/work_packages?view=board"); strings.Contains(page, "by=version") {
		t.Error("the board of all projects offers columns of versions")
	}
	_, page = mara.get("/projects/dome-and-telescope/work_packages")
	found := regexp.MustCompile(`href="/work_packages/(\d+)"[^>]*>Machine the mirror cell<`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the list lacks the work package")
	}
	id := found[1]
	status, page = mara.get("/work_packages/" + id + "/cell/version")
	want(t, "the cell", status, page, 200, "First light", "Student nights")
	status, page = mara.post("/work_packages/bulk", url.Values{"id": {id}, "version": {"99"}, "category": {"-"}, "back": {"/work_packages"}})
	want(t, "bulk, refused", status, page, 200, "Version is not one of the allowed values")
	status, to := mara.post("/work_packages/bulk", url.Values{"id": {id}, "version": {""}, "category": {""}, "back": {"/work_packages"}})
	want(t, "bulk", status, to, 303, "done=bulk")
}
