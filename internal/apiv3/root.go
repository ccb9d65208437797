package apiv3

import (
	"io"
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/markup"
)

// root is the entry point. Visitors get it too, so that clients can find out
// what the server is before they sign in.
func (s *API) root(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if a.Kind == access.Visitor && s.edge.LoginRequired() {
		return fault.Unauthenticated("You need to be authenticated to access this resource.")
	}
	o := hal.New("Root")
	o.Str("instanceName", s.app.Settings.Get().AppTitle)
	if a.SignedIn() && a.Admin {
		o.Str("coreVersion", s.version())
	}
	o.Link("self", Root, s.app.Settings.Get().AppTitle)
	for _, l := range [][2]string{
		{"configuration", "/configuration"},
		{"memberships", "/memberships"},
		{"priorities", "/priorities"},
		{"principals", "/principals"},
		{"projects", "/projects"},
		{"relations", "/relations"},
		{"roles", "/roles"},
		{"statuses", "/statuses"},
		{"time_entries", "/time_entries"},
		{"types", "/types"},
		{"users", "/users"},
		{"versions", "/versions"},
		{"groups", "/groups"},
		{"userPreferences", "/my_preferences"},
		{"workPackages", "/work_packages"},
	} {
		o.Link(l[0], Root+l[1], "")
	}
	if a.SignedIn() {
		o.To("user", to(users, a.ID), a.Name)
	} else {
		o.To("user", to(users, access.AnonymousID), "Anonymous")
	}
	w.Header().Set("Link", `</api/v3/openapi.json>; rel="service-desc"`)
	return respond(w, r, http.StatusOK, o)
}

func (s *API) version() string {
	if s.app.Version == "" {
		return "development"
	}
	return s.app.Version
}

func (s *API) configuration(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	v := s.app.Settings.Get()
	o := hal.New("Configuration")
	o.Int("maximumAttachmentFileSize", s.app.Config.Attachment.MaxSize.Bytes())
	o.Int("maximumApiV3PageSize", int64(v.MaxPageSize))
	pages := make([]int64, len(v.PerPage))
	for i, n := range v.PerPage {
		pages[i] = int64(n)
	}
	o.Ints("perPageOptions", pages)
	o.Str("hostName", s.app.Config.BaseURL().Host)
	o.Str("durationFormat", "hours_only")
	o.Int("hoursPerDay", int64(v.HoursPerDay))
	o.Int("daysPerMonth", 20)
	o.Strs("activeFeatureFlags", nil)
	o.Link("self", Root+"/configuration", "")
	o.Link("userPreferences", Root+"/my_preferences", "")
	return respond(w, r, http.StatusOK, o)
}

// maxRender bounds text that is only rendered.
const maxRender = 1 << 20

func (s *API) renderMarkdown(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	return renderText(w, r, func(t string) string { return string(markup.Render(t)) })
}

func (s *API) renderPlain(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	return renderText(w, r, func(t string) string { return string(markup.Plain(t)) })
}

func renderText(w http.ResponseWriter, r *http.Request, render func(string) string) error {
	if kind := r.Header.Get("Content-Type"); kind != "" && !strings.HasPrefix(kind, "text/plain") {
		return fault.Unsupported("Expected CONTENT-TYPE to be 'text/plain' but got '" + kind + "'.")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRender))
	if err != nil {
		return fault.TooLarge("The text is larger than allowed.")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, render(string(text))) // a client that has gone needs no answer
	return nil
}
