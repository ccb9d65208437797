package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestTheDemoIsRemoved(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	setPassword(t, in, "tomas")
	in.User("ann", false)
	admin, member := &browser{t: t, in: in}, &browser{t: t, in: in}
	admin.signIn("mara", apptest.Password)
	member.signIn("tomas", apptest.Password)
	status, page := member.get("/")
	want(t, "a member", status, page, 200, "This is a demo")
	if strings.Contains(page, "/admin/demo") {
		t.Error("a member is led to the removal")
	}
	only(t, member, "/admin/demo")
	admin.post("/projects", url.Values{"name": {"Ours"}, "parent": {projectID(t, in, "observatory-renewal")}})
	admin.post("/projects/ours/work_packages", url.Values{"subject": {"Our own work"}})
	status, page = admin.get("/")
	want(t, "the banner", status, page, 200, `href="/admin/demo"`)
	status, page = admin.get("/admin/demo")
	want(t, "what goes", status, page, 200, "5 projects with", "9 accounts and 2 groups")
	status, to := admin.post("/admin/demo", nil)
	want(t, "removed", status, to, 303, "/?done=demo_removed")
	status, page = admin.get("/projects")
	want(t, "what stays", status, page, 200, "Ours")
	if strings.Contains(page, "Observatory") || strings.Contains(page, "This is a demo") {
		t.Error("the demo is still there")
	}
	status, page = admin.get("/projects/ours/work_packages")
	want(t, "our work", status, page, 200, "Our own work")
	if status, _ = member.get("/my/account"); status != 303 {
		t.Errorf("a removed person still has a session: %d", status)
	}
	_, page = admin.get("/admin/users")
	if !strings.Contains(page, "/admin/users/") || strings.Contains(page, "Ferreira") || !strings.Contains(page, "Lindqvist") {
		t.Error("the wrong accounts are left")
	}
	status, page = admin.get("/admin/demo")
	want(t, "nothing to remove", status, page, 404)
}
