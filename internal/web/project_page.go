package web

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

func projectHref(p *project.Project) string { return "/projects/" + p.Identifier }

// inProject is the project that the address names, and what the person may do in it.
func (s *Site) inProject(r *http.Request, a access.Actor) (*project.Project, project.Capabilities, error) {
	pr, err := s.app.Projects.FindRef(r.Context(), a, chi.URLParam(r, "project"))
	if err != nil {
		return nil, project.Capabilities{}, err
	}
	return s.withRights(r, a, pr)
}

// projectOf is the same for a project known by its id.
func (s *Site) projectOf(r *http.Request, a access.Actor, n id.Project) (*project.Project, project.Capabilities, error) {
	pr, err := s.app.Projects.Find(r.Context(), a, n)
	if err != nil {
		return nil, project.Capabilities{}, err
	}
	return s.withRights(r, a, pr)
}

func (s *Site) withRights(r *http.Request, a access.Actor, pr *project.Project) (*project.Project, project.Capabilities, error) {
	grants, err := s.app.Projects.Grants(r.Context(), a, *pr)
	if err != nil {
		return nil, project.Capabilities{}, err
	}
	return pr, pr.Capabilities(a, grants), nil
}

// projectFrame is the frame of a page of a project: the navigation beside it
// holds what the project has and the person may see, and what is made from the
// header is made here.
func (s *Site) projectFrame(r *http.Request, a access.Actor, pr *project.Project, can project.Capabilities, title string) ui.Page {
	say := speak(r)
	p := s.frame(r, a, title)
	base := projectHref(pr)
	items := []ui.NavItem{{Label: say.T("project.overview"), Href: base, Icon: "layout-dashboard", Key: "g o"}}
	if can.ViewWorkPackages {
		items = append(items, ui.NavItem{Label: say.T("common.work_packages"), Href: base + "/work_packages", Icon: "list-checks", Key: "g w"})
		for _, v := range []struct{ module, view, label, icon string }{
			{"board_view", asBoard, say.T("settings.board"), "layout-dashboard"},
			{"calendar", asCalendar, say.T("settings.calendar"), "calendar"},
			{"gantt", asGantt, say.T("settings.gantt"), "milestone"},
		} {
			if pr.Has(v.module) {
				items = append(items, ui.NavItem{Label: v.label, Href: base + "/work_packages?view=" + v.view, Icon: v.icon, Key: viewKeys[v.view]})
			}
		}
	}
	if can.ViewMembers {
		items = append(items, ui.NavItem{Label: say.T("project.members"), Href: base + "/members", Icon: "users"})
	}
	if can.Edit || can.Unarchive || can.SelectModules || can.ManageTypes || can.ManageMembers {
		items = append(items, ui.NavItem{Label: say.T("project.settings"), Href: base + "/settings", Icon: "settings"})
	}
	here := currentItem(r, base, items)
	for i := range items {
		items[i].Current = i == here
	}
	p.Side = ui.SideNav{Title: pr.Name, Groups: []ui.NavGroup{{Items: items}}}
	p.SideClosed = sideClosed(r)
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.projects"), Href: "/projects"}}
	for _, up := range pr.Ancestors {
		p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: up.Name, Href: "/projects/" + up.Identifier})
	}
	if can.AddWorkPackages && len(p.Create) > 0 {
		p.Create[0].Href = base + "/work_packages/new"
	}
	if !pr.Active {
		p.Flash = append(p.Flash, ui.Alert{Tone: ui.Warning, Text: say.T("project.is_archived")})
	}
	return p
}

// currentItem is the index of the item that the page belongs to, -1 for none: the view
// of the work packages that the address asks for, else the longest address that the
// page lies below.
func currentItem(r *http.Request, base string, items []ui.NavItem) int {
	path, view := r.URL.Path, r.URL.Query().Get("view")
	if strings.HasPrefix(path, "/work_packages/") {
		path = base + "/work_packages"
	}
	here, length := -1, 0
	for i, it := range items {
		h, asked, isView := strings.Cut(it.Href, "?view=")
		fits := path == h || h != base && strings.HasPrefix(path, h+"/")
		if isView && (path != h || asked != view) {
			fits = false
		}
		if fits && len(it.Href) > length {
			here, length = i, len(it.Href)
		}
	}
	return here
}

// sideClosed says whether this browser keeps the navigation beside the page
// narrow. A script writes the cookie; it says nothing about anybody.
func sideClosed(r *http.Request) bool {
	c, err := r.Cookie("side")
	return err == nil && c.Value == "closed"
}

// projectPackages is the list of a project's work packages.
func (s *Site) projectPackages(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	pr, can, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if !can.ViewWorkPackages {
		return fault.NotFound("page")
	}
	base := projectHref(pr)
	p := listPage{Page: s.projectFrame(r, a, pr, can, say.T("common.work_packages"))}
	p.Subtitle = pr.Name
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: base}, ui.Crumb{Label: say.T("common.work_packages")})
	if can.AddWorkPackages {
		p.NewHref = base + "/work_packages/new"
	}
	return s.list(w, r, a, &p, parseView(base+"/work_packages", r.URL.Query(), true), pr.ID)
}

type choosePage struct {
	ui.Page
	Projects []ui.ProjectRow
	None     ui.EmptyState
}

// choosePackageProject asks in which project a new work package is made; where
// there is only one, it goes on at once.
func (s *Site) choosePackageProject(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	list, err := s.app.Projects.List(r.Context(), a, project.ListInput{
		Filters: []filter.Condition{{Name: "active", Op: "=", Values: []string{"t"}}}, Page: filter.Page{Number: 1, Size: 1000},
	})
	if err != nil {
		return err
	}
	p := choosePage{Page: s.frame(r, a, say.T("package.new_work_package"))}
	p.Lead, p.Width = say.T("project.in_which"), "narrow"
	p.Subtitle = p.Lead // the form that follows has the same title
	for _, pr := range list.Items {
		if pr.Capabilities(a, list.Grants).AddWorkPackages {
			p.Projects = append(p.Projects, ui.ProjectRow{Name: pr.Name, Href: projectHref(&pr) + "/work_packages/new", Status: ancestry(pr.Ancestors)})
		}
	}
	if len(p.Projects) == 1 {
		return redirect(w, r, p.Projects[0].Href)
	}
	p.None = ui.EmptyState{Icon: "folder", Title: say.T("project.none_to_work_in"), Text: say.T("project.none_to_work_in_text")}
	return s.ui.Render(w, http.StatusOK, "choose_project", p)
}
