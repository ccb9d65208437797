package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/seed"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// The ways to begin.
const (
	beginNew     = "new"
	beginDemo    = "demo"
	beginRestore = "restore"
)

// setupPage is the first page of an instance: begin anew, look at a demo, or bring
// an instance back.
type setupPage struct {
	passwordPage
	Choice      string
	Choices     ui.Tabs
	Token       string
	Archive     ui.Field
	Passphrase  ui.Field
	UploadHref  string
	Logins      []seed.Login
	HasProblems bool
}

func (s *Site) setupForm(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	token := r.URL.Query().Get("token")
	if err := s.app.Accounts.CheckSetup(r.Context(), token); err != nil {
		return err
	}
	return s.setup(w, r, token, r.URL.Query().Get("begin"), account.SetupInput{}, nil)
}

// setup shows one of the ways to begin; err is what was wrong with it.
func (s *Site) setup(w http.ResponseWriter, r *http.Request, token, choice string, in account.SetupInput, err error) error {
	say := speak(r)
	login := ui.Text("login", say.T("common.login"), in.Login).Require()
	login.Autocomplete, login.Autofocus = "username", true
	first, last := ui.Text("firstName", say.T("common.first_name"), in.Firstname).Require(), ui.Text("lastName", say.T("common.last_name"), in.Lastname).Require()
	mail := ui.Text("email", say.T("common.email"), in.Mail).Require().Hinted(say.T("setup.notices_about_backups_and_security"))
	mail.Type, mail.Autocomplete = "email", "email"
	p := setupPage{passwordPage: s.passwordPage(r, say.T("setup.welcome_to_holdfast"), "/setup", say.T("setup.create_the_administrator"), nil), Token: token, Choice: choice}
	fields := []ui.Field{login, first, last, mail, newPassword(say, "password")}
	switch choice {
	case beginDemo:
		p.Lead = say.T("setup.made_up_story")
		fields = nil
	case beginRestore:
		p.Lead = say.T("setup.bring_back_an_instance")
		p.Archive = ui.File("archive", say.T("setup.archive_zip_or_zipage")).Require()
		p.Passphrase = ui.Password("passphrase", say.T("setup.passphrase"), "off").Hinted(say.T("setup.only_if_encrypted"))
		p.UploadHref = "/setup/restore?token=" + url.QueryEscape(token)
		fields = []ui.Field{p.Archive, p.Passphrase}
	default:
		p.Choice, p.Lead = beginNew, say.T("setup.make_the_first_administrator")
	}
	p.fill(say, err, fields)
	if choice == beginRestore && s.app.Ordered() {
		w.Header().Set("Refresh", "2")
		p.Reloads = true
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Info, Text: say.T("setup.archive_accepted")})
	}
	if choice == beginRestore {
		p.Archive, p.Passphrase = p.Fields[0], p.Fields[1]
		if err == nil {
			p.failedBefore(s, r)
		}
	}
	p.Hidden["token"] = token
	for _, c := range []struct{ name, label string }{{beginNew, say.T("setup.begin_anew")}, {beginDemo, say.T("setup.look_at_a_demo")}, {beginRestore, say.T("setup.restore_a_backup")}} {
		p.Choices.Items = append(p.Choices.Items, ui.NavItem{Label: c.label, Href: "/setup?begin=" + c.name + "&token=" + url.QueryEscape(token), Current: c.name == p.Choice})
	}
	p.Choices.Label = say.T("setup.how_to_begin")
	return s.ui.Render(w, statusOf(err), "setup", p)
}

// failedBefore tells why a restore of this instance did not work.
func (p *setupPage) failedBefore(s *Site, r *http.Request) {
	say := speak(r)
	c, found, err := s.app.Backups.LastRestore(r.Context())
	if err == nil && found && c.State == "failed" {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Title: say.T("setup.the_archive_was_not_restored"), Text: say.trouble(c.Error)})
	}
}

func (s *Site) completeSetup(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in := account.SetupInput{Login: f.Get("login"), Firstname: f.Get("firstName"), Lastname: f.Get("lastName"), Mail: f.Get("email"), Password: f.Get("password"), Language: speak(r).Tag()}
	got, err := s.app.Accounts.CompleteSetup(r.Context(), f.Get("token"), in, client(r))
	if refused(err) {
		return s.setup(w, r, f.Get("token"), beginNew, in, err)
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, got, "/")
}

// setupDemo fills the instance and shows the logins this once.
func (s *Site) setupDemo(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	say := speak(r)
	if err := form(w, r); err != nil {
		return err
	}
	if err := s.app.Accounts.CheckSetup(r.Context(), r.PostForm.Get("token")); err != nil {
		return err
	}
	logins, err := s.app.SeedDemo(r.Context())
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		return fault.Conflict("the instance is in use already")
	}
	p := setupPage{passwordPage: s.passwordPage(r, say.T("setup.the_demo_is_ready"), "", "", nil), Logins: logins}
	p.Lead = say.T("setup.copy_these_logins_they_are")
	w.Header().Set("Cache-Control", "no-store")
	return s.ui.Render(w, http.StatusOK, "setup", p)
}

// setupRestore takes an archive as it comes. The token is in the address, because
// it has to be known before the first byte of the archive.
func (s *Site) setupRestore(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	token := r.URL.Query().Get("token")
	if err := s.app.Accounts.CheckSetup(r.Context(), token); err != nil {
		return err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.Unsupported("the upload is not a multipart form")
	}
	err = s.receive(r, parts)
	if refused(err) || fault.Is(err, fault.KindConflict) {
		return s.setup(w, r, token, beginRestore, account.SetupInput{}, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/setup?begin="+beginRestore+"&token="+url.QueryEscape(token))
}

// receive reads the passphrase, which comes first, and the archive.
func (s *Site) receive(r *http.Request, parts *multipart.Reader) error {
	phrase := ""
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return fault.InvalidField("archive", "required")
		}
		if err != nil {
			return fault.InvalidField("archive", "cut_off")
		}
		switch part.FormName() {
		case "passphrase":
			text, err := io.ReadAll(io.LimitReader(part, 1024))
			if err != nil {
				return fault.InvalidField("archive", "cut_off")
			}
			phrase = string(text)
		case "archive":
			if part.FileName() == "" {
				return fault.InvalidField("archive", "required")
			}
			return s.app.RestoreUpload(r.Context(), part, phrase, serve.ClientIP(r))
		}
	}
}
