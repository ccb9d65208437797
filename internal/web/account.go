package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/mileusna/useragent"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type accountPage struct {
	ui.Page
	Tabs                       ui.Tabs
	First, Last, Mail, Confirm ui.Field
	Zone                       ui.Field
	Tongue                     ui.Select
	Look, Rows                 ui.Select
	SingleKeys                 ui.Checkbox
	Current, New               ui.Field
	Keys                       []keyRow
	KeyName                    ui.Field
	NewKey                     string
	Sessions                   []sessionRow
	Others                     int // sessions beside the one that asks
	Problems                   ui.ErrorSummary
}

type keyRow struct {
	ID       id.Token
	Name     string
	Created  time.Time
	LastUsed *time.Time
}

type sessionRow struct {
	ID       id.Session
	Device   string
	Agent    string // as the browser names itself
	IP       string
	LastSeen time.Time
	Current  bool
}

// zones are suggested: one for each offset and rule that many people live by. Any other name of the
// time zone database can be typed.
var zones = strings.Fields(`UTC Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos Africa/Nairobi America/Anchorage America/Argentina/Buenos_Aires
	America/Bogota America/Caracas America/Chicago America/Denver America/Halifax America/Lima America/Los_Angeles America/Mexico_City America/New_York
	America/Phoenix America/Santiago America/Sao_Paulo America/St_Johns America/Toronto America/Vancouver Asia/Almaty Asia/Baghdad Asia/Bangkok Asia/Dhaka
	Asia/Dubai Asia/Ho_Chi_Minh Asia/Hong_Kong Asia/Jakarta Asia/Jerusalem Asia/Kabul Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Manila Asia/Riyadh
	Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Taipei Asia/Tashkent Asia/Tehran Asia/Tokyo Asia/Yangon Atlantic/Azores Atlantic/Reykjavik
	Australia/Adelaide Australia/Brisbane Australia/Darwin Australia/Perth Australia/Sydney Europe/Amsterdam Europe/Athens Europe/Berlin Europe/Brussels
	Europe/Bucharest Europe/Budapest Europe/Copenhagen Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London Europe/Madrid
	Europe/Moscow Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Sofia Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich
	Pacific/Auckland Pacific/Fiji Pacific/Honolulu Pacific/Tongatapu`)

func (s *Site) myAccount(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.accountForm(w, r, a, nil, "", nil)
}

// accountForm shows the page; posted are the values of a refused form.
func (s *Site) accountForm(w http.ResponseWriter, r *http.Request, a access.Actor, posted map[string]string, newKey string, refusal error) error {
	say := speak(r)
	if !a.SignedIn() {
		return fault.Unauthenticated("you need to be signed in")
	}
	u, err := s.app.Accounts.Find(r.Context(), a, a.ID)
	if err != nil {
		return err
	}
	v := func(name, stored string) string {
		if t, ok := posted[name]; ok {
			return t
		}
		return stored
	}
	m := say.messages(refusal)
	p := accountPage{
		Page:  s.frame(r, a, say.T("account.my_account")),
		First: ui.Text("firstName", say.T("common.first_name"), v("firstName", u.Firstname)).Require().Wrong(m["firstName"]),
		Last:  ui.Text("lastName", say.T("common.last_name"), v("lastName", u.Lastname)).Require().Wrong(m["lastName"]),
		Mail:  ui.Text("email", say.T("common.email"), v("email", u.Mail)).Require().Wrong(m["email"]),
		Zone: ui.Text("timeZone", say.T("account.time_zone"), v("timeZone", u.TimeZone)).
			Hinted(say.T("account.such_as_europeberlin_empty_shows")).Wrong(m["timeZone"]).Suggest(zones...),
		Tongue: ui.Choose("language", say.T("account.language"), v("language", u.Language), languages(u.Language)...).
			Hinted(say.T("account.language_hint")).Wrong(m["language"]),
		Confirm: ui.Password("currentPassword", say.T("account.current_password"), "current-password").
			Hinted(say.T("account.only_needed_to_change_the")).Wrong(m["currentPassword"]),
		Current: ui.Password("current", say.T("account.current_password"), "current-password").Require().Wrong(firstOf(m, "current", "current_password")),
		New:     newPassword(say, "password").Wrong(m["password"]),
		KeyName: ui.Text("name", say.T("account.what_is_it_for"), "").Require().Wrong(m["name"]), NewKey: newKey,
	}
	p.Width, p.Tabs = "medium", say.accountTabs("/my/account")
	p.appearance(say, u, m)
	p.Problems = ui.Problems(p.First.Problem(), p.Last.Problem(), p.Mail.Problem(), p.Zone.Problem(), p.Tongue.Problem(), p.Look.Problem(), p.Rows.Problem(), p.Confirm.Problem(), p.Current.Problem(),
		p.New.Problem(), p.KeyName.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
	if err := s.fillAccount(r, a, &p); err != nil {
		return err
	}
	if newKey != "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	return s.ui.Render(w, statusOf(refusal), "account", p)
}

// appearance fills the form of how pages look and act for the person.
func (p *accountPage) appearance(say reader, u account.User, m map[string]string) {
	option := func(value, key string) ui.Option { return ui.Option{Value: value, Label: say.T(key)} }
	p.Look = ui.Choose("theme", say.T("account.colours"), u.Theme, option("", "account.theme_system"), option("light", "account.theme_light"),
		option("dark", "account.theme_dark"), option("contrast", "account.theme_contrast")).Wrong(m["theme"])
	p.Rows = ui.Choose("density", say.T("account.rows"), u.Density, option("", "account.density_normal"), option("compact", "account.density_compact"),
		option("roomy", "account.density_roomy")).Wrong(m["density"])
	p.SingleKeys = ui.Check("singleKeys", say.T("account.single_keys"), !u.KeysOff)
}

func (s *Site) saveAppearance(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	_, err := s.app.Accounts.Update(r.Context(), a, a.ID, account.Patch{
		Theme: opt.Of(f.Get("theme")), Density: opt.Of(f.Get("density")), KeysOff: opt.Of(f.Get("singleKeys") != "1"),
	})
	if refused(err) {
		return s.accountForm(w, r, a, nil, "", err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, "/my/account#appearance", "saved", undoOf(undoAccount, a.ID))
}

// languages are those to choose from, each in its own words, and the one somebody
// brought along for which there are no texts.
func languages(stored string) []ui.Option {
	var out []ui.Option
	known := false
	for _, l := range message.Languages() {
		known = known || l.Tag == stored
		out = append(out, ui.Option{Value: l.Tag, Label: l.Name})
	}
	if !known {
		out = append(out, ui.Option{Value: stored, Label: stored})
	}
	return out
}

// given is a field of the form where it is there.
func given(f url.Values, name string) opt.Value[string] {
	if !f.Has(name) {
		return opt.Value[string]{}
	}
	return opt.Of(f.Get(name))
}

func (s *Site) fillAccount(r *http.Request, a access.Actor, p *accountPage) error {
	keys, err := s.app.Accounts.Keys(r.Context(), a)
	if err != nil {
		return err
	}
	loc := location(a)
	for _, k := range keys {
		row := keyRow{ID: k.ID, Name: k.Name, Created: k.CreatedAt.In(loc)}
		if k.LastUsedAt != nil {
			row.LastUsed = new(k.LastUsedAt.In(loc))
		}
		p.Keys = append(p.Keys, row)
	}
	sessions, err := s.app.Accounts.Sessions(r.Context(), a)
	for _, x := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{ID: x.ID, Device: device(speak(r), x.UserAgent), Agent: x.UserAgent, IP: x.IP, LastSeen: x.LastSeenAt.In(loc), Current: x.ID == a.Session})
		if x.ID != a.Session {
			p.Others++
		}
	}
	return err
}

func (s *Site) saveAccount(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	p := account.Patch{
		Firstname: opt.Of(f.Get("firstName")), Lastname: opt.Of(f.Get("lastName")), Mail: opt.Of(f.Get("email")),
		TimeZone: opt.Of(f.Get("timeZone")), Language: given(f, "language"), CurrentPassword: f.Get("currentPassword"),
	}
	_, err := s.app.Accounts.Update(r.Context(), a, a.ID, p)
	if fault.Of(err) != nil {
		posted := map[string]string{}
		for _, name := range []string{"firstName", "lastName", "email", "timeZone", "language"} {
			posted[name] = f.Get(name)
		}
		return s.accountForm(w, r, a, posted, "", err)
	}
	if err != nil {
		return err
	}
	if p.CurrentPassword != "" { // for another address, which is not put back without it
		return redirect(w, r, "/my/account?done=saved")
	}
	return s.led(w, r, a, "/my/account", "saved", undoOf(undoAccount, a.ID))
}

func (s *Site) changePassword(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	err := s.app.Accounts.ChangePassword(r.Context(), a, r.PostForm.Get("current"), r.PostForm.Get("password"))
	if fault.Of(err) != nil {
		return s.accountForm(w, r, a, nil, "", err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/my/account?done=password")
}

// createKey shows the new key in the answer itself, once; nothing carries it on.
func (s *Site) createKey(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	_, key, err := s.app.Accounts.CreateKey(r.Context(), a, r.PostForm.Get("name"))
	if err != nil && fault.Of(err) == nil {
		return err
	}
	return s.accountForm(w, r, a, nil, key, err)
}

// confirmRevocation asks before a key is revoked, because it cannot come back: only its hash is kept.
func (s *Site) confirmRevocation(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Token]("API key", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	keys, err := s.app.Accounts.Keys(r.Context(), a)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k account.Key) bool { return k.ID == n })
	if i < 0 {
		return fault.NotFound("API key")
	}
	say := speak(r)
	p := confirmPage{
		Page:   s.frame(r, a, say.T("account.revoke_title", "name", keys[i].Name)),
		Action: r.URL.Path, Cancel: "/my/account", Submit: say.T("account.revoke_key"), Text: say.T("account.revoke_text"),
	}
	p.Width, p.HideTitle = "medium", true
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("account.my_account"), Href: "/my/account"}, {Label: p.Title}}
	return s.ui.Render(w, http.StatusOK, "confirm", p)
}

func (s *Site) revokeKey(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Token]("API key", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if err := s.app.Accounts.RevokeKey(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, "/my/account?done=key_revoked")
}

func (s *Site) endSession(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Session]("session", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if err := s.app.Accounts.EndSession(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, "/my/account?done=session")
}

func (s *Site) endOtherSessions(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if _, err := s.app.Accounts.EndOtherSessions(r.Context(), a); err != nil {
		return err
	}
	return redirect(w, r, "/my/account?done=sessions")
}

// device says in words which browser on which system a session is of, as far as that is known.
func device(say reader, agent string) string {
	ua := useragent.Parse(agent)
	browser := strings.TrimSuffix(ua.Name+" "+strconv.Itoa(ua.VersionNo.Major), " 0")
	switch {
	case ua.Name == "" || ua.OS == "":
		return agent
	case ua.Device != "":
		return say.T("account.browser_on", "browser", browser, "system", ua.OS+" ("+ua.Device+")")
	}
	return say.T("account.browser_on", "browser", browser, "system", ua.OS)
}

// accountTabs are the pages about oneself.
func (in reader) accountTabs(here string) ui.Tabs {
	t := ui.Tabs{Label: in.T("account.my_account")}
	for _, item := range []ui.NavItem{{Label: in.T("account.account"), Href: "/my/account"}, {Label: in.T("notify.notifications"), Href: "/my/notifications"}, {Label: in.T("undo.changes"), Href: "/my/changes"}} {
		item.Current = item.Href == here
		t.Items = append(t.Items, item)
	}
	return t
}
