package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// The tabs of a project's settings, by the end of their address.
const (
	tabInformation = ""
	tabModules     = "/modules"
	tabMembers     = "/members"
	tabTypes       = "/types"
	tabVersions    = "/versions"
	tabCategories  = "/categories"
)

// settingsFrame is the frame of a page of a project's settings, with tabs to those
// that the person may change.
func (s *Site) settingsFrame(r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, tab string) (ui.Page, ui.Tabs) {
	say := speak(r)
	base := projectHref(pr) + "/settings"
	tabs := ui.Tabs{Label: say.T("project.settings")}
	title := say.T("project.settings")
	add := func(may bool, end, label string) {
		if may {
			tabs.Items = append(tabs.Items, ui.NavItem{Label: label, Href: base + end, Current: end == tab})
			if end == tab {
				title = label
			}
		}
	}
	add(can.Edit || can.Unarchive, tabInformation, say.T("settings.information"))
	add(can.SelectModules, tabModules, say.T("settings.modules"))
	add(can.ManageMembers, tabMembers, say.T("project.members"))
	add(can.ManageTypes, tabTypes, say.T("settings.types"))
	add(can.ManageVersions, tabVersions, say.T("planning.versions"))
	add(can.ManageCategories, tabCategories, say.T("planning.categories"))
	p := s.projectFrame(r, a, pr, can, title)
	p.Subtitle = pr.Name
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)}, ui.Crumb{Label: say.T("project.settings"), Href: base}, ui.Crumb{Label: title})
	return p, tabs
}

// editProject leads from the old address to the settings.
func (s *Site) editProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, _, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	return redirect(w, r, projectHref(pr)+"/settings")
}

type informationPage struct {
	ui.Page
	projectFields
	Tabs                     ui.Tabs
	Action, Archival, Delete string
	MayEdit                  bool
	MayArchive, MayUnarchive bool
}

// projectSettings is the first tab that the person may change.
func (s *Site) projectSettings(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	base := projectHref(pr) + "/settings"
	switch {
	case can.Edit || can.Unarchive:
		return s.information(w, r, a, pr, can, valuesOf(pr), nil)
	case can.SelectModules:
		return redirect(w, r, base+tabModules)
	case can.ManageMembers:
		return redirect(w, r, base+tabMembers)
	case can.ManageTypes:
		return redirect(w, r, base+tabTypes)
	case can.ManageVersions:
		return redirect(w, r, base+tabVersions)
	case can.ManageCategories:
		return redirect(w, r, base+tabCategories)
	}
	return fault.Forbidden("you are not allowed to edit this project")
}

func (s *Site) information(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, v url.Values, refusal error) error {
	p := informationPage{Action: projectHref(pr), MayEdit: can.Edit || a.Admin, MayArchive: can.Archive, MayUnarchive: can.Unarchive}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabInformation)
	p.Archival = p.Action + "/archival"
	if can.Delete {
		p.Delete = p.Action + "/deletion"
	}
	if err := s.fillProject(r, a, &p.projectFields, pr.ID, v, refusal); err != nil {
		return err
	}
	p.Identifier = p.Identifier.Hinted(speak(r).T("settings.identifier_hint")).Require()
	p.explain(speak(r), refusal, &p.Page)
	return s.ui.Render(w, statusOf(refusal), "project_information", p)
}

func (s *Site) updateProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	patch, err := projectPatch(r.PostForm)
	saved := pr
	if err == nil {
		saved, err = s.app.Projects.Update(r.Context(), a, pr.ID, patch)
	}
	if refused(err) {
		return s.information(w, r, a, pr, can, r.PostForm, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(saved)+"/settings", "saved", undoOf(undoProject, pr.ID))
}

// choicePage is a tab with things that are on or off.
type choicePage struct {
	ui.Page
	Tabs     ui.Tabs
	Action   string
	Sets     []choiceSet
	Problems ui.ErrorSummary
}

type choiceSet struct {
	ID, Title, Hint, Error string
	Items                  []ui.Checkbox
}

// shownModules have pages here; the others are kept for clients and imports.
var shownModules = []string{"work_package_tracking", "board_view", "calendar", "gantt"}

func (s *Site) projectModules(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if !can.SelectModules {
		return fault.Forbidden("you are not allowed to change the modules of this project")
	}
	return s.modules(w, r, a, pr, can, pr.Modules, nil)
}

func (s *Site) modules(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, on []string, refusal error) error {
	say := speak(r)
	p := choicePage{Action: projectHref(pr) + "/settings" + tabModules}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabModules)
	p.Lead = say.T("settings.modules_lead")
	sets := []choiceSet{{ID: "modules", Title: say.T("settings.modules"), Error: say.messages(refusal)["modules"]}, {ID: "others", Title: say.T("settings.other_modules"), Hint: say.T("settings.other_modules_hint")}}
	for _, name := range append(slices.Clone(shownModules), without(project.ModuleNames, shownModules)...) {
		c := ui.Check("modules", say.either("module.", name), slices.Contains(on, name))
		c.Value = name
		at := 1
		if slices.Contains(shownModules, name) {
			at = 0
			c.Hint = say.either("settings.does.", name)
		}
		sets[at].Items = append(sets[at].Items, c)
	}
	p.Sets = sets
	p.Problems = ui.Problems(ui.Problem{Href: "#modules", Label: say.T("settings.modules"), Text: sets[0].Error})
	return s.ui.Render(w, statusOf(refusal), "project_choice", p)
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

func (s *Site) saveModules(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	on := r.PostForm["modules"]
	_, err = s.app.Projects.Update(r.Context(), a, pr.ID, project.Patch{Modules: opt.Of(on)})
	if refused(err) && can.SelectModules {
		return s.modules(w, r, a, pr, can, on, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings"+tabModules, "saved", undoOf(undoProject, pr.ID))
}

func (s *Site) projectTypes(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if !can.ManageTypes {
		return fault.Forbidden("you are not allowed to change the types of this project")
	}
	return s.types(w, r, a, pr, can, pr.Types, nil)
}

func (s *Site) types(w http.ResponseWriter, r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, on []id.Type, refusal error) error {
	say := speak(r)
	all, err := s.app.Catalog.Types(r.Context(), a)
	if err != nil {
		return err
	}
	p := choicePage{Action: projectHref(pr) + "/settings" + tabTypes}
	p.Page, p.Tabs = s.settingsFrame(r, a, pr, can, tabTypes)
	p.Lead = say.T("settings.types_lead")
	set := choiceSet{ID: "types", Title: say.T("settings.types"), Error: say.messages(refusal)["types"]}
	for _, f := range fault.Fields(refusal) {
		for _, t := range all {
			if f.Params["type"] == int64(t.ID) {
				set.Error = t.Name + " " + uncapital(say.word(f))
			}
		}
	}
	for _, t := range all {
		c := ui.Check("types", t.Name, slices.Contains(on, t.ID))
		c.Value = strconv.FormatInt(int64(t.ID), 10)
		set.Items = append(set.Items, c)
	}
	p.Sets = []choiceSet{set}
	p.Problems = ui.Problems(ui.Problem{Href: "#types", Label: set.Title, Text: set.Error})
	return s.ui.Render(w, statusOf(refusal), "project_choice", p)
}

func (s *Site) saveTypes(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	on := formIDs[id.Type](r, "types")
	_, err = s.app.Projects.Update(r.Context(), a, pr.ID, project.Patch{Types: opt.Of(on)})
	if refused(err) && can.ManageTypes {
		return s.types(w, r, a, pr, can, on, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectHref(pr)+"/settings"+tabTypes, "saved", undoOf(undoProject, pr.ID))
}

// archive moves a project out of everybody's way, or back.
func (s *Site) archive(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, _, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if r.PostForm.Get("undo") == "1" {
		_, err = s.app.Projects.Unarchive(r.Context(), a, pr.ID)
	} else {
		_, err = s.app.Projects.Archive(r.Context(), a, pr.ID)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, projectsHref, "saved", undoOf(undoProject, pr.ID))
}

// confirmProjectDelete says what goes with a project.
func (s *Site) confirmProjectDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	what, err := s.app.Projects.Extent(r.Context(), a, pr.ID)
	if err != nil {
		return err
	}
	say := speak(r)
	p := confirmPage{
		Page: s.projectFrame(r, a, pr, can, say.T("package.delete_title", "subject", pr.Name)), Action: projectHref(pr) + "/deletion", Cancel: projectHref(pr) + "/settings",
		Submit: say.T("settings.delete_project"), Text: say.T("settings.goes", "what", say.extent(what)),
	}
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)}, ui.Crumb{Label: say.T("project.settings"), Href: projectHref(pr) + "/settings"}, ui.Crumb{Label: p.Title})
	p.HideTitle = true
	return s.ui.Render(w, http.StatusOK, "confirm", p)
}

// extent words what goes with a project.
func (in reader) extent(e project.Extent) string {
	return in.T("settings.extent", "projects", in.T("settings.subprojects", "n", e.Subprojects), "packages", in.T("settings.packages", "n", e.WorkPackages), "files", in.T("settings.files", "n", e.Files))
}

func (s *Site) deleteProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	pr, _, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if err := s.app.Projects.Delete(r.Context(), a, pr.ID); err != nil {
		return err
	}
	return s.led(w, r, a, projectsHref, "deleted", undoOf(undoProject, pr.ID))
}
