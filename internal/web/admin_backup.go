package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
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
	ctx := r.Context()
	if !s.app.Backups.Enabled() {
		return fault.NotFound("page")
	}
	info, err := s.app.Backups.TokenState(ctx, a)
	if err != nil {
		return err
	}
	p := backupPage{Page: s.adminFrame(r, a, "Backup"), Token: info, NewToken: newToken, HasToken: info.Phase != backup.NoToken}
	p.Phase, p.PhaseText = phaseOf(info, location(a))
	p.MayRequest = info.Phase == backup.Active
	p.ResetLabel = "Create backup token"
	if p.HasToken {
		p.ResetLabel = "Reset backup token"
	}
	if err := s.fillBackups(r, a, &p); err != nil {
		return err
	}
	p.fields(speak(r), include || refusal == nil, refusal)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if (p.Running != nil || p.Ordered) && newToken == "" && refusal == nil {
		h.Set("Refresh", "2")
	}
	return s.ui.Render(w, statusOf(refusal), "admin_backup", p)
}

func (p *backupPage) fields(say reader, include bool, refusal error) {
	m := say.messages(refusal)
	p.TokenField = ui.Password("backup_token", "Backup token", "off").Require()
	p.Include = ui.Check("include_attachments", "Include uploaded files", include)
	p.Confirm = ui.Password("_password_confirmation", "Your password", "current-password").Require()
	wrong := ""
	for _, name := range []string{"password", "password_confirmation", "_password_confirmation", "currentPassword", "current"} {
		if m[name] != "" {
			wrong = m[name]
		}
	}
	p.Confirm = p.Confirm.Wrong(wrong)
	if f := fault.Of(refusal); f != nil && f.Code == backup.CodeTokenInvalid {
		p.TokenField = p.TokenField.Wrong("This is not your backup token.")
	}
	p.Problems = ui.Problems(p.TokenField.Problem(), p.Confirm.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
}

// phaseOf words where a token stands.
func phaseOf(t backup.TokenInfo, loc *time.Location) (ui.Chip, string) {
	switch t.Phase {
	case backup.Active:
		return ui.Label("Active", ui.Green), "Your token was made on " + t.CreatedAt.In(loc).Format("2 Jan 2006, 15:04") + " and is asked for with every request."
	case backup.Waiting:
		return ui.Label("Waiting", ui.Orange), "Your token is valid from " + t.ActivatesAt.In(loc).Format("2 Jan 2006, 15:04") +
			". Until then nobody can request a backup with it. On the server, holdfast backup allow-now ends the wait."
	case backup.PendingNotice:
		return ui.Label("Waiting for a notice", ui.Orange), "The waiting period begins when the mail server has accepted the notice to an administrator."
	case backup.Damaged:
		return ui.Label("Damaged", ui.Red), "This token was changed outside Holdfast and opens nothing. Reset it, and tell your operator."
	case backup.NoToken:
	}
	if t.MustWait {
		return ui.Label("None", ui.Gray), "You have no backup token. A new one would only be valid after the waiting period, because you sign in without a password or your account changed recently."
	}
	return ui.Label("None", ui.Gray), "You have no backup token. You need one, on top of your password, to request a backup."
}

func (s *Site) fillBackups(r *http.Request, a access.Actor, p *backupPage) error {
	ctx, loc := r.Context(), location(a)
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
		chip, _ := phaseOf(o, loc)
		p.Owners = append(p.Owners, ownerRow{ui.Person{ID: int64(o.UserID), Name: o.Name}, chip, o.CreatedAt.In(loc)})
	}
	for _, o := range pending {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Title: "A backup token of " + o.Name + " was made", Text: "No mail could tell the administrators. If it was not meant to be made, lock " + o.Name + "'s account."})
	}
	if a.Admin && !s.app.Outbox.Configured() {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Title: "Mail is not configured", Text: "Nobody is told when a backup token is made or a backup is downloaded."})
	}
	for i := range list {
		b := &list[i]
		if !b.State.Final() {
			p.Running = runningOf(b, s.app.DB.Now())
			continue
		}
		p.Rows = append(p.Rows, backupRowOf(b, loc))
	}
	st, err := s.app.Backups.Standing(ctx, a)
	if err != nil {
		return err
	}
	p.state(st, forecast, loc)
	if p.MayCare = a.Admin; !a.Admin {
		return nil
	}
	return s.fillRestores(r, a, p)
}

// fillRestores tells administrators how the newest restore ended, and offers to
// undo it.
func (s *Site) fillRestores(r *http.Request, a access.Actor, p *backupPage) error {
	ctx, loc := r.Context(), location(a)
	if p.Ordered = s.app.Ordered(); p.Ordered {
		p.Status = ui.Alert{Tone: ui.Info, Text: "A restore has been ordered and begins in a moment. This page follows it."}
	}
	at, until, ok, err := s.app.Backups.Undoable(ctx, a)
	if err != nil {
		return err
	}
	if ok {
		p.Undo = "The instance was restored on " + at.In(loc).Format("2 Jan 2006, 15:04") + ". That can be undone until " + until.In(loc).Format("2 Jan 2006, 15:04") + "."
	}
	c, found, err := s.app.Backups.LastRestore(ctx)
	if err != nil {
		return err
	}
	if found && c.State == "failed" && s.app.DB.Now().Sub(c.StartedAt.Time) < 24*time.Hour {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Title: "The last restore failed; the instance is as it was before it", Text: capital(c.Error) + "."})
	}
	if s.app.Settings.Get().MailQuarantine {
		p.Flash = append(p.Flash, ui.Alert{
			Tone: ui.Warning, Title: "Outgoing mail is held back", Text: "That is so after a restore, so that nobody gets old mail. Look around first, then release it.",
			Actions: []ui.Button{ui.Link("Mail", "/admin/mail")},
		})
	}
	return nil
}

// state is the one sentence on top, and the facts under it.
func (p *backupPage) state(st backup.Standing, f backup.Forecast, loc *time.Location) {
	p.Status = standingAlert(st)
	if p.Running != nil {
		p.Status = ui.Alert{Tone: ui.Info, Text: "A backup is running. This page follows it."}
	}
	p.Facts = standingFacts(st, loc)
	p.Now = []ui.Fact{
		{Label: "A backup now", Value: "about " + ui.Bytes(f.DatabaseBytes+f.FileBytes), Note: ui.Counted(f.Files, "file") + ", " + ui.Counted(f.Rows, "row")},
		{Label: "Free space", Value: ui.Bytes(f.FreeBytes), Note: "on the server's disk"},
		{Label: "Requests left today", Value: strconv.Itoa(f.Left), Note: "counted over 24 hours"},
	}
	if f.TooLarge {
		p.ForecastText = fmt.Sprintf("The files are %s, more than the limit of %s that the operator has set: a backup with files would be refused.", ui.Bytes(f.FileBytes), ui.Bytes(f.Cap))
	}
}

func runningOf(b *backup.Backup, now time.Time) *runningBackup {
	g := b.Progress()
	r := &runningBackup{ID: b.ID, Label: "Requested by " + b.RequestedBy}
	r.Progress = ui.Progress{Label: "Waiting for its turn", Value: -1}
	if b.State == backup.Running {
		r.Progress.Label = "Writing " + g.Phase
	}
	done, total := g.Rows*100+g.Bytes, g.RowsTotal*100+g.BytesTotal
	if total > 0 {
		r.Progress.Value, r.Progress.Max = min(done, total), total
		r.Progress.Note = fmt.Sprintf("%s of %s, %s of %s", ui.Count(g.Rows), ui.Counted(g.RowsTotal, "row"), ui.Bytes(g.Bytes), ui.Bytes(g.BytesTotal))
		if b.StartedAt != nil && done > 0 {
			took := now.Sub(b.StartedAt.Time)
			if secs := took.Seconds(); secs > 0 {
				left := time.Duration(float64(took) * float64(total-min(done, total)) / float64(done))
				r.Progress.Note += fmt.Sprintf(", %s/s, about %s left", ui.Bytes(int64(float64(g.Bytes)/secs)), ui.Duration(left))
			}
		}
	}
	if b.CancelRequested {
		r.Label += ", being cancelled"
	}
	return r
}

var backupHues = map[backup.State]ui.Hue{
	backup.Complete: ui.Green, backup.Incomplete: ui.Orange, backup.Failed: ui.Red, backup.Cancelled: ui.Gray,
}

func backupRowOf(b *backup.Backup, loc *time.Location) backupRow {
	row := backupRow{
		ID: b.ID, At: b.CreatedAt.In(loc), Who: b.RequestedBy, State: ui.Label(capital(string(b.State)), backupHues[b.State]), Size: b.Size,
		Error: b.Error, Missing: b.MissingFiles(), Included: "Everything", Verified: "–",
		Downloadable: b.Restorable(), Added: b.Added, Snapshot: b.Snapshot, Restorable: b.Restorable(),
	}
	if !b.IncludeAttachments {
		row.Included = "Without files"
	}
	if b.VerifiedAt != nil {
		row.Verified = "All there"
	}
	if b.RemovedAt != nil {
		row.Verified = "Let go"
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
	b, err := s.app.Backups.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	info, err := s.app.Backups.TokenState(r.Context(), a)
	if err != nil {
		return err
	}
	p := downloadPage{Page: s.adminFrame(r, a, "Download backup"), Action: r.URL.Path, Size: b.Size}
	p.Width = "narrow"
	p.Lead = "The archive holds everything: all projects, people and files. All administrators are told about the download."
	p.Confirm = ui.Password("_password_confirmation", "Your password", "current-password").Require()
	if !info.NeedsPassword {
		p.Confirm = ui.Password("backup_token", "Your backup token", "off").Require()
	}
	for _, m := range speak(r).messages(refusal) {
		p.Confirm = p.Confirm.Wrong(m)
	}
	p.Problems = ui.Problems(p.Confirm.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: speak(r).sentence(refusal)})
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
	p := cancelPage{Page: s.frame(r, access.Anonymous(""), "Cancel a backup token"), Token: r.URL.Query().Get("token")}
	return s.ui.Render(w, http.StatusOK, "backup_cancel", p)
}

func (s *Site) cancelToken(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	if err := s.app.Backups.CancelToken(r.Context(), a, r.PostForm.Get("token")); err != nil {
		return err
	}
	p := cancelPage{Page: s.frame(r, access.Anonymous(""), "The backup token is cancelled")}
	return s.ui.Render(w, http.StatusOK, "backup_cancel", p)
}
