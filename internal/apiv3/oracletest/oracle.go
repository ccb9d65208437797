// Package oracletest checks answers of the API against the official description
// of API v3, which lies outside the repository. Only tests import it.
//
// The description is OpenAPI 3.1 and is read once per process, with corrections
// that recorded answers of real servers make necessary. Tests are skipped where
// it is not there. Only answers are checked: real clients send requests that the
// description does not allow, and those are served.
//
// What the description is known to leave out is written down in known.go, each
// entry with its reason; everything else that differs fails the test.
package oracletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/errors"
)

// Oracle is the description, ready to check answers.
type Oracle struct {
	// mu guards v: the library compiles schemas on first use.
	mu  sync.Mutex
	v   validator.Validator
	ops operations
}

const halType = "application/hal+json"

// errorPath is added to the description so that any error can be checked
// against its schema of errors.
const errorPath = "/oracletest/error"

// New returns the oracle, and skips the test where the description is not there.
func New(t testing.TB) *Oracle {
	t.Helper()
	dir, err := find()
	if err != nil {
		t.Fatal(err)
	}
	if dir == "" {
		t.Skip("the description of API v3 is not here; set HOLDFAST_SHARED to the folder that holds apiv3/openapi.json")
	}
	o, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Validate fails the test when the answer to the request is not as described.
// The body of res can be read again afterwards.
func Validate(t testing.TB, req *http.Request, res *http.Response) {
	t.Helper()
	o := New(t)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	for _, problem := range o.Problems(req, res.StatusCode, res.Header, body) {
		t.Errorf("%s %s (%d): %s\n%.600s", req.Method, req.URL.Path, res.StatusCode, problem, body)
	}
}

// Problems lists how an answer differs from the description.
func (o *Oracle) Problems(req *http.Request, status int, header http.Header, body []byte) []string {
	if status < 400 && misdescribed.match(req.URL.Path) {
		return resourceProblems(body)
	}
	op, ok := o.ops.find(req.Method, req.URL.Path)
	if !ok {
		return o.undescribed(req, status, header, body)
	}
	described, ok := op.responses[status]
	if !ok {
		if unlisted[status] == "" {
			return []string{fmt.Sprintf("the description of %s %s has no status %d", req.Method, op.path, status)}
		}
		return o.errorProblems(status, header, body)
	}
	if !described.content {
		if len(body) > 0 && status == http.StatusNoContent {
			return []string{"an answer without content has a body"}
		}
		return nil
	}
	if len(body) == 0 {
		return []string{"the body is empty"}
	}
	return o.validate(req.Method, sample(op.path), status, header, body)
}

// undescribed checks what is not in the description: a resource that real
// servers have, a method that a path does not know, or a path that does not exist.
func (o *Oracle) undescribed(req *http.Request, status int, header http.Header, body []byte) []string {
	switch {
	case status >= 400:
		return o.errorProblems(status, header, body)
	case !undocumented.match(req.URL.Path):
		return []string{"the description does not know this operation; if real servers have it, name it in known.go"}
	case status >= 300 || status == http.StatusNoContent || !strings.HasPrefix(header.Get("Content-Type"), halType):
		return nil // a redirect, nothing, or a file
	}
	return resourceProblems(body)
}

// resourceProblems checks what every resource has.
func resourceProblems(body []byte) []string {
	var doc struct {
		Type  string                     `json:"_type"`
		Links map[string]json.RawMessage `json:"_links"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return []string{"the body is not a JSON object: " + err.Error()}
	}
	if doc.Type == "" || len(doc.Links) == 0 {
		return []string{"a resource has _type and _links"}
	}
	return nil
}

func (o *Oracle) errorProblems(status int, header http.Header, body []byte) []string {
	if len(body) == 0 {
		return []string{"the body is empty"}
	}
	if status == http.StatusNotAcceptable {
		return nil // plain text
	}
	return o.validate(http.MethodGet, errorPath, http.StatusOK, header, body)
}

func (o *Oracle) validate(method, path string, status int, header http.Header, body []byte) []string {
	req := httptest.NewRequest(method, path, nil)
	res := &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: req}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, errs := o.v.ValidateHttpResponse(req, res)
	var out []string
	for _, e := range errs {
		out = append(out, explain(e))
	}
	return out
}

func explain(e *errors.ValidationError) string {
	parts := []string{e.Message}
	if len(e.SchemaValidationErrors) == 0 {
		parts = append(parts, e.Reason)
	}
	for _, s := range e.SchemaValidationErrors {
		at := s.FieldPath
		if at == "" {
			at = "/" + strings.Join(s.InstancePath, "/")
		}
		parts = append(parts, at+": "+s.Reason)
	}
	return strings.Join(parts, "\n  ")
}

// find returns the folder of the description, "" when there is none. A folder
// that was named but holds no description is an error.
func find() (string, error) {
	if shared := os.Getenv("HOLDFAST_SHARED"); shared != "" {
		dir := filepath.Join(shared, "apiv3")
		if _, err := os.Stat(filepath.Join(dir, "openapi.json")); err != nil {
			return "", fmt.Errorf("HOLDFAST_SHARED: %w", err)
		}
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		beside := filepath.Join(filepath.Dir(dir), "shared", "apiv3")
		if _, err := os.Stat(filepath.Join(beside, "openapi.json")); err == nil {
			return beside, nil
		}
		return "", nil
	}
	return "", nil
}

// loaded keeps one oracle for each folder; reading it takes seconds.
var loaded sync.Map

func load(dir string) (*Oracle, error) {
	once, _ := loaded.LoadOrStore(dir, sync.OnceValues(func() (*Oracle, error) { return read(dir) }))
	return once.(func() (*Oracle, error))()
}

func read(dir string) (*Oracle, error) {
	text, err := patched(dir)
	if err != nil {
		return nil, err
	}
	ops, err := parseOperations(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %w", dir, errs[0])
	}
	return &Oracle{v: v, ops: ops}, nil
}

// patched returns the description with the corrections, the schema of errors
// under a path of its own, and no servers.
func patched(dir string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, "openapi.json"))
	if err != nil {
		return nil, err
	}
	errata, err := os.ReadFile(filepath.Join(dir, "errata.json"))
	if err != nil {
		return nil, err
	}
	for _, p := range [][]byte{errata, []byte(additions)} {
		patch, err := jsonpatch.DecodePatch(p)
		if err == nil {
			text, err = patch.Apply(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: correct the description: %w", dir, err)
		}
	}
	return text, nil
}

const additions = `[
	{"op": "replace", "path": "/servers", "value": [{"url": "/"}]},
	{"op": "add", "path": "/paths/~1oracletest~1error", "value": {"get": {"responses": {"200": {"description": "an error",
		"content": {"` + halType + `": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}}}}}}
]`

// sample is a path with 1 in place of every parameter: which resource was asked
// for does not matter to the shape of the answer, and clients may address it by
// an identifier where the description wants a number.
func sample(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "1"
		}
	}
	return (&url.URL{Path: strings.Join(parts, "/")}).String()
}
