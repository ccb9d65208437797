package apiv3_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/apiv3"
	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestSelectedPartsOnly(t *testing.T) {
	cases := []struct{ name, path, pick, want string }{
		{"a number", "/work_packages", "count", `{"count":20}`},
		{"of each element", "/work_packages?pageSize=2&sortBy=%5B%5B%22id%22%2C%22asc%22%5D%5D&filters=%5B%5D", "elements/id,elements/self", `{"_embedded":{"elements":[{"id":1,"_links":{"self":{"href":"/api/v3/work_packages/1",`},
		{"as a JSON array", "/types", `["total"]`, `{"total":`},
		{"a list without pages", "/work_packages/1/revisions", "total,count", `{"total":0,"count":0}`},
		{"one record", "/work_packages/1", "id,self", `{"id":1,"_links":{"self":`},
		{"everything but what is embedded", "/projects?pageSize=1", "*", `{"_type":"Collection","total":`},
		{"an action that is not allowed", "/projects/1", "id,delete", `{"id":1}`},
		{"a page that is not there", "/work_packages?pageSize=1000&filters=%5B%5D", "offset,nextByOffset", `{"offset":1}`},
		{"one project", "/projects/1", "identifier", `{"identifier":"observatory-renewal"}`},
		{"one user", "/users/me", "login", `{"login":"tomas"}`},
		{"the root", "", "instanceName", `{"instanceName":"`},
		{"nothing selected is everything", "/projects/1", "", `{"_type":"Project"`},
		{"an unknown name", "/work_packages/1", "id,colour", "InvalidSignal"},
		{"an unknown name in elements", "/work_packages", "elements/colour", "InvalidSignal"},
		{"a part of a link", "/work_packages/1", "self/href", "InvalidSignal"},
		{"no name", "/projects/1", ",", "InvalidSignal"},
	}
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		key := in.Key("tomas")
		for _, c := range cases {
			sep := "?"
			if strings.Contains(c.path, "?") {
				sep = "&"
			}
			res := in.Do(key, http.MethodGet, apiv3.Root+c.path+sep+"select="+url.QueryEscape(c.pick), "")
			body, status := apptest.Body(res), http.StatusOK
			if c.want == "InvalidSignal" {
				status = http.StatusBadRequest
			}
			if res.StatusCode != status || !strings.Contains(body, c.want) || status == 200 && c.pick != "" && c.pick != "*" && strings.Contains(body, "createdAt") {
				t.Errorf("%s: got %d %.300s, want %d with %s", c.name, res.StatusCode, body, status, c.want)
			}
		}
		if res := in.Do(key, http.MethodPost, apiv3.Root+"/work_packages/form?select=colour", `{}`); res.StatusCode != http.StatusOK {
			t.Errorf("a form with a selection: %d", res.StatusCode)
		}
	})
}
