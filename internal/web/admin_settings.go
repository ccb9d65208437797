package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type settingsPage struct {
	ui.Page
	AppTitle, PerPage, MaxPage, Journal ui.Field
	Welcome                             ui.Textarea
	Kinds                               ui.Textarea
	Modules                             []ui.Checkbox
	ModulesError                        string
	Public, ByStatus, OnClose           ui.Checkbox
	Role                                ui.Select
	Problems                            ui.ErrorSummary
}

// settingsInput is the form as it was typed.
type settingsInput struct {
	values                    setting.Values
	perPage, maxPage, journal string
}

func inputOfSettings(v setting.Values) settingsInput {
	var sizes []string
	for _, n := range v.PerPage {
		sizes = append(sizes, strconv.Itoa(n))
	}
	return settingsInput{v, strings.Join(sizes, ", "), strconv.Itoa(v.MaxPageSize), strconv.Itoa(v.JournalAggregationMin)}
}

func (s *Site) generalSettings(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.settingsForm(w, r, a, inputOfSettings(s.app.Settings.Get()), nil)
}

func (s *Site) settingsForm(w http.ResponseWriter, r *http.Request, a access.Actor, in settingsInput, refusal error) error {
	say := speak(r)
	roles, err := s.app.Memberships.Roles(r.Context(), a, membership.RoleFilter{Kind: membership.ProjectRole, Givable: true})
	if err != nil {
		return err
	}
	m, v := say.messages(refusal), in.values
	p := settingsPage{Page: s.adminFrame(r, a, say.T("general.title")), ModulesError: m["default_projects_modules"]}
	p.Width = "narrow"
	p.AppTitle = ui.Text("app_title", say.T("general.app_title"), v.AppTitle).Require().Hinted(say.T("general.app_title_hint")).Wrong(m["app_title"])
	p.Welcome = ui.Area("welcome_text", say.T("general.welcome"), v.WelcomeText).Hinted(say.T("general.welcome_hint")).Wrong(m["welcome_text"])
	for _, name := range access.Modules {
		c := ui.Check("module", say.either("module.", name), slices.Contains(v.DefaultModules, name))
		c.Value = name
		p.Modules = append(p.Modules, c)
	}
	p.Public = ui.Check("default_projects_public", say.T("general.public"), v.DefaultPublic)
	p.Role = ui.Choose("new_project_user_role_id", say.T("general.role"), idText(v.NewProjectRole)).Hinted(say.T("general.role_hint")).Wrong(m["new_project_user_role_id"])
	for _, role := range roles {
		p.Role.Options = append(p.Role.Options, ui.Option{Value: idText(role.ID), Label: role.Name, Selected: role.ID == v.NewProjectRole})
	}
	p.ByStatus = ui.Check("work_package_done_ratio_status", say.T("general.by_status"), v.StatusBasedProgress)
	p.ByStatus.Hint = say.T("general.by_status_hint")
	p.OnClose = ui.Check("percent_complete_on_status_closed_set_100p", say.T("general.on_close"), v.CompleteOnClose)
	p.PerPage = ui.Text("per_page_options", say.T("general.per_page"), in.perPage).Require().Hinted(say.T("general.per_page_hint")).Wrong(m["per_page_options"])
	p.MaxPage = ui.Text("apiv3_max_page_size", say.T("general.max_page"), in.maxPage).Require().Hinted(say.T("general.max_page_hint")).Wrong(m["apiv3_max_page_size"])
	p.Journal = ui.Text("journal_aggregation_time_minutes", say.T("general.journal"), in.journal).Require().Hinted(say.T("general.journal_hint")).Wrong(m["journal_aggregation_time_minutes"])
	p.Kinds = ui.Area("attachment_whitelist", say.T("general.kinds"), strings.Join(v.AttachmentKinds, "\n")).Hinted(say.T("general.kinds_hint")).Wrong(m["attachment_whitelist"])
	p.MaxPage.InputMode, p.Journal.InputMode = "numeric", "numeric"
	p.Problems = ui.Problems(p.AppTitle.Problem(), p.Welcome.Problem(), ui.Problem{Href: "#modules", Label: say.T("general.modules"), Text: p.ModulesError},
		p.Role.Problem(), p.PerPage.Problem(), p.MaxPage.Problem(), p.Journal.Problem(), p.Kinds.Problem())
	return s.ui.Render(w, statusOf(refusal), "admin_settings", p)
}

// readSettings reads the form over the settings as they are.
func readSettings(f url.Values, v setting.Values) (settingsInput, error) {
	var wrong []fault.Field
	number := func(name, text string) int {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			wrong = append(wrong, fault.Field{Name: name, Code: "not_a_number"})
		}
		return n
	}
	in := settingsInput{v, f.Get("per_page_options"), f.Get("apiv3_max_page_size"), f.Get("journal_aggregation_time_minutes")}
	in.values.AppTitle, in.values.WelcomeText = f.Get("app_title"), strings.ReplaceAll(f.Get("welcome_text"), "\r\n", "\n")
	in.values.DefaultModules = f["module"]
	in.values.DefaultPublic = f.Get("default_projects_public") == "1"
	in.values.StatusBasedProgress = f.Get("work_package_done_ratio_status") == "1"
	in.values.CompleteOnClose = f.Get("percent_complete_on_status_closed_set_100p") == "1"
	in.values.NewProjectRole = parsed[id.Role](f.Get("new_project_user_role_id"))
	in.values.MaxPageSize = number("apiv3_max_page_size", in.maxPage)
	in.values.JournalAggregationMin = number("journal_aggregation_time_minutes", in.journal)
	in.values.AttachmentKinds = append([]string(nil), strings.Fields(strings.ToLower(strings.ReplaceAll(f.Get("attachment_whitelist"), ",", " ")))...)
	in.values.PerPage = nil
	for part := range strings.SplitSeq(in.perPage, ",") {
		in.values.PerPage = append(in.values.PerPage, number("per_page_options", part))
	}
	return in, fault.Invalid(wrong...)
}

func (s *Site) saveSettings(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in, err := readSettings(r.PostForm, s.app.Settings.Get())
	if err == nil {
		_, err = s.app.Settings.Change(r.Context(), a, func(v *setting.Values) {
			n := in.values
			v.AppTitle, v.WelcomeText, v.DefaultModules, v.DefaultPublic = n.AppTitle, n.WelcomeText, n.DefaultModules, n.DefaultPublic
			v.NewProjectRole, v.StatusBasedProgress, v.CompleteOnClose = n.NewProjectRole, n.StatusBasedProgress, n.CompleteOnClose
			v.PerPage, v.MaxPageSize, v.JournalAggregationMin = n.PerPage, n.MaxPageSize, n.JournalAggregationMin
			v.AttachmentKinds = n.AttachmentKinds
		})
	}
	if refused(err) {
		return s.settingsForm(w, r, a, in, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, "/admin/settings", "saved", settings)
}

type authenticationPage struct {
	ui.Page
	Register  ui.Checkbox
	Rules     ui.DescriptionList
	Providers []providerRow
	None      ui.EmptyState
}

type providerRow struct{ Name, Issuer, Redirect, Test, Rule string }

// span is a duration in words where it is whole days, as most limits are.
func (in reader) span(d time.Duration) string {
	if d > 0 && d%(24*time.Hour) == 0 {
		return in.T("list.n_days", "n", int(d/(24*time.Hour)))
	}
	return in.Duration(d)
}

func (s *Site) authentication(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say, c := speak(r), s.app.Config
	p := authenticationPage{Page: s.adminFrame(r, a, say.T("authn.title"))}
	p.Register = ui.Check("self_registration", say.T("authn.register"), s.app.Settings.Get().SelfRegistration)
	p.Register.Hint = say.T("authn.register_hint")
	p.Rules.Items = []ui.Description{
		{Label: say.T("authn.min_length"), Value: say.T("authn.characters", "n", c.Password.MinLength)},
		{Label: say.T("authn.failures"), Value: say.T("authn.failures_in", "n", c.Login.MaxFailures, "time", say.Duration(c.Login.FailureWindow))},
		{Label: say.T("authn.idle"), Value: say.span(c.Session.IdleTimeout)},
		{Label: say.T("authn.lifetime"), Value: say.span(c.Session.Lifetime)},
	}
	for _, o := range c.OIDC {
		row := providerRow{Name: o.DisplayName, Issuer: o.Issuer, Redirect: c.BaseURL().JoinPath("auth", o.Slug, "callback").String(), Test: "/auth/" + o.Slug, Rule: say.T("authn.only_known")}
		if row.Name == "" {
			row.Name = o.Slug
		}
		switch {
		case o.AllowSignup:
			row.Rule = say.T("authn.signup")
		case o.AllowEmailLink:
			row.Rule = say.T("authn.by_mail")
		}
		p.Providers = append(p.Providers, row)
	}
	p.None = ui.EmptyState{Icon: "key-round", Title: say.T("authn.no_provider"), Text: say.T("authn.no_provider_text")}
	return s.ui.Render(w, http.StatusOK, "admin_authentication", p)
}

func (s *Site) saveAuthentication(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	on := r.PostForm.Get("self_registration") == "1"
	if _, err := s.app.Settings.Change(r.Context(), a, func(v *setting.Values) { v.SelfRegistration = on }); err != nil {
		return err
	}
	return s.led(w, r, a, "/admin/authentication", "saved", settings)
}

type infoPage struct {
	ui.Page
	Facts    ui.DescriptionList
	Findings []findingRow
	Text     ui.Textarea
}

// info tells what runs here, and offers it as one text to hand on.
func (s *Site) info(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	report := s.app.Report(r.Context(), say.Printer, say.loc)
	p := infoPage{Page: s.adminFrame(r, a, say.T("info.title")), Findings: say.findings(report.Findings)}
	p.Lead = say.T("info.lead")
	for _, f := range report.Facts {
		p.Facts.Items = append(p.Facts.Items, ui.Description{Label: say.T("info." + f.Check), Value: f.Value})
	}
	p.Text = ui.Area("diagnosis", say.T("info.diagnosis"), report.Text(say.Printer)).Hinted(say.T("info.diagnosis_hint"))
	p.Text.ReadOnly, p.Text.Tall, p.Text.Code = true, true, true
	return s.ui.Render(w, http.StatusOK, "admin_info", p)
}
