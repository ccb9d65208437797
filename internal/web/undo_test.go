package web_test

import (
	"html"
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
	way := "/undo/" + between(t, to+"$", "undo=", "$")
	status, page := mara.get(to)
	want(t, "the way back", status, page, 200, `action="`+way+`"`, "data-undo", `name="back" value="`+href+`"`, "Polish both mirrors")
	status, page = stranger.post(way, url.Values{})
	want(t, "a stranger", status, page, 404)
	status, page = zoe.post(way, url.Values{"back": {href}})
	want(t, "someone else", status, page, 409, "Not undone", "can no longer be undone", `href="`+href+`"`)
	status, to = mara.post(way, url.Values{"back": {"/work_packages?page=1"}})
	want(t, "undone", status, to, 303, "/work_packages?done=undone&page=1&undo=work_package-")
	status, page = mara.get(href + "?done=undone&undo=" + strings.TrimPrefix(way, "/undo/"))
	want(t, "as before", status, page, 200, "The change is undone.", "Redo", "data-redo", `name="redo" value="1"`, "<h1>Polish the mirror</h1>", "undid the change before")
	status, to = mara.post(way, url.Values{"redo": {"1"}})
	want(t, "done again, on no page", status, to, 303, href+"?done=redone&undo=work_package-")
	status, to = mara.post(href+"/deletion", url.Values{})
	want(t, "deleted", status, to, 303, "/projects/observatory-renewal?done=deleted&undo=work_package-")
	status, page = mara.get(to)
	want(t, "the way back from the trash", status, page, 200, `action="`+way+`"`)
	status, page = stranger.post(way, url.Values{})
	want(t, "a stranger at the trash", status, page, 404)
	status, to = mara.post(way, url.Values{"back": {"//elsewhere.example"}})
	want(t, "brought back, and led nowhere else", status, to, 303, "/?done=undone&undo=")
	status, to = mara.post(way, url.Values{"redo": {"1"}})
	want(t, "to the trash again", status, to, 303, "done=redone")
	status, page = mara.get(href)
	want(t, "gone", status, page, 404)
	for _, what := range []string{"<b>", "12", "nothing-1", "version-1-x", "version--1", "version-1-2", "version-999999"} {
		status, page = mara.get("/projects?done=saved&undo=" + url.QueryEscape(what))
		want(t, "a made-up address", status, page, 200, "Saved.")
		status, page = mara.post("/undo/"+url.PathEscape(what), url.Values{})
		want(t, "nothing of the name "+what, status, page, 404)
	}
	if _, page = mara.get("/projects?done=saved&undo=nothing-1"); strings.Contains(page, `action="/undo/`) {
		t.Error("undo is offered for what there is not")
	}
}

// What was saved without a change offers no way back: it would take back another one.
func TestNothingChangedOffersNoUndo(t *testing.T) {
	_, b := planner(t)
	base := "/projects/observatory-renewal/settings/versions"
	status, to := b.post(base, url.Values{"name": {"1.0"}, "status": {"open"}, "sharing": {"none"}})
	want(t, "created", status, to, 303, base+"?done=created&undo=version-")
	_, page := b.get(to)
	href := between(t, page, `href="`, `">1.0<`)
	status, to = b.post(href, url.Values{"name": {"1.0"}, "status": {"open"}, "sharing": {"none"}})
	if want(t, "the same again", status, to, 303, "done=saved"); strings.Contains(to, "undo=") {
		t.Errorf("got %s", to)
	}
	status, to = b.post(href, url.Values{"name": {"1.1"}, "status": {"open"}, "sharing": {"none"}})
	want(t, "another name", status, to, 303, "done=saved&undo=version-")
	status, to = b.post(href+"/deletion", url.Values{})
	want(t, "deleted", status, to, 303, base+"?done=removed&undo=version-")
	way := "/undo/" + between(t, to+"$", "undo=", "$")
	status, to = b.post(way, url.Values{"back": {base}})
	want(t, "back", status, to, 303, base+"?done=undone&undo=version-")
	status, page = b.get(to)
	want(t, "the list", status, page, 200, ">1.1<")
}

// undoing follows a change: the page it leads to offers the way back, which leads to
// where it says.
func (b *browser) undoing(what, to, back string) string {
	b.t.Helper()
	to, _, _ = strings.Cut(to, "#")
	_, after, _ := strings.Cut(to, "undo=")
	way, _, _ := strings.Cut("/undo/"+after, "&")
	status, page := b.get(to)
	want(b.t, what+", the page", status, page, 200, `action="`+way+`"`)
	from := between(b.t, page[strings.Index(page, `action="`+way+`"`):], `name="back" value="`, `"><button`)
	status, at := b.post(way, url.Values{"back": {html.UnescapeString(from)}})
	want(b.t, what+", undone", status, at, 303, back+"?done=undone")
	status, page = b.get(at)
	want(b.t, what+", the page after", status, page, 200, "The change is undone.", "Redo")
	return page
}

func TestUndoInProjectsAndRoles(t *testing.T) {
	_, b := planner(t)
	const base = "/projects/observatory-renewal"
	status, to := b.post(base, url.Values{"name": {"Renewal"}, "identifier": {"renewal"}})
	want(t, "another identifier", status, to, 303, "/projects/renewal/settings?done=saved&undo=project-1")
	if page := b.undoing("another identifier", to, base+"/settings"); !strings.Contains(page, `value="observatory-renewal"`) {
		t.Error("the identifier is not what it was")
	}
	status, to = b.post(base+"/settings/modules", url.Values{"modules": {"wiki"}})
	want(t, "modules", status, to, 303, base+"/settings/modules?done=saved&undo=project-1")
	b.undoing("modules", to, base+"/settings/modules")
	status, to = b.post(base+"/archival", url.Values{})
	want(t, "archived", status, to, 303, "/projects?done=saved&undo=project-1")
	b.undoing("archived", to, "/projects")
	status, to = b.post(base+"/deletion", url.Values{})
	want(t, "deleted", status, to, 303, "/projects?done=deleted&undo=project-1")
	b.undoing("deleted", to, "/projects")
	status, to = b.post("/undo/project-1", url.Values{"back": {base + "/settings"}})
	want(t, "deleted again, and its page is gone", status, to, 303, "/projects?done=undone")
	status, to = b.post("/admin/roles", url.Values{"name": {"Guest"}, "kind": {"ProjectRole"}})
	want(t, "a role", status, to, 303, "done=created", "undo=role-")
	b.undoing("a role", to, "/admin/roles")
}

// The list of one's own changes reaches back beyond the message after each: what somebody
// else has changed since is not in it, and neither is what others did.
func TestOnesOwnChanges(t *testing.T) {
	in, b := planner(t)
	in.User("zoe", true)
	in.User("bo", false)
	zoe, bo := &browser{t: t, in: in}, &browser{t: t, in: in}
	zoe.signIn("zoe", apptest.Password)
	bo.signIn("bo", apptest.Password)
	status, page := bo.get("/my/changes")
	want(t, "nothing yet", status, page, 200, "No changes", `href="/my/changes"`)
	const settings = "/projects/observatory-renewal/settings"
	member := memberID(t, zoe, "bo")
	for what, post := range map[string]func() (int, string){
		"a work package": func() (int, string) {
			return zoe.post("/work_packages/1", url.Values{"subject": {"Mind the gap"}, "lockVersion": {zoe.lock("/work_packages/1/edit")}})
		},
		"a member": func() (int, string) {
			return zoe.post(settings+"/members", url.Values{"people": {member}, "roles": {"3"}})
		},
		"a type":    func() (int, string) { return zoe.post("/admin/types/1", url.Values{"name": {"Chore"}}) },
		"a setting": func() (int, string) { return zoe.post("/admin/authentication", url.Values{"self_registration": {"1"}}) },
		"the theme": func() (int, string) {
			return zoe.post("/my/appearance", url.Values{"theme": {"dark"}, "singleKeys": {"1"}})
		},
		"the switch": func() (int, string) { return zoe.post("/my/notifications", url.Values{}) },
		"a group":    func() (int, string) { return zoe.post("/admin/groups", url.Values{"name": {"Builders"}}) },
	} {
		if status, to := post(); status != 303 {
			t.Fatalf("%s: %d %.300s", what, status, to)
		}
	}
	status, page = zoe.get("/my/changes")
	want(t, "what zoe did", status, page, 200, "Mind the gap", `href="/work_packages/1"`, "Bo Tester", "Membership", "Chore", "Settings and working days", "Zoe Tester", "What you are told of", "Builders", "created", "Undo this",
		`action="/undo/work_package-1"`, `action="/undo/type-1"`, `action="/undo/setting-1"`)
	if strings.Count(page, "Undo this") != 5 {
		t.Errorf("%d ways back, want 5: not what was made", strings.Count(page, "Undo this"))
	}
	status, to := zoe.post("/undo/type-1", url.Values{"back": {"/my/changes"}})
	want(t, "undone from the list", status, to, 303, "/my/changes?done=undone&undo=type-1")
	if status, to = b.post("/work_packages/1", url.Values{"subject": {"Mind it"}, "lockVersion": {b.lock("/work_packages/1/edit")}}); status != 303 {
		t.Fatalf("somebody else: %d %.300s", status, to)
	}
	if _, page = zoe.get("/my/changes"); strings.Contains(page, "Mind") || !strings.Contains(page, "undone") {
		t.Error("the list shows what somebody else has changed since, or not what was undone")
	}
	status, to = zoe.post("/work_packages/2", url.Values{"subject": {"Look up"}, "lockVersion": {zoe.lock("/work_packages/2/edit")}})
	want(t, "one more", status, to, 303, "undo=work_package-2")
	status, to = b.post("/admin/users/"+memberID(t, b, "zoe"), url.Values{"login": {"zoe"}, "firstName": {"Zoe"}, "lastName": {"Tester"}, "email": {"zoe@example.com"}})
	want(t, "no administrator any more", status, to, 303, "undo=")
	status, page = zoe.get("/my/changes")
	want(t, "with rights gone", status, page, 200, "What you are told of")
	for _, gone := range []string{"Look up", "Chore", "Bo Tester", "Settings and working days"} {
		if strings.Contains(page, gone) {
			t.Errorf("the list shows %q to somebody who may not see it any more", gone)
		}
	}
}

// More is not taken back at once than is changed at once.
func TestUndoIsBounded(t *testing.T) {
	_, b := planner(t)
	status, page := b.post("/undo/work_package"+strings.Repeat("-1", 501), url.Values{})
	want(t, "too many", status, page, 404)
}

// Each change of the administration and of one's own account leads back from the message after it.
func TestUndoInTheAdministration(t *testing.T) {
	in, b := planner(t)
	in.User("bo", false)
	bo := memberID(t, b, "bo")
	for _, c := range []struct {
		path, back string
		form       url.Values
	}{
		{"/admin/statuses/2", "/admin/statuses", url.Values{"name": {"Fresh"}}},
		{"/admin/priorities", "/admin/priorities", url.Values{"name": {"Someday"}}},
		{"/admin/types/1/position", "/admin/types", url.Values{"down": {"2"}}},
		{"/admin/working_days", "/admin/working_days", url.Values{"day": {"1", "2"}, "hours_per_day": {"7"}}},
		{"/admin/working_days/days", "/admin/working_days", url.Values{"date": {"2027-01-06"}, "name": {"Epiphany"}}},
		{"/admin/authentication", "/admin/authentication", url.Values{"self_registration": {"1"}}},
		{"/admin/users/" + bo, "/admin/users/" + bo, url.Values{"login": {"bo"}, "firstName": {"Bob"}, "lastName": {"Tester"}, "email": {"bo@example.com"}}},
		{"/admin/users/" + bo + "/lock", "/admin/users/" + bo, url.Values{}},
		{"/my/appearance", "/my/account", url.Values{"density": {"compact"}}},
		{"/my/notifications", "/my/notifications", url.Values{}},
		{"/projects/observatory-renewal/settings/categories", "/projects/observatory-renewal/settings/categories", url.Values{"name": {"Optics, too"}}},
	} {
		status, to := b.post(c.path, c.form)
		want(t, c.path, status, to, 303, "undo=")
		b.undoing(c.path, to, c.back)
	}
	status, to := b.post("/admin/roles/permissions", url.Values{"kind": {"ProjectRole"}, "shown": {"view_members"}, "head": {"3:0"}, "do": {"confirmed"}})
	want(t, "the matrix", status, to, 303, "undo=role-3")
	status, to = b.post("/admin/workflow/copies", url.Values{"type": {"1"}, "from_role": {"3"}, "to_type": {"2"}, "to_role": {"4"}})
	want(t, "a workflow", status, to, 303, "done=workflow_copied")
	status, page := b.post("/undo/setting-2", url.Values{})
	want(t, "other settings", status, page, 404)
	status, page = b.post("/undo/switches-"+bo, url.Values{})
	want(t, "what others are told of", status, page, 404)
	status, page = b.post("/undo/role-3-999", url.Values{})
	want(t, "all or none", status, page, 404)
	status, page = b.post("/undo/role-1", url.Values{})
	want(t, "what nobody changed", status, page, 409, "Not undone")
}
