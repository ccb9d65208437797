package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/membership"
)

func TestProjectSettings(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "aiko") // leads the website, reads nothing of the open night
	in.User("ann", true)
	lead, admin := &browser{t: t, in: in}, &browser{t: t, in: in}
	lead.signIn("aiko", apptest.Password)
	admin.signIn("ann", apptest.Password)
	const base = "/projects/website"
	status, to := lead.get(base + "/edit")
	want(t, "the old address", status, to, 303, base+"/settings")
	status, page := lead.get(base + "/settings")
	want(t, "information", status, page, 200, "The payment provider changed", "Modules", "Types")
	if strings.Contains(page, "Delete this project") {
		t.Error("a member is offered to delete the project")
	}
	status, page = lead.post(base, url.Values{"name": {""}, "identifier": {"website"}, "status": {"at_risk"}, "statusExplanation": {"Kept <b>text"}})
	want(t, "without a name", status, page, 422, `id="f-name-error"`, "Kept &lt;b&gt;text")
	status, to = lead.post(base, url.Values{"name": {"Website"}, "identifier": {"website"}, "status": {"at_risk"}, "statusExplanation": {"Two weeks."}, "templated": {"1"}})
	want(t, "saved", status, to, 303, base+"/settings?done=saved")
	status, to = lead.post(base+"/settings/modules", url.Values{"modules": {"work_package_tracking", "gantt"}})
	want(t, "modules", status, to, 303, "done=saved")
	_, page = lead.get(base)
	if strings.Contains(page, "view=board") || !strings.Contains(page, "view=gantt") {
		t.Error("the navigation does not follow the modules")
	}
	status, page = lead.post(base+"/settings/modules", url.Values{"modules": {"nonsense"}})
	want(t, "an unknown module", status, page, 422, `href="#modules"`)
	status, page = lead.post(base+"/settings/types", url.Values{"types": {"1"}})
	want(t, "types in use", status, page, 422, `href="#types"`, "is in use by work packages")
	status, page = lead.get(base + "/deletion")
	want(t, "deleting as a member", status, page, 403)
	status, page = admin.get("/projects/observatory-renewal/deletion")
	want(t, "what goes", status, page, 200, "2 subprojects", "work packages", "files")
	status, page = admin.get("/projects/new")
	want(t, "the template", status, page, 200, "Like the template")
	status, to = admin.post("/projects", url.Values{"name": {"Second site"}, "template": {projectID(t, in, "website")}})
	want(t, "from the template", status, to, 303, "/projects/second-site")
	_, page = admin.get("/projects/second-site")
	if strings.Contains(page, "view=board") || !strings.Contains(page, "view=gantt") {
		t.Error("the new project does not have the modules of its template")
	}
	status, page = admin.post("/projects", url.Values{"name": {"Third"}, "template": {projectID(t, in, "open-night")}})
	want(t, "no template", status, page, 422, `href="#f-template"`)
	status, to = admin.post("/projects/second-site/deletion", nil)
	want(t, "deleted", status, to, 303, "/projects?done=deleted")
	if status, _ = admin.get("/projects/second-site"); status != 404 {
		t.Errorf("the deleted project: %d", status)
	}
}

func projectID(t *testing.T, in *apptest.Instance, identifier string) string {
	t.Helper()
	p, err := in.Projects.FindRef(t.Context(), access.Operator("test"), identifier)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(p.ID)
}

func userID(t *testing.T, in *apptest.Instance, login string) string {
	t.Helper()
	u, err := in.Accounts.FindByLogin(t.Context(), access.Operator("test"), login)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(u.ID)
}

func roleID(t *testing.T, in *apptest.Instance, name string) string {
	t.Helper()
	roles, err := in.Memberships.Roles(t.Context(), access.Operator("test"), membership.RoleFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles {
		if r.Name == name {
			return fmt.Sprint(r.ID)
		}
	}
	t.Fatalf("no role %s", name)
	return ""
}

func membershipID(t *testing.T, in *apptest.Instance, user string) string {
	t.Helper()
	list, err := in.Memberships.List(t.Context(), access.Operator("test"), membership.ListInput{
		Filters: []filter.Condition{{Name: "principal", Op: "=", Values: []string{user}}}, Page: filter.Page{Number: 1, Size: 9},
	})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("memberships of %s: %v, %v", user, list, err)
	}
	return fmt.Sprint(list.Items[0].ID)
}

func TestMembersOfAProject(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("ann", true)
	in.User("bo", false)
	in.User("cy", false)
	b, other := &browser{t: t, in: in}, &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	other.signIn("bo", apptest.Password)
	const base = "/projects/open-night/settings/members"
	status, page := other.get(base)
	want(t, "a stranger to a public project", status, page, 403)
	status, page = b.get(base + "?find=workshop")
	want(t, "a group is found", status, page, 200, "Instrument workshop (Group)")
	group, _, _ := strings.Cut(page[strings.Index(page, `name="people" type="checkbox" value="`)+len(`name="people" type="checkbox" value="`):], `"`)
	bo := userID(t, in, "bo")
	status, page = b.post(base, url.Values{"roles": {"999"}})
	want(t, "nobody, in no role", status, page, 422, `href="#people"`, `href="#roles"`)
	reader := roleID(t, in, "Reader")
	status, to := b.post(base, url.Values{"people": {group, bo}, "roles": {reader}})
	want(t, "two at once", status, to, 303, "done=saved")
	status, page = b.post(base, url.Values{"people": {bo}, "roles": {reader}})
	want(t, "once more", status, page, 422, "already been taken")
	_, page = b.get(base)
	if !strings.Contains(page, "by a group") {
		t.Error("nothing says that roles come from a group")
	}
	action := base + "/" + membershipID(t, in, bo)
	status, page = b.post(action, url.Values{})
	want(t, "no role left", status, page, 422, `href="#roles-`, "Can&#39;t be empty")
	status, to = b.post(action, url.Values{"roles": {roleID(t, in, "Member")}})
	want(t, "another role", status, to, 303, "done=saved")
	status, page = other.get(base)
	want(t, "a member who does not manage", status, page, 403)
	status, page = other.get("/projects/open-night/members")
	want(t, "a member sees the members", status, page, 200, "Elif Kaya")
	status, page = other.post(action, url.Values{"roles": {reader}})
	want(t, "a member changes a role", status, page, 403)
	status, page = b.get(action + "/removal")
	want(t, "the question", status, page, 200, "loses all roles")
	status, page = b.post(strings.Replace(action, "open-night", "website", 1), url.Values{"roles": {reader}})
	want(t, "by the address of another project", status, page, 404)
	status, to = b.post(action+"/removal", nil)
	want(t, "removed", status, to, 303, base+"?done=saved")
	if status, _ = b.get(action + "/removal"); status != 404 {
		t.Errorf("the membership is still there: %d", status)
	}
}
