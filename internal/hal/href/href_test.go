package href_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/hal/href"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]href.Ref{
		"/api/v3/users/5":                            {Resource: "users", ID: 5},
		"/api/v3/users/5/":                           {Resource: "users", ID: 5},
		"api/v3/users/5":                             {Resource: "users", ID: 5},
		"/api/v3/users/5?a=b#c":                      {Resource: "users", ID: 5},
		"/api/v3/users/me":                           {Resource: "users", Name: "me"},
		"https://work.example/api/v3/users/5":        {Resource: "users", ID: 5},
		"http://work.example:8080/op/api/v3/users/5": {Resource: "users", ID: 5},
		"/op/api/v3/users/5":                         {Resource: "users", ID: 5},
		"/api/v3/projects/demo":                      {Resource: "projects", Name: "demo"},
		"/api/v3/workspaces/demo":                    {Resource: "projects", Name: "demo"},
		"/api/v3/workspaces/7":                       {Resource: "projects", ID: 7},
		"/api/v3/projects/caf%C3%A9%20x":             {Resource: "projects", Name: "café x"},
		"/api/v3/projects/%34%32":                    {Resource: "projects", ID: 42},
		"/api/v3/work_packages/TST-12":               {Resource: "work_packages", Name: "TST-12"},
		"/api/v3/time_entries/activities/3":          {Resource: "time_entries/activities", ID: 3},
		"/api/v3/work_packages/schemas/14-6":         {Resource: "work_packages/schemas", Name: "14-6"},
		"/api/v3/users/05":                           {Resource: "users", Name: "05"},
		"/api/v3/users/0":                            {Resource: "users", Name: "0"},
		"/api/v3/users/99999999999999999999":         {Resource: "users", Name: "99999999999999999999"},
		"/api/v3/users/+5":                           {Resource: "users", Name: "+5"},
		"urn:openproject-org:api:v3:undisclosed":     {Undisclosed: true},
	} {
		got, err := href.Parse(in)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "5", "users/5", "/users/5", "/api/v3", "/api/v3/", "/api/v3/users", "/api/v3/users/", "/api/v3//5", "/api/v4/users/5",
		"/api/v3/users/..", "/api/v3/users/%2e%2e", "/api/v3/users/a%2Fb", "/api/v3/users/a%00b", "/api/v3/users/%ff", "/api/v3/users/%zz",
		"/api/v3/users//5", "ftp://work.example/api/v3/users/5", "javascript:/api/v3/users/5", "urn:openproject-org:api:v3:users/5",
		"/xapi/v3/users/5", "http://[::1/api/v3/users/5", "/api/v3/users/" + strings.Repeat("x", 2000),
	} {
		if got, err := href.Parse(in); !errors.Is(err, href.ErrFormat) {
			t.Errorf("%s: got %+v, %v, want ErrFormat", in, got, err)
		}
	}
}

func TestParseAs(t *testing.T) {
	if r, err := href.ParseAs("/api/v3/groups/4", "users", "groups"); err != nil || r.ID != 4 || r.Last() != "4" {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := href.ParseAs("/api/v3/workspaces/demo", "projects"); err != nil || r.Last() != "demo" {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := href.ParseAs("urn:openproject-org:api:v3:undisclosed", "projects"); err != nil || !r.Undisclosed {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := href.ParseAs("nonsense", "users"); !errors.Is(err, href.ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
	var mismatch *href.MismatchError
	_, err := href.ParseAs("/api/v3/statuses/1", "users", "groups")
	if !errors.As(err, &mismatch) || mismatch.Got != "statuses" || len(mismatch.Expected) != 2 || !strings.Contains(err.Error(), "users or groups") {
		t.Errorf("got %v, want a mismatch", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/api/v3/users/5", "https://a/b/api/v3/projects/caf%C3%A9", "/api/v3/a/b/c?x#y", "urn:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := href.Parse(s)
		switch {
		case err != nil:
			if !errors.Is(err, href.ErrFormat) {
				t.Errorf("%q: an error of no kind: %v", s, err)
			}
		case r.Undisclosed:
		case r.Resource == "" || (r.ID > 0) == (r.Name != "") || r.Last() == "" || strings.ContainsAny(r.Name, "/\x00"):
			t.Errorf("%q: got %+v", s, r)
		}
	})
}
