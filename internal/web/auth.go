package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// client says where a request comes from.
func client(r *http.Request) account.Client {
	return account.Client{IP: serve.ClientIP(r), UserAgent: r.UserAgent()}
}

// enter gives the browser its session.
func (s *Site) enter(w http.ResponseWriter, r *http.Request, in account.SignedIn, to string) error {
	http.SetCookie(w, &http.Cookie{
		Name: serve.SessionCookie, Value: in.Token, Path: "/", Expires: in.Expires,
		HttpOnly: true, Secure: s.edge.Secure(), SameSite: http.SameSiteLaxMode,
	})
	if err := s.markBrowser(w, r, in); err != nil {
		return err
	}
	return s.bringBack(w, r, in.Actor.ID, in.Token, to)
}

func (s *Site) forget(w http.ResponseWriter, name, path string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: path, Expires: time.Unix(1, 0), MaxAge: -1,
		HttpOnly: true, Secure: s.edge.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

type loginPage struct {
	ui.Page
	Username, Password ui.Field
	BackURL            string
	Kept               string // a form that comes back, sealed
	Providers          []ui.Button
	Register           bool
	Problems           ui.ErrorSummary
}

func (s *Site) loginForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	if a.SignedIn() {
		return redirect(w, r, local(r.URL.Query().Get("back_url")))
	}
	need, err := s.app.Accounts.NeedsSetup(r.Context())
	if err != nil {
		return err
	}
	p := s.login(r, r.URL.Query().Get("back_url"))
	if need {
		p.Flash = append(p.Flash, ui.Alert{
			Tone: ui.Info, Title: say.T("auth.this_instance_has_no_administrator"),
			Text: say.T("auth.open_setup_link"),
		})
	}
	return s.ui.Render(w, http.StatusOK, "login", p)
}

func (s *Site) login(r *http.Request, back string) loginPage {
	say := speak(r)
	p := loginPage{
		Page: s.frame(r, access.Anonymous(""), say.T("common.sign_in")), BackURL: back, Register: s.app.Settings.Get().SelfRegistration,
		Username: ui.Text("username", say.T("auth.login_or_email"), ""), Password: ui.Password("password", say.T("common.password"), "current-password"),
	}
	p.Reloads = r.Header.Get("Turbo-Frame") != "" // a frame has no place for it
	p.Username.Autocomplete, p.Username.Autofocus = "username", true
	for _, t := range s.done(r) { // a message that stays
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Success, Text: t.Text})
	}
	for _, provider := range s.app.Accounts.Providers() {
		href := "/auth/" + provider.Slug + "?back_url=" + url.QueryEscape(back)
		p.Providers = append(p.Providers, ui.Button{Label: say.T("auth.continue_with", "name", provider.Name), Href: href, Icon: "key-round", Wide: true, Whole: true})
	}
	return p
}

func (s *Site) signIn(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	name, back := r.PostForm.Get("username"), r.PostForm.Get("back_url")
	in, err := s.app.Accounts.SignIn(r.Context(), name, r.PostForm.Get("password"), client(r))
	if err == nil {
		return s.enter(w, r, in, back)
	}
	f := fault.Of(err)
	if f == nil {
		return err
	}
	if f.Code == account.CodePasswordChange {
		return s.forcedForm(w, r, name, back, nil)
	}
	p := s.login(r, back)
	p.Username.Value = name
	p.Flash = []ui.Alert{{Tone: ui.Danger, Text: speak(r).sentence(err)}}
	p.keep(speak(r), r.PostForm.Get(keptField))
	status := failureOf(f.Kind).status
	if f.Kind == fault.KindUnauthenticated {
		status = http.StatusUnprocessableEntity
	}
	return s.ui.Render(w, status, "login", p)
}

func (s *Site) signOut(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if a.SignedIn() {
		if err := s.app.Accounts.SignOut(r.Context(), a); err != nil {
			return err
		}
	}
	s.forget(w, serve.SessionCookie, "/")
	return redirect(w, r, "/login")
}

// passwordPage is every page on which someone chooses a password.
type passwordPage struct {
	ui.Page
	Action   string
	Hidden   map[string]string
	Fields   []ui.Field
	Submit   string
	Problems ui.ErrorSummary
}

func (s *Site) passwordPage(r *http.Request, title, action, submit string, err error, fields ...ui.Field) passwordPage {
	p := passwordPage{Page: s.frame(r, access.Anonymous(""), title), Action: action, Submit: submit, Hidden: map[string]string{}}
	p.fill(speak(r), err, fields)
	return p
}

// fill sets the fields, with what was wrong with them.
func (p *passwordPage) fill(say reader, err error, fields []ui.Field) {
	m := say.messages(err)
	var problems []ui.Problem
	for _, f := range fields {
		f = f.Wrong(m[f.Name])
		problems = append(problems, f.Problem())
		p.Fields = append(p.Fields, f)
	}
	p.Problems = ui.Problems(problems...)
	if err != nil && len(p.Problems.Items) == 0 {
		p.Flash = []ui.Alert{{Tone: ui.Danger, Text: say.summary(err)}}
	}
}

func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	status := failureOf(fault.KindOf(err)).status
	if status == http.StatusUnauthorized {
		return http.StatusUnprocessableEntity
	}
	return status
}

func newPassword(say reader, name string) ui.Field {
	return ui.Password(name, say.T("auth.new_password"), "new-password").Require().Hinted(say.T("auth.password_hint"))
}

func (s *Site) forcedForm(w http.ResponseWriter, r *http.Request, login, back string, err error) error {
	say := speak(r)
	p := s.passwordPage(r, say.T("auth.choose_a_new_password"), "/login/password", say.T("auth.change_password_and_sign_in"), err,
		ui.Password("current", say.T("auth.current_password"), "current-password").Require(), newPassword(say, "password"))
	p.Lead = say.T("auth.set_by_somebody_else")
	p.Hidden["username"], p.Hidden["back_url"] = login, back
	if kept := r.PostForm.Get(keptField); kept != "" {
		p.Hidden[keptField] = kept
	}
	return s.ui.Render(w, statusOf(err), "password", p)
}

func (s *Site) forcedChange(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in, err := s.app.Accounts.ChangeForcedPassword(r.Context(), f.Get("username"), f.Get("current"), f.Get("password"), client(r))
	if fault.Of(err) != nil {
		return s.forcedForm(w, r, f.Get("username"), f.Get("back_url"), err)
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, in, f.Get("back_url"))
}

// oidcCookie carries the sealed state of a sign-in at a provider.
const oidcCookie = "holdfast_oidc"

func (s *Site) beginOIDC(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	address, value, err := s.app.Accounts.BeginOIDC(r.Context(), chi.URLParam(r, "slug"), r.URL.Query().Get("back_url"))
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: oidcCookie, Value: value, Path: "/auth/", MaxAge: 600, HttpOnly: true, Secure: s.edge.Secure(), SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

func (s *Site) finishOIDC(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	value := ""
	if c, err := r.Cookie(oidcCookie); err == nil {
		value = c.Value
	}
	s.forget(w, oidcCookie, "/auth/")
	in, err := s.app.Accounts.FinishOIDC(r.Context(), chi.URLParam(r, "slug"), value, r.URL.Query(), client(r))
	if fault.Of(err) != nil {
		p := s.login(r, "")
		p.Flash = []ui.Alert{{Tone: ui.Danger, Text: speak(r).sentence(err)}}
		return s.ui.Render(w, statusOf(err), "login", p)
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, in, in.ReturnTo)
}
