package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

// managing returns an administrator's and a member's browser.
func managing(t *testing.T) (*apptest.Instance, *browser, *browser) {
	t.Helper()
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ada", true)
	in.User("bo", false)
	admin, member := &browser{t: t, in: in}, &browser{t: t, in: in}
	admin.signIn("ada", apptest.Password)
	member.signIn("bo", apptest.Password)
	return in, admin, member
}

// only checks that the pages are closed to everyone but administrators.
func only(t *testing.T, member *browser, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if status, _ := member.get(path); status != 403 {
			t.Errorf("%s: a member gets %d, want 403", path, status)
		}
		if status, _ := member.post(path, url.Values{"name": {"Mine"}}); status != 403 && status != 404 && status != 405 {
			t.Errorf("%s: a member's form gets %d", path, status)
		}
	}
}

func TestGroups(t *testing.T) {
	_, admin, member := managing(t)
	only(t, member, "/admin/groups", "/admin/groups/new")
	status, page := admin.get("/admin/groups")
	want(t, "no groups", status, page, 200, "No groups yet")
	status, page = admin.post("/admin/groups", url.Values{"name": {" "}, "members": {"x"}})
	want(t, "a group without a name", status, page, 422, `aria-invalid="true"`, "Can&#39;t be empty.", `href="#people"`)
	status, to := admin.post("/admin/groups", url.Values{"name": {"Builders"}, "members": {memberID(t, admin, "bo")}})
	want(t, "a group", status, to, 303, "/admin/groups?done=created")
	_, page = admin.get("/admin/groups")
	href := between(t, page, `href="`, `">Builders<`)
	status, page = admin.get(href)
	want(t, "the group", status, page, 200, " checked", `value="Builders"`)
	status, page = admin.post(href, url.Values{"name": {""}})
	want(t, "a name taken away", status, page, 422, "Can&#39;t be empty.")
	status, to = admin.post(href, url.Values{"name": {"Masons"}})
	want(t, "another name, nobody left", status, to, 303, "done=saved")
	status, page = admin.get(href)
	want(t, "the group again", status, page, 200, `value="Masons"`)
	if strings.Contains(page, " checked") {
		t.Error("somebody is still in the group")
	}
	only(t, member, href+"/deletion")
	status, page = admin.get(href + "/deletion")
	want(t, "the question", status, page, 200, "lose the roles")
	status, to = admin.post(href+"/deletion", nil)
	want(t, "deleted", status, to, 303, "done=removed")
	if status, _ = admin.get(href); status != 404 {
		t.Errorf("the group is still there: %d", status)
	}
}

// memberID is the number of a person, from the list of users.
func memberID(t *testing.T, b *browser, login string) string {
	t.Helper()
	_, page := b.get("/admin/users?q=" + login)
	return between(t, page, `/admin/users/`, `">`+strings.ToUpper(login[:1])+login[1:])
}

// between is what stands between two texts, the last of the first kind before the second.
func between(t *testing.T, page, from, to string) string {
	t.Helper()
	before, _, ok := strings.Cut(page, to)
	if !ok {
		t.Fatalf("the page lacks %q", to)
	}
	return before[strings.LastIndex(before, from)+len(from):]
}
