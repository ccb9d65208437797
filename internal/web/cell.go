package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// cellPage edits one field of a work package: in its place in a table, where the
// browser exchanges the frame, or as a page of its own.
type cellPage struct {
	ui.Page
	Frame    string
	Alone    bool // nothing is around the form, so saving leads away from it
	Action   string
	Back     string
	Lock     int
	Was      string
	Clash    *clash
	Select   *ui.Select
	Field    *ui.Field
	Area     *ui.Textarea
	Show     *ui.SheetCell // the value, when it has been saved
	Problems ui.ErrorSummary
}

func (s *Site) editCell(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, col, err := cellOfRequest(r)
	if err != nil {
		return err
	}
	return s.cellForm(w, r, a, n, col, nil, nil)
}

func cellOfRequest(r *http.Request) (id.WorkPackage, column, error) {
	n, err := parsePackage(r)
	if err != nil {
		return 0, column{}, err
	}
	col, ok := fieldOf(chi.URLParam(r, "field"))
	if !ok || !col.edit {
		return 0, column{}, fault.NotFound("field")
	}
	return n, col, nil
}

// fieldOf is a field that can be edited by itself: a column, or what only the page
// of a work package shows.
func fieldOf(name string) (column, bool) {
	if name == "description" || name == "parent" {
		return column{name: name, edit: true}, true
	}
	return columnOf(name)
}

// frameOf is the frame that a field is edited in: the one that asks, when it is one of
// the field, else that of the table.
func frameOf(r *http.Request, n id.WorkPackage, field string) string {
	own := strconv.FormatInt(int64(n), 10) + "-" + field
	if r.Header.Get("Turbo-Frame") == sideFrame+own {
		return sideFrame + own
	}
	return "cell-" + own
}

// sideFrame begins the names of the frames on the page of a work package and beside a list.
const sideFrame = "side-"

// cellForm shows the form of one field; v is what was typed and refusal why it was
// not saved.
func (s *Site) cellForm(w http.ResponseWriter, r *http.Request, a access.Actor, n id.WorkPackage, col column, v url.Values, refusal error, clashes ...clash) error {
	f, err := s.app.WorkPackages.Preview(r.Context(), a, n, workpackage.Patch{})
	if err != nil {
		return err
	}
	if !f.Schema.Writable[col.name] {
		return fault.Forbidden("you are not allowed to change this")
	}
	say := speak(r)
	p := cellPage{Page: s.frame(r, a, say.T("list.field_of", "field", say.column(col.name), "subject", f.Draft.Subject)), Action: packageHref(n) + "/cell/" + col.name, Back: backOf(r), Lock: f.Draft.LockVersion}
	p.Frame, p.Was = frameOf(r, n, col.name), noted(formValues(say, &f.Draft), col.name)
	for _, c := range clashes {
		p.Clash = &c
	}
	p.Alone = r.Header.Get("Turbo-Frame") == ""
	p.Page.Width = "narrow"
	p.control(say, f, col, v, say.messages(refusal))
	if p.Area != nil { // of a field that may be written, so files may be attached
		*p.Area = p.Area.With(s.editorOf(r, a, f.Draft.ProjectID, n, true))
	}
	if refusal != nil && len(p.Problems.Items) == 0 && p.Clash == nil {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
	return s.ui.Render(w, statusOf(refusal), "cell", p)
}

// backOf is where a page without frames returns to.
func backOf(r *http.Request) string {
	if b := r.FormValue("back"); b != "" {
		return local(b)
	}
	if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
		return local(u.RequestURI())
	}
	return "/work_packages"
}

// control makes the field: a choice where the values are known, else an input.
func (p *cellPage) control(say reader, f *workpackage.Form, col column, v url.Values, m map[string]string) {
	value := formValues(say, &f.Draft).Get(col.name)
	if v.Has(col.name) {
		value = v.Get(col.name)
	}
	choose := func(blank string, options []workpackage.Named) {
		n, _ := strconv.ParseInt(value, 10, 64) // nothing else is in the list
		c := choice(col.name, say.column(col.name), n, options, m)
		c.Blank = blank
		c.Autofocus = true
		p.Select = &c
	}
	input := func(kind string) {
		x := ui.Text(col.name, say.column(col.name), value).Wrong(m[col.name])
		if kind != "" {
			x.Type = kind
		}
		x.Autofocus = true
		p.Field = &x
	}
	switch col.name {
	case "description":
		x := ui.Area(col.name, say.column(col.name), value).Hinted(say.T("common.markdown_works_here")).Wrong(m[col.name])
		x.Tall, x.Autofocus = true, true
		p.Area = &x
	case "type":
		choose("", f.Schema.Types)
	case "status":
		choose("", f.Schema.Statuses)
	case "priority":
		choose("", f.Schema.Priorities)
	case "assignee", "responsible":
		choose(say.T("common.nobody"), f.Schema.Assignees)
	case "version":
		choose(say.T("planning.no_version"), f.Schema.Versions)
	case "category":
		choose(say.T("planning.no_category"), f.Schema.Categories)
	case "startDate", "dueDate":
		input("date")
	case "estimatedTime", "remainingTime":
		input("")
		p.Field.Work = true
	default:
		input("")
	}
	switch {
	case p.Select != nil:
		p.Problems = ui.Problems(p.Select.Problem())
	case p.Area != nil:
		p.Problems = ui.Problems(p.Area.Problem())
	default:
		p.Problems = ui.Problems(p.Field.Problem())
	}
}

func numberText(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// saveCell saves one field and shows its value again.
func (s *Site) saveCell(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, col, err := cellOfRequest(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	v := url.Values{col.name: r.PostForm[col.name], "lockVersion": r.PostForm["lockVersion"], "was": r.PostForm["was"]}
	patch, err := s.packagePatch(v)
	if err == nil {
		_, err = s.app.WorkPackages.Update(r.Context(), a, n, patch)
	}
	var clashes []clash
	if fault.Is(err, fault.KindConflict) {
		stale := err
		if _, clashes, err = s.saveMerged(r, a, n, v); len(clashes) > 0 {
			err = stale
		}
	}
	if refused(err) || fault.Is(err, fault.KindConflict) {
		return s.cellForm(w, r, a, n, col, v, err, clashes...)
	}
	if err != nil {
		return err
	}
	if !strings.HasPrefix(r.Header.Get("Turbo-Frame"), "cell-") {
		return s.led(w, r, a, backOf(r), "saved", undoOf(undoPackage, n))
	}
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return err
	}
	c := speak(r).cellOf(wp, refs, col)
	p := cellPage{Page: s.frame(r, a, c.Label), Frame: c.Frame, Show: &c}
	u, err := s.offered(r, a, undoOf(undoPackage, n))
	if err != nil {
		return err
	}
	p.Toasts = []ui.Toast{speak(r).undoToast("saved", u, backOf(r))}
	return s.ui.Render(w, http.StatusOK, "cell", p)
}
