package apiv3_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/apiv3"
	"github.com/holdfast/holdfast/internal/apiv3/oracletest"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/workpackage"
)

func TestMain(m *testing.M) {
	hal.Strict(true)
	os.Exit(m.Run())
}

func mount(r chi.Router, in *apptest.Instance) { apiv3.New(in.App, in.Edge).Mount(r) }

const multipart = "multipart/form-data; boundary=x"

func part(disposition, body string) string {
	return "--x\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + body + "\r\n"
}

// upload is a multipart body; the file comes first when turned.
func upload(metadata, content string, turned bool) string {
	m, f := part(`name="metadata"`, metadata), part(`name="file"; filename="x.txt"`, content)
	if turned {
		m, f = f, m
	}
	return m + f + "--x--\r\n"
}

func TestAnswersMatchTheDescription(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	keys := map[string]string{"administrator": in.Key("mara"), "member": in.Key("tomas")}
	paths := []string{
		"", "/configuration", "/types", "/types/1", "/statuses", "/statuses/1", "/priorities", "/priorities/1", "/users/me",
		"/principals", "/groups", "/roles", "/roles/3", "/memberships", "/memberships/1", "/memberships/schema", "/projects", "/projects/1",
		"/projects/schema", "/projects/available_parent_projects", "/projects/1/types", "/projects/1/available_assignees",
		"/projects/1/work_packages", "/work_packages?pageSize=100", "/work_packages?filters=[]&pageSize=5&offset=2", "/work_packages/1",
		"/work_packages/1/activities", "/work_packages/1/attachments", "/work_packages/1/watchers", "/work_packages/1/available_watchers",
		"/work_packages/1/available_assignees", "/work_packages/1/available_projects", "/work_packages/schemas/1-1", "/work_packages/1/revisions",
		"/versions", `/versions?filters=[{"sharing":{"operator":"=","values":["none"]}}]&sortBy=[["name","desc"]]`, "/versions/1", "/versions/2",
		"/versions/schema", "/versions/available_projects", "/versions/2/projects", "/versions/2/workspaces", "/projects/2/versions",
		"/workspaces/2/versions", "/projects/2/categories", "/workspaces/2/categories", "/categories/1", "/projects/2/work_packages?pageSize=100",
		"/work_packages/schemas/2-1",
		`/work_packages/schemas?filters=[{"id":{"operator":"=","values":["1-1"]}}]`, "/attachments/1",
		"/notifications", "/notifications?groupBy=reason&pageSize=2", "/notifications?groupBy=project",
		`/notifications?filters=[{"readIAN":{"operator":"=","values":["f"]}}]&sortBy=[["reason","asc"],["readIAN","desc"],["id","asc"]]`,
		"/days", "/days/week", "/days/week/7", "/days/non_working", "/days/non_working/2026-12-25", "/days/2026-12-25",
		`/days?filters=[{"date":{"operator":"<>d","values":["2026-12-20","2026-12-31"]}},{"working":{"operator":"=","values":["f"]}}]`,
	}
	if err := in.Settings.AddNonWorkingDay(t.Context(), access.System("test"), setting.NonWorkingDay{Date: "2026-12-25", Name: "Christmas"}); err != nil {
		t.Fatal(err)
	}
	for who, key := range keys {
		for _, p := range paths {
			path := apiv3.Root + strings.NewReplacer("[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", `"`, "%22").Replace(p)
			res := in.Do(key, http.MethodGet, path, "")
			if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusNotFound {
				t.Errorf("%s: GET %s: %d %s", who, p, res.StatusCode, apptest.Body(res))
			}
			if who == "administrator" && res.StatusCode != http.StatusOK {
				t.Errorf("%s: GET %s: %d", who, p, res.StatusCode)
			}
			oracletest.Validate(t, res.Request, res)
		}
	}
	activity := regexp.MustCompile(`/api/v3(/activities/\d+)"`).FindStringSubmatch(apptest.Body(in.Do(keys["member"], http.MethodGet, apiv3.Root+"/work_packages/1/activities", "")))[1]
	for _, p := range []string{"/users", "/users/5", activity} {
		res := in.Do(keys["administrator"], http.MethodGet, apiv3.Root+p, "")
		oracletest.Validate(t, res.Request, res)
	}
	for path, body := range map[string]string{
		"/work_packages/form": `{}`, "/projects/1/work_packages/form": `{"subject":"x"}`, "/work_packages/1/form": `{"lockVersion":0}`,
		"/projects/form": `{"name":"x"}`, "/projects/1/form": ``, "/memberships/form": `{}`, "/memberships/1/form": `{}`,
		"/versions/form": `{}`, "/versions/1/form": `{"name":""}`,
	} {
		res := in.Do(keys["administrator"], http.MethodPost, apiv3.Root+path, body)
		if res.StatusCode != http.StatusOK {
			t.Errorf("POST %s: %d %s", path, res.StatusCode, apptest.Body(res))
		}
		oracletest.Validate(t, res.Request, res)
	}
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

func TestEveryRouteKeepsVisitorsAndStrangersOut(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	stranger := in.User("stranger", false)
	before := count(t, in)
	for _, r := range apiv3.Routes(apiv3.New(in.App, in.Edge)) {
		path := apiv3.Root + parameter.ReplaceAllString(r.Pattern, "1")
		body := ""
		if r.Method == http.MethodPost || r.Method == http.MethodPatch {
			body = `{}`
		}
		res := in.Do("", r.Method, path, body)
		want := http.StatusUnauthorized
		if strings.HasSuffix(path, "/backups") {
			want = http.StatusBadRequest // what is wrong with the body comes first, as clients expect
		}
		if res.StatusCode != want {
			t.Errorf("a visitor: %s %s: %d, want %d", r.Method, path, res.StatusCode, want)
		}
		res = in.Do(stranger, r.Method, path, body)
		if res.StatusCode >= 500 || res.StatusCode == http.StatusUnauthorized {
			t.Errorf("a stranger: %s %s: %d %s", r.Method, path, res.StatusCode, apptest.Body(res))
		}
		for _, secret := range []string{"Observatory", "Lindqvist", "mara@example"} {
			if strings.Contains(apptest.Body(res), secret) {
				t.Errorf("a stranger: %s %s shows %q", r.Method, path, secret)
			}
		}
	}
	if after := count(t, in); after != before {
		t.Errorf("strangers changed something: %s before, %s after", before, after)
	}
}

// A page of another site can send requests with the session of whoever looks at it.
// Every one that changes something is refused, whatever it is about.
func TestRequestsFromElsewhereAreRefused(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("ann", true)
	session, err := in.Accounts.SignIn(t.Context(), "ann", apptest.Password, account.Client{IP: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	cookie := serve.SessionCookie + "=" + session.Token
	if res := in.Do("", http.MethodGet, apiv3.Root+"/users/me", "", "Cookie", cookie); res.StatusCode != http.StatusOK {
		t.Fatalf("the session opens nothing: %d", res.StatusCode)
	}
	before, routes := count(t, in), 0
	for _, r := range apiv3.Routes(apiv3.New(in.App, in.Edge)) {
		if r.Method == http.MethodGet {
			continue
		}
		routes++
		path := apiv3.Root + parameter.ReplaceAllString(r.Pattern, "1")
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://elsewhere.example"}} {
			for _, kind := range []string{"application/json", "text/plain"} { // the second needs nobody's leave
				res := in.Do("", r.Method, path, `{}`, append([]string{"Cookie", cookie, "Content-Type", kind, "X-Requested-With", "XMLHttpRequest"}, from...)...)
				if res.StatusCode != http.StatusForbidden {
					t.Errorf("%s %s as %s with %v: %d, want 403", r.Method, path, kind, from, res.StatusCode)
				}
				_ = res.Body.Close() // was not read
			}
		}
	}
	if after := count(t, in); after != before || routes < 30 {
		t.Errorf("%d routes; %s before, %s after", routes, before, after)
	}
}

// count is the number of rows that strangers must not change.
func count(t *testing.T, in *apptest.Instance) string {
	t.Helper()
	n, err := db.Read(t.Context(), in.DB, func(tx *db.Tx) (string, error) {
		out := ""
		for _, table := range []string{"work_packages", "projects", "users", "members", "roles", "journals", "attachments", "watchers", "backups", "versions", "categories"} {
			n, err := db.Scalar[int64](t.Context(), tx, db.SQL(`SELECT COUNT(*) FROM `+table))
			if err != nil {
				return "", err
			}
			out += fmt.Sprintf("%s %d ", table, n)
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestVisitorsAreServedWhereNoLoginIsNeeded(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true, Environ: []string{"HOLDFAST_LOGIN_REQUIRED=false"}}, mount)
	res := in.Do("", http.MethodGet, apiv3.Root+"/projects", "")
	if body := apptest.Body(res); res.StatusCode != 200 || !strings.Contains(body, `"total":1`) {
		t.Errorf("got %d %s, want the one public project", res.StatusCode, body)
	}
	if res := in.Do("", http.MethodGet, apiv3.Root, ""); res.StatusCode != 200 {
		t.Errorf("the root: %d", res.StatusCode)
	}
}

// flow is a sequence of requests on one instance; later ones use what earlier
// ones answered: {name} stands for the value kept under the name.
type step struct {
	name, who, method, path, body string
	header                        []string
	status                        int
	has                           string // part of the answer
	keep                          string // name=pattern with one group
}

func run(t *testing.T, in *apptest.Instance, keys map[string]string, steps []step) {
	t.Helper()
	kept := map[string]string{}
	fill := func(s string) string {
		for k, v := range kept {
			s = strings.ReplaceAll(s, "{"+k+"}", v)
		}
		return s
	}
	for _, s := range steps {
		res := in.Do(keys[s.who], s.method, apiv3.Root+fill(s.path), fill(s.body), s.header...)
		body := apptest.Body(res)
		if res.StatusCode != s.status || !strings.Contains(body, fill(s.has)) {
			t.Fatalf("%s: %s %s: got %d %s, want %d with %s", s.name, s.method, fill(s.path), res.StatusCode, body, s.status, fill(s.has))
		}
		if body != "" && res.StatusCode != http.StatusNotAcceptable && !strings.HasSuffix(s.path, "/content") && !strings.HasPrefix(s.path, "/render") {
			oracletest.Validate(t, res.Request, res)
		}
		if name, pattern, ok := strings.Cut(s.keep, "="); ok {
			m := regexp.MustCompile(pattern).FindStringSubmatch(body)
			if m == nil {
				t.Fatalf("%s: %s not found in %s", s.name, pattern, body)
			}
			kept[name] = m[1]
		}
	}
}

func TestWorkPackagesFromBirthToTrash(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		keys := map[string]string{"m": in.Key("tomas"), "a": in.Key("mara"), "x": in.User("stranger", false)}
		deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
		run(t, in, keys, []step{
			{"created", "m", "POST", "/work_packages", `{"subject":"Polish the lens","description":{"format":"markdown","raw":"Do **not** scratch"},"estimatedTime":"PT2H30M","startDate":"2026-11-23","duration":"P3D","_links":{"project":{"href":"/api/v3/projects/1"},"type":{"href":"/api/v3/types/1"},"assignee":{"href":"/api/v3/users/me"}}}`, nil, 201, `"dueDate":"2026-11-25"`, `id="id":(\d+)`},
			{"read", "m", "GET", "/work_packages/{id}", "", nil, 200, `"estimatedTime":"PT2H30M"`, ""},
			{"by identifier", "m", "POST", "/projects/observatory-renewal/work_packages", `{"subject":"x"}`, nil, 201, `"subject":"x"`, ""},
			{"no stranger sees it", "x", "GET", "/work_packages/{id}", "", nil, 404, "NotFound", ""},
			{"lock version zero is a version", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":0,"subject":"Polish both lenses"}`, nil, 200, `"lockVersion":1`, ""},
			{"a stale one is a conflict", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":0,"subject":"z"}`, nil, 409, "UpdateConflict", ""},
			{"a missing one too", "m", "PATCH", "/work_packages/{id}", `{"subject":"z"}`, nil, 409, "UpdateConflict", ""},
			{"a wrong type", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":1,"subject":7}`, nil, 422, "PropertyFormatError", ""},
			{"a wrong duration", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":1,"estimatedTime":"2h"}`, nil, 422, "PropertyFormatError", ""},
			{"a wrong kind of link", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":1,"_links":{"status":{"href":"/api/v3/users/1"}}}`, nil, 422, "ResourceTypeMismatch", ""},
			{"several errors", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":1,"subject":"","_links":{"priority":{"href":"/api/v3/priorities/99"}}}`, nil, 422, "MultipleErrors", ""},
			{"not JSON", "m", "PATCH", "/work_packages/{id}", `{`, nil, 400, "InvalidRequestBody", ""},
			{"not an object", "m", "PATCH", "/work_packages/{id}", `[]`, nil, 400, "InvalidRequestBody", ""},
			{"nested too deeply", "m", "POST", "/work_packages", deep, nil, 400, "nested too deeply", ""},
			{"larger than allowed", "m", "POST", "/work_packages", `{"subject":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, "larger than allowed", ""},
			{"no content type", "m", "POST", "/work_packages", `{}`, []string{"Content-Type", ""}, 406, "Missing content-type header", ""},
			{"another content type", "m", "POST", "/work_packages", `{}`, []string{"Content-Type", "text/xml"}, 415, "TypeNotSupported", ""},
			{"no subject", "m", "POST", "/work_packages", `{"_links":{"project":{"href":"/api/v3/projects/1"}}}`, nil, 422, `"attribute":"subject"`, ""},
			{"an unknown project", "m", "POST", "/work_packages", `{"subject":"x","_links":{"project":{"href":"/api/v3/projects/99"}}}`, nil, 404, "NotFound", ""},
			{"the form explains", "m", "POST", "/work_packages/{id}/form", `{"lockVersion":1,"subject":""}`, nil, 200, `"validationErrors":{"subject"`, ""},
			{"the form commits", "m", "POST", "/work_packages/{id}/form", `{"lockVersion":1}`, nil, 200, `"commit":{"href":"/api/v3/work_packages/{id}"`, ""},
			{"a comment", "m", "POST", "/work_packages/{id}/activities", `{"comment":{"raw":"Well done"}}`, nil, 201, `"Activity::Comment"`, `act="id":(\d+)`},
			{"edited as text", "m", "PATCH", "/activities/{act}", `{"comment":"Very well done"}`, nil, 200, "Very well done", ""},
			{"not by others", "x", "PATCH", "/activities/{act}", `{"comment":"Mine"}`, nil, 404, "NotFound", ""},
			{"an empty comment", "m", "POST", "/work_packages/{id}/activities", `{"comment":{"raw":" "}}`, nil, 422, "PropertyConstraintViolation", ""},
			{"watched", "m", "POST", "/work_packages/{id}/watchers", `{"user":{"href":"/api/v3/users/me"}}`, nil, 201, `"_type":"User"`, ""},
			{"watched again", "m", "POST", "/work_packages/{id}/watchers", `{"_links":{"user":{"href":"/api/v3/users/me"}}}`, nil, 200, `"_type":"User"`, ""},
			{"no longer", "m", "DELETE", "/work_packages/{id}/watchers/me", "", nil, 204, "", ""},
			{"a file", "m", "POST", "/work_packages/{id}/attachments", upload(`{"fileName":"plan.txt","description":"The plan"}`, "hello", false), []string{"Content-Type", multipart}, 201, `"fileName":"plan.txt"`, `file="id":(\d+)`},
			{"its parts turned", "m", "POST", "/work_packages/{id}/attachments", upload(`{"fileName":"b.txt"}`, "hello", true), []string{"Content-Type", multipart}, 201, `"fileName":"b.txt"`, ""},
			{"a range of it", "m", "GET", "/attachments/{file}/content", "", []string{"Range", "bytes=1-2"}, 206, "el", ""},
			{"not for strangers", "x", "GET", "/attachments/{file}/content", "", nil, 404, "NotFound", ""},
			{"without metadata", "m", "POST", "/attachments", part(`name="file"; filename="a"`, "x") + "--x--\r\n", []string{"Content-Type", multipart}, 400, "InvalidRequestBody", ""},
			{"cut off in the middle", "m", "POST", "/attachments", part(`name="metadata"`, `{"fileName":"a"}`) + "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhal", []string{"Content-Type", multipart}, 400, "InvalidRequestBody", ""},
			{"too large", "m", "POST", "/attachments", upload(`{"fileName":"a"}`, strings.Repeat("x", 6<<20), false), []string{"Content-Type", multipart}, 422, "larger than the maximum", ""},
			{"not a form", "m", "POST", "/attachments", `{}`, nil, 415, "TypeNotSupported", ""},
			{"unclaimed", "m", "POST", "/attachments", upload(`{"fileName":"c.txt"}`, "claim me", false), []string{"Content-Type", multipart}, 201, `"container":{"href":null}`, `loose="id":(\d+)`},
			{"claimed", "m", "PATCH", "/work_packages/{id}", `{"lockVersion":1,"_links":{"attachments":[{"href":"/api/v3/attachments/{loose}"}]}}`, nil, 200, `"lockVersion":2`, ""},
			{"deleted file", "m", "DELETE", "/attachments/{loose}", "", nil, 204, "", ""},
			{"an unknown filter", "m", "GET", "/work_packages?filters=%5B%7B%22colour%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%221%22%5D%7D%7D%5D", "", nil, 400, "InvalidQuery", ""},
			{"filters that are none", "m", "GET", "/work_packages?filters=x", "", nil, 400, "InvalidQuery", ""},
			{"only the total", "m", "GET", "/work_packages?pageSize=0", "", nil, 200, `"count":0`, ""},
			{"deleted", "a", "DELETE", "/work_packages/{id}", "", nil, 204, "", ""},
			{"gone", "m", "GET", "/work_packages/{id}", "", nil, 404, "NotFound", ""},
		})
	})
}

func TestPeopleProjectsAndMemberships(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		keys := map[string]string{"m": in.Key("tomas"), "a": in.Key("mara"), "x": in.User("stranger", false)}
		run(t, in, keys, []step{
			{"a user", "a", "POST", "/users", `{"login":"newbie","firstName":"New","lastName":"Bie","email":"newbie@example.com","password":"a long enough passphrase","status":"active"}`, nil, 201, `"login":"newbie"`, `user="id":(\d+)`},
			{"taken", "a", "POST", "/users", `{"login":"newbie","firstName":"N","lastName":"B","email":"other@example.com","password":"a long enough passphrase"}`, nil, 422, `"attribute":"login"`, ""},
			{"not by strangers", "x", "POST", "/users", `{"login":"n2","firstName":"N","lastName":"B","email":"n2@example.com"}`, nil, 403, "MissingPermission", ""},
			{"changed", "a", "PATCH", "/users/{user}", `{"lastName":"Comer"}`, nil, 200, "New Comer", ""},
			{"locked", "a", "POST", "/users/{user}/lock", "", nil, 200, `"status":"locked"`, ""},
			{"locked twice", "a", "POST", "/users/{user}/lock", "", nil, 400, "InvalidUserStatusTransition", ""},
			{"unlocked", "a", "DELETE", "/users/{user}/lock", "", nil, 200, `"status":"active"`, ""},
			{"strangers list nobody", "x", "GET", "/users", "", nil, 403, "MissingPermission", ""},
			{"a project", "a", "POST", "/projects", `{"name":"Moon base","_links":{"status":{"href":"/api/v3/project_statuses/on_track"}}}`, nil, 201, `"identifier":"moon-base"`, `p="id":(\d+)`},
			{"by its identifier", "a", "GET", "/projects/moon-base", "", nil, 200, "Moon base", ""},
			{"identifier taken", "a", "POST", "/projects", `{"name":"x","identifier":"moon-base"}`, nil, 422, `"attribute":"identifier"`, ""},
			{"hidden", "x", "GET", "/projects/{p}", "", nil, 404, "NotFound", ""},
			{"not by strangers", "x", "POST", "/projects", `{"name":"Mine"}`, nil, 403, "MissingPermission", ""},
			{"changed", "a", "PATCH", "/projects/{p}", `{"name":"Mars base","_links":{"parent":{"href":null}}}`, nil, 200, "Mars base", ""},
			{"roles", "a", "GET", "/roles?filters=%5B%7B%22grantable%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%22t%22%5D%7D%7D%2C%7B%22unit%22%3A%7B%22operator%22%3A%22%3D%22%2C%22values%22%3A%5B%22project%22%5D%7D%7D%5D", "", nil, 200, `"name":"Member"`, `role="id":(\d+),"name":"Member"`},
			{"a membership", "a", "POST", "/memberships", `{"_links":{"project":{"href":"/api/v3/projects/{p}"},"principal":{"href":"/api/v3/users/{user}"},"roles":[{"href":"/api/v3/roles/{role}"}]}}`, nil, 201, "Mars base", `mem="id":(\d+)`},
			{"twice", "a", "POST", "/memberships", `{"_links":{"project":{"href":"/api/v3/projects/{p}"},"principal":{"href":"/api/v3/users/{user}"},"roles":[{"href":"/api/v3/roles/{role}"}]}}`, nil, 422, "has already been taken", ""},
			{"without roles", "a", "PATCH", "/memberships/{mem}", `{"_links":{"roles":[]}}`, nil, 422, `"attribute":"roles"`, ""},
			{"gone", "a", "DELETE", "/memberships/{mem}", "", nil, 204, "", ""},
			{"a group", "a", "POST", "/groups", `{"name":"Crew","_links":{"members":[{"href":"/api/v3/users/{user}"}]}}`, nil, 201, "New Comer", `g="id":(\d+)`},
			{"renamed", "a", "PATCH", "/groups/{g}", `{"name":"Landing crew"}`, nil, 200, "Landing crew", ""},
			{"not by members", "m", "PATCH", "/groups/{g}", `{"name":"Ours"}`, nil, 403, "MissingPermission", ""},
			{"deleted group", "a", "DELETE", "/groups/{g}", "", nil, 202, "", ""},
			{"deleted user", "a", "DELETE", "/users/{user}", "", nil, 202, "", ""},
			{"deleted project", "a", "DELETE", "/projects/{p}", "", nil, 204, "", ""},
			{"markdown", "m", "POST", "/render/markdown", "**hi** <script>", []string{"Content-Type", "text/plain"}, 200, "<strong>hi</strong>", ""},
			{"wrong key", "wrong", "GET", "/users/me", "", []string{"Authorization", "Bearer opapi-nonsense"}, 401, "You did not provide the correct credentials.", ""},
		})
	})
}

func TestBackupsByTheOriginalsRules(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		keys := map[string]string{"m": in.Key("tomas"), "a": in.User("root", true)}
		a, err := in.Accounts.AuthenticateKey(t.Context(), keys["a"], "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		a.Token = 0 // tokens are made on the page, in a session
		token, err := in.Backups.CreateToken(t.Context(), a, apptest.Password)
		if err != nil {
			t.Fatal(err)
		}
		run(t, in, keys, []step{
			{"no token", "a", "POST", "/backups", `{}`, nil, 400, "BadRequest", ""},
			{"attachments is no truth", "a", "POST", "/backups", `{"backupToken":"x","attachments":"yes"}`, nil, 400, "BadRequest", ""},
			{"a visitor", "", "POST", "/backups", `{"backupToken":"x"}`, nil, 401, "Unauthenticated", ""},
			{"no permission", "m", "POST", "/backups", `{"backupToken":"` + token.Value + `"}`, nil, 403, "MissingPermission", ""},
			{"a wrong token", "a", "POST", "/backups", `{"backupToken":"hfbk-0"}`, nil, 403, "MissingPermission", ""},
			{"accepted", "a", "POST", "/backups", `{"backupToken":"` + token.Value + `"}`, nil, 202, `"job_status"`, `job="jobStatusId":"([^"]+)"`},
			{"one at a time", "a", "POST", "/backups", `{"backupToken":"` + token.Value + `"}`, nil, 409, "UpdateConflict", ""},
			{"followed", "a", "GET", "/job_statuses/{job}", "", nil, 200, `"status":"in_queue"`, ""},
			{"by nobody else", "m", "GET", "/job_statuses/{job}", "", nil, 404, "NotFound", ""},
		})
		if err := in.Backups.Run(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		run(t, in, keys, []step{
			{"downloaded in part", "a", "GET", "/attachments/1000000001/content", "", []string{"Range", "bytes=0-3"}, 206, "PK\x03\x04", ""},
			{"by nobody else", "m", "GET", "/attachments/1000000001/content", "", nil, 404, "NotFound", ""},
		})
	})
}

func TestTheSwitchTakesBackupsAway(t *testing.T) {
	in := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_BACKUP_ENABLED=false"}}, mount)
	key := in.User("root", true)
	for _, k := range []string{"", key} {
		if res := in.Do(k, http.MethodPost, apiv3.Root+"/backups", `{"backupToken":"x"}`); res.StatusCode != http.StatusNotFound {
			t.Errorf("got %d, want 404", res.StatusCode)
		}
	}
}

func TestActionLinksAreThereExactlyWhenAllowed(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	links := func(key string) map[string]any {
		var doc struct {
			Links map[string]any `json:"_links"`
		}
		if err := json.Unmarshal([]byte(apptest.Body(in.Do(key, http.MethodGet, apiv3.Root+"/work_packages/1", ""))), &doc); err != nil {
			t.Fatal(err)
		}
		return doc.Links
	}
	admin, member := links(in.Key("mara")), links(in.Key("tomas"))
	for _, rel := range []string{"update", "updateImmediately", "addComment", "addAttachment", "watch"} {
		if admin[rel] == nil || member[rel] == nil {
			t.Errorf("%s is missing: administrator %v, member %v", rel, admin[rel] != nil, member[rel] != nil)
		}
	}
	if admin["delete"] == nil {
		t.Error("an administrator is not offered to delete")
	}
}

func TestAListCostsAFixedNumberOfStatements(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	var n atomic.Int64
	ctx := db.CountStatements(t.Context(), &n)
	a, err := in.Accounts.AuthenticateKey(ctx, in.Key("tomas"), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	n.Store(0)
	if _, err := in.Accounts.AuthenticateKey(ctx, in.Key("tomas"), "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := in.WorkPackages.List(ctx, access.Actor{Kind: access.Person, ID: a.ID}, workpackage.ListInput{Page: filter.Page{Number: 1, Size: 100}}); err != nil {
		t.Fatal(err)
	}
	if n.Load() > 12 {
		t.Errorf("finding the actor and the list took %d statements, want at most 12", n.Load())
	}
}
