package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/web/ui"
)

func TestTypesStatusesAndPriorities(t *testing.T) {
	_, admin, member := managing(t)
	for _, c := range []struct{ list, first, title, flag, mark, wrong, wrongly string }{
		{"/admin/types", "Task", "Types", "isMilestone", "milestone", "description", "x"},
		{"/admin/statuses", "New", "Statuses", "isClosed", "closed", "defaultDoneRatio", "many"},
		{"/admin/priorities", "Low", "Priorities", "isActive", "active", "color", "mauve"},
	} {
		only(t, member, c.list, c.list+"/new", c.list+"/1", c.list+"/1/deletion")
		status, page := admin.get(c.list)
		want(t, c.title, status, page, 200, c.first, "not in use", "Move "+c.first+" down")
		status, page = admin.post(c.list, url.Values{"name": {c.first}, c.wrong: {c.wrongly}})
		want(t, c.title+": a name that is there", status, page, 422, `id="f-name-error"`, "Has already been taken.", `href="#f-name"`)
		if c.wrong != "description" {
			want(t, c.title+": another field", status, page, 422, "field-error")
		}
		status, to := admin.post(c.list, url.Values{"name": {"Zebra"}, "color": {"teal"}, c.flag: {"1"}, "defaultDoneRatio": {"30"}, "description": {"Why?"}})
		want(t, c.title+": created", status, to, 303, c.list+"?done=created")
		page = mustGet(t, admin, c.list)
		href := regexp.MustCompile(`href="(` + c.list + `/\d+)"><span class="chip [^>]*hue-teal[^>]*>\s*Zebra`).FindStringSubmatch(page)[1]
		status, page = admin.get(href)
		want(t, c.title+": the form", status, page, 200, `value="Zebra"`, `value="teal" checked`, `id="f-`+c.flag+`" name="`+c.flag+`" type="checkbox" value="1" checked`, "/deletion")
		status, page = admin.post(href, url.Values{"name": {""}, "color": {"teal"}})
		want(t, c.title+": without a name", status, page, 422, "Can&#39;t be empty.", "<h1>Zebra</h1>")
		status, to = admin.post(href, url.Values{"name": {"Zebu"}, "color": {"red"}})
		want(t, c.title+": changed", status, to, 303, "done=saved")
		status, to = admin.post(href+"/position", url.Values{"up": {"1"}})
		want(t, c.title+": moved", status, to, 303, "way=up")
		page = mustGet(t, admin, to)
		if strings.Index(page, ">Zebu<") > strings.Index(page, ">"+c.first+"<") || strings.Contains(page, ">Zebra<") {
			t.Errorf("%s: not moved", c.title)
		}
		want(t, c.title+": the keyboard stays", 200, page, 200, "autofocus>")
		status, page = admin.get(href + "/deletion")
		want(t, c.title+": the question", status, page, 200, "Delete “Zebu”?")
		status, to = admin.post(href+"/deletion", nil)
		want(t, c.title+": deleted", status, to, 303, "done=removed")
		if status, _ = admin.get(href); status != 404 {
			t.Errorf("%s: still there: %d", c.title, status)
		}
	}
	status, page := admin.post("/admin/statuses/1/deletion", nil)
	want(t, "the default goes", status, page, 422, "Has to stay the default until another one is.")
	status, page = admin.post("/admin/statuses/1", url.Values{"name": {"New"}, "color": {"blue"}, "isReadonly": {"1"}})
	want(t, "the default is given up", status, page, 422, `id="f-isDefault-error"`, `aria-invalid="true"`)
	status, page = admin.post("/admin/statuses", url.Values{"name": {"Half"}, "color": {"blue"}, "defaultDoneRatio": {"half"}})
	want(t, "a share that is no number", status, page, 422, `value="half"`, `id="f-defaultDoneRatio-error"`)
}

func TestWhatIsInUseIsNotDeleted(t *testing.T) {
	_, admin, _ := managing(t)
	status, to := admin.post("/projects", url.Values{"name": {"Castle"}, "identifier": {"castle"}})
	want(t, "a project", status, to, 303)
	status, to = admin.post("/projects/castle/work_packages", url.Values{"subject": {"Wall"}, "type": {"1"}})
	want(t, "a work package", status, to, 303)
	want(t, "the list", 200, mustGet(t, admin, "/admin/types"), 200, "1 work package<")
	page := mustGet(t, admin, "/admin/types/1")
	want(t, "the form", 200, page, 200, "1 work package has it, counting the trash, so it can&#39;t be deleted.")
	if strings.Contains(page, "/admin/types/1/deletion") {
		t.Error("deleting is offered")
	}
	status, page = admin.post("/admin/types/1/deletion", nil)
	want(t, "refused", status, page, 422, "1 work package has it, counting the trash, so it can&#39;t be deleted.")
}

func TestWorkflow(t *testing.T) {
	_, admin, member := managing(t)
	only(t, member, "/admin/workflow")
	page := mustGet(t, admin, "/admin/workflow")
	want(t, "the first type and role", 200, page, 200, "<strong>Task, Member</strong>", `aria-label="From New to In progress" checked`, "the same status")
	lead := roleBox(t, page, "Project admin")
	form := url.Values{"type": {"1"}, "rule": {"all"}, "role": {lead}, "status": statusesOf(page), "seen": {hidden(t, page, "seen")}}
	status, to := admin.post("/admin/workflow", form)
	want(t, "no step is left", status, to, 303, "done=saved")
	status, page = admin.get("/admin/workflow?type=1&role=" + lead + "&role=" + memberRole(t, page))
	want(t, "two roles that differ", status, page, 200, "<strong>Task, Member, Project admin</strong>", `<option value="">1 of 2</option>`)
	status, page = admin.post("/admin/workflow", form)
	want(t, "an older state", status, page, 409, "Somebody else has changed this workflow meanwhile.")
	form.Set("seen", hidden(t, page, "seen"))
	form.Set("role", memberRole(t, page))
	form["on"] = []string{form["status"][0] + "-" + form["status"][1]}
	status, to = admin.post("/admin/workflow", form)
	want(t, "one step for the members", status, to, 303, "done=saved")
	status, page = admin.get(to)
	want(t, "what is odd is said", status, page, 200, "No step leads on from In progress, which is not closed: work packages stay there.")
	form.Set("seen", hidden(t, page, "seen"))
	form.Set("rule", "author")
	form["on"] = []string{form["status"][0] + "-" + form["status"][2]}
	status, to = admin.post("/admin/workflow", form)
	want(t, "a step for the author", status, to, 303, "rule=author")
	want(t, "it is there", 200, mustGet(t, admin, to), 200, `value="`+form["on"][0]+`" aria-label="From New to Closed" checked`)
	status, page = admin.post("/admin/workflow", url.Values{"type": {"1"}, "rule": {"all"}})
	want(t, "no role", status, page, 422, `href="#roles"`, "Choose at least one role above.")

	copied := url.Values{"type": {"1"}, "from_role": {form.Get("role")}}
	status, page = admin.post("/admin/workflow/copies", copied)
	want(t, "copied to nothing", status, page, 422, `href="#to-types"`, `href="#to-roles"`)
	copied["to_type"], copied["to_role"] = []string{"1", "2"}, []string{lead}
	status, to = admin.post("/admin/workflow/copies", copied)
	want(t, "copied", status, to, 303, "done=workflow_copied")
	want(t, "for the other type", 200, mustGet(t, admin, "/admin/workflow?type=2&role="+lead+"&all=1"), 200, `value="`+form["status"][0]+"-"+form["status"][1]+`" aria-label="From New to In progress" checked`)
}

func hidden(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no %s", name)
	}
	return m[1]
}

func statusesOf(page string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`name="status" value="(\d+)"`).FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// roleBox is the value of the box of a role in the choice of roles.
func roleBox(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`<label for="f-role-(\d+)">` + name + `</label>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no role %s", name)
	}
	return m[1]
}

func memberRole(t *testing.T, page string) string {
	t.Helper()
	return roleBox(t, page, "Member")
}

func TestSwatchesAreFoundAgain(t *testing.T) {
	_, admin, _ := managing(t)
	for _, hue := range []ui.Hue{ui.Gray, ui.Blue, ui.Teal, ui.Green, ui.Yellow, ui.Orange, ui.Red, ui.Purple, ui.Pink} {
		status, to := admin.post("/admin/priorities", url.Values{"name": {"P " + string(hue)}, "color": {string(hue)}, "isActive": {"1"}})
		want(t, string(hue), status, to, 303)
		if !regexp.MustCompile(`hue-` + string(hue) + `[^>]*>\s*P ` + string(hue)).MatchString(mustGet(t, admin, "/admin/priorities")) {
			t.Errorf("%s is stored as another colour", hue)
		}
	}
}
