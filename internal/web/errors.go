package web

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type errorPage struct {
	ui.Page
	Icon, Text, Reference string
	Ways                  []ui.Button // where one may go from here
}

// fail answers with an error page; who is not signed in goes to sign in first.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, a access.Actor, err error, ref string) {
	r = s.reading(r, a)
	kind := fault.KindOf(err)
	if kind == fault.KindUnauthenticated && a.Kind == access.Visitor {
		if kept := s.ended(w, r); kept != "" {
			if rerr := s.askAgain(w, r, kept); rerr == nil {
				return
			}
		}
		http.Redirect(w, r, "/login?back_url="+url.QueryEscape(backURL(r)), http.StatusSeeOther)
		return
	}
	say, fail := speak(r), failureOf(kind)
	title := say.T("error." + fail.key)
	p := errorPage{Page: s.frame(r, a, title), Icon: fail.icon, Ways: []ui.Button{ui.Link(say.T("error.home"), "/")}}
	p.Flash, p.HideTitle = nil, true
	if p.Searchable && kind == fault.KindNotFound {
		p.Ways = append(p.Ways, ui.Link(say.T("search.search"), "/search").WithIcon("search"))
	}
	switch kind {
	case fault.KindForbidden, fault.KindConflict, fault.KindTooLarge, fault.KindUnsupported, fault.KindTooMany:
		p.Text = say.sentence(err)
	case fault.KindInvalid:
		p.Text = say.T("error.refused", "why", say.summary(err))
	case fault.KindInternal, fault.KindNoSpace:
		p.Reference = ref
		fallthrough
	case fault.KindNotFound, fault.KindUnauthenticated:
		p.Text = say.T("error." + fail.key + "_text")
	}
	if f := fault.Of(err); f != nil && f.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())+1))
	}
	if rerr := s.ui.Render(w, fail.status, "error", p); rerr != nil {
		s.app.Log.Error("error page could not be rendered", "error", rerr)
		http.Error(w, title, fail.status)
	}
}

// backURL is where to go after signing in: the page itself, or for a form that
// was posted, the page it stands on.
func backURL(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	if ref, err := url.Parse(r.Referer()); err == nil && ref.Host == r.Host {
		return ref.RequestURI()
	}
	return "/"
}

// failure is how a kind of fault is answered: the status, the part of the keys of
// what the page says, and its icon.
type failure struct {
	status    int
	key, icon string
}

var failures = map[fault.Kind]failure{
	fault.KindNotFound:        {http.StatusNotFound, "not_found", "search"},
	fault.KindForbidden:       {http.StatusForbidden, "forbidden", "lock"},
	fault.KindUnauthenticated: {http.StatusUnauthorized, "unauthenticated", "lock"},
	fault.KindConflict:        {http.StatusConflict, "conflict", "history"},
	fault.KindInvalid:         {http.StatusUnprocessableEntity, "invalid", "circle-alert"},
	fault.KindTooMany:         {http.StatusTooManyRequests, "too_many", "clock"},
	fault.KindTooLarge:        {http.StatusRequestEntityTooLarge, "too_large", "file"},
	fault.KindUnsupported:     {http.StatusUnsupportedMediaType, "unsupported", "file"},
	fault.KindNoSpace:         {http.StatusInsufficientStorage, "no_space", "database"},
}

func failureOf(kind fault.Kind) failure {
	if f, ok := failures[kind]; ok {
		return f
	}
	return failure{http.StatusInternalServerError, "internal", "triangle-alert"}
}
