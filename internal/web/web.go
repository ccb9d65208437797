// Package web is the pages: complete HTML that works without scripts.
//
// A handler reads the request, calls one service method and fills a page. GET
// changes nothing but which notifications have been read; a POST that succeeds redirects (303), a refused form comes
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
	"github.com/klauspost/compress/gzhttp"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
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
	// guide is nil unless the style guide is switched on.
	guide *ui.Renderer
	live  *live
	pages http.Handler // the router that has them
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
	s := &Site{app: a, edge: edge, ui: r, live: newLive(a)}
	if a.Config.Styleguide {
		if s.guide, err = ui.NewGuide(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// page is a route to a page.
type page struct {
	method, pattern string
	handler         serve.HandlerFunc
	open            bool // for people who are not signed in, too
}

// Mount adds the pages and their assets to the router.
func (s *Site) Mount(r chi.Router) {
	s.pages = r
	r.Handle(assets.Prefix+"*", assets.Handler())
	r.Get("/live", s.edge.Handle(s.stream, s.fail)) // not compressed: what is sent arrives at once
	zip := packed()
	for _, p := range s.routes() {
		h := p.handler
		if !p.open {
			h = s.signedIn(h)
		}
		r.Method(p.method, p.pattern, zip(s.edge.Handle(s.readBy(h), s.fail)))
	}
	r.NotFound(s.edge.Handle(func(http.ResponseWriter, *http.Request, access.Actor) error {
		return fault.NotFound("page")
	}, s.fail))
}

// packed compresses pages, with a length that varies a little, so that nobody reads
// from it what they contain.
func packed() func(http.Handler) http.HandlerFunc {
	zip, err := gzhttp.NewWrapper(gzhttp.ContentTypes([]string{"text/html"}), gzhttp.MinSize(1400), gzhttp.RandomJitter(32, 0, false))
	if err != nil {
		panic(err) // the options above are wrong
	}
	return zip
}

// signedIn leads visitors to the sign-in page, unless the instance shows
// itself to visitors. They change nothing in any case, so a form that comes from
// nobody comes from somebody whose session has ended.
func (s *Site) signedIn(h serve.HandlerFunc) serve.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, a access.Actor) error {
		if a.Kind == access.Visitor && (s.edge.LoginRequired() || r.Method == http.MethodPost) {
			return fault.Unauthenticated("you need to be signed in")
		}
		if own, err := s.own(w, r, a); !own {
			return err
		}
		return h(w, r, a)
	}
}

// frame fills what every page says around its content.
func (s *Site) frame(r *http.Request, a access.Actor, title string) ui.Page {
	v := s.app.Settings.Get()
	say := speak(r)
	p := ui.Page{
		Lang: say.Tag(), Title: title, Instance: v.AppTitle, LoginHref: "/login", LogoutHref: "/logout",
		Footer: []ui.NavItem{{Label: "Holdfast"}},
	}
	path := r.URL.Path
	p.Reloads = strings.HasPrefix(path, "/admin/backups") // secrets that are shown once, downloads, and pages that renew themselves
	p.Searchable = a.Kind != access.Visitor || !s.edge.LoginRequired()
	if a.Kind == access.Visitor {
		return p
	}
	p.KeysOff, p.OwnKeys, p.Theme, p.Density = a.KeysOff, account.OwnKeys(a.OwnKeys).ByKey(), a.Theme, a.Density
	if a.Theme == "contrast" {
		p.Theme, p.Contrast = "", "more"
	}
	p.Create = s.creatable(r, a)
	p.Bell = s.bell(r, a)
	p.Actor = &ui.Person{ID: int64(a.ID), Name: a.Name, Detail: a.Login, Href: "/my/account"}
	p.Nav = []ui.NavItem{
		{Label: say.T("nav.home"), Href: "/", Icon: "house", Key: "g h", Current: path == "/"},
		{Label: say.T("common.projects"), Href: "/projects", Icon: "folder", Key: "g p", Current: strings.HasPrefix(path, "/projects")},
		{Label: say.T("common.work_packages"), Href: "/work_packages", Icon: "list-checks", Key: "g w", Current: strings.HasPrefix(path, "/work_packages")},
	}
	p.ActorMenu = []ui.NavItem{{Label: say.T("nav.my_account"), Href: "/my/account", Icon: "user"}}
	if a.Admin {
		p.Nav = append(p.Nav, ui.NavItem{Label: say.T("common.administration"), Href: "/admin", Icon: "settings", Current: strings.HasPrefix(path, "/admin")})
	}
	p.Toasts = s.done(r)
	p.Flash = s.demoBanner(say, path, a)
	if at, back := r.Context().Value(comingBack{}).(string); back {
		p.At = at
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Info, Title: say.T("kept.back"), Text: say.T("kept.back_text")})
	}
	s.atSide(r, a, &p)
	return p
}

// creatable is what the person can make from everywhere. An error is not told
// here: the page itself has met it or will meet it.
func (s *Site) creatable(r *http.Request, a access.Actor) []ui.NavItem {
	say := speak(r)
	items := []ui.NavItem{{Label: say.T("package.new_work_package"), Href: "/work_packages/new", Icon: "list-checks", Key: "c"}}
	if may, err := s.app.Projects.MayCreate(r.Context(), a); may && err == nil {
		items = append(items, ui.NavItem{Label: say.T("home.new_project"), Href: "/projects/new", Icon: "folder"})
	}
	return items
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
