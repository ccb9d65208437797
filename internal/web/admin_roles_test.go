package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// matrixForm is the form of the matrix as the page has it.
func matrixForm(page string) url.Values {
	form := url.Values{}
	for _, m := range regexp.MustCompile(`type="hidden" name="(kind|role|differs|head|shown)" value="([^"]*)"`).FindAllStringSubmatch(page[strings.Index(page, `id="matrix"`):], -1) {
		form.Add(m[1], m[2])
	}
	for _, m := range regexp.MustCompile(`name="(p\d+)" value="([^"]*)"[^>]* checked>`).FindAllStringSubmatch(page, -1) {
		form.Add(m[1], m[2])
	}
	return form
}

func without(form url.Values, name, value string) url.Values {
	out := url.Values{}
	for k, vs := range form {
		for _, v := range vs {
			if k != name || v != value {
				out.Add(k, v)
			}
		}
	}
	return out
}

func TestRoles(t *testing.T) {
	_, admin, member := managing(t)
	only(t, member, "/admin/roles", "/admin/roles/new", "/admin/roles/permissions", "/admin/roles/3", "/admin/roles/3/deletion")
	status, page := admin.get("/admin/roles")
	want(t, "roles", status, page, 200, "Non member", "Built-in", "Project admin", "Move Reader up", `aria-current="page"`)
	status, page = admin.post("/admin/roles", url.Values{"name": {"member"}, "kind": {"Elsewhere"}})
	want(t, "refused", status, page, 422, `id="f-name-error"`, `value="member"`, "Has already been taken.", `href="#f-kind-ProjectRole"`)
	reader := strings.TrimSuffix(strings.TrimPrefix(between(t, mustGet(t, admin, "/admin/roles"), `href="/admin/roles/`, `">Reader<`), "/"), "/")
	status, page = admin.get("/admin/roles/new?copy=" + reader)
	want(t, "a copy", status, page, 200, `value="Copy of Reader"`, `value="`+reader+`" selected`)
	status, to := admin.post("/admin/roles", url.Values{"name": {"Guest"}, "kind": {"ProjectRole"}, "copy": {reader}})
	want(t, "copied", status, to, 303, "done=created")
	guest := regexp.MustCompile(`role=(\d+)`).FindStringSubmatch(to)[1]
	status, page = admin.get(to)
	want(t, "its permissions", status, page, 200, `value="comment_news" aria-label="Comment on news: Guest" checked`, "Needs “See work packages”", "0 people")
	status, page = admin.post("/admin/roles/"+guest, url.Values{"name": {""}})
	want(t, "without a name", status, page, 422, "Can&#39;t be empty.")
	status, to = admin.post("/admin/roles/"+guest, url.Values{"name": {"Visitor"}})
	want(t, "renamed", status, to, 303, "/admin/roles?done=saved")
	status, page = admin.post("/admin/roles/1", url.Values{"name": {"Everybody"}})
	want(t, "a built-in role", status, page, 422, "Can&#39;t be changed by you.")
	status, to = admin.post("/admin/roles/"+guest+"/position", url.Values{"up": {"2"}})
	want(t, "moved", status, to, 303, "/admin/roles?done=moved&moved="+guest)
	status, page = admin.get(to)
	want(t, "where it was", status, page, 200, `autofocus>`)
	if strings.Index(page, ">Visitor<") > strings.Index(page, ">Anonymous<") {
		t.Error("the role has not moved")
	}
	if status, _ = admin.post("/admin/roles/"+guest+"/position", url.Values{"up": {"x"}}); status != 422 {
		t.Errorf("a place that is none: %d", status)
	}
	status, page = admin.get("/admin/roles/" + guest + "/deletion")
	want(t, "the question", status, page, 200, "Delete “Visitor”?")
	status, to = admin.post("/admin/roles/"+guest+"/deletion", nil)
	want(t, "deleted", status, to, 303, "done=removed")
	if status, _ = admin.get("/admin/roles/" + guest); status != 404 {
		t.Errorf("the role is still there: %d", status)
	}
	status, page = admin.post("/admin/roles/1/deletion", nil)
	want(t, "a built-in role goes", status, page, 422, "built-in role")
}

func mustGet(t *testing.T, b *browser, path string) string {
	t.Helper()
	status, page := b.get(path)
	want(t, path, status, page, 200)
	return page
}

func TestPermissionMatrix(t *testing.T) {
	_, admin, _ := managing(t)
	page := mustGet(t, admin, "/admin/roles/permissions")
	form := matrixForm(page)
	role := between(t, page, `name="p`, `" value="comment_news" aria-label="Comment on news: Member"`)
	if !strings.Contains(page, "cannot be given to this role") {
		t.Error("the matrix does not say what a role cannot have")
	}
	status, to := admin.post("/admin/roles/permissions", form)
	want(t, "nothing changed", status, to, 303, "done=saved")

	form.Add("p"+role, "delete_work_packages")
	form.Set("do", "preview")
	status, page = admin.post("/admin/roles/permissions", form)
	want(t, "the preview", status, page, 422, "This affects 0 people", "Member (0 people) gains “Delete work packages”.", "Save this change")
	form.Del("do")
	status, to = admin.post("/admin/roles/permissions", form)
	want(t, "more rights are given at once", status, to, 303, "done=saved")

	status, page = admin.post("/admin/roles/permissions", form)
	want(t, "seen before the change", status, page, 409, "Member has been changed by somebody else meanwhile")
	form = without(matrixForm(page), "p"+role, "delete_work_packages")
	form = without(form, "p"+role, "view_work_packages")
	status, page = admin.post("/admin/roles/permissions", form)
	want(t, "rights are taken", status, page, 422, "loses “Delete work packages”", "Member has “See work packages” as well, because other permissions need it.")
	form = without(matrixForm(page), "p"+role, "view_work_packages")
	form.Set("do", "confirmed")
	status, to = admin.post("/admin/roles/permissions", form)
	want(t, "confirmed", status, to, 303, "done=saved")
	page = mustGet(t, admin, "/admin/roles/permissions?role="+role)
	form = matrixForm(page)
	if len(form["head"]) != 1 || !strings.Contains(page, `value="view_work_packages" aria-label="See work packages: Member" checked`) || strings.Contains(page, `value="delete_work_packages" aria-label="Delete work packages: Member" checked`) {
		t.Error("what was confirmed is not saved")
	}
	form["head"] = []string{"1:" + "0"}
	form["p1"] = []string{"manage_members"}
	status, page = admin.post("/admin/roles/permissions", form)
	want(t, "not for strangers", status, page, 422, `href="#row-manage_members"`, "Is not for this kind of role.")
	form["head"] = []string{"x"}
	if status, _ = admin.post("/admin/roles/permissions", form); status != 404 {
		t.Errorf("a role that is none: %d", status)
	}
	page = mustGet(t, admin, "/admin/roles/permissions?kind=GlobalRole")
	want(t, "global roles", 200, page, 200, "Instance", "Make backups", "2 people")
	page = mustGet(t, admin, "/admin/roles/permissions?differs=1&role="+role)
	want(t, "one role does not differ", 200, page, 200, "Nothing differs", "Show all permissions")
	want(t, "what differs", 200, mustGet(t, admin, "/admin/roles/permissions?differs=1"), 200, `id="row-work_package_assigned"`)
}
