package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// How many of a kind the palette shows, and the page.
const (
	paletteHits = 6
	searchHits  = 25
)

type searchPage struct {
	ui.Page
	Query  ui.Field
	Groups []ui.HitGroup
	None   ui.EmptyState
}

// search is the page of everything that has the words, grouped by kind.
func (s *Site) search(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	q := asked(r)
	p := searchPage{Page: s.frame(r, a, say.T("search.search")), Query: ui.Text("q", say.T("search.search_for"), q)}
	p.Query.Type, p.Query.Autofocus, p.Search = "search", q == "", q
	p.None = ui.EmptyState{Icon: "search", Title: say.T("search.find_anything"), Text: say.T("search.find_anything_text")}
	if q != "" {
		p.Title = say.T("search.title", "q", q)
		found, err := s.hits(r, a, q, searchHits)
		if err != nil {
			return err
		}
		p.Groups = found
		p.None = ui.EmptyState{Icon: "search", Title: say.T("search.nothing_found"), Text: say.T("search.nothing_found_text", "q", q)}
		if len(p.Create) > 0 {
			p.None.Actions = []ui.Button{ui.Link(p.Create[0].Label, p.Create[0].Href).As("primary")}
		}
		p.None.Actions = append(p.None.Actions, ui.Link(say.T("common.work_packages"), "/work_packages"))
	}
	return s.ui.Render(w, http.StatusOK, "search", p)
}

type palettePage struct {
	lang   string
	Groups []ui.HitGroup
	Query  string
	Total  int
}

// Language is the language of the palette.
func (p palettePage) Language() string { return p.lang }

// palette is the same for the palette: a part of a page, which a script puts in place.
func (s *Site) palette(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	p := palettePage{lang: speak(r).Tag(), Query: asked(r)}
	var err error
	if p.Query == "" {
		p.Groups, err = s.offers(r, a)
	} else {
		p.Groups, err = s.hits(r, a, p.Query, paletteHits)
	}
	if err != nil {
		return err
	}
	for i := range p.Groups {
		for j := range p.Groups[i].Hits {
			p.Total++
			p.Groups[i].Hits[j].ID = p.Total
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.ui.Render(w, http.StatusOK, "palette", p)
}

// asked is what is searched for. More than a line of it nobody types.
func asked(r *http.Request) string {
	q := strings.ToValidUTF8(strings.TrimSpace(r.URL.Query().Get("q")), "")
	if runes := []rune(q); len(runes) > 200 {
		q = string(runes[:200])
	}
	return strings.ReplaceAll(q, "\x00", "")
}

// hits are the work packages, projects and pages that q leads to.
func (s *Site) hits(r *http.Request, a access.Actor, q string, most int) ([]ui.HitGroup, error) {
	say := speak(r)
	list, err := s.app.WorkPackages.List(r.Context(), a, workpackage.ListInput{
		Filters:  []filter.Condition{{Name: "subject_or", Op: "**", Values: []string{q}}},
		Sort:     []filter.Sort{{Name: "updated_at", Desc: true}},
		Page:     filter.Page{Number: 1, Size: most},
		Location: location(a),
	})
	if err != nil {
		return nil, err
	}
	projects, err := s.app.Projects.List(r.Context(), a, project.ListInput{
		Filters: []filter.Condition{{Name: "search", Op: "**", Values: []string{q}}}, Page: filter.Page{Number: 1, Size: most},
	})
	if err != nil {
		return nil, err
	}
	groups := []ui.HitGroup{packageHits(say.T("common.work_packages"), list), {Title: say.T("common.projects"), Total: projects.Total}, {Title: say.T("ui.pages")}}
	if list.Total > most {
		groups[0].More = "/work_packages?" + url.Values{"q": {q}, "status": {"all"}}.Encode()
	}
	for _, p := range projects.Items {
		groups[1].Hits = append(groups[1].Hits, ui.Hit{Label: p.Name, Detail: ancestry(p.Ancestors), Href: "/projects/" + p.Identifier, Icon: "folder"})
	}
	needle := db.Fold(q)
	for _, page := range s.places(r, a) {
		if strings.Contains(db.Fold(page.Label), needle) {
			groups[2].Hits = append(groups[2].Hits, page)
		}
	}
	groups[2].Total = len(groups[2].Hits)
	return filled(groups), nil
}

func packageHits(title string, list *workpackage.Page) ui.HitGroup {
	g := ui.HitGroup{Title: title, Total: list.Total}
	for i := range list.Items {
		w := &list.Items[i]
		status := statusChip(list.Refs.Statuses[w.StatusID])
		g.Hits = append(g.Hits, ui.Hit{
			Label: w.Subject, Number: "#" + strconv.FormatInt(int64(w.ID), 10), Detail: list.Refs.Projects[w.ProjectID].Name,
			Href: packageHref(w.ID), Icon: "list-checks", Chip: &status,
		})
	}
	return g
}

func ancestry(up []project.Ref) string {
	names := make([]string, len(up))
	for i := range up {
		names[i] = up[i].Name
	}
	return strings.Join(names, " › ")
}

func filled(groups []ui.HitGroup) []ui.HitGroup {
	var out []ui.HitGroup
	for _, g := range groups {
		if len(g.Hits) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// offers stand in the palette before anything is typed: what waits for the person, and where to go.
func (s *Site) offers(r *http.Request, a access.Actor) ([]ui.HitGroup, error) {
	say := speak(r)
	groups := []ui.HitGroup{{}, {}, {}, {Title: say.T("search.go_to"), Hits: s.places(r, a)}}
	if a.SignedIn() {
		mine, err := s.app.WorkPackages.List(r.Context(), a, workpackage.ListInput{
			Filters: []filter.Condition{{Name: "assignee", Op: "=", Values: []string{"me"}}, {Name: "status", Op: "o"}},
			Sort:    []filter.Sort{{Name: "updated_at", Desc: true}}, Page: filter.Page{Number: 1, Size: 4}, Location: location(a),
		})
		if err != nil {
			return nil, err
		}
		groups[0] = packageHits(say.T("home.assigned_to_you"), mine)
		worked, err := s.app.WorkPackages.Worked(r.Context(), a, 4)
		if err != nil {
			return nil, err
		}
		groups[1] = packageHits(say.T("home.worked_on"), worked)
		groups[1].Hits = slices.DeleteFunc(groups[1].Hits, func(h ui.Hit) bool {
			return slices.ContainsFunc(groups[0].Hits, func(m ui.Hit) bool { return m.Href == h.Href })
		})
		if groups[2], err = s.favoriteHits(r, a); err != nil {
			return nil, err
		}
	}
	return filled(groups), nil
}

// places are the pages that the person can go to from everywhere.
func (s *Site) places(r *http.Request, a access.Actor) []ui.Hit {
	say := speak(r)
	p := s.adminFrame(r, a, "")
	var out []ui.Hit
	add := func(prefix string, items ...ui.NavItem) {
		for _, n := range items {
			out = append(out, ui.Hit{Label: prefix + n.Label, Href: n.Href, Icon: n.Icon, Key: p.KeyCap(n.Key)})
		}
	}
	add("", p.Nav...)
	add("", p.Create...)
	add("", p.ActorMenu...)
	add("", ui.NavItem{Label: say.T("notify.notifications"), Href: notificationsHref, Icon: "bell", Key: "g n"})
	for _, g := range p.Side.Groups {
		add(say.T("common.administration")+": ", g.Items...)
	}
	add("", ui.NavItem{Label: say.T("keys.title"), Href: "/keyboard", Icon: "keyboard", Key: "?"})
	return out
}
