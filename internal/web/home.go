package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// homePage is what waits for a person, and what they had in hand last.
type homePage struct {
	ui.Page
	Welcome   string // what administrators say to everybody
	Told      []toldRow
	ToldTotal int
	Blocks    []homeBlock
	MineTotal int
	MineHref  string
	Worked    []homeRow
	Projects  []ui.ProjectRow
	MayCreate bool
	None      *ui.EmptyState // nothing waits
	NoProject ui.EmptyState
}

// toldRow is a work package of which a person was told something unread.
type toldRow struct {
	Href, Subject, Project string
	Reason                 ui.Chip
	Count                  int
	Snooze                 ui.Snooze
	of                     int64
}

// homeBlock is what waits for a person, of one urgency.
type homeBlock struct {
	Title, ID string
	Rows      []homeRow
	More      int
}

// homeRow is a work package that is acted on in its place.
type homeRow struct {
	ID                     int64
	Href, Subject, Project string
	Late                   bool
	Reason                 *ui.Chip // of the news there are of it
	Status, Due            ui.Cell
	Close                  string // where a POST closes it, "" where that is not for this person
}

func (s *Site) home(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	p := homePage{Page: s.frame(r, a, say.T("home.home")), Welcome: s.app.Settings.Get().WelcomeText}
	var err error
	if p.MayCreate, err = s.app.Projects.MayCreate(r.Context(), a); err != nil {
		return err
	}
	if a.SignedIn() {
		p.Title = say.T("home.welcome", "name", firstName(a.Name))
		if err := s.waiting(r, a, &p); err != nil {
			return err
		}
	}
	if err := s.homeProjects(r, a, &p); err != nil {
		return err
	}
	p.nothing(say)
	p.NoProject = ui.EmptyState{Icon: "folder", Title: say.T("home.no_projects_yet"), Text: say.T("home.projects_appear_here"), Example: say.T("example.project")}
	if p.MayCreate {
		p.NoProject.Actions = []ui.Button{ui.Link(say.T("home.create_a_project"), "/projects/new").As("primary")}
	}
	return s.ui.Render(w, http.StatusOK, "home", p)
}

const (
	homeRows     = 8 // of a block
	homeProjects = 12
	workedRows   = 6
)

// waiting fills what waits for a person and what they worked on last.
func (s *Site) waiting(r *http.Request, a access.Actor, p *homePage) error {
	say := speak(r)
	topics, total, err := s.app.Notifications.Topics(r.Context(), a, notification.ListInput{
		Filters: []filter.Condition{{Name: "read_ian", Op: "=", Values: []string{"f"}}}, Place: notification.Inbox, Page: filter.Page{Number: 1, Size: homeRows},
	})
	if err != nil {
		return err
	}
	p.ToldTotal = total
	for _, t := range topics {
		if len(t.Notifications) > 0 {
			n := t.Notifications[0]
			p.Told = append(p.Told, toldRow{Href: packageHref(t.WorkPackage), Subject: n.Subject, Project: n.ProjectName, Reason: ui.Chip{Label: say.why(n.Reason), Hue: reasonHue(n.Reason)}, Count: t.Unread, of: int64(t.WorkPackage), Snooze: say.snooze(t.WorkPackage, "/")})
		}
	}
	if err := s.mine(r, a, p); err != nil {
		return err
	}
	worked, err := s.app.WorkPackages.Worked(r.Context(), a, workedRows)
	if err != nil {
		return err
	}
	for i := range worked.Items {
		p.Worked = append(p.Worked, say.homeRow(&worked.Items[i], worked.Refs, ""))
	}
	return nil
}

// nothing says that nothing waits, once there is a project in which something could:
// before that, the first thing to do is to make one.
func (p *homePage) nothing(say reader) {
	if p.MineTotal == 0 && p.ToldTotal == 0 && len(p.Projects) > 0 {
		none := ui.EmptyState{Icon: "circle-check", Title: say.T("home.nothing_waits"), Text: say.T("home.nothing_waits_text")}
		if len(p.Create) > 0 {
			none.Actions = []ui.Button{ui.Link(p.Create[0].Label, p.Create[0].Href).As("primary")}
		}
		none.Actions = append(none.Actions, ui.Link(say.T("home.browse_projects"), "/projects"))
		p.None = &none
	}
}

// mine sorts what is open and assigned to a person: what is due today or was before,
// what has been begun, and what comes next. Each stands in the first that fits.
func (s *Site) mine(r *http.Request, a access.Actor, p *homePage) error {
	say := speak(r)
	today := db.DayOf(s.app.DB.Now().In(location(a)))
	cols, err := s.app.WorkPackages.Columns(r.Context(), a, workpackage.ListInput{
		Filters:  []filter.Condition{{Name: "assignee", Op: "=", Values: []string{"me"}}, {Name: "status", Op: "o"}},
		Sort:     []filter.Sort{{Name: "due_date"}, {Name: "priority", Desc: true}},
		Location: location(a),
	}, workpackage.Beginnings{By: workpackage.ByUrgency, Each: homeRows, Today: today})
	if err != nil {
		return err
	}
	p.MineHref = "/work_packages?assignee=me"
	blocks := []homeBlock{{Title: say.T("home.needs_you_today"), ID: "today"}, {Title: say.T("home.in_progress"), ID: "begun"}, {Title: say.T("home.next_up"), ID: "next"}}
	for i, urgency := range []int64{workpackage.Due, workpackage.Begun, workpackage.Later} {
		for _, w := range cols.Items[urgency] {
			blocks[i].Rows = append(blocks[i].Rows, say.homeRow(&w, cols.Refs, today))
		}
		blocks[i].More = cols.Counts[urgency] - len(blocks[i].Rows)
		p.MineTotal += cols.Counts[urgency]
	}
	p.join(&blocks[0])
	for i, b := range blocks {
		if len(b.Rows) > 0 || i == 0 && len(p.Told) > 0 {
			p.Blocks = append(p.Blocks, b)
		}
	}
	return nil
}

// join says in the rows of today what there is news of, so that nothing stands there twice.
func (p *homePage) join(today *homeBlock) {
	p.Told = slices.DeleteFunc(p.Told, func(told toldRow) bool {
		for i := range today.Rows {
			if today.Rows[i].ID == told.of {
				today.Rows[i].Reason = &told.Reason
				return true
			}
		}
		return false
	})
}

func (in reader) homeRow(w *workpackage.WorkPackage, refs *workpackage.Refs, today db.Day) homeRow {
	cell := func(name string) ui.Cell {
		col, _ := columnOf(name)
		return in.cellOf(w, refs, col).Cell
	}
	row := homeRow{
		ID: int64(w.ID), Href: packageHref(w.ID), Subject: w.Subject, Project: refs.Projects[w.ProjectID].Name,
		Late: w.DueDate != nil && *w.DueDate < today, Status: cell("status"), Due: cell("dueDate"),
	}
	if row.Status.Edit != "" && !refs.Statuses[w.StatusID].Closed {
		row.Close = row.Href + "/closure"
	}
	return row
}

// closePackage is the one click that says that something is done.
func (s *Site) closePackage(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Close(r.Context(), a, n); err != nil {
		return err
	}
	return s.led(w, r, a, backOf(r), "closed", undoOf(undoPackage, n))
}

// homeProjects shows the projects that a person is a member of, else those there are,
// the marked ones first.
func (s *Site) homeProjects(r *http.Request, a access.Actor, p *homePage) error {
	active := filter.Condition{Name: "active", Op: "=", Values: []string{"t"}}
	choices := [][]filter.Condition{{active}}
	if a.SignedIn() {
		choices = [][]filter.Condition{{active, {Name: "principal", Op: "=", Values: []string{"me"}}}, {active}}
	}
	for _, conds := range choices {
		list, err := s.app.Projects.List(r.Context(), a, project.ListInput{
			Filters: conds, Page: filter.Page{Number: 1, Size: homeProjects}, Sort: []filter.Sort{{Name: "favorited", Desc: true}, {Name: "name"}},
		})
		if err != nil {
			return err
		}
		for j := range list.Items {
			pr := &list.Items[j]
			row := ui.ProjectRow{Name: pr.Name, Href: projectHref(pr), Public: pr.Public, Favorite: pr.Favorited}
			row.Status, row.Hue = speak(r).projectStatus(pr.Status)
			p.Projects = append(p.Projects, row)
		}
		if len(p.Projects) > 0 {
			return nil
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

// statusWord is the word for a project's status.
func (in reader) statusWord(code, name string) string {
	if key := "project.status." + code; in.Has(key) {
		return in.T(key)
	}
	return name
}
