package apiv3_test

import (
	"fmt"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/version"
)

// The demo has project 2 below project 1, where Aiko manages versions and Tomás is a
// member, and project 4 beside them, where Aiko manages and Tomás is not.
func TestVersionsFromPlanToEnd(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		keys := map[string]string{"m": in.Key("tomas"), "l": in.Key("aiko"), "a": in.Key("mara"), "x": in.User("stranger", false)}
		run(t, in, keys, []step{
			{"a version", "l", "POST", "/versions", `{"name":" 1.10 ","description":{"raw":"The *long* one"},"startDate":"2026-11-23","endDate":"2026-12-24","_links":{"definingProject":{"href":"/api/v3/projects/dome-and-telescope"}}}`, nil, 201, `"name":"1.10"`, `v="id":(\d+)`},
			{"open and unshared", "l", "GET", "/versions/{v}", "", nil, 200, `"status":"open","sharing":"none"`, ""},
			{"with its actions", "l", "GET", "/versions/{v}", "", nil, 200, `"updateImmediately":{"href":"/api/v3/versions/{v}","method":"patch"}`, ""},
			{"where it can be used", "m", "GET", "/versions/{v}/projects", "", nil, 200, `"total":1`, ""},
			{"taken, whatever the case", "l", "POST", "/versions", `{"name":"first LIGHT","_links":{"definingProject":{"href":"/api/v3/projects/2"}}}`, nil, 422, `"attribute":"name"`, ""},
			{"nothing given", "l", "POST", "/versions", `{}`, nil, 422, "MultipleErrors", ""},
			{"backwards", "l", "PATCH", "/versions/{v}", `{"endDate":"2026-11-22"}`, nil, 422, "greater than or equal to the start date", ""},
			{"no day", "l", "PATCH", "/versions/{v}", `{"endDate":"soon"}`, nil, 422, "PropertyFormatError", ""},
			{"an unknown status", "l", "PATCH", "/versions/{v}", `{"status":"paused"}`, nil, 422, `"attribute":"status"`, ""},
			{"shared farther than the rights reach", "l", "PATCH", "/versions/{v}", `{"sharing":"tree"}`, nil, 422, `"attribute":"sharing"`, ""},
			{"the project stays", "l", "PATCH", "/versions/{v}", `{"_links":{"definingProject":{"href":"/api/v3/projects/4"}}}`, nil, 422, "PropertyIsReadOnly", ""},
			{"a stranger", "x", "PATCH", "/versions/{v}", `{`, nil, 404, "NotFound", ""},
			{"a member", "m", "PATCH", "/versions/{v}", `{"name":"x"}`, nil, 403, "MissingPermission", ""},
			{"a member, new", "m", "POST", "/versions", `{"name":"x","_links":{"definingProject":{"href":"/api/v3/projects/2"}}}`, nil, 403, "MissingPermission", ""},
			{"in a hidden project", "m", "POST", "/versions", `{"name":"x","_links":{"definingProject":{"href":"/api/v3/projects/4"}}}`, nil, 404, "NotFound", ""},
			{"a stranger has no projects for it", "x", "GET", "/versions/available_projects", "", nil, 403, "MissingPermission", ""},
			{"the form says what is wrong", "l", "POST", "/versions/{v}/form", `{"name":""}`, nil, 200, `"validationErrors":{"name"`, ""},
			{"and what to send", "l", "POST", "/versions/form", `{"name":"2","_links":{"definingProject":{"href":"/api/v3/projects/2"}}}`, nil, 200, `"commit":{"href":"/api/v3/versions","method":"post"}`, ""},
			{"a form for who may not", "m", "POST", "/versions/{v}/form", `{}`, nil, 403, "MissingPermission", ""},

			{"work is planned for it", "m", "POST", "/work_packages", `{"subject":"Plan me","_links":{"project":{"href":"/api/v3/projects/2"},"version":{"href":"/api/v3/versions/{v}"}}}`, nil, 201, `"version":{"href":"/api/v3/versions/{v}","title":"1.10"}`, `w="id":(\d+)`},
			{"and found by it", "m", "GET", "/work_packages?filters=%5B%7B%22version%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%22{v}%22%5D%7D%7D%5D", "", nil, 200, `"total":1`, ""},
			{"among the open ones", "m", "GET", "/work_packages?filters=%5B%7B%22version%22%3A%7B%22operator%22%3A%22o%22%2C%22values%22%3A%5B%5D%7D%7D%2C%7B%22id%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%22{w}%22%5D%7D%7D%5D&sortBy=%5B%5B%22version%22%2C%22asc%22%5D%5D", "", nil, 200, `"total":1`, ""},
			{"the form offers it", "m", "POST", "/work_packages/{w}/form", `{"lockVersion":0}`, nil, 200, `{"href":"/api/v3/versions/{v}","title":"1.10"}`, ""},
			{"in use it stays", "l", "DELETE", "/versions/{v}", "", nil, 422, "cannot be deleted as it has 1 work package planned for it", ""},
			{"locked", "l", "PATCH", "/versions/{v}", `{"status":"locked"}`, nil, 200, `"status":"locked"`, ""},
			{"no new work", "m", "POST", "/work_packages", `{"subject":"x","_links":{"project":{"href":"/api/v3/projects/2"},"version":{"href":"/api/v3/versions/{v}"}}}`, nil, 422, `"attribute":"version"`, ""},
			{"what is in it is edited", "m", "PATCH", "/work_packages/{w}", `{"lockVersion":0,"subject":"Plan me well","_links":{"version":{"href":"/api/v3/versions/{v}"}}}`, nil, 200, `"lockVersion":1`, ""},
			{"and taken out", "a", "PATCH", "/work_packages/{w}", `{"lockVersion":1,"_links":{"version":{"href":null}}}`, nil, 200, `"version":{"href":null}`, ""},
			{"which the history tells", "m", "GET", "/work_packages/{w}/activities", "", nil, 200, "Version deleted", ""},
			{"deleted", "l", "DELETE", "/versions/{v}", "", nil, 204, "", ""},
			{"gone", "l", "GET", "/versions/{v}", "", nil, 404, "NotFound", ""},

			{"a category", "m", "GET", "/projects/2/categories", "", nil, 200, `"defaultAssignee"`, `c="_type":"Category","id":(\d+)`},
			{"who names nobody gets its person", "m", "POST", "/work_packages", `{"subject":"Sort me","_links":{"project":{"href":"/api/v3/projects/2"},"category":{"href":"/api/v3/categories/{c}"}}}`, nil, 201, `"assignee":{"href":"/api/v3/users/`, ""},
			{"of another project", "a", "POST", "/work_packages", `{"subject":"x","_links":{"project":{"href":"/api/v3/projects/4"},"category":{"href":"/api/v3/categories/{c}"}}}`, nil, 422, `"attribute":"category"`, ""},
			{"hidden", "x", "GET", "/categories/{c}", "", nil, 404, "NotFound", ""},
			{"hidden, all of them", "x", "GET", "/projects/2/categories", "", nil, 404, "NotFound", ""},
		})
	})
}

// A version that everybody may plan for does not tell whose it is to those who may
// not see that project.
func TestSharedVersionsKeepTheirProjectToThemselves(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	mara := actor(t, in, "mara")
	p, err := in.Projects.FindRef(t.Context(), mara, "observatory-renewal")
	if err != nil {
		t.Fatal(err)
	}
	v, err := in.Versions.Create(t.Context(), mara, version.Patch{Project: opt.Of(p.ID), Name: opt.Of("Everywhere"), Sharing: opt.Of(version.System)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Categories.Create(t.Context(), mara, p.ID, category.Patch{Name: opt.Of("Secret")}); err != nil {
		t.Fatal(err)
	}
	run(t, in, map[string]string{"x": in.User("stranger", false)}, []step{
		{"seen, since a public project may plan for it", "x", "GET", fmt.Sprintf("/versions/%d", v.ID), "", nil, 200, `"definingProject":{"href":"urn:openproject-org:api:v3:undisclosed"`, ""},
		{"in the list", "x", "GET", "/versions", "", nil, 200, `"total":1`, ""},
		{"with the public project alone", "x", "GET", fmt.Sprintf("/versions/%d/projects", v.ID), "", nil, 200, `"total":1`, ""},
		{"and no actions", "x", "PATCH", fmt.Sprintf("/versions/%d", v.ID), `{"name":"Mine"}`, nil, 403, "MissingPermission", ""},
	})
}
