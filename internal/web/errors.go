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
	Text, Hint, Reference string
	Back                  ui.Button
}

// fail answers with an error page; who is not signed in goes to sign in first.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, a access.Actor, err error, ref string) {
	r = s.reading(r, a)
	kind := fault.KindOf(err)
	if kind == fault.KindUnauthenticated && a.Kind == access.Visitor {
		http.Redirect(w, r, "/login?back_url="+url.QueryEscape(backURL(r)), http.StatusSeeOther)
		return
	}
	status, title, text := wording(kind)
	p := errorPage{Page: s.frame(r, a, title), Text: text, Back: ui.Link("Go to the home page", "/")}
	p.Flash = nil
	switch kind {
	case fault.KindForbidden, fault.KindConflict, fault.KindTooLarge, fault.KindUnsupported, fault.KindTooMany:
		p.Text = speak(r).sentence(err)
	case fault.KindInvalid:
		p.Text = "The request was refused: " + speak(r).summary(err)
	case fault.KindInternal, fault.KindNoSpace:
		p.Reference = ref
	case fault.KindNotFound, fault.KindUnauthenticated:
	}
	if f := fault.Of(err); f != nil && f.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())+1))
	}
	if rerr := s.ui.Render(w, status, "error", p); rerr != nil {
		s.app.Log.Error("error page could not be rendered", "error", rerr)
		http.Error(w, title, status)
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

func wording(kind fault.Kind) (status int, title, text string) {
	switch kind {
	case fault.KindNotFound:
		return http.StatusNotFound, "Not found", "There is nothing at this address, or you are not allowed to see it."
	case fault.KindForbidden:
		return http.StatusForbidden, "Not allowed", ""
	case fault.KindUnauthenticated:
		return http.StatusUnauthorized, "Sign in first", "You need to be signed in to see this."
	case fault.KindConflict:
		return http.StatusConflict, "Changed in the meantime", ""
	case fault.KindInvalid:
		return http.StatusUnprocessableEntity, "Refused", ""
	case fault.KindTooMany:
		return http.StatusTooManyRequests, "Too many attempts", ""
	case fault.KindTooLarge:
		return http.StatusRequestEntityTooLarge, "Too large", ""
	case fault.KindUnsupported:
		return http.StatusUnsupportedMediaType, "Not understood", ""
	case fault.KindNoSpace:
		return http.StatusInsufficientStorage, "The disk is full", "The disk of the server is full. Nothing was saved. Everything can still be read; tell your administrator to make room, then try again."
	case fault.KindInternal:
	}
	return http.StatusInternalServerError, "Something went wrong", "This is our mistake, not yours. Nothing was saved. Please try again; if it happens again, tell your administrator the reference below."
}
