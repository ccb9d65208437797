package web

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/web/ui"
)

func (s *Site) recoveryForm(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	return s.recovery(w, r, "", nil)
}

func (s *Site) recovery(w http.ResponseWriter, r *http.Request, address string, err error) error {
	f := ui.Text("email", "E-mail address", address).Require()
	f.Type, f.Autocomplete = "email", "email"
	p := s.passwordPage(r, "Forgot your password?", "/login/recovery", "Send me a link", err, f)
	p.Lead = "We mail you a link with which you can choose a new one. People who sign in through a provider have none here."
	if !s.app.Accounts.CanMail() {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Text: "This instance sends no mail. Ask your administrator for a new password."})
	}
	return s.ui.Render(w, statusOf(err), "password", p)
}

func (s *Site) requestRecovery(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	address := r.PostForm.Get("email")
	err := s.app.Accounts.RequestRecovery(r.Context(), address, client(r))
	if fault.Of(err) != nil {
		return s.recovery(w, r, address, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/login?done=recovery")
}

func (s *Site) recoverForm(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	token := r.URL.Query().Get("token")
	if _, err := s.app.Accounts.Recovery(r.Context(), token); err != nil {
		return err
	}
	return s.recover(w, r, token, nil)
}

func (s *Site) recover(w http.ResponseWriter, r *http.Request, token string, err error) error {
	p := s.passwordPage(r, "Choose a new password", "/account/lost_password", "Change password", err, newPassword("password"))
	p.Hidden["token"] = token
	return s.ui.Render(w, statusOf(err), "password", p)
}

func (s *Site) completeRecovery(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	err := s.app.Accounts.Recover(r.Context(), f.Get("token"), f.Get("password"), client(r))
	if refused(err) {
		return s.recover(w, r, f.Get("token"), err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/login?done=saved")
}

func (s *Site) activationForm(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	token := r.URL.Query().Get("token")
	u, err := s.app.Accounts.Invitation(r.Context(), token)
	if err != nil {
		return err
	}
	in := account.AcceptInput{Login: u.Login, Firstname: u.Firstname, Lastname: u.Lastname}
	return s.activation(w, r, token, u.Status == account.Registered, in, nil)
}

// activation asks an invited person for a password; one who registered has
// chosen it and only confirms.
func (s *Site) activation(w http.ResponseWriter, r *http.Request, token string, registered bool, in account.AcceptInput, err error) error {
	fields := []ui.Field{
		ui.Text("login", "Login", in.Login).Require(), ui.Text("firstName", "First name", in.Firstname).Require(),
		ui.Text("lastName", "Last name", in.Lastname).Require(), newPassword("password"),
	}
	if registered {
		fields = nil
	}
	p := s.passwordPage(r, "Join "+s.app.Settings.Get().AppTitle, "/account/activate", "Activate my account", err, fields...)
	p.Lead = "Your account is waiting for you."
	p.Hidden["token"] = token
	return s.ui.Render(w, statusOf(err), "password", p)
}

func (s *Site) activate(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in := account.AcceptInput{Login: f.Get("login"), Firstname: f.Get("firstName"), Lastname: f.Get("lastName"), Password: f.Get("password")}
	got, err := s.app.Accounts.AcceptInvitation(r.Context(), f.Get("token"), in, client(r))
	if refused(err) {
		return s.activation(w, r, f.Get("token"), false, in, err)
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, got, "/")
}

func (s *Site) registerForm(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if !s.app.Settings.Get().SelfRegistration {
		return fault.NotFound("page")
	}
	return s.registration(w, r, account.RegisterInput{}, nil)
}

func (s *Site) registration(w http.ResponseWriter, r *http.Request, in account.RegisterInput, err error) error {
	mail := ui.Text("email", "E-mail address", in.Mail).Require()
	mail.Type = "email"
	p := s.passwordPage(r, "Create an account", "/register", "Create my account", err,
		ui.Text("login", "Login", in.Login).Require(), ui.Text("firstName", "First name", in.Firstname).Require(),
		ui.Text("lastName", "Last name", in.Lastname).Require(), mail, newPassword("password"))
	return s.ui.Render(w, statusOf(err), "password", p)
}

func (s *Site) register(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in := account.RegisterInput{
		Login: f.Get("login"), Firstname: f.Get("firstName"), Lastname: f.Get("lastName"), Mail: f.Get("email"), Password: f.Get("password"),
	}
	err := s.app.Accounts.Register(r.Context(), in, client(r))
	if refused(err) {
		return s.registration(w, r, in, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/login?done=registered")
}
