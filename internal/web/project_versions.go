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
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/web/ui"
)

type versionsPage struct {
	ui.Page
	Tabs    ui.Tabs
	Rows    []versionRow
	NewHref string
	None    ui.EmptyState
}

type versionRow struct {
	Name, EditHref, From string
	Start, Due           string
	Status               ui.Chip
	Sharing              string
	Count                int
	ListHref             string
	Done                 ui.Progress
}

// inPlanning is the project of the address, for those who may manage its versions,
// or its categories.
func (s *Site) inPlanning(r *http.Request, a access.Actor, may func(project.Capabilities) bool) (*project.Project, project.Capabilities, error) {
	pr, can, err := s.inProject(r, a)
	if err == nil && !may(can) {
		err = fault.Forbidden("you are not allowed to plan for this project")
	}
	return pr, can, err
}

func manageVersions(can project.Capabilities) bool { return can.ManageVersions }

// projectVersions lists the versions that the project may plan for, next first.
func (s *Site) projectVersions(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inPlanning(r, a, manageVersions)
	if err != nil {
		return err
	}
	list, err := s.app.Versions.List(r.Context(), a, version.ListInput{Project: pr.ID, Page: version.Everything})
	if err != nil {
		return err
	}
	ids := make([]id.Version, len(list.Items))
	for i, v := range list.Items {
		ids[i] = v.ID
	}
	progress, err := s.app.Versions.Progress(r.Context(), a, ids)
	if err != nil {
		return err
	}
	say := speak(r)
	p := versionsPage{NewHref: projectHref(pr) + "/settings/versions/new"}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabVersions)
	for _, v := range list.Items {
		p.Rows = append(p.Rows, say.versionRow(pr, v, progress[v.ID]))
	}
	p.None = ui.EmptyState{
		Example: say.T("example.version"),
		Icon:    "milestone", Title: say.T("planning.no_versions"), Text: say.T("planning.no_versions_text"),
		Actions: []ui.Button{ui.Link(say.T("planning.new_version"), p.NewHref).As("primary")},
	}
	return s.ui.Render(w, http.StatusOK, "project_versions", p)
}

func (in reader) versionRow(pr *project.Project, v version.Version, done version.Progress) versionRow {
	row := versionRow{
		Name: v.Name, Start: dayText(v.StartDate), Due: dayText(v.DueDate), Status: in.versionChip(v.Status),
		Sharing: in.T("planning.sharing_" + v.Sharing), Count: done.All(), ListHref: versionHref(pr, v.ID),
		Done: ui.Progress{Small: true, Value: int64(done.Closed), Max: int64(done.All()), Label: in.T("planning.done_of", "name", v.Name)},
	}
	switch {
	case v.ProjectID == pr.ID:
		row.EditHref = projectHref(pr) + "/settings/versions/" + strconv.FormatInt(int64(v.ID), 10)
	case v.ProjectSeen:
		row.From = in.T("planning.from_project", "project", v.ProjectName)
	default:
		row.From = in.T("planning.from_another")
	}
	return row
}

// versionHref is the list of everything that is planned for a version.
func versionHref(pr *project.Project, n id.Version) string {
	return projectHref(pr) + "/work_packages?status=all&version=" + strconv.FormatInt(int64(n), 10)
}

func (in reader) versionChip(status string) ui.Chip {
	hue := map[string]ui.Hue{version.Open: ui.Green, version.Locked: ui.Yellow}[status]
	if hue == "" {
		hue = ui.Gray
	}
	return ui.Status(in.T("planning.status_"+status), hue)
}

type versionPage struct {
	ui.Page
	Tabs                             ui.Tabs
	Action, Cancel, Submit, Deletion string
	Name, Start, Due                 ui.Field
	Description                      ui.Textarea
	Status, Sharing                  ui.Select
	Problems                         ui.ErrorSummary
}

func (s *Site) newVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inPlanning(r, a, manageVersions)
	if err != nil {
		return err
	}
	return s.versionForm(w, r, a, pr, can, nil, nil, nil)
}

// versionOf is the version of the address, which must belong to the project.
func (s *Site) versionOf(r *http.Request, a access.Actor) (*project.Project, project.Capabilities, *version.Version, error) {
	pr, can, err := s.inPlanning(r, a, manageVersions)
	if err != nil {
		return nil, can, nil, err
	}
	n, err := id.Parse[id.Version]("version", chi.URLParam(r, "id"))
	if err != nil {
		return nil, can, nil, err
	}
	v, err := s.app.Versions.Find(r.Context(), a, n)
	if err == nil && v.ProjectID != pr.ID {
		err = fault.NotFound("version")
	}
	return pr, can, v, err
}

func (s *Site) editVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, v, err := s.versionOf(r, a)
	if err != nil {
		return err
	}
	return s.versionForm(w, r, a, pr, can, v, nil, nil)
}

// versionForm shows the form of a version, nil for a new one; typed are the values of
// a form that came back, and refusal why.
func (s *Site) versionForm(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, v *version.Version, typed url.Values, refusal error) error {
	say := speak(r)
	base := projectHref(pr) + "/settings/versions"
	p := versionPage{Action: base, Cancel: base, Submit: say.T("planning.create_version")}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabVersions)
	var n id.Version
	title := say.T("planning.new_version")
	if v != nil {
		n, title = v.ID, v.Name
		p.Action, p.Submit = base+"/"+strconv.FormatInt(int64(n), 10), say.T("common.save")
		p.Deletion = p.Action + "/deletion"
	}
	patch, _ := versionPatch(typed) // its refusals stand in refusal
	if n == 0 {
		patch.Project = opt.Of(pr.ID)
	}
	f, err := s.app.Versions.Preview(r.Context(), a, n, patch)
	if err != nil {
		return err
	}
	below(&p.Page, title, base)
	p.fill(say, f, typed, say.messages(refusal))
	return s.ui.Render(w, statusOf(refusal), "project_version", p)
}

// below makes a page one below the tab that its frame was made for.
func below(p *ui.Page, title, href string) {
	last := len(p.Breadcrumbs) - 1
	p.Breadcrumbs[last].Href = href
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: title})
	p.Title = title
}

func (p *versionPage) fill(say reader, f *version.Form, typed url.Values, m map[string]string) {
	d := &f.Draft
	date := func(name, label string, value *string) ui.Field {
		text := ""
		if value != nil {
			text = *value
		}
		if typed.Has(name) {
			text = typed.Get(name)
		}
		return ui.Date(name, label, text).Wrong(m[name])
	}
	p.Name = ui.Text("name", say.T("common.name"), d.Name).Require().Wrong(m["name"])
	p.Name.Max = version.MaxName
	p.Description = ui.Area("description", say.T("planning.goal"), d.Description).Hinted(say.T("planning.goal_hint")).Wrong(m["description"])
	p.Start = date("startDate", say.T("common.start"), (*string)(d.StartDate))
	p.Due = date("endDate", say.T("common.finish"), (*string)(d.DueDate))
	var statuses, sharings []ui.Option
	for _, st := range version.Statuses {
		statuses = append(statuses, ui.Option{Value: st, Label: say.T("planning.status_" + st)})
	}
	for _, sh := range f.Sharings {
		sharings = append(sharings, ui.Option{Value: sh, Label: say.T("planning.sharing_" + sh)})
	}
	p.Status = ui.Choose("status", say.T("common.status"), d.Status, statuses...).Hinted(say.T("planning.status_hint")).Wrong(m["status"])
	p.Sharing = ui.Choose("sharing", say.T("planning.sharing"), d.Sharing, sharings...).Hinted(say.T("planning.sharing_hint")).Wrong(m["sharing"])
	p.Problems = ui.Problems(p.Name.Problem(), p.Description.Problem(), p.Start.Problem(), p.Due.Problem(), p.Status.Problem(), p.Sharing.Problem())
}

// versionPatch reads a posted form.
func versionPatch(v url.Values) (version.Patch, error) {
	var p version.Patch
	var errs []fault.Field
	bad := func(name, code string) { errs = append(errs, fault.Field{Name: name, Code: code}) }
	for name, to := range map[string]*opt.Value[string]{"name": &p.Name, "status": &p.Status, "sharing": &p.Sharing, "description": &p.Description} {
		if v.Has(name) {
			*to = opt.Of(strings.ReplaceAll(v.Get(name), "\r\n", "\n"))
		}
	}
	day(v, "startDate", &p.StartDate, bad)
	day(v, "endDate", &p.DueDate, bad)
	return p, fault.Invalid(errs...)
}

func (s *Site) createVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, can, err := s.inPlanning(r, a, manageVersions)
	if err != nil {
		return err
	}
	patch, err := versionPatch(r.PostForm)
	patch.Project = opt.Of(pr.ID)
	made := &version.Version{}
	if err == nil {
		made, err = s.app.Versions.Create(r.Context(), a, patch)
	}
	if refused(err) {
		return s.versionForm(w, r, a, pr, can, nil, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings/versions", "created", undoOf(undoVersion, made.ID))
}

func (s *Site) updateVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, can, v, err := s.versionOf(r, a)
	if err != nil {
		return err
	}
	patch, err := versionPatch(r.PostForm)
	if err == nil {
		_, err = s.app.Versions.Update(r.Context(), a, v.ID, patch)
	}
	if refused(err) {
		return s.versionForm(w, r, a, pr, can, v, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings/versions", "saved", undoOf(undoVersion, v.ID))
}

// planningDelete asks before a version or a category is deleted. Without Submit it
// cannot be, and List leads to what stands against it.
type planningDelete struct {
	ui.Page
	Tabs                         ui.Tabs
	Text, Action, Cancel, Submit string
	Replace                      *ui.Select
	ListHref                     string
	Problems                     ui.ErrorSummary
}

func (s *Site) confirmVersionDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, v, err := s.versionOf(r, a)
	if err != nil {
		return err
	}
	return s.versionDeletion(w, r, a, pr, can, v, nil)
}

func (s *Site) versionDeletion(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, v *version.Version, refusal error) error {
	progress, err := s.app.Versions.Progress(r.Context(), a, []id.Version{v.ID})
	if err != nil {
		return err
	}
	say := speak(r)
	p := planningDelete{Action: r.URL.Path, Cancel: strings.TrimSuffix(r.URL.Path, "/deletion"), Submit: say.T("planning.delete_version"), Text: say.T("planning.delete_version_text")}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabVersions)
	below(&p.Page, say.T("planning.delete_title", "name", v.Name), projectHref(pr)+"/settings/versions")
	if n := progress[v.ID].All(); n > 0 {
		p.Submit, p.ListHref = "", versionHref(pr, v.ID)
		p.Text = capital(say.T("field.version_in_use", "n", n))
	}
	if refusal != nil {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Danger, Text: say.summary(refusal)})
	}
	p.HideTitle = true
	return s.ui.Render(w, statusOf(refusal), "project_planning_delete", p)
}

func (s *Site) deleteVersion(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, v, err := s.versionOf(r, a)
	if err != nil {
		return err
	}
	err = s.app.Versions.Delete(r.Context(), a, v.ID)
	if refused(err) {
		return s.versionDeletion(w, r, a, pr, can, v, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings/versions", "removed", undoOf(undoVersion, v.ID))
}
