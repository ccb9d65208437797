// Package apiv3 speaks OpenProject's API v3: HAL documents over the services.
//
// A handler decodes the request, calls one service method, represents the
// result and sets the status; it returns an error instead of writing one.
// Files come in threes by resource: handlers (users.go), representers
// (users_doc.go) and payloads (users_in.go). A representer is a pure function
// of loaded values; an action link is there exactly when the action is allowed.
package apiv3

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/klauspost/compress/gzip"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/serve"
)

// Root is the path below which the API answers.
const Root = "/api/v3"

// API serves the API of an instance.
type API struct {
	app  *app.App
	edge *serve.Edge
}

// New returns the API.
func New(a *app.App, edge *serve.Edge) *API { return &API{app: a, edge: edge} }

// route is one line of the table in routes.go.
type route struct {
	method, pattern string
	handler         serve.HandlerFunc
	// open routes answer visitors even when a login is required.
	open bool
}

// Mount adds the API to the router.
func (s *API) Mount(r chi.Router) {
	sub := chi.NewRouter()
	for _, rt := range s.routes() {
		h := rt.handler
		if !rt.open {
			h = s.guarded(h)
		}
		sub.Method(rt.method, rt.pattern, s.edge.Handle(h, s.fail))
	}
	missing := s.edge.Handle(s.guarded(func(http.ResponseWriter, *http.Request, access.Actor) error {
		return fault.NotFound("resource")
	}), s.fail)
	sub.NotFound(missing)
	sub.MethodNotAllowed(missing) // clients take 404 for "not there" and stumble over 405
	r.Mount(Root, sub)
}

// guarded keeps visitors out where a login is required.
func (s *API) guarded(h serve.HandlerFunc) serve.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, a access.Actor) error {
		if a.Kind == access.Visitor && s.edge.LoginRequired() {
			return fault.Unauthenticated("You need to be authenticated to access this resource.")
		}
		return h(w, r, a)
	}
}

// compressFrom is the size from which an answer is compressed when asked for.
const compressFrom = 1400

// respond writes a document, or the parts of it that were selected.
func respond(w http.ResponseWriter, r *http.Request, status int, o *hal.Object) error {
	doc, err := chosen(r, o.Doc())
	if err != nil {
		return err
	}
	return write(w, r, status, doc)
}

func write(w http.ResponseWriter, r *http.Request, status int, doc hal.Doc) error {
	h := w.Header()
	h.Set("Content-Type", hal.ContentType)
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Accept-Encoding")
	if len(doc) < compressFrom || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Length", strconv.Itoa(len(doc)))
		w.WriteHeader(status)
		_, _ = w.Write(doc) // a client that has gone needs no answer
		return nil
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	_, _ = z.Write(doc) // a client that has gone needs no answer
	_ = z.Close()
	return nil
}

// noContent answers a deletion.
func noContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// object is a decoded JSON object whose members are read one by one.
type object map[string]json.RawMessage

// Codes of faults of this package.
const (
	codeBody        = "invalid_body"
	codeContentType = "content_type_missing"
	codeBadRequest  = "bad_request"
	codeFormat      = "format"
	codeMismatch    = "resource_type_mismatch"
)

// maxDepth bounds the nesting of a body.
const maxDepth = 32

// decode reads the body as one JSON object. A form may be asked for without a
// body.
func (s *API) decode(w http.ResponseWriter, r *http.Request, optional bool) (object, error) {
	kind := r.Header.Get("Content-Type")
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.app.Config.MaxBody.Bytes()))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, fault.TooLarge("The request is larger than allowed.")
	case err != nil:
		return nil, bodyError("The request body could not be read.")
	case len(bytes.TrimSpace(data)) == 0 && optional:
		return object{}, nil
	case kind == "":
		return nil, &fault.Fault{Kind: fault.KindUnsupported, Code: codeContentType, Message: "Missing content-type header"}
	}
	if m, _, err := mime.ParseMediaType(kind); err != nil || m != "application/json" && m != "application/hal+json" {
		return nil, fault.Unsupported("Expected CONTENT-TYPE to be expected to be 'application/json' but got '" + kind + "'.")
	}
	if !shallow(data) {
		return nil, bodyError("The request body is nested too deeply.")
	}
	var o object
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&o); err != nil || d.More() || o == nil {
		return nil, bodyError("The request body was not a single JSON object.")
	}
	return o, nil
}

func bodyError(message string) error {
	return &fault.Fault{Kind: fault.KindInvalid, Code: codeBody, Message: message}
}

// shallow says whether the nesting of JSON text stays below the limit.
func shallow(data []byte) bool {
	depth, inText := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// listing is what the query of a list says.
type listing struct {
	filters []filter.Condition
	given   bool // whether filters were given at all
	sort    []filter.Sort
	page    filter.Page
}

// listing reads filters, sortBy, offset and pageSize.
func (s *API) listing(r *http.Request) (listing, error) {
	q, v := r.URL.Query(), s.app.Settings.Get()
	var l listing
	var err error
	if l.page, err = filter.ParsePage(q, smallest(v.PerPage), v.MaxPageSize); err != nil {
		return l, err
	}
	if l.given = q.Has("filters"); l.given && q.Get("filters") != "" {
		if l.filters, err = filter.Parse(q.Get("filters")); err != nil {
			return l, err
		}
	}
	l.sort, err = filter.ParseSort(q.Get("sortBy"))
	return l, err
}

func smallest(of []int) int {
	n := 20
	for i, v := range of {
		if i == 0 || v < n {
			n = v
		}
	}
	return n
}

// paging describes the page for the links of the answer.
func (l listing) paging(r *http.Request, total int) hal.Paging {
	q := url.Values{}
	for _, k := range []string{"filters", "sortBy", "groupBy", "showSums", "select"} {
		if r.URL.Query().Has(k) {
			q.Set(k, r.URL.Query().Get(k))
		}
	}
	return hal.Paging{Path: r.URL.Path, Query: q, Total: total, Size: l.page.Size, Number: l.page.Number}
}
