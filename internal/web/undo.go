package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// Kinds of records whose newest change can be taken back, as addresses call them.
const (
	undoPackage  = "work_package"
	undoProject  = "project"
	undoMember   = "member"
	undoVersion  = "version"
	undoCategory = "category"
	undoRole     = "role"
	undoType     = "type"
	undoStatus   = "status"
	undoPriority = "priority"
	undoWorkflow = "workflow"
	undoSetting  = "setting"
	undoAccount  = "user"
	undoSwitches = "switches"
	undoComment  = "comment" // the edit of one, by the number of its entry in the history
	undoTold     = "told"    // a step in the inbox: what, when, and on what
)

// undoKind is how changes of one kind of record are taken back.
type undoKind struct {
	// entity is what the journal calls it.
	entity string
	undo   func(ctx context.Context, a access.Actor, records []int64) error
	// step stands in the place of undo where taking back the taking back is called otherwise.
	step func(ctx context.Context, a access.Actor, records []int64) ([]int64, error)
	// home is where to go from a page that does not say where it is.
	home func(record int64) string
	// after is where to go instead of back, which the undoing may have taken away.
	after func(r *http.Request, a access.Actor, record int64, back string) string
}

// undoKinds are all kinds, each with its service.
func (s *Site) undoKinds() map[string]undoKind {
	return map[string]undoKind{
		undoPackage: {
			entity: journal.WorkPackage, undo: several(s.app.WorkPackages.Undo),
			home: func(n int64) string { return packageHref(id.WorkPackage(n)) },
		},
		undoProject:  {entity: journal.Project, undo: single(s.app.Projects.Undo), after: s.stillProject},
		undoMember:   {entity: journal.Member, undo: several(s.app.Memberships.Undo)},
		undoVersion:  {entity: journal.Version, undo: single(s.app.Versions.Undo)},
		undoCategory: {entity: journal.Category, undo: single(s.app.Categories.Undo)},
		undoRole:     {entity: journal.Role, undo: several(s.app.Memberships.UndoRole), after: s.stillRole},
		undoType:     {entity: journal.Type, undo: single(s.app.Catalog.UndoType)},
		undoStatus:   {entity: journal.Status, undo: single(s.app.Catalog.UndoStatus)},
		undoPriority: {entity: journal.Priority, undo: single(s.app.Catalog.UndoPriority)},
		undoWorkflow: {entity: journal.Workflow, undo: several(s.app.Catalog.UndoWorkflow)},
		undoSetting: {entity: journal.Setting, undo: func(ctx context.Context, a access.Actor, records []int64) error {
			if !slices.Equal(records, settings.records) {
				return fault.NotFound("change")
			}
			return s.app.Settings.Undo(ctx, a)
		}},
		undoAccount: {entity: journal.User, undo: single(s.app.Accounts.Undo)},
		undoSwitches: {entity: journal.Switches, undo: func(ctx context.Context, a access.Actor, records []int64) error {
			if !slices.Equal(records, []int64{int64(a.ID)}) {
				return fault.NotFound("change")
			}
			return s.app.Notifications.UndoSwitch(ctx, a)
		}},
		undoComment: {undo: single(s.app.WorkPackages.UndoComment)},
		undoTold:    {step: s.undoTold},
	}
}

// stillProject is back where the project has another identifier now, and the list
// where the person does not see it any more.
func (s *Site) stillProject(r *http.Request, a access.Actor, n int64, back string) string {
	pr, _, err := s.projectOf(r, a, id.Project(n))
	if err != nil {
		return projectsHref
	}
	rest, inside := strings.CutPrefix(back, projectsHref+"/")
	if !inside {
		return back
	}
	end := strings.IndexAny(rest+"?", "/?")
	if _, err := s.app.Projects.FindRef(r.Context(), a, rest[:end]); err == nil {
		return back
	}
	return projectHref(pr) + rest[end:]
}

const projectsHref = "/projects"

// stillRole is back unless that is about the role and it is gone.
func (s *Site) stillRole(r *http.Request, a access.Actor, n int64, back string) string {
	if _, err := s.app.Memberships.Role(r.Context(), a, id.Role(n)); err != nil {
		return rolesHref
	}
	return back
}

// single and several make the method of a service fit the table.
func single[T ~int64](undo func(context.Context, access.Actor, T) error) func(context.Context, access.Actor, []int64) error {
	return func(ctx context.Context, a access.Actor, records []int64) error {
		if len(records) != 1 {
			return fault.NotFound("change")
		}
		return undo(ctx, a, T(records[0]))
	}
}

func several[T ~int64](undo func(context.Context, access.Actor, ...T) error) func(context.Context, access.Actor, []int64) error {
	return func(ctx context.Context, a access.Actor, records []int64) error {
		ids := make([]T, len(records))
		for i, n := range records {
			ids[i] = T(n)
		}
		return undo(ctx, a, ids...)
	}
}

// undoing names the records whose newest change can be taken back together. In
// addresses it is the kind and the numbers, with hyphens between them.
type undoing struct {
	kind    string
	records []int64
}

func undoOf[T ~int64](kind string, ids ...T) undoing {
	u := undoing{kind: kind}
	for _, n := range ids {
		u.records = append(u.records, int64(n))
	}
	return u
}

func (u undoing) String() string {
	if len(u.records) == 0 {
		return ""
	}
	text := u.kind
	for _, n := range u.records {
		text += "-" + strconv.FormatInt(n, 10)
	}
	return text
}

// settings are the settings, which are one record.
var settings = undoing{undoSetting, []int64{setting.RecordID}}

func parseUndoing(text string) (undoing, bool) {
	kind, numbers, _ := strings.Cut(text, "-")
	u := undoing{kind: kind}
	for part := range strings.SplitSeq(numbers, "-") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n <= 0 || len(u.records) == maxBulk { // nothing changes more at once
			return undoing{}, false
		}
		u.records = append(u.records, n)
	}
	return u, true
}

// offered is what of it the person has changed in this request, so that the way back
// can be offered.
func (s *Site) offered(r *http.Request, a access.Actor, u undoing) (undoing, error) {
	changed, err := s.app.Journal.Undoable(r.Context(), a.ID, s.undoKinds()[u.kind].entity, u.records, speak(r).at)
	return undoing{u.kind, changed}, err
}

// led answers a change that succeeded: the page at to says what was done, and offers
// the way back where something has changed.
func (s *Site) led(w http.ResponseWriter, r *http.Request, a access.Actor, to, done string, u undoing) error {
	u, err := s.offered(r, a, u)
	if err != nil {
		return err
	}
	return redirect(w, r, saying(to, done, u))
}

// saying is a local address whose page says what was done, and offers the way back
// where there is one. It carries only keys and numbers, so that nobody can put words
// into a page.
func saying(to, done string, u undoing) string {
	at, err := url.Parse(to)
	if err != nil {
		return "/"
	}
	q := at.Query()
	q.Set("done", done)
	q.Del("undo")
	if text := u.String(); text != "" {
		q.Set("undo", text)
	}
	at.RawQuery = q.Encode()
	return at.String()
}

// plainly is a local address without what saying has added.
func plainly(from *url.URL) string {
	at, q := *from, from.Query()
	q.Del("done")
	q.Del("undo")
	at.RawQuery = q.Encode()
	return local(at.RequestURI())
}

// done is the message after a redirect, with the way back where there is one.
func (s *Site) done(r *http.Request) []ui.Toast {
	say, q := speak(r), r.URL.Query()
	if !say.Has("done." + q.Get("done")) {
		return nil
	}
	u, ok := parseUndoing(q.Get("undo"))
	if _, known := s.undoKinds()[u.kind]; !ok || !known {
		u = undoing{}
	}
	return []ui.Toast{say.undoToast(q.Get("done"), u, plainly(r.URL))}
}

// undoToast says what was done, with the way back where there is one.
func (in reader) undoToast(done string, u undoing, back string) ui.Toast {
	t := ui.Toast{Text: in.T("done." + done)}
	if len(u.records) == 0 {
		return t
	}
	t.Action, t.Back, t.Label, t.Redo = "/undo/"+u.String(), back, in.T("undo.undo"), done == "undone"
	if t.Redo {
		t.Label = in.T("undo.redo")
	}
	return t
}

// undo takes the newest change of something back, and returns to the page that
// offered it.
func (s *Site) undo(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	u, ok := parseUndoing(chi.URLParam(r, "what"))
	kind, known := s.undoKinds()[u.kind]
	if !ok || !known {
		return fault.NotFound("change")
	}
	if err := form(w, r); err != nil {
		return err
	}
	back := r.PostForm.Get("back")
	if back == "" && kind.home != nil {
		back = kind.home(u.records[0])
	}
	var err error
	if kind.step != nil {
		u.records, err = kind.step(r.Context(), a, u.records)
	} else {
		err = kind.undo(r.Context(), a, u.records)
	}
	if slices.Contains([]fault.Kind{fault.KindConflict, fault.KindForbidden, fault.KindInvalid}, fault.KindOf(err)) {
		return s.notUndone(w, r, a, local(back), err)
	}
	if err != nil {
		return err
	}
	done := "undone"
	if r.PostForm.Get("redo") == "1" {
		done = "redone"
	}
	back = local(back)
	if kind.after != nil {
		back = kind.after(r, a, u.records[0], back)
	}
	return redirect(w, r, saying(back, done, u))
}

// notUndone says why a change stays, and leads back.
func (s *Site) notUndone(w http.ResponseWriter, r *http.Request, a access.Actor, back string, refusal error) error {
	say := speak(r)
	p := errorPage{Page: s.frame(r, a, say.T("undo.refused")), Icon: "undo-2", Text: say.summary(refusal), Ways: []ui.Button{ui.Link(say.T("undo.back"), back)}}
	p.HideTitle = true
	return s.ui.Render(w, failureOf(fault.KindOf(refusal)).status, "error", p)
}
