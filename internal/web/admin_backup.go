package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type backupPage struct {
	ui.Page
	Status       ui.Alert
	Facts, Now   []ui.Fact
	Token        backup.TokenInfo
	Phase        ui.Chip
	PhaseText    string
	HasToken     bool
	MayRequest   bool
	TokenField   ui.Field
	Include      ui.Checkbox
	Confirm      ui.Field
	NewToken     string
	Owners       []ownerRow
	Running      *runningBackup
	Rows         []backupRow
	None         ui.EmptyState
	Problems     ui.ErrorSummary
	ForecastText string
	ResetLabel   string
	MayCare      bool
	Undo         string // what can be undone, "" for nothing
	Ordered      bool   // a restore begins in a moment
}

type ownerRow struct {
	Person ui.Person
	State  ui.Chip
	Since  time.Time
}

type runningBackup struct {
	ID       id.Backup
	Label    string
	Progress ui.Progress
}

type backupRow struct {
	ID           id.Backup
	At           time.Time
	Who          string
	State        ui.Chip
	Included     string
	Size, Added  int64
	Snapshot     string
	Took         time.Duration
	Verified     string
	Error        string
	Detail       string // what the engine said
	Missing      []backup.Missing
	Downloadable bool
	Restorable   bool
}

func (s *Site) backups(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.backupForm(w, r, a, "", false, nil)
}

// backupForm shows the page. newToken is shown this once; refusal is what was
// wrong with the form named request or token.
func (s *Site) backupForm(w http.ResponseWriter, r *http.Request, a access.Actor, newToken string, include bool, refusal error) error {
	say := speak(r)
	ctx := r.Context()
	if !s.app.Backups.Enabled() {
		return fault.NotFound("page")
	}
	info, err := s.app.Backups.TokenState(ctx, a)
	if err != nil {
		return err
	}
	p := backupPage{Page: s.adminFrame(r, a, say.T("common.backup")), Token: info, NewToken: newToken, HasToken: info.Phase != backup.NoToken}
	p.Phase, p.PhaseText = phaseOf(say, info)
	p.None = ui.EmptyState{Icon: "archive", Title: say.T("backup.none_yet"), Text: say.T("backup.none_text")}
	p.MayRequest = info.Phase == backup.Active
	p.ResetLabel = say.T("backup.create_backup_token")
	if p.HasToken {
		p.ResetLabel = say.T("backup.reset_backup_token")
	}
	if err := s.fillBackups(r, a, &p); err != nil {
		return err
	}
	p.fields(say, include || refusal == nil, refusal)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if (p.Running != nil || p.Ordered) && newToken == "" && refusal == nil {
		h.Set("Refresh", "2")
	}
	return s.ui.Render(w, statusOf(refusal), "admin_backup", p)
}

func (p *backupPage) fields(say reader, include bool, refusal error) {
	m := say.messages(refusal)
	p.TokenField = ui.Password("backup_token", say.T("common.backup_token"), "off").Require()
	p.Include = ui.Check("include_attachments", say.T("backup.include_uploaded_files"), include)
	p.Confirm = ui.Password("_password_confirmation", say.T("common.your_password"), "current-password").Require()
	wrong := ""
	for _, name := range []string{"password", "password_confirmation", "_password_confirmation", "currentPassword", "current"} {
		if m[name] != "" {
			wrong = m[name]
		}
	}
	p.Confirm = p.Confirm.Wrong(wrong)
	if f := fault.Of(refusal); f != nil && f.Code == backup.CodeTokenInvalid {
		p.TokenField = p.TokenField.Wrong(say.T("common.not_your_token"))
	}
	p.Problems = ui.Problems(p.TokenField.Problem(), p.Confirm.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
}

// phaseOf words where a token stands.
func phaseOf(say reader, t backup.TokenInfo) (ui.Chip, string) {
	switch t.Phase {
	case backup.Active:
		return ui.Label(say.T("backup.phase_active"), ui.Green), say.T("backup.token_made", "when", say.DateTime(t.CreatedAt))
	case backup.Waiting:
		return ui.Label(say.T("common.waiting"), ui.Orange), say.T("backup.token_from", "when", say.DateTime(t.ActivatesAt))
	case backup.PendingNotice:
		return ui.Label(say.T("backup.waiting_for_a_notice"), ui.Orange), say.T("backup.waiting_begins")
	case backup.Damaged:
		return ui.Label(say.T("backup.damaged"), ui.Red), say.T("backup.token_damaged")
	case backup.NoToken:
	}
	if t.MustWait {
		return ui.Label(say.T("backup.phase_none"), ui.Gray), say.T("backup.token_would_wait")
	}
	return ui.Label(say.T("backup.phase_none"), ui.Gray), say.T("backup.token_needed")
}

func (s *Site) fillBackups(r *http.Request, a access.Actor, p *backupPage) error {
	say := speak(r)
	ctx := r.Context()
	list, _, err := s.app.Backups.List(ctx, a, backup.Filter{Limit: 50})
	if err != nil {
		return err
	}
	forecast, err := s.app.Backups.Preflight(ctx, a)
	if err != nil {
		return err
	}
	owners, err := s.app.Backups.Tokens(ctx, a)
	if err != nil {
		return err
	}
	pending, err := s.app.Backups.PendingNotices(ctx, a)
	if err != nil {
		return err
	}
	for _, o := range owners {
		chip, _ := phaseOf(say, o)
		p.Owners = append(p.Owners, ownerRow{ui.Person{ID: int64(o.UserID), Name: o.Name}, chip, o.CreatedAt.In(say.loc)})
	}
	for _, o := range pending {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Title: say.T("backup.token_untold", "name", o.Name), Text: say.T("backup.token_untold_text", "name", o.Name)})
	}
	if a.Admin && !s.app.Outbox.Configured() {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Title: say.T("backup.mail_is_not_configured"), Text: say.T("backup.nobody_is_told")})
	}
	for i := range list {
		b := &list[i]
		if !b.State.Final() {
			p.Running = runningOf(say, b, s.app.DB.Now())
			continue
		}
		p.Rows = append(p.Rows, backupRowOf(say, b))
	}
	st, err := s.app.Backups.Standing(ctx, a)
	if err != nil {
		return err
	}
	p.state(say, st, forecast)
	if p.MayCare = a.Admin; a.Admin {
		if err := s.fillRestores(r, a, p); err != nil {
			return err
		}
	}
	p.Flash = slices.Insert(p.Flash, 0, p.Status) // what one comes for, before what else is to be told
	return nil
}

// fillRestores tells administrators how the newest restore ended, and offers to
// undo it.
func (s *Site) fillRestores(r *http.Request, a access.Actor, p *backupPage) error {
	say := speak(r)
	ctx := r.Context()
	if p.Ordered = s.app.Ordered(); p.Ordered {
		p.Status = ui.Alert{Tone: ui.Info, Text: say.T("backup.restore_ordered")}
	}
	at, until, ok, err := s.app.Backups.Undoable(ctx, a)
	if err != nil {
		return err
	}
	if ok {
		p.Undo = say.T("backup.undoable", "when", say.DateTime(at), "until", say.DateTime(until))
	}
	c, found, err := s.app.Backups.LastRestore(ctx)
	if err != nil {
		return err
	}
	if found && c.State == "failed" && s.app.DB.Now().Sub(c.StartedAt.Time) < 24*time.Hour {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Title: say.T("backup.last_restore_failed"), Text: say.trouble(c.Error)})
	}
	if s.app.Settings.Get().MailQuarantine {
		p.Flash = append(p.Flash, ui.Alert{
			Tone: ui.Warning, Title: say.T("backup.outgoing_mail_is_held_back"), Text: say.T("backup.look_around_first"),
			Actions: []ui.Button{ui.Link(say.T("common.mail"), "/admin/mail")},
		})
	}
	return nil
}

// state is the one sentence on top, and the facts under it.
func (p *backupPage) state(say reader, st backup.Standing, f backup.Forecast) {
	p.Status = standingAlert(say, st)
	if st.LastGood.IsZero() {
		p.Status.Text += " " + say.T("backup.how_to_make_the_first")
	}
	if p.Running != nil {
		p.Status = ui.Alert{Tone: ui.Info, Text: say.T("backup.a_backup_is_running")}
	}
	p.Facts = standingFacts(say, st)
	p.Now = []ui.Fact{
		{Label: say.T("backup.a_backup_now"), Value: say.T("backup.about", "size", say.Bytes(f.DatabaseBytes+f.FileBytes)), Note: say.T("count.files", "n", f.Files) + ", " + say.T("count.rows", "n", f.Rows)},
		{Label: say.T("backup.free_space"), Value: say.Bytes(f.FreeBytes), Note: say.T("backup.on_the_servers_disk")},
		{Label: say.T("backup.requests_left_today"), Value: strconv.Itoa(f.Left), Note: say.T("backup.counted_over_24_hours")},
	}
	if f.TooLarge {
		p.ForecastText = say.T("backup.too_large", "size", say.Bytes(f.FileBytes), "limit", say.Bytes(f.Cap))
	}
}

func runningOf(say reader, b *backup.Backup, now time.Time) *runningBackup {
	g := b.Progress()
	r := &runningBackup{ID: b.ID, Label: say.T("backup.requested_by", "name", b.RequestedBy)}
	r.Progress = ui.Progress{Label: say.T("backup.waiting_for_its_turn"), Value: -1}
	if b.State == backup.Running {
		r.Progress.Label = say.T("backup.writing", "what", say.step(g.Phase))
	}
	done, total := archive.Work(g.Rows, g.Bytes), archive.Work(g.RowsTotal, g.BytesTotal)
	if total > 0 {
		r.Progress.Value, r.Progress.Max = min(done, total), total
		r.Progress.Note = say.progress(g.Rows, g.RowsTotal, g.Bytes, g.BytesTotal)
		if b.StartedAt != nil && done > 0 {
			took := now.Sub(b.StartedAt.Time)
			if secs := took.Seconds(); secs > 0 {
				left := time.Duration(float64(took) * float64(total-min(done, total)) / float64(done))
				r.Progress.Note += ", " + say.T("backup.rate", "rate", say.Bytes(int64(float64(g.Bytes)/secs)), "left", say.Duration(left))
			}
		}
	}
	if b.CancelRequested {
		r.Label += ", " + say.T("backup.being_cancelled")
	}
	return r
}

var backupHues = map[backup.State]ui.Hue{
	backup.Complete: ui.Green, backup.Incomplete: ui.Orange, backup.Failed: ui.Red, backup.Cancelled: ui.Gray,
}

func backupRowOf(say reader, b *backup.Backup) backupRow {
	row := backupRow{
		ID: b.ID, At: b.CreatedAt.In(say.loc), Who: b.RequestedBy, State: ui.Label(say.either("backup.state_", string(b.State)), backupHues[b.State]), Size: b.Size,
		Missing: b.MissingFiles(), Included: say.T("common.everything"), Verified: "–",
		Downloadable: b.Restorable(), Added: b.Added, Snapshot: b.Snapshot, Restorable: b.Restorable(),
	}
	row.Error, row.Detail = say.troubleOf(b.Error)
	for i, m := range row.Missing {
		row.Missing[i].Reason = backup.Why(say, m.Reason)
	}
	if !b.IncludeAttachments {
		row.Included = say.T("backup.without_files")
	}
	if b.VerifiedAt != nil {
		row.Verified = say.T("backup.all_there")
	}
	if b.RemovedAt != nil {
		row.Verified = say.T("backup.let_go")
	}
	if b.StartedAt != nil && b.FinishedAt != nil {
		row.Took = b.FinishedAt.Sub(b.StartedAt.Time)
	}
	return row
}

func (s *Site) resetToken(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	t, err := s.app.Backups.CreateToken(r.Context(), a, r.PostForm.Get("_password_confirmation"))
	if err != nil {
		return s.refusedBackup(w, r, a, err)
	}
	return s.backupForm(w, r, a, t.Value, true, nil)
}

// refusedBackup shows a refusal on the page; what the actor may not know of
// stays an error page.
func (s *Site) refusedBackup(w http.ResponseWriter, r *http.Request, a access.Actor, err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind == fault.KindNotFound || f.Kind == fault.KindUnauthenticated {
		return err
	}
	if f.Kind == fault.KindForbidden && f.Code == "" {
		return err
	}
	return s.backupForm(w, r, a, "", r.PostForm.Get("include_attachments") == "1", err)
}

func (s *Site) deleteToken(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if err := s.app.Backups.DeleteToken(r.Context(), a, r.PostForm.Get("_password_confirmation")); err != nil {
		return s.refusedBackup(w, r, a, err)
	}
	return redirect(w, r, "/admin/backups?done=token_gone")
}

func (s *Site) requestBackup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	_, err := s.app.Backups.Request(r.Context(), a, backup.RequestInput{
		Token: r.PostForm.Get("backup_token"), Attachments: r.PostForm.Get("include_attachments") == "1", Source: backup.SourcePage,
	})
	if err != nil {
		return s.refusedBackup(w, r, a, err)
	}
	return redirect(w, r, "/admin/backups?done=requested")
}

func backupID(r *http.Request) (id.Backup, error) {
	return id.Parse[id.Backup]("backup", chi.URLParam(r, "id"))
}

func (s *Site) cancelBackup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := backupID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.Backups.Cancel(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, "/admin/backups?done=cancelled")
}

type downloadPage struct {
	ui.Page
	Action   string
	Size     int64
	Confirm  ui.Field
	Problems ui.ErrorSummary
}

func (s *Site) downloadForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := backupID(r)
	if err != nil {
		return err
	}
	return s.backupDownload(w, r, a, n, nil)
}

// backupDownload asks for the password, or for the backup token of people who
// have none.
func (s *Site) backupDownload(w http.ResponseWriter, r *http.Request, a access.Actor, n id.Backup, refusal error) error {
	say := speak(r)
	b, err := s.app.Backups.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	info, err := s.app.Backups.TokenState(r.Context(), a)
	if err != nil {
		return err
	}
	p := downloadPage{Page: s.adminFrame(r, a, say.T("backup.download_backup")), Action: r.URL.Path, Size: b.Size}
	p.Width = "narrow"
	p.Lead = say.T("backup.archive_holds_everything")
	p.Confirm = ui.Password("_password_confirmation", say.T("common.your_password"), "current-password").Require()
	if !info.NeedsPassword {
		p.Confirm = ui.Password("backup_token", say.T("common.your_backup_token"), "off").Require()
	}
	for _, m := range say.messages(refusal) {
		p.Confirm = p.Confirm.Wrong(m)
	}
	p.Problems = ui.Problems(p.Confirm.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.sentence(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "admin_backup_download", p)
}

func (s *Site) sendBackup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := backupID(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	f, err := s.app.Backups.Download(r.Context(), a, n, backup.DownloadInput{
		Purpose: backup.Page, Password: r.PostForm.Get("_password_confirmation"), Token: r.PostForm.Get("backup_token"),
	})
	if refused(err) || fault.Is(err, fault.KindTooMany) || fault.Of(err) != nil && fault.Of(err).Code == backup.CodeTokenInvalid {
		return s.backupDownload(w, r, a, n, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	serve.SendFile(w, r, serve.File{Name: f.Name, ContentType: "application/zip", Tag: f.Tag, Modified: f.Modified, Content: f})
	return nil
}

type cancelPage struct {
	ui.Page
	Token string
}

// confirmCancel is where the link in a notice leads. It changes nothing: mail
// programs open links by themselves.
func (s *Site) confirmCancel(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	say := speak(r)
	p := cancelPage{Page: s.frame(r, access.Anonymous(""), say.T("backup.cancel_a_backup_token")), Token: r.URL.Query().Get("token")}
	return s.ui.Render(w, http.StatusOK, "backup_cancel", p)
}

func (s *Site) cancelToken(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	if err := form(w, r); err != nil {
		return err
	}
	if err := s.app.Backups.CancelToken(r.Context(), a, r.PostForm.Get("token")); err != nil {
		return err
	}
	p := cancelPage{Page: s.frame(r, access.Anonymous(""), say.T("backup.the_backup_token_is_cancelled"))}
	return s.ui.Render(w, http.StatusOK, "backup_cancel", p)
}
