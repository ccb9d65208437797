package oracletest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/hal"
)

func priorities() hal.Doc {
	p := hal.New("Priority")
	p.Int("id", 1)
	p.Str("name", "Normal")
	p.Int("position", 1)
	p.Bool("isDefault", true)
	p.Bool("isActive", true)
	p.Link("self", "/api/v3/priorities/1", "Normal")
	c := hal.NewCollection(hal.TypeCollection)
	c.Add(p)
	return c.All("/api/v3/priorities").Doc()
}

func news() hal.Doc {
	return hal.NewCollection(hal.TypeCollection).
		Page(hal.Paging{Path: "/api/v3/users", Query: url.Values{"filters": {"[]"}}, Total: 41, Size: 20, Number: 2}).Doc()
}

func plain(name hal.ErrorName, attribute string) hal.Doc {
	return hal.Error{Name: name, Message: "No.", Attribute: attribute}.Doc()
}

const halUTF8 = hal.ContentType

func TestGoodAnswersPass(t *testing.T) {
	several := hal.Errors("Several.", []hal.Error{{Name: hal.PropertyIsReadOnly}, {Name: hal.PropertyMissingError}}).Doc()
	for _, c := range []struct {
		name, method, path string
		status             int
		contentType        string
		body               hal.Doc
	}{
		{"a list", "GET", "/api/v3/priorities", 200, halUTF8, priorities()},
		{"a page of a list", "GET", "/api/v3/users?offset=2", 200, halUTF8, news()},
		{"a described error", "GET", "/api/v3/projects/5", 404, halUTF8, plain(hal.NotFound, "")},
		{"a project by its identifier", "GET", "/api/v3/projects/demo", 404, halUTF8, plain(hal.NotFound, "")},
		{"several errors", "POST", "/api/v3/work_packages", 422, halUTF8, several},
		{"an error nobody described", "GET", "/api/v3/priorities", 429, halUTF8, plain(hal.TooManyRequests, "")},
		{"a method that does not exist", "DELETE", "/api/v3/priorities", 405, halUTF8, plain(hal.NotFound, "")},
		{"a path that does not exist", "GET", "/api/v3/nothing", 404, halUTF8, plain(hal.NotFound, "")},
		{"plain text for a missing content type", "POST", "/api/v3/nothing", 406, "text/plain", hal.Doc("Missing content-type header")},
		{"nothing", "DELETE", "/api/v3/work_packages/5", 204, "", nil},
		{
			"a resource that is not described", "GET", "/api/v3/job_statuses/x", 200, halUTF8,
			hal.Doc(`{"_type":"JobStatus","_links":{"self":{"href":"/api/v3/job_statuses/x"}}}`),
		},
		{"a file", "GET", "/api/v3/attachments/1/content", 200, "image/png", hal.Doc("x")},
	} {
		req, res := exchange(c.method, c.path, c.status, c.contentType, c.body)
		rec := &recorder{TB: t}
		Validate(rec, req, res)
		if len(rec.errors) > 0 {
			t.Errorf("%s: %s", c.name, strings.Join(rec.errors, "\n"))
		}
		if again, err := io.ReadAll(res.Body); err != nil || string(again) != string(c.body) {
			t.Errorf("%s: the body cannot be read again: %q, %v", c.name, again, err)
		}
	}
}

func TestWrongAnswersFail(t *testing.T) {
	good := string(priorities())
	for _, c := range []struct {
		name, method, path string
		status             int
		contentType, body  string
		want               string
	}{
		{"a text for a number", "GET", "/api/v3/priorities", 200, halUTF8, strings.Replace(good, `"total":1`, `"total":"1"`, 1), "total"},
		{"a missing link", "GET", "/api/v3/priorities", 200, halUTF8, strings.Replace(good, `"self":{"href":"/api/v3/priorities"}`, `"x":{"href":null}`, 1), "self"},
		{"a link without address", "GET", "/api/v3/priorities", 200, halUTF8, strings.Replace(good, `"href":"/api/v3/priorities/1",`, ``, 1), "href"},
		{"no JSON", "GET", "/api/v3/priorities", 200, halUTF8, `{"_type":`, ""},
		{"an empty body", "GET", "/api/v3/priorities", 200, halUTF8, "", "empty"},
		{"an empty error", "GET", "/api/v3/priorities", 401, halUTF8, "", "empty"},
		{"another content type", "GET", "/api/v3/priorities", 200, "application/json", good, "application/json"},
		{"a status nobody described", "GET", "/api/v3/priorities", 201, halUTF8, good, "no status 201"},
		{"an error that is none", "GET", "/api/v3/priorities", 429, halUTF8, `{"_type":"Error","message":"no"}`, "errorIdentifier"},
		{"a described error that is none", "GET", "/api/v3/projects/5", 404, halUTF8, `{}`, "errorIdentifier"},
		{"a path nobody described", "GET", "/api/v3/nothing", 200, halUTF8, good, "does not know"},
		{"a body where there is nothing", "DELETE", "/api/v3/work_packages/5", 204, halUTF8, "{}", "without content"},
		{"no object where nothing is described", "GET", "/api/v3/job_statuses/x", 200, halUTF8, "[", "not a JSON object"},
		{"no type where nothing is described", "GET", "/api/v3/job_statuses/x", 200, halUTF8, "{}", "_type"},
	} {
		req, res := exchange(c.method, c.path, c.status, c.contentType, hal.Doc(c.body))
		rec := &recorder{TB: t}
		Validate(rec, req, res)
		if len(rec.errors) == 0 || !strings.Contains(strings.Join(rec.errors, "\n"), c.want) {
			t.Errorf("%s: got %q, want a problem with %q", c.name, rec.errors, c.want)
		}
	}
}

func exchange(method, path string, status int, contentType string, body hal.Doc) (*http.Request, *http.Response) {
	w := httptest.NewRecorder()
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return httptest.NewRequest(method, path, nil), w.Result()
}

// recorder notes errors instead of failing the test.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	text := format
	for _, a := range args {
		if s, ok := a.(string); ok {
			text += " " + s
		}
	}
	r.errors = append(r.errors, text)
}

func TestWordsBeatParameters(t *testing.T) {
	ops, err := parseOperations([]byte(`{"paths": {
		"/a/{id}": {"get": {"responses": {"200": {"content": {"x": {}}}}}, "parameters": []},
		"/a/form": {"get": {"responses": {"204": {}}}},
		"/a/{id}/b": {"get": {"responses": {"404": {"$ref": "#/components/responses/Gone"}}}}},
		"components": {"responses": {"Gone": {"content": {"x": {}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/a/5": "/a/{id}", "/a/form": "/a/form", "/a/5/": "/a/{id}", "/a/form/b": "/a/{id}/b"} {
		if op, ok := ops.find("GET", path); !ok || op.path != want {
			t.Errorf("%s: got %s, %v, want %s", path, op.path, ok, want)
		}
	}
	for _, path := range []string{"/b/5", "/a//", "/a//b", "/"} {
		if op, ok := ops.find("GET", path); ok {
			t.Errorf("%s: got %s", path, op.path)
		}
	}
	if _, ok := ops.find("POST", "/a/5"); ok {
		t.Error("found a method that is not there")
	}
	if op, _ := ops.find("GET", "/a/5/b"); !op.responses[404].content {
		t.Error("a shared answer was not followed")
	}
}

func TestTheDescriptionIsFoundOrNamedMissing(t *testing.T) {
	t.Setenv("HOLDFAST_SHARED", t.TempDir())
	if _, err := find(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a named folder without description: got %v", err)
	}
	shared := t.TempDir()
	write(t, filepath.Join(shared, "apiv3", "openapi.json"), `{`)
	t.Setenv("HOLDFAST_SHARED", shared)
	if dir, err := find(); err != nil || dir != filepath.Join(shared, "apiv3") {
		t.Errorf("a named folder: got %s, %v", dir, err)
	}
	t.Setenv("HOLDFAST_SHARED", "")
	parent := t.TempDir()
	write(t, filepath.Join(parent, "repo", "go.mod"), "")
	write(t, filepath.Join(parent, "repo", "internal", "x.go"), "")
	t.Chdir(filepath.Join(parent, "repo", "internal"))
	if dir, err := find(); err != nil || dir != "" {
		t.Errorf("nothing beside the repository: got %s, %v", dir, err)
	}
	write(t, filepath.Join(parent, "shared", "apiv3", "openapi.json"), `{`)
	if dir, err := find(); err != nil || dir != filepath.Join(parent, "shared", "apiv3") {
		t.Errorf("beside the repository: got %s, %v", dir, err)
	}
}

func TestBrokenDescriptionsAreErrors(t *testing.T) {
	for name, files := range map[string][2]string{
		"no description":            {"", "[]"},
		"no corrections":            {`{}`, ""},
		"corrections are no patch":  {`{}`, `{`},
		"corrections do not fit":    {`{}`, `[{"op":"remove","path":"/paths/x"}]`},
		"nothing to add errors to":  {`{}`, `[]`},
		"operations are no objects": {`{"servers":[],"paths":{"/x":5}}`, `[]`},
		"not OpenAPI":               {`{"servers":[],"paths":{}}`, `[]`},
	} {
		dir := t.TempDir()
		for i, file := range []string{"openapi.json", "errata.json"} {
			if files[i] != "" {
				write(t, filepath.Join(dir, file), files[i])
			}
		}
		if _, err := load(dir); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
