package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/retrieve"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type retrievePage struct {
	ui.Page
	Snapshot, Kind ui.Select
	Ref            ui.Field
	Preview        *retrieve.Preview
	State          ui.Chip
	Fields         []changeRow
	Everything     ui.Checkbox
	Token          ui.Field
	Password       ui.Field
	NeedsPassword  bool
	Hidden         map[string]string
	Problems       ui.ErrorSummary
	Result         *retrieve.Result
	say            reader
	None           *ui.EmptyState // where there are no snapshots
}

type changeRow struct {
	retrieve.Change
	Box ui.Checkbox
}

// retrieveQuery is what a retrieve page is about.
type retrieveQuery struct {
	snapshot, ref string
	kind          retrieve.Kind
}

func queryOf(v url.Values) retrieveQuery {
	return retrieveQuery{v.Get("snapshot"), strings.TrimPrefix(strings.TrimSpace(v.Get("ref")), "#"), retrieve.Kind(v.Get("kind"))}
}

func (s *Site) retrieveForm(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.showRetrieve(w, r, a, queryOf(r.URL.Query()), nil, nil)
}

// showRetrieve asks what is wanted and shows what differs. refusal is what was wrong
// with bringing it back, and result what came back.
func (s *Site) showRetrieve(w http.ResponseWriter, r *http.Request, a access.Actor, q retrieveQuery, result *retrieve.Result, refusal error) error {
	say := speak(r)
	p := retrievePage{Page: s.backupFrame(r, a, say.T("retrieve.retrieve_one_thing")), Result: result, say: say}
	p.Lead = say.T("retrieve.bring_back_lead")
	list, _, err := s.app.Backups.List(r.Context(), a, backup.Filter{Limit: 200})
	if err != nil {
		return err
	}
	var options []ui.Option
	for i := range list {
		if b := &list[i]; b.Restorable() {
			options = append(options, ui.Option{Value: b.Snapshot, Label: say.DateTime(b.CreatedAt.Time)})
		}
	}
	if len(options) == 0 {
		p.None = &ui.EmptyState{
			Icon: "history", Title: say.T("retrieve.none_yet"), Text: say.T("retrieve.none_text"), Actions: []ui.Button{ui.Link(say.T("common.to_the_backups"), "/admin/backups")},
		}
	}
	p.Snapshot = ui.Choose("snapshot", say.T("retrieve.backup_of"), q.snapshot, options...)
	p.Kind = ui.Choose("kind", say.T("common.what"), string(q.kind),
		ui.Option{Value: string(retrieve.WorkPackage), Label: say.T("common.work_package")}, ui.Option{Value: string(retrieve.Project), Label: say.T("common.project")}, ui.Option{Value: string(retrieve.File), Label: say.T("common.file")})
	p.Ref = ui.Text("ref", say.T("retrieve.number_or_identifier"), q.ref).Require()
	status := http.StatusOK
	if q.ref != "" && q.snapshot != "" {
		status, err = s.preview(r, a, &p, q, refusal)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.ui.Render(w, status, "admin_retrieve", p)
}

// preview fills in what differs, or why it cannot be shown.
func (s *Site) preview(r *http.Request, a access.Actor, p *retrievePage, q retrieveQuery, refusal error) (int, error) {
	say := speak(r)
	wanted, err := s.wanted(r, a, q)
	var got retrieve.Preview
	if err == nil {
		got, err = s.app.Retrieve.Preview(r.Context(), a, wanted)
	}
	if err != nil {
		return s.notShown(say, p, err)
	}
	info, err := s.app.Backups.TokenState(r.Context(), a)
	if err != nil {
		return 0, err
	}
	p.Preview, p.NeedsPassword, p.State = &got, info.NeedsPassword, pieceState(say, &got)
	p.Hidden = map[string]string{"snapshot": got.Snapshot, "kind": string(got.Kind), "ref": strconv.FormatInt(got.ID, 10), "lock_version": strconv.Itoa(got.LockVersion)}
	for _, c := range got.Changes {
		row := changeRow{Change: c, Box: ui.Check("field", say.change(c.Field, c.Label), true)}
		row.Box.Value = c.Field
		p.Fields = append(p.Fields, row)
	}
	p.Everything = ui.Check("everything", say.T("retrieve.also_set_back"), false)
	m := say.messages(refusal)
	p.Token = ui.Password("backup_token", say.T("common.your_backup_token"), "off").Require()
	if f := fault.Of(refusal); f != nil && f.Code == backup.CodeTokenInvalid {
		p.Token = p.Token.Wrong(say.T("common.not_your_token"))
	}
	p.Password = ui.Password("_password_confirmation", say.T("common.your_password"), "current-password").Require().Wrong(firstOf(m, "currentPassword", "password_confirmation", "password", "current"))
	p.Problems = ui.Problems(p.Token.Problem(), p.Password.Problem())
	if refusal != nil && len(p.Problems.Items) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.sentence(refusal)})
	}
	return statusOf(refusal), nil
}

// notShown words why there is no preview, at the field where the person asked.
func (s *Site) notShown(say reader, p *retrievePage, err error) (int, error) {
	switch f := fault.Of(err); {
	case errors.Is(err, archive.ErrBroken):
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Title: say.T("retrieve.the_backup_is_damaged_there"), Text: say.trouble(err.Error())})
		return http.StatusUnprocessableEntity, nil
	case f == nil || f.Kind != fault.KindNotFound && f.Kind != fault.KindConflict && f.Kind != fault.KindInvalid:
		return 0, err
	}
	p.Ref = p.Ref.Wrong(say.sentence(err))
	p.Problems = ui.Problems(p.Ref.Problem())
	return http.StatusUnprocessableEntity, nil
}

func (s *Site) wanted(r *http.Request, a access.Actor, q retrieveQuery) (retrieve.Wanted, error) {
	w := retrieve.Wanted{Snapshot: q.snapshot, Kind: q.kind}
	var err error
	if q.kind == retrieve.Project {
		w.ID, err = s.app.Retrieve.FindProject(r.Context(), a, q.snapshot, q.ref)
		return w, err
	}
	if w.ID, err = strconv.ParseInt(q.ref, 10, 64); err != nil {
		err = fault.NotFound("this is no number; it was")
	}
	return w, err
}

func pieceState(say reader, p *retrieve.Preview) ui.Chip {
	switch {
	case p.Gone:
		return ui.Label(say.T("retrieve.gone"), ui.Red)
	case p.InTrash:
		return ui.Label(say.T("retrieve.in_the_trash"), ui.Orange)
	case p.Same():
		return ui.Label(say.T("retrieve.as_it_was"), ui.Green)
	}
	return ui.Label(say.T("retrieve.changed_since"), ui.Blue)
}

// retrievePiece brings it back.
func (s *Site) retrievePiece(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	q := queryOf(f)
	err := s.app.Backups.Confirm(r.Context(), a, f.Get("backup_token"), f.Get("_password_confirmation"))
	var result retrieve.Result
	if err == nil {
		result, err = s.retrieve(r, a, q)
	}
	switch f := fault.Of(err); {
	case err == nil:
		return s.showRetrieve(w, r, a, q, &result, nil)
	case f == nil || f.Kind == fault.KindNotFound || f.Kind == fault.KindUnauthenticated || f.Kind == fault.KindForbidden && f.Code == "":
		return err
	}
	return s.showRetrieve(w, r, a, q, nil, err)
}

func (s *Site) retrieve(r *http.Request, a access.Actor, q retrieveQuery) (retrieve.Result, error) {
	wanted, err := s.wanted(r, a, q)
	if err != nil {
		return retrieve.Result{}, err
	}
	f := r.PostForm
	c := retrieve.Choice{Everything: f.Get("everything") == "1", Fields: f["field"]}
	if c.LockVersion, err = strconv.Atoi(f.Get("lock_version")); err != nil {
		return retrieve.Result{}, fault.InvalidField("lock_version", "not_a_number")
	}
	if f.Get("choose") == "1" && len(c.Fields) == 0 {
		c.Fields = []string{"none"} // every box was cleared: only files and history
	}
	return s.app.Retrieve.Retrieve(r.Context(), a, wanted, c, nil)
}

// retrieveContent sends a file as the backup holds it.
func (s *Site) retrieveContent(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	q := queryOf(f)
	if err := s.app.Backups.Confirm(r.Context(), a, f.Get("backup_token"), f.Get("_password_confirmation")); err != nil {
		if fault.Of(err) == nil || fault.Is(err, fault.KindUnauthenticated) {
			return err
		}
		return s.showRetrieve(w, r, a, q, nil, err)
	}
	wanted, err := s.wanted(r, a, q)
	if err != nil {
		return err
	}
	file, content, err := s.app.Retrieve.Open(r.Context(), a, wanted)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // was only read
	serve.SendStream(w, serve.File{Name: file.FileName, ContentType: file.ContentType}, file.Size, content)
	return nil
}

// BroughtBack words what came back.
func (p retrievePage) BroughtBack() string {
	r := p.Result
	var parts []string
	for _, c := range []struct {
		n   int
		key string
	}{{r.Projects, "retrieve.projects"}, {r.WorkPackages, "retrieve.work_packages"}, {r.Entries, "retrieve.entries"}, {r.Files, "count.files"}, {r.Members, "retrieve.members"}, {r.Versions, "retrieve.versions"}, {r.Categories, "retrieve.categories"}} {
		if c.n > 0 {
			parts = append(parts, p.say.T(c.key, "n", c.n))
		}
	}
	if len(parts) == 0 {
		return p.say.T("retrieve.all_was_there")
	}
	return p.say.T("retrieve.brought_back", "what", strings.Join(parts, ", "))
}

// Link leads to what came back.
func (p retrievePage) Link() string {
	switch p.Result.Wanted {
	case retrieve.Project:
		return fmt.Sprintf("/projects/%d", p.Result.ID)
	case retrieve.WorkPackage:
		return fmt.Sprintf("/work_packages/%d", p.Result.ID)
	case retrieve.File: // it is with what it belongs to
	}
	return ""
}
