package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal/duration"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

type packageFormPage struct {
	ui.Page
	Action, Cancel, Submit                                       string
	Lock, Was                                                    string
	Clashes                                                      []clash
	Subject                                                      ui.Field
	Description                                                  ui.Textarea
	Type, Status, Priority, Assignee, Responsible                ui.Select
	Version, Category                                            ui.Select
	Parent, Start, Due, Date, Duration, Work, Remaining, Percent ui.Field
	Milestone                                                    bool
	Notes                                                        ui.Textarea
	Waiting                                                      []string // uploads that go with the form
	Problems                                                     ui.ErrorSummary
}

func (s *Site) newPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, err := s.app.Projects.FindRef(r.Context(), a, chi.URLParam(r, "project"))
	if err != nil {
		return err
	}
	v := url.Values{}
	for _, k := range []string{"type", "parent"} {
		if t := r.URL.Query().Get(k); t != "" {
			v.Set(k, t)
		}
	}
	return s.packageForm(w, r, a, pr.ID, 0, v, nil)
}

func (s *Site) editPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	return s.packageForm(w, r, a, 0, n, nil, nil)
}

// packageForm shows the form of a new work package of a project, or of an
// existing one; v are the values of a form that came back, and clashes what
// somebody else changed meanwhile.
func (s *Site) packageForm(w http.ResponseWriter, r *http.Request, a access.Actor, in id.Project, n id.WorkPackage, v url.Values, refusal error, clashes ...clash) error {
	say := speak(r)
	patch, _ := s.packagePatch(v) // its refusals stand in refusal
	if in != 0 {
		patch.Project = opt.Of(in)
	}
	patch.LockVersion.Set = false // a conflict is said by saving
	f, err := s.app.WorkPackages.Preview(r.Context(), a, n, patch)
	if err != nil {
		return err
	}
	if !f.MayCommit {
		return fault.Forbidden("you are not allowed to change this work package")
	}
	pr, can, err := s.projectOf(r, a, f.Draft.ProjectID)
	if err != nil {
		return err
	}
	p := packageFormPage{Page: s.projectFrame(r, a, pr, can, say.T("package.new_work_package")), Submit: say.T("package.create"), Milestone: f.Schema.Milestone}
	up := append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)})
	p.Breadcrumbs = append(up, ui.Crumb{Label: say.T("package.new_work_package")})
	p.Action, p.Cancel = "/projects/"+pr.Identifier+"/work_packages", "/projects/"+pr.Identifier
	p.Width = "narrow"
	if n != 0 {
		p.Title, p.Submit, p.Action, p.Cancel = say.T("package.edit", "subject", f.Draft.Subject), say.T("common.save"), packageHref(n), packageHref(n)
		p.Breadcrumbs = append(up, ui.Crumb{Label: "#" + strconv.FormatInt(int64(n), 10), Href: packageHref(n)}, ui.Crumb{Label: say.T("common.edit")})
	}
	p.Lock, p.Was, p.Clashes = strconv.Itoa(f.Draft.LockVersion), v.Get("was"), clashes
	if t := v.Get("lockVersion"); t != "" {
		p.Lock = t
	}
	p.fill(say, f, v, refusal)
	e := s.editorOf(r, a, f.Draft.ProjectID, n, f.Schema.Writable["description"])
	if n == 0 {
		e.Files, e.Waits, p.Waiting = "/attachments", true, v["attachment"]
	}
	p.Description, p.Notes = p.Description.With(e), p.Notes.With(e)
	return s.ui.Render(w, statusOf(refusal), "package_form", p)
}

// fill sets the controls from the draft, and from what was typed where that is
// not a value.
func (p *packageFormPage) fill(say reader, f *workpackage.Form, v url.Values, refusal error) {
	m := say.messages(refusal)
	d := &f.Draft
	values := formValues(say, d)
	if p.Was == "" {
		p.Was = noted(values)
	}
	typed := func(name string) string {
		if v.Has(name) {
			return v.Get(name)
		}
		return values.Get(name)
	}
	field := func(name, label string) ui.Field {
		x := ui.Text(name, label, typed(name)).Wrong(m[name])
		x.ReadOnly = !f.Schema.Writable[name] && name != "date"
		return x
	}
	date := func(name, label string) ui.Field {
		x := field(name, label)
		x.Type = "date"
		return x
	}
	p.Subject = field("subject", say.T("common.subject")).Require()
	p.Description = ui.Area("description", say.T("common.sum"), typed("description")).Hinted(say.T("common.markdown_works_here")).Wrong(m["description"])
	p.Type = choice("type", say.T("common.type"), int64(d.TypeID), f.Schema.Types, m)
	p.Status = choice("status", say.T("common.status"), int64(d.StatusID), f.Schema.Statuses, m)
	p.Priority = choice("priority", say.T("common.priority"), int64(d.PriorityID), f.Schema.Priorities, m)
	p.Assignee = choice("assignee", say.T("common.assignee"), idOf(d.AssigneeID), f.Schema.Assignees, m)
	p.Responsible = choice("responsible", say.T("common.accountable"), idOf(d.ResponsibleID), f.Schema.Assignees, m)
	p.Assignee.Blank, p.Responsible.Blank = say.T("common.nobody"), say.T("common.nobody")
	p.Version = choice("version", say.column("version"), idOf(d.VersionID), f.Schema.Versions, m)
	p.Category = choice("category", say.column("category"), idOf(d.CategoryID), f.Schema.Categories, m)
	p.Version.Blank, p.Category.Blank = say.T("planning.no_version"), say.T("planning.no_category")
	p.Version.Disabled = !f.Schema.Writable["version"]
	p.Parent = field("parent", say.T("common.parent")).Hinted(say.T("package.the_number_of_a_work"))
	p.Start, p.Due = date("startDate", say.T("common.start")), date("dueDate", say.T("common.finish"))
	p.Date = date("date", say.T("common.date")).Wrong(m["startDate"]).Wrong(m["dueDate"])
	p.Duration = field("duration", say.T("package.duration_in_working_days"))
	p.Work = field("estimatedTime", say.T("package.work_in_hours"))
	p.Remaining = field("remainingTime", say.T("package.remaining_work_in_hours"))
	p.Work.Work, p.Remaining.Work = true, true
	p.Percent = field("percentageDone", say.T("package.complete"))
	p.Notes = ui.Area("notes", say.T("common.comment"), v.Get("notes")).Hinted(say.T("package.goes_into_the_history_with")).Wrong(m["comment"])
	p.problems(say, refusal)
}

func (p *packageFormPage) problems(say reader, refusal error) {
	all := []ui.Problem{
		p.Subject.Problem(), p.Description.Problem(), p.Type.Problem(), p.Status.Problem(), p.Priority.Problem(), p.Assignee.Problem(),
		p.Responsible.Problem(), p.Version.Problem(), p.Category.Problem(), p.Parent.Problem(), p.Duration.Problem(), p.Work.Problem(), p.Remaining.Problem(), p.Percent.Problem(), p.Notes.Problem(),
	}
	if p.Milestone {
		all = append(all, p.Date.Problem())
	} else {
		all = append(all, p.Start.Problem(), p.Due.Problem())
	}
	p.Problems = ui.Problems(all...)
	if refusal != nil && len(p.Problems.Items) == 0 && len(p.Clashes) == 0 {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
}

func idOf[T ~int64](u *T) int64 {
	if u == nil {
		return 0
	}
	return int64(*u)
}

func choice(name, label string, value int64, from []workpackage.Named, m map[string]string) ui.Select {
	options := make([]ui.Option, 0, len(from))
	for _, n := range from {
		options = append(options, ui.Option{Value: strconv.FormatInt(n.ID, 10), Label: n.Name})
	}
	return ui.Choose(name, label, strconv.FormatInt(value, 10), options...).Wrong(m[name])
}

// packagePatch reads a posted form. Fields that are not in it are left alone;
// what cannot be read is refused with the rest.
func (s *Site) packagePatch(v url.Values) (workpackage.Patch, error) {
	var p workpackage.Patch
	var errs []fault.Field
	bad := func(name, code string) { errs = append(errs, fault.Field{Name: name, Code: code}) }
	if v.Has("subject") {
		p.Subject = opt.Of(v.Get("subject"))
	}
	if v.Has("description") {
		p.Description = opt.Of(strings.ReplaceAll(v.Get("description"), "\r\n", "\n"))
	}
	p.Attachments = filesOf(v, bad)
	p.Notes = strings.TrimSpace(strings.ReplaceAll(v.Get("notes"), "\r\n", "\n"))
	number(v, "type", &p.Type, bad)
	number(v, "status", &p.Status, bad)
	number(v, "priority", &p.Priority, bad)
	number(v, "lockVersion", &p.LockVersion, bad)
	nullable(v, "assignee", &p.Assignee, bad)
	nullable(v, "responsible", &p.Responsible, bad)
	nullable(v, "version", &p.Version, bad)
	nullable(v, "category", &p.Category, bad)
	nullable(v, "parent", &p.Parent, bad)
	nullable(v, "percentageDone", &p.DoneRatio, bad)
	nullable(v, "duration", &p.Duration, bad)
	day(v, "startDate", &p.StartDate, bad)
	day(v, "dueDate", &p.DueDate, bad)
	if v.Has("date") {
		day(v, "date", &p.StartDate, bad)
		p.DueDate = p.StartDate
	}
	perDay := s.app.Settings.Get().HoursPerDay
	hoursOf(v, "estimatedTime", perDay, &p.EstimatedSeconds, bad)
	hoursOf(v, "remainingTime", perDay, &p.RemainingSeconds, bad)
	return p, fault.Invalid(errs...)
}

func number[T ~int64 | ~int](v url.Values, name string, to *opt.Value[T], bad func(string, string)) {
	if !v.Has(name) || v.Get(name) == "" {
		return
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v.Get(name)), 10, 64)
	if err != nil {
		bad(name, "not_a_number")
		return
	}
	*to = opt.Of(T(n))
}

func nullable[T ~int64 | ~int](v url.Values, name string, to *opt.Value[*T], bad func(string, string)) {
	if !v.Has(name) {
		return
	}
	t := strings.TrimPrefix(strings.TrimSpace(v.Get(name)), "#")
	if t == "" {
		*to = opt.Null[T]()
		return
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		bad(name, "not_a_number")
		return
	}
	*to = opt.Ptr(T(n))
}

func day(v url.Values, name string, to *opt.Value[*db.Day], bad func(string, string)) {
	if !v.Has(name) {
		return
	}
	if v.Get(name) == "" {
		*to = opt.Null[db.Day]()
		return
	}
	d, err := db.ParseDay(v.Get(name))
	if err != nil {
		bad(name, "invalid")
		return
	}
	*to = opt.Ptr(d)
}

// hoursOf reads work as people write it, such as 1h30, 1:30, 90m, 1,5 or 2d.
func hoursOf(v url.Values, name string, perDay int, to *opt.Value[*int64], bad func(string, string)) {
	if !v.Has(name) {
		return
	}
	t := strings.TrimSpace(v.Get(name))
	if t == "" {
		*to = opt.Null[int64]()
		return
	}
	n, err := duration.Read(t, perDay)
	if err != nil {
		bad(name, "not_work")
		return
	}
	*to = opt.Ptr(n)
}

func (s *Site) createPackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, err := s.app.Projects.FindRef(r.Context(), a, chi.URLParam(r, "project"))
	if err != nil {
		return err
	}
	patch, err := s.packagePatch(r.PostForm)
	patch.Project = opt.Of(pr.ID)
	var made *workpackage.WorkPackage
	if err == nil {
		made, err = s.app.WorkPackages.Create(r.Context(), a, patch)
	}
	if refused(err) {
		return s.packageForm(w, r, a, pr.ID, 0, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	if back := r.PostForm.Get("back"); back != "" { // from the foot of a board's column
		return redirect(w, r, saying(local(back), "created", undoing{}))
	}
	return redirect(w, r, packageHref(made.ID)+"?done=created")
}

func (s *Site) updatePackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	sent := decided(r.PostForm)
	patch, err := s.packagePatch(sent)
	if err == nil {
		_, err = s.app.WorkPackages.Update(r.Context(), a, n, patch)
	}
	if !fault.Is(err, fault.KindConflict) {
		return s.packageSaved(w, r, a, n, "saved", sent, err)
	}
	rest, clashes, merged := s.saveMerged(r, a, n, sent)
	if len(clashes) > 0 {
		return s.packageForm(w, r, a, 0, n, rest, err, clashes...)
	}
	return s.packageSaved(w, r, a, n, "merged", rest, merged)
}

// packageSaved leads on after a change, or shows the form with what was refused.
func (s *Site) packageSaved(w http.ResponseWriter, r *http.Request, a access.Actor, n id.WorkPackage, done string, sent url.Values, err error) error {
	if refused(err) || fault.Is(err, fault.KindConflict) {
		return s.packageForm(w, r, a, 0, n, sent, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, packageHref(n), done, undoOf(undoPackage, n))
}
