// Package web is the pages: complete HTML that works without scripts.
//
// A handler reads the request, calls one service method and fills a page. GET
// changes nothing; a POST that succeeds redirects (303), a refused form comes
// back with what was typed and each error at its field (422). Who is not signed
// in is led to the sign-in page and back again.
package web

import (
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/assets"
	"github.com/holdfast/holdfast/internal/web/ui"
)

//go:embed templates/*.html
var templates embed.FS

// Site serves the pages of an instance.
type Site struct {
	app  *app.App
	edge *serve.Edge
	ui   *ui.Renderer
}

// New parses the pages.
func New(a *app.App, edge *serve.Edge) (*Site, error) {
	pages, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	r, err := ui.New(pages)
	if err != nil {
		return nil, err
	}
	return &Site{app: a, edge: edge, ui: r}, nil
}

// page is a route to a page.
type page struct {
	method, pattern string
	handler         serve.HandlerFunc
	open            bool // for people who are not signed in, too
}

// Mount adds the pages and their assets to the router.
func (s *Site) Mount(r chi.Router) {
	r.Handle(assets.Prefix+"*", assets.Handler())
	for _, p := range s.routes() {
		h := p.handler
		if !p.open {
			h = s.signedIn(h)
		}
		r.Method(p.method, p.pattern, s.edge.Handle(h, s.fail))
	}
	r.NotFound(s.edge.Handle(func(http.ResponseWriter, *http.Request, access.Actor) error {
		return fault.NotFound("page")
	}, s.fail))
}

// signedIn leads visitors to the sign-in page, unless the instance shows
// itself to visitors.
func (s *Site) signedIn(h serve.HandlerFunc) serve.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, a access.Actor) error {
		if a.Kind == access.Visitor && s.edge.LoginRequired() {
			return fault.Unauthenticated("you need to be signed in")
		}
		return h(w, r, a)
	}
}

// frame fills what every page says around its content.
func (s *Site) frame(r *http.Request, a access.Actor, title string) ui.Page {
	v := s.app.Settings.Get()
	p := ui.Page{
		Title: title, Instance: v.AppTitle, LoginHref: "/login", LogoutHref: "/logout",
		Footer: []ui.NavItem{{Label: "Holdfast"}},
	}
	path := r.URL.Path
	p.Reloads = strings.HasPrefix(path, "/admin/backups") // secrets that are shown once, downloads, and pages that renew themselves
	if a.Kind == access.Visitor {
		return p
	}
	p.Actor = &ui.Person{ID: int64(a.ID), Name: a.Name, Detail: a.Login, Href: "/my/account"}
	p.Nav = []ui.NavItem{
		{Label: "Home", Href: "/", Icon: "house", Current: path == "/"},
		{Label: "Projects", Href: "/projects", Icon: "folder", Current: strings.HasPrefix(path, "/projects")},
		{Label: "Work packages", Href: "/work_packages", Icon: "list-checks", Current: strings.HasPrefix(path, "/work_packages")},
	}
	p.ActorMenu = []ui.NavItem{{Label: "My account", Href: "/my/account", Icon: "user"}}
	if a.Admin {
		p.Nav = append(p.Nav, ui.NavItem{Label: "Administration", Href: "/admin", Icon: "settings", Current: strings.HasPrefix(path, "/admin")})
	}
	if notice := r.URL.Query().Get("done"); notice != "" && done[notice] != "" {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Success, Text: done[notice]})
	}
	return p
}

// done are the messages after a redirect; the address carries only the key, so
// that nobody can put words into a page.
var done = map[string]string{
	"saved":        "Saved.",
	"created":      "Created.",
	"deleted":      "Deleted. It can be brought back from the trash.",
	"password":     "Your password has been changed. Other sessions have been signed out.",
	"key_revoked":  "The API key is revoked.",
	"session":      "The session has been signed out.",
	"invited":      "The invitation is on its way.",
	"locked":       "The user is locked. All sessions have ended.",
	"unlocked":     "The user is unlocked.",
	"mail_sent":    "The mail server accepted the test mail.",
	"mail_retry":   "The mail will be tried again.",
	"released":     "Outgoing mail is released.",
	"recovery":     "If there is an account with this address, a mail with a link is on its way.",
	"registered":   "Thank you. An administrator has to activate your account.",
	"uploaded":     "The file is attached.",
	"token_gone":   "The backup token is deleted.",
	"check":        "It has been queued; reload the page to see how it went.",
	"requested":    "The backup has been requested.",
	"retrieved":    "It has been brought back.",
	"cancelled":    "The backup will be cancelled.",
	"job_retry":    "The job will be tried again.",
	"comment":      "Your comment has been added.",
	"file_deleted": "The file is deleted.",
	"user_deleted": "The user is deleted.",
}

// location is the reader's time zone.
func location(a access.Actor) *time.Location {
	if loc, err := time.LoadLocation(a.TimeZone); err == nil && a.TimeZone != "" {
		return loc
	}
	return time.UTC
}

// maxForm bounds forms that are no uploads.
const maxForm = 2 << 20

// form parses a posted form.
func form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.TooLarge("the form is larger than allowed")
	case err != nil:
		return fault.Unsupported("the form could not be read")
	}
	return nil
}

// redirect answers a successful POST.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// local returns a path of this site, or the home page: a redirect leads nowhere else.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return "/"
	}
	return path
}
