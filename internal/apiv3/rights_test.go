package apiv3_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/apiv3"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/opt"
)

// sound are bodies with which a request would succeed for someone who may, so
// that only the missing right refuses it.
var sound = map[string]string{
	"POST /users":                          `{"login":"n2","firstName":"N","lastName":"B","email":"n2@example.com"}`,
	"PATCH /users/{id}":                    `{"lastName":"Taken"}`,
	"POST /groups":                         `{"name":"Ours"}`,
	"PATCH /groups/{id}":                   `{"name":"Ours"}`,
	"POST /memberships":                    `{"_links":{"project":{"href":"/api/v3/projects/1"},"principal":{"href":"/api/v3/users/ME"},"roles":[{"href":"/api/v3/roles/ROLE"}]}}`,
	"PATCH /memberships/{id}":              `{"_links":{"roles":[{"href":"/api/v3/roles/ROLE"}]}}`,
	"POST /projects":                       `{"name":"Mine"}`,
	"PATCH /projects/{id}":                 `{"name":"Mine"}`,
	"POST /projects/{id}/work_packages":    `{"subject":"Mine"}`,
	"POST /work_packages":                  `{"subject":"Mine","_links":{"project":{"href":"/api/v3/projects/1"}}}`,
	"POST /work_packages/form":             `{"_links":{"project":{"href":"/api/v3/projects/1"}}}`,
	"PATCH /work_packages/{id}":            `{"lockVersion":0,"subject":"Mine"}`,
	"POST /work_packages/{id}/activities":  `{"comment":{"raw":"Mine"}}`,
	"PATCH /activities/{id}":               `{"comment":{"raw":"Mine"}}`,
	"POST /work_packages/{id}/watchers":    `{"user":{"href":"/api/v3/users/me"}}`,
	"POST /versions":                       `{"name":"Mine","_links":{"definingProject":{"href":"/api/v3/projects/1"}}}`,
	"PATCH /versions/{id}":                 `{"name":"Mine"}`,
	"POST /versions/form":                  `{"_links":{"definingProject":{"href":"/api/v3/projects/1"}}}`,
	"POST /backups":                        `{"backupToken":"hfbk-0"}`,
	"POST /render/markdown":                "",
	"POST /render/plain":                   "",
	"POST /attachments":                    "file",
	"POST /work_packages/{id}/attachments": "file",
}

// forEveryone are the operations that answer everyone who is signed in, with
// what that person may see; forMembers those that answer any member of the project.
var (
	forEveryone = []string{
		"GET /", "GET /configuration", "POST /render/markdown", "POST /render/plain",
		"GET /types", "GET /types/{id}", "GET /statuses", "GET /statuses/{id}", "GET /priorities", "GET /priorities/{id}",
		"GET /principals", "GET /groups", "GET /memberships", "GET /memberships/schema", "GET /memberships/available_projects",
		"GET /notifications", "POST /notifications/read_ian", "POST /notifications/unread_ian",
		"GET /projects", "GET /projects/schema", "GET /projects/available_parent_projects",
		"GET /versions", "GET /versions/schema", "GET /days", "GET /days/week", "GET /days/non_working",
		"GET /work_packages", "GET /work_packages/available_projects", "GET /work_packages/schemas",
	}
	forMembers = []string{
		"GET /groups/{id}", "GET /projects/{id}", "GET /projects/{id}/types", "GET /projects/{id}/categories", "GET /workspaces/{id}/categories",
		"POST /projects/{id}/favorite", "DELETE /projects/{id}/favorite", "POST /workspaces/{id}/favorite", "DELETE /workspaces/{id}/favorite",
	}
)

// Everyone without the right is refused on every operation, with a request that
// has nothing else wrong with it, and nothing changes. A new operation is kept
// from everybody until it is listed above.
func TestEveryOperationRefusesThoseWithoutTheRight(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		w := newRights(t, in)
		before := w.state(t)
		for _, r := range apiv3.Routes(apiv3.New(in.App, in.Edge)) {
			name := r.Method + " " + r.Pattern
			for _, who := range []string{"visitor", "locked", "revoked", "stranger", "powerless"} {
				res := w.ask(t, who, r)
				body := apptest.Body(res)
				open := slices.Contains(forEveryone, name) || who == "powerless" && slices.Contains(forMembers, name)
				switch code := res.StatusCode; {
				case who == "visitor" || who == "locked" || who == "revoked":
					if code != http.StatusUnauthorized {
						t.Errorf("%s: %s: got %d, want 401", who, name, code)
					}
				case open && code != http.StatusOK && code != http.StatusNoContent, !open && code != http.StatusForbidden && code != http.StatusNotFound:
					t.Errorf("%s: %s: got %d %.200s", who, name, code, body)
				}
				if strings.Contains(body, w.subject) || strings.Contains(body, "mara@example") || strings.Contains(body, "Hermit") || who != "powerless" && strings.Contains(body, "Observatory") {
					t.Errorf("%s: %s shows what it may not: %.300s", who, name, body)
				}
			}
		}
		if after := w.state(t); after != before {
			t.Errorf("something has changed:\n%s\n%s", before, after)
		}
	})
}

// state says how many rows there are and when they were changed.
func (w *rights) state(t *testing.T) string {
	t.Helper()
	out := count(t, w.in)
	for _, table := range []string{"work_packages", "projects", "users", "members", "roles", "journals", "versions", "categories"} {
		out += fmt.Sprintf("%s %s ", table, w.number(t, `SELECT SUM(updated_at - 1700000000000000) FROM `+table+` WHERE updated_at > 1700000000000000`))
	}
	return out
}

func (w *rights) number(t *testing.T, text string) string {
	t.Helper()
	n, err := db.Read(t.Context(), w.in.DB, func(tx *db.Tx) (int64, error) {
		return db.Scalar[int64](t.Context(), tx, db.SQL(`SELECT CAST((`+text+`) AS BIGINT)`))
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(n)
}

// rights is an instance with people who must get nowhere.
type rights struct {
	in   *apptest.Instance
	keys map[string]string
	ids  *strings.Replacer
	path map[string]string
	// subject is of a work package in a project that the strangers are not in
	// and the powerless may not look into.
	subject string
}

func newRights(t *testing.T, in *apptest.Instance) *rights {
	t.Helper()
	ctx, mara := t.Context(), actor(t, in, "mara")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &rights{in: in, keys: map[string]string{"visitor": ""}}
	for _, login := range []string{"stranger", "powerless", "locked", "revoked"} {
		w.keys[login] = in.User(login, false)
	}
	role, err := in.Memberships.CreateRole(ctx, mara, membership.RolePatch{Name: opt.Of("Powerless"), Permissions: opt.Of([]access.Permission{})})
	must(err)
	powerless := actor(t, in, "powerless")
	_, err = in.Memberships.Create(ctx, mara, membership.CreateInput{Principal: powerless.ID, Project: 1, Roles: []id.Role{role.ID}})
	must(err)
	_, err = in.Accounts.Lock(ctx, mara, actor(t, in, "locked").ID)
	must(err)
	revoked := actor(t, in, "revoked")
	keys, err := in.Accounts.Keys(ctx, revoked)
	must(err)
	for _, k := range keys {
		must(in.Accounts.RevokeKey(ctx, revoked, k.ID))
	}
	in.User("hermit", false) // whom nobody meets in a project
	w.path = map[string]string{
		"users": fmt.Sprint(actor(t, in, "hermit").ID), "groups": w.number(t, `SELECT MIN(id) FROM users WHERE kind = 'Group'`),
		"activities": w.number(t, `SELECT MAX(id) FROM journals WHERE entity_type = 'WorkPackage' AND notes <> ''`),
	}
	first, err := in.WorkPackages.Find(ctx, mara, 1)
	must(err)
	w.subject = first.Subject
	w.ids = strings.NewReplacer("ME", fmt.Sprint(powerless.ID), "ROLE", fmt.Sprint(memberRole(t, in)))
	return w
}

// ask sends the request that would succeed for someone who may.
func (w *rights) ask(t *testing.T, who string, r apiv3.Route) *http.Response {
	t.Helper()
	n, ok := w.path[strings.Split(r.Pattern, "/")[1]]
	if !ok {
		n = "1"
	}
	path := apiv3.Root + strings.NewReplacer("{id}", n, "{user}", w.path["users"], "{schema}", "1-1").Replace(r.Pattern)
	body, ok := sound[r.Method+" "+r.Pattern]
	var header []string
	switch {
	case body == "file":
		body, header = upload(`{"fileName":"mine.txt"}`, "mine", false), []string{"Content-Type", multipart}
	case !ok && (r.Method == http.MethodPost || r.Method == http.MethodPatch):
		body = `{}`
	}
	return w.in.Do(w.keys[who], r.Method, path, w.ids.Replace(body), header...)
}
