package web

import (
	"net/http"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type restorePage struct {
	ui.Page
	Action, Submit string
	Undo           bool
	At             time.Time
	Until          time.Time
	Snapshot       string
	Loss           []lossRow
	Token          ui.Field
	Password       ui.Field
	NeedsPassword  bool
	Confirm        ui.Field
	Problems       ui.ErrorSummary
}

type lossRow struct {
	Text string
	Last time.Time
}

func (s *Site) restoreForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := backupID(r)
	if err != nil {
		return err
	}
	return s.showRestore(w, r, a, n, nil)
}

// showRestore says what a restore takes away and brings back, and asks for all
// that guards it.
func (s *Site) showRestore(w http.ResponseWriter, r *http.Request, a access.Actor, n id.Backup, refusal error) error {
	say := speak(r)
	ctx, loc := r.Context(), location(a)
	b, err := s.app.Backups.Find(ctx, a, n)
	if err != nil {
		return err
	}
	loss, err := s.app.Backups.Loss(ctx, a, n)
	if err != nil {
		return err
	}
	p := restorePage{Page: s.backupFrame(r, a, say.T("restore.restore")), Snapshot: b.Snapshot, At: loss.Since.In(loc), Submit: say.T("restore.restore_now")}
	for _, k := range loss.Kinds {
		noun := say.either("restore.kind_", k.Kind) + ": " + say.Count(k.Count)
		p.Loss = append(p.Loss, lossRow{noun, k.Last.In(loc)})
	}
	return s.guardRestore(w, r, a, p, refusal)
}

func (s *Site) undoForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.showUndo(w, r, a, nil)
}

func (s *Site) showUndo(w http.ResponseWriter, r *http.Request, a access.Actor, refusal error) error {
	say := speak(r)
	at, until, ok, err := s.app.Backups.Undoable(r.Context(), a)
	if err != nil {
		return err
	}
	if !ok {
		return fault.NotFound("restore")
	}
	loc := location(a)
	p := restorePage{Page: s.backupFrame(r, a, say.T("restore.undo_the_restore")), Undo: true, At: at.In(loc), Until: until.In(loc), Submit: say.T("restore.undo_the_restore")}
	return s.guardRestore(w, r, a, p, refusal)
}

func (s *Site) backupFrame(r *http.Request, a access.Actor, title string) ui.Page {
	say := speak(r)
	p := s.adminFrame(r, a, title)
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.administration"), Href: "/admin"}, {Label: say.T("common.backup"), Href: "/admin/backups"}, {Label: title}}
	return p
}

// guardRestore adds the fields that guard it, with what was wrong with them.
func (s *Site) guardRestore(w http.ResponseWriter, r *http.Request, a access.Actor, p restorePage, refusal error) error {
	say := speak(r)
	info, err := s.app.Backups.TokenState(r.Context(), a)
	if err != nil {
		return err
	}
	m := say.messages(refusal)
	p.Action, p.NeedsPassword = r.URL.Path, info.NeedsPassword
	p.Token = ui.Password("backup_token", say.T("common.your_backup_token"), "off").Require()
	if info.Phase == backup.NoToken {
		p.Token.Hint = say.T("restore.you_have_none_yet_make")
	}
	if f := fault.Of(refusal); f != nil && f.Code == backup.CodeTokenInvalid {
		p.Token = p.Token.Wrong(say.T("common.not_your_token"))
	}
	p.Password = ui.Password("_password_confirmation", say.T("common.your_password"), "current-password").Require().Wrong(firstOf(m, "password_confirmation", "password", "current"))
	p.Confirm = ui.Text("confirmation", say.T("restore.type_to_confirm", "word", backup.RestoreConfirmation), "").Require().Wrong(m["confirmation"])
	p.Confirm.Autocomplete = "off"
	p.Problems = ui.Problems(p.Token.Problem(), p.Password.Problem(), p.Confirm.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.sentence(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "admin_restore", p)
}

func firstOf(m map[string]string, names ...string) string {
	for _, n := range names {
		if m[n] != "" {
			return m[n]
		}
	}
	return ""
}

func (s *Site) orderRestore(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := backupID(r)
	if err != nil {
		return err
	}
	return s.order(w, r, a, backup.RestoreInput{Backup: n}, func(refusal error) error { return s.showRestore(w, r, a, n, refusal) })
}

func (s *Site) orderUndo(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.order(w, r, a, backup.RestoreInput{Undo: true}, func(refusal error) error { return s.showUndo(w, r, a, refusal) })
}

func (s *Site) order(w http.ResponseWriter, r *http.Request, a access.Actor, in backup.RestoreInput, again func(error) error) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	in.Token, in.Password, in.Confirmation = f.Get("backup_token"), f.Get("_password_confirmation"), f.Get("confirmation")
	err := s.app.Backups.RequestRestore(r.Context(), a, in)
	switch f := fault.Of(err); {
	case err == nil:
		return redirect(w, r, "/admin/backups")
	case f == nil, f.Kind == fault.KindNotFound, f.Kind == fault.KindUnauthenticated, f.Kind == fault.KindForbidden && f.Code == "":
		return err
	}
	return again(err)
}
