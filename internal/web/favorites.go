package web

import (
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// favorite marks a project as a favourite of the person, or takes the mark away.
func (s *Site) favorite(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	pr, _, err := s.inProject(r, a)
	if err != nil {
		return err
	}
	if r.PostForm.Get("undo") == "1" {
		err = s.app.Projects.Disfavor(r.Context(), a, pr.ID)
	} else {
		err = s.app.Projects.Favor(r.Context(), a, pr.ID)
	}
	if err != nil {
		return err
	}
	switch back := r.PostForm.Get("back"); {
	case back == "list":
		return redirect(w, r, "/projects")
	case back != "":
		return redirect(w, r, local(back))
	}
	return redirect(w, r, projectHref(pr))
}

// favoriteHits are the person's favourites, for the palette.
func (s *Site) favoriteHits(r *http.Request, a access.Actor) (ui.HitGroup, error) {
	g := ui.HitGroup{Title: speak(r).T("favorite.favorites")}
	list, err := s.app.Projects.List(r.Context(), a, project.ListInput{
		Filters: []filter.Condition{{Name: "favorited", Op: "=", Values: []string{"t"}}, {Name: "active", Op: "=", Values: []string{"t"}}},
		Page:    filter.Page{Number: 1, Size: paletteHits},
	})
	if err != nil {
		return g, err
	}
	for _, p := range list.Items {
		g.Hits = append(g.Hits, ui.Hit{Label: p.Name, Detail: ancestry(p.Ancestors), Href: projectHref(&p), Icon: "star"})
	}
	g.Total = list.Total
	return g, nil
}

// favoritesAtSide is how many favourites stand beside pages that belong to no project.
const favoritesAtSide = 12

// atSide puts the person's favourites beside a page that belongs to no project and is no
// part of the administration; those have a navigation of their own. Without favourites
// there is nothing. As in creatable, an error is met by the page itself.
func (s *Site) atSide(r *http.Request, a access.Actor, p *ui.Page) {
	for _, own := range []string{"/projects/", "/work_packages/", "/admin"} {
		if strings.HasPrefix(r.URL.Path, own) {
			return
		}
	}
	marked, err := s.app.Projects.Favorites(r.Context(), a, favoritesAtSide)
	if err != nil || len(marked) == 0 {
		return
	}
	g := ui.NavGroup{}
	for _, m := range marked {
		g.Items = append(g.Items, ui.NavItem{Label: m.Name, Href: "/projects/" + m.Identifier, Icon: "star"})
	}
	p.Side, p.SideClosed = ui.SideNav{Title: speak(r).T("favorite.favorites"), Groups: []ui.NavGroup{g}}, sideClosed(r)
}
