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
	say := speak(r)
	f := ui.Text("email", say.T("common.email"), address).Require()
	f.Type, f.Autocomplete = "email", "email"
	p := s.passwordPage(r, say.T("auth.forgot_your_password"), "/login/recovery", say.T("auth.send_me_a_link"), err, f)
	p.Lead = say.T("auth.we_mail_you_a_link")
	if !s.app.Accounts.CanMail() {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Text: say.T("auth.this_instance_sends_no_mail")})
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
	say := speak(r)
	p := s.passwordPage(r, say.T("auth.choose_a_new_password"), "/account/lost_password", say.T("auth.change_password"), err, newPassword(say, "password"))
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
	say := speak(r)
	fields := []ui.Field{
		ui.Text("login", say.T("common.login"), in.Login).Require(), ui.Text("firstName", say.T("common.first_name"), in.Firstname).Require(),
		ui.Text("lastName", say.T("common.last_name"), in.Lastname).Require(), newPassword(say, "password"),
	}
	if registered {
		fields = nil
	}
	p := s.passwordPage(r, say.T("auth.join", "instance", s.app.Settings.Get().AppTitle), "/account/activate", say.T("auth.activate_my_account"), err, fields...)
	p.Lead = say.T("auth.your_account_is_waiting_for")
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
	say := speak(r)
	mail := ui.Text("email", say.T("common.email"), in.Mail).Require()
	mail.Type = "email"
	p := s.passwordPage(r, say.T("auth.create_an_account"), "/register", say.T("auth.create_my_account"), err,
		ui.Text("login", say.T("common.login"), in.Login).Require(), ui.Text("firstName", say.T("common.first_name"), in.Firstname).Require(),
		ui.Text("lastName", say.T("common.last_name"), in.Lastname).Require(), mail, newPassword(say, "password"))
	return s.ui.Render(w, statusOf(err), "password", p)
}

func (s *Site) register(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in := account.RegisterInput{
		Login: f.Get("login"), Firstname: f.Get("firstName"), Lastname: f.Get("lastName"), Mail: f.Get("email"), Password: f.Get("password"),
		Language: speak(r).Tag(),
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
