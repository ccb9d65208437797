package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/mail"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/outbox"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type overviewPage struct {
	ui.Page
	Findings []findingRow
	Facts    ui.DescriptionList
	Groups   []tileGroup
}

// tileGroup are pages of the administration, each with what one does there.
type tileGroup struct {
	Title string
	Tiles []adminTile
}

type adminTile struct{ Label, Href, Note string }

type findingRow struct {
	Check, Text, Hint string
	State             ui.Chip
}

func (in reader) findingChip(state string) ui.Chip {
	switch state {
	case app.Good:
		return ui.Label(in.T("admin.ok"), ui.Green)
	case app.Note:
		return ui.Label(in.T("admin.look_at_this"), ui.Orange)
	}
	return ui.Label(in.T("admin.broken"), ui.Red)
}

// findings are what the checks found, for people.
func (in reader) findings(all []app.Finding) []findingRow {
	out := make([]findingRow, 0, len(all))
	for _, f := range all {
		out = append(out, findingRow{in.T("finding." + message.Slug(f.Check)), capital(f.Text), capital(f.Hint), in.findingChip(f.State)})
	}
	return out
}

func (s *Site) overview(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	p := overviewPage{Page: s.adminFrame(r, a, say.T("common.administration"))}
	p.Breadcrumbs = nil
	bad, notes := 0, 0
	found := s.app.Diagnose(r.Context(), say)
	p.Findings = say.findings(found)
	for _, f := range found {
		switch f.State {
		case app.Bad:
			bad++
		case app.Note:
			notes++
		}
	}
	switch {
	case bad > 0:
		p.Lead = say.T("admin.checks_failed", "n", bad)
	case notes > 0:
		p.Lead = say.T("admin.checks_noted", "n", notes)
	default:
		p.Lead = say.T("admin.everything_that_was_checked_works")
	}
	for _, g := range s.adminSide(say)[1:] {
		tiles := tileGroup{Title: g.Title}
		for _, item := range g.Items {
			tiles.Tiles = append(tiles.Tiles, adminTile{item.Label, item.Href, say.T("admin.about_" + path.Base(item.Href))})
		}
		p.Groups = append(p.Groups, tiles)
	}
	v := s.app.Settings.Get()
	p.Facts.Items = []ui.Description{
		{Label: say.T("common.version"), Value: s.app.Version},
		{Label: say.T("admin.database"), Value: s.app.DB.Dialect().Product()},
		{Label: say.T("admin.installed"), Value: say.Date(time.UnixMicro(v.InstalledAt))},
		{Label: say.T("admin.instance"), Value: v.InstanceID},
		{Label: say.T("admin.built_with"), Value: runtime.Version()},
	}
	return s.ui.Render(w, http.StatusOK, "admin", p)
}

type mailPage struct {
	ui.Page
	Configured, Held bool
	Server           string
	To               ui.Field
	Result           string
	Rows             []mailRow
	Paging           ui.Pagination
	None             ui.EmptyState
	Problems         ui.ErrorSummary
}

type mailRow struct {
	ID               id.Mail
	At               time.Time
	To, Subject, Err string
	State            ui.Chip
	Retry            bool
}

func (s *Site) mailPage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.mails(w, r, a, "", nil)
}

const adminPerPage = 50

func pageNumber(r *http.Request) int {
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil && n > 0 {
		return n
	}
	return 1
}

// mails shows the state of mail; refusal is what the test mail met.
func (s *Site) mails(w http.ResponseWriter, r *http.Request, a access.Actor, to string, refusal error) error {
	say := speak(r)
	n := pageNumber(r)
	rows, total, err := s.app.Outbox.List(r.Context(), a, (n-1)*adminPerPage, adminPerPage)
	if err != nil {
		return err
	}
	if to == "" {
		if u, err := s.app.Accounts.Find(r.Context(), a, a.ID); err == nil {
			to = u.Mail
		}
	}
	c := s.app.Config.Mail
	p := mailPage{Page: s.adminFrame(r, a, say.T("common.mail")), Configured: s.app.Outbox.Configured(), Held: s.app.Settings.Get().MailQuarantine}
	p.Server = c.Host + ":" + strconv.Itoa(c.EffectivePort()) + ", " + c.TLS + ", " + say.T("admin.mail_from", "address", c.From)
	p.To = ui.Text("to", say.T("admin.send_a_test_mail_to"), to).Require()
	p.To.Type = "email"
	if refusal != nil {
		text := refusal.Error()
		if refused(refusal) {
			text = say.summary(refusal)
		}
		p.To = p.To.Wrong(text)
	}
	p.Problems = ui.Problems(p.To.Problem())
	for _, m := range rows {
		p.Rows = append(p.Rows, mailRowOf(say, m))
	}
	p.Paging = ui.Pagination{Page: n, PerPage: adminPerPage, Total: total, Href: func(n int) string { return "/admin/mail?page=" + strconv.Itoa(n) }}
	p.None = ui.EmptyState{Icon: "mail", Title: say.T("admin.no_mail_yet"), Text: say.T("admin.every_mail_is_listed")}
	status := http.StatusOK
	if refusal != nil {
		status = http.StatusUnprocessableEntity
	}
	return s.ui.Render(w, status, "admin_mail", p)
}

func mailRowOf(say reader, m outbox.Mail) mailRow {
	row := mailRow{ID: m.ID, At: m.CreatedAt.In(say.loc), To: m.Address, Subject: m.Subject, Err: m.LastError, State: ui.Label(say.T("common.waiting"), ui.Blue)}
	switch {
	case m.SentAt != nil:
		row.State = ui.Label(say.T("admin.accepted"), ui.Green)
	case m.FailedAt != nil:
		row.State, row.Retry = ui.Label(say.T("admin.refused"), ui.Red), true
	case m.LastError != "":
		row.State, row.Retry = ui.Label(say.T("admin.not_sent"), ui.Orange), m.Attempts == 0
	}
	return row
}

func (s *Site) testMail(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	to := strings.TrimSpace(r.PostForm.Get("to"))
	if err := s.app.Outbox.Test(r.Context(), a, mail.Address{Address: to}); err != nil {
		return s.mails(w, r, a, to, err)
	}
	return redirect(w, r, "/admin/mail?done=mail_sent")
}

func (s *Site) releaseMail(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if _, err := s.app.Settings.Change(r.Context(), a, func(v *setting.Values) { v.MailQuarantine = false }); err != nil {
		return err
	}
	return redirect(w, r, "/admin/mail?done=released")
}

func (s *Site) retryMail(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Mail]("mail", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if err := s.app.Outbox.Resend(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, "/admin/mail?done=mail_retry")
}

type auditPage struct {
	ui.Page
	Query  ui.Field
	Kind   ui.Select
	Rows   []auditRow
	Paging ui.Pagination
	None   ui.EmptyState
	Chain  ui.Alert
}

type auditRow struct {
	ID              id.Audit
	At              time.Time
	Who, IP, Object string
	Act, Code       string // in words, and as the log has it
	Details         []string
	Result          ui.Chip
}

// detailsOf words what an entry says beyond its object, a pair each, in a steady order.
func detailsOf(e audit.Entry) []string {
	var pairs map[string]any
	d := json.NewDecoder(strings.NewReader(e.Detail))
	d.UseNumber() // as it stands in the log
	if d.Decode(&pairs) != nil {
		return []string{e.Detail} // whoever wrote it, it is shown
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		if text := written(pairs[name]); text != "" {
			out = append(out, strings.ReplaceAll(name, "_", " ")+": "+text)
		}
	}
	return out
}

// written is a value as people write it: a list with commas, nothing as nothing.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = written(v[i])
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+"="+written(v[name]))
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}

var resultHues = map[string]ui.Hue{audit.OK: ui.Green, audit.Refused: ui.Orange, audit.Failed: ui.Red}

func (s *Site) auditLog(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	q, n := r.URL.Query(), pageNumber(r)
	f := auditOf(q)
	f.Offset, f.Limit = (n-1)*adminPerPage, adminPerPage
	res, err := s.app.ReadAudit(r.Context(), a, f)
	if err != nil {
		return err
	}
	p := auditPage{Page: s.adminFrame(r, a, say.T("common.audit_log"))}
	p.Chain = ui.Alert{Tone: ui.Success, Text: say.T("admin.chain_holds", "n", res.Intact)}
	if res.Broken != nil {
		p.Chain = ui.Alert{Tone: ui.Danger, Title: say.T("admin.the_audit_log_was_tampered"), Text: say.T("admin.chain_broken", "id", strconv.FormatInt(int64(res.Broken.ID), 10), "reason", res.Broken.Reason)}
	}
	p.Query = ui.Text("q", say.T("admin.person_or_object"), q.Get("q"))
	p.Kind = ui.Choose("kind", say.T("admin.about"), q.Get("kind"), ui.Option{Label: say.T("common.everything")}, ui.Option{Value: "backup", Label: say.T("common.backups")},
		ui.Option{Value: "session", Label: say.T("admin.signins")}, ui.Option{Value: "user", Label: say.T("common.users")}, ui.Option{Value: "role", Label: say.T("admin.roles")},
		ui.Option{Value: "member", Label: say.T("admin.memberships")}, ui.Option{Value: "setting", Label: say.T("admin.settings")})
	loc := location(a)
	for _, e := range res.Entries {
		p.Rows = append(p.Rows, auditRow{
			ID: e.ID, At: e.At.In(loc), Who: e.ActorName, IP: e.IP, Object: e.Object, Act: say.either("act.", e.Action), Code: e.Action,
			Details: detailsOf(e), Result: ui.Label(say.either("admin.result_", e.Result), resultHues[e.Result]),
		})
	}
	p.Paging = ui.Pagination{Page: n, PerPage: adminPerPage, Total: res.Total, Href: func(n int) string {
		v := r.URL.Query()
		v.Set("page", strconv.Itoa(n))
		return "/admin/audit?" + v.Encode()
	}}
	if res.Total == 0 {
		if err := s.noAudit(r, a, &p); err != nil {
			return err
		}
	}
	return s.ui.Render(w, http.StatusOK, "admin_audit", p)
}

// noAudit says which filter leaves nothing of the audit log.
func (s *Site) noAudit(r *http.Request, a access.Actor, p *auditPage) (err error) {
	q := r.URL.Query()
	filters := []inForce{{name: "q", label: p.Query.Label, value: q.Get("q")}, {name: "kind", label: p.Kind.Label, value: chosenLabel(p.Kind)}}
	p.None, _, err = speak(r).nothingLeft("scroll-text", "/admin/audit", q, filters, func(q url.Values) (int, error) {
		return s.app.CountAudit(r.Context(), a, auditOf(q))
	})
	return err
}

// auditOf is what the address selects of the audit log.
func auditOf(q url.Values) audit.Filter {
	return audit.Filter{Action: q.Get("kind"), Text: q.Get("q"), Limit: 1}
}

type jobsPage struct {
	ui.Page
	Counts job.Counts
	Tabs   ui.Tabs
	Rows   []jobRow
	None   ui.EmptyState
}

type jobRow struct {
	ID               id.Job
	Name, Kind, Args string
	State            ui.Chip
	At               time.Time
	Attempt          string
	Error, Detail    string
	Retry            bool
}

// jobStates are the states of jobs that are shown, the worst first.
var jobStates = []string{job.Dead, job.Running, job.Queued}

func (s *Site) jobs(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	p := jobsPage{Page: s.adminFrame(r, a, say.T("common.jobs")), None: ui.EmptyState{Icon: "check", Title: say.T("admin.nothing_waits"), Text: say.T("admin.no_job_is_queued_running")}}
	p.Tabs = ui.Tabs{Label: say.T("common.state"), Items: []ui.NavItem{{Label: say.T("common.all"), Href: "/admin/jobs", Current: r.URL.Query().Get("state") == ""}}}
	for _, state := range jobStates {
		p.Tabs.Items = append(p.Tabs.Items, ui.NavItem{Label: say.either("admin.job_", state), Href: "/admin/jobs?state=" + state, Current: r.URL.Query().Get("state") == state})
	}
	states := jobStates
	if only := r.URL.Query().Get("state"); only != "" {
		states = slices.DeleteFunc(slices.Clone(states), func(s string) bool { return s != only })
	}
	list, err := s.app.ListJobs(r.Context(), a, states, 100)
	if err != nil {
		return err
	}
	p.Counts = list.Counts
	for _, j := range list.Jobs {
		p.Rows = append(p.Rows, jobRowOf(say, j))
	}
	if state := r.URL.Query().Get("state"); len(p.Rows) == 0 && state != "" {
		filters := []inForce{{name: "state", label: say.T("common.state"), value: say.either("admin.job_", state)}}
		p.None, _, err = say.nothingLeft("check", "/admin/jobs", r.URL.Query(), filters, func(url.Values) (int, error) {
			return p.Counts.Queued + p.Counts.Running + p.Counts.Dead, nil
		})
		if err != nil {
			return err
		}
	}
	return s.ui.Render(w, http.StatusOK, "admin_jobs", p)
}

var jobHues = map[string]ui.Hue{job.Dead: ui.Red, job.Running: ui.Blue, job.Queued: ui.Gray}

func jobRowOf(say reader, j job.Job) jobRow {
	row := jobRow{
		ID: j.ID, Name: say.either("job.", j.Kind), Kind: j.Kind, Args: j.Args, State: ui.Label(say.either("admin.job_", j.State), jobHues[j.State]), At: j.RunAt.In(say.loc),
		Attempt: say.T("admin.attempt_of", "number", j.Attempt, "most", j.MaxAttempts), Retry: j.State == job.Dead,
	}
	row.Error, row.Detail = say.troubleOf(j.LastError)
	switch known := "fault." + message.Slug(j.LastError); {
	case row.Error != "" || j.LastError == "":
	case say.Has(known):
		row.Error, row.Detail = say.T(known), ""
	case j.Kind == outbox.Delivery:
		row.Error = say.T("admin.mail_not_accepted")
	}
	return row
}

func (s *Site) retryJob(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := id.Parse[id.Job]("job", chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if err := s.app.RetryJob(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, "/admin/jobs?done=job_retry")
}
