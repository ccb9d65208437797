package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// watchersCard is the part of a work package's page that names who watches it.
type watchersCard struct {
	People []ui.Person
	Manage string // leads to the page that adds and removes them, where the reader may
}

type watchersPage struct {
	ui.Page
	Action, Back string
	People       []watcherRow
	Add          *ui.Select
	NobodyLeft   bool
	None         ui.EmptyState
	Problems     ui.ErrorSummary
}

type watcherRow struct {
	Person  ui.Person
	Removal string // empty where the reader may not
}

// watch lets people watch a work package themselves, and stop it.
func (s *Site) watch(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	done := "watching"
	if r.PostForm.Get("undo") == "1" {
		done, err = "unwatched", s.app.WorkPackages.Unwatch(r.Context(), a, n, a.ID)
	} else {
		_, err = s.app.WorkPackages.Watch(r.Context(), a, n, a.ID)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, packageHref(n)+"?done="+done)
}

// watchersOf is the card, nil where the reader may not see it.
func (s *Site) watchersOf(r *http.Request, a access.Actor, wp *workpackage.WorkPackage, g *access.Grants) (*watchersCard, error) {
	if !g.Has(access.ViewWorkPackageWatchers, wp.ProjectID) {
		return nil, nil
	}
	people, err := s.app.WorkPackages.Watchers(r.Context(), a, wp.ID)
	if err != nil {
		return nil, err
	}
	c := &watchersCard{}
	for _, u := range people {
		c.People = append(c.People, ui.Person{ID: u.ID, Name: u.Name})
	}
	if g.Has(access.AddWorkPackageWatchers, wp.ProjectID) || g.Has(access.DeleteWorkPackageWatchers, wp.ProjectID) {
		c.Manage = packageHref(wp.ID) + "/watchers"
	}
	return c, nil
}

func (s *Site) watchers(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	return s.watchersPage(w, r, a, n, nil)
}

func (s *Site) watchersPage(w http.ResponseWriter, r *http.Request, a access.Actor, n id.WorkPackage, refusal error) error {
	wp, refs, err := s.app.WorkPackages.Show(r.Context(), a, n)
	if err != nil {
		return err
	}
	pr, can, err := s.projectOf(r, a, wp.ProjectID)
	if err != nil {
		return err
	}
	people, err := s.app.WorkPackages.Watchers(r.Context(), a, n)
	if err != nil {
		return err
	}
	say := speak(r)
	p := watchersPage{Page: s.projectFrame(r, a, pr, can, say.T("watch.of", "subject", wp.Subject)), Back: packageHref(n), Action: packageHref(n) + "/watchers"}
	p.Width, p.Lead = "narrow", say.T("watch.lead")
	p.Breadcrumbs = append(p.Breadcrumbs, ui.Crumb{Label: pr.Name, Href: projectHref(pr)}, ui.Crumb{Label: "#" + strconv.FormatInt(int64(n), 10), Href: p.Back}, ui.Crumb{Label: say.T("watch.watchers")})
	p.None = ui.EmptyState{Icon: "eye", Title: say.T("watch.nobody"), Text: say.T("watch.nobody_text")}
	for _, u := range people {
		row := watcherRow{Person: ui.Person{ID: u.ID, Name: u.Name}}
		if u.ID == int64(a.ID) || refs.Grants.Has(access.DeleteWorkPackageWatchers, wp.ProjectID) {
			row.Removal = p.Action + "/" + strconv.FormatInt(u.ID, 10) + "/removal"
		}
		p.People = append(p.People, row)
	}
	if refs.Grants.Has(access.AddWorkPackageWatchers, wp.ProjectID) {
		more, err := s.app.WorkPackages.AvailableWatchers(r.Context(), a, n)
		if err != nil {
			return err
		}
		add := choice("user", say.T("watch.person"), 0, more, say.messages(refusal)).Require()
		add.Blank = say.T("watch.choose")
		p.Add, p.NobodyLeft = &add, len(more) == 0
		p.Problems = ui.Problems(add.Problem())
	}
	return s.ui.Render(w, statusOf(refusal), "watchers", p)
}

func (s *Site) addWatcher(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	user, err := id.Parse[id.User]("user", r.PostForm.Get("user"))
	if err != nil {
		err = fault.InvalidField("user", "blank")
	} else {
		_, err = s.app.WorkPackages.Watch(r.Context(), a, n, user)
	}
	if refused(err) {
		return s.watchersPage(w, r, a, n, err)
	}
	if err != nil {
		return err
	}
	return redirect(w, r, packageHref(n)+"/watchers?done=watcher_added")
}

func (s *Site) removeWatcher(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	user, err := id.Parse[id.User]("user", chi.URLParam(r, "user"))
	if err != nil {
		return err
	}
	if err := s.app.WorkPackages.Unwatch(r.Context(), a, n, user); err != nil {
		return err
	}
	return redirect(w, r, packageHref(n)+"/watchers?done=watcher_removed")
}
