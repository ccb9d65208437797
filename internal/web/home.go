package web

import (
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

type homePage struct {
	ui.Page
	Welcome   string // what administrators say to everybody
	Projects  []ui.ProjectRow
	Favorites []ui.ProjectRow
	Mine      []homeBlock
	MineTotal int
	MineHref  string
	MayCreate bool
	None      ui.EmptyState
}

func (s *Site) home(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	tree, err := s.app.Projects.Tree(r.Context(), a)
	if err != nil {
		return err
	}
	p := homePage{Page: s.frame(r, a, say.T("home.home")), Projects: say.rowsOf(tree), Welcome: s.app.Settings.Get().WelcomeText}
	p.Favorites = favoriteRows(p.Projects)
	if a.SignedIn() {
		p.Title = say.T("home.welcome", "name", firstName(a.Name))
		if err := s.mine(r, a, &p); err != nil {
			return err
		}
	}
	if p.MayCreate, err = s.app.Projects.MayCreate(r.Context(), a); err != nil {
		return err
	}
	p.None = ui.EmptyState{Icon: "folder", Title: say.T("home.no_projects_yet"), Text: say.T("home.projects_appear_here")}
	if p.MayCreate {
		p.None.Actions = []ui.Button{ui.Link(say.T("home.create_a_project"), "/projects/new").As("primary")}
	}
	return s.ui.Render(w, http.StatusOK, "home", p)
}

// homeBlock is what waits for a person, of one urgency.
type homeBlock struct {
	Title string
	Rows  []ui.PackageRow
}

// homeRows bounds the rows of a block.
const homeRows = 8

// mine sorts what is open and assigned to a person: what is due today or was before,
// what has been begun, and what comes next. Each stands in the first that fits.
func (s *Site) mine(r *http.Request, a access.Actor, p *homePage) error {
	say := speak(r)
	list, err := s.app.WorkPackages.List(r.Context(), a, workpackage.ListInput{
		Filters:  []filter.Condition{{Name: "assignee", Op: "=", Values: []string{"me"}}, {Name: "status", Op: "o"}},
		Sort:     []filter.Sort{{Name: "due_date"}, {Name: "priority", Desc: true}},
		Page:     filter.Page{Number: 1, Size: 100},
		Location: location(a),
	})
	if err != nil {
		return err
	}
	p.MineTotal, p.MineHref = list.Total, "/work_packages?assignee=me"
	today := db.DayOf(s.app.DB.Now().In(location(a)))
	blocks := []homeBlock{{Title: say.T("home.needs_you_today")}, {Title: say.T("home.in_progress")}, {Title: say.T("home.next_up")}}
	rows := packageRows(list)
	for i := range list.Items {
		w := &list.Items[i]
		at := 2
		switch {
		case w.DueDate != nil && *w.DueDate <= today:
			at = 0
		case w.DoneRatio != nil && *w.DoneRatio > 0 || w.StartDate != nil && *w.StartDate <= today:
			at = 1
		}
		if b := &blocks[at]; len(b.Rows) < homeRows {
			b.Rows = append(b.Rows, rows[i])
		}
	}
	for _, b := range blocks {
		if len(b.Rows) > 0 {
			p.Mine = append(p.Mine, b)
		}
	}
	return nil
}

func firstName(name string) string {
	first, _, _ := strings.Cut(name, " ")
	return first
}

// projectHues colour the status of projects.
var projectHues = map[string]ui.Hue{
	project.OnTrack: ui.Green, project.AtRisk: ui.Orange, project.OffTrack: ui.Red,
	project.NotStarted: ui.Gray, project.Finished: ui.Blue, project.Discontinued: ui.Gray,
}

func (in reader) projectStatus(code *string) (string, ui.Hue) {
	if code == nil {
		return "", ""
	}
	for _, st := range project.Statuses {
		if st.Code == *code {
			return in.statusWord(st.Code, st.Name), projectHues[st.Code]
		}
	}
	return *code, ui.Gray
}

func (in reader) rowsOf(tree []project.Node) []ui.ProjectRow {
	out := make([]ui.ProjectRow, 0, len(tree))
	for _, n := range tree {
		row := ui.ProjectRow{Name: n.Name, Href: "/projects/" + n.Identifier, Depth: min(n.Depth, 5), Public: n.Public, Favorite: n.Favorited}
		row.Status, row.Hue = in.projectStatus(n.Status)
		out = append(out, row)
	}
	return out
}

// statusWord is the word for a project's status.
func (in reader) statusWord(code, name string) string {
	if key := "project.status." + code; in.Has(key) {
		return in.T(key)
	}
	return name
}
