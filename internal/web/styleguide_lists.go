package web

import (
	"net/url"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// guideDay is today in the style guide.
var guideDay = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

// guideList is a list of the style guide: the real template and the real layout with sample
// work packages. nil when there is none of that name.
func guideList(say reader, name string, settings setting.Values) *listPage {
	show := name
	if name == "table" {
		show = asTable
	} else if name != asBoard && name != asCalendar && name != asGantt {
		return nil
	}
	v := parseView("/work_packages", url.Values{"view": {show}, "group": {"status"}, "status": {"open"}, "filter": {"priority"}}, true)
	c := choices{
		types: guideOptions("Task", "Bug", "Milestone"), statuses: guideOptions("New", "In progress", "Closed"), priorities: guideOptions("Low", "Normal", "High", "Immediate"),
		people: guideOptions("Ana Kovač", "Bo Lindqvist"),
	}
	p := &listPage{Action: v.base, Back: v.base, MayEdit: true, NewHref: "#", NewLabel: say.T("package.new_work_package")}
	p.Query = ui.Text("q", say.T("package.subject_or_number"), "")
	p.Chips, p.Menu, p.Editor = say.filterChips(v, c), say.filterMenu(v), say.filterEditor(v, c)
	p.views(say, v)
	p.Title = map[string]string{"table": say.T("list.table"), asBoard: say.T("list.board"), asCalendar: say.T("list.calendar"), asGantt: say.T("list.gantt")}[name]
	list := guideWork()
	p.Total = list.Total
	p.Paging = ui.Pagination{Page: 2, PerPage: len(list.Items), Total: 5 * len(list.Items), Href: func(int) string { return "#" }}
	switch name {
	case asBoard:
		p.Board = guideBoard(say, list, c)
	case asCalendar:
		p.Calendar = guideCalendar(say, list, v, settings)
	case asGantt:
		p.Gantt = &gantt{Day: 10, Now: "#"}
		p.Gantt.zoom(say, v)
		p.Gantt.lay(say, list, guideDay, settings)
		for i := range p.Gantt.Rows {
			p.Gantt.Rows[i].MayMove = true
		}
	default:
		p.guideTable(say, list, v, c)
	}
	return p
}

func guideOptions(names ...string) []ui.Option {
	var out []ui.Option
	for i, n := range names {
		out = append(out, ui.Option{Value: string(rune('1' + i)), Label: n})
	}
	return out
}

func (p *listPage) guideTable(say reader, list *workpackage.Page, v view, c choices) {
	p.tools(say, v)
	p.Heads = say.heads(v)
	p.Span = len(p.Heads) + 1
	p.Bulk = say.bulkForm(c)
	for i := range list.Items {
		wp := &list.Items[i]
		name, value := say.groupOf(wp, list.Refs, v.group)
		if n := len(p.Groups); n == 0 || p.Groups[n-1].value != value {
			p.Groups = append(p.Groups, rowGroup{Name: name, Count: 2, value: value})
		}
		g := &p.Groups[len(p.Groups)-1]
		g.Rows = append(g.Rows, say.rowOf(wp, list.Refs, v))
	}
}

func guideBoard(say reader, list *workpackage.Page, c choices) *board {
	b := &board{Field: "status", Options: c.statuses, Why: say.T("list.workflow_forbids"), By: ui.Tabs{Label: say.T("list.columns_by"), Items: []ui.NavItem{{Label: say.column("status"), Href: "#", Current: true}, {Label: say.column("assignee"), Href: "#"}}}}
	for i, o := range c.statuses {
		col := boardColumn{Name: o.Label, Value: o.Value}
		for j := range list.Items {
			if int(list.Items[j].StatusID) == i+1 {
				card := say.cardOf(&list.Items[j], list.Refs, "status")
				card.Still = ""
				if j%3 == 1 {
					card.Still = say.T("list.untouched", "n", 3)
				}
				if j%3 != 2 {
					card.Move = "#"
				}
				col.Cards = append(col.Cards, card)
			}
		}
		col.Count = len(col.Cards)
		if i == 1 {
			col.Count, col.Next, col.More, col.All = 75, 50, "#", "#"
		}
		b.Columns = append(b.Columns, col)
	}
	return b
}

func guideCalendar(say reader, list *workpackage.Page, v view, settings setting.Values) *calendar {
	c := &calendar{Today: "#"}
	from, to := spanOf(byMonth, guideDay, say.FirstWeekday())
	c.head(say, v, byMonth, guideDay, from, to)
	days := daysOf(say, settings, from, to, guideDay, guideDay)
	for i := range list.Items {
		place(days, &list.Items[i], list.Refs)
	}
	c.arrange(days, byMonth)
	return c
}

// guideWork are work packages of all kinds: with children, late, long, done, without dates and with
// more words than fit.
func guideWork() *workpackage.Page {
	named := func(n int64, name, color string) workpackage.Named {
		return workpackage.Named{ID: n, Name: name, Color: color}
	}
	milestone := named(3, "Milestone", "#35C53F")
	milestone.Milestone = true
	closed := named(3, "Closed", "#DEE2E6")
	closed.Closed = true
	refs := &workpackage.Refs{
		Projects:   map[id.Project]workpackage.Named{1: named(1, "Harbour renewal", "")},
		Types:      map[id.Type]workpackage.Named{1: named(1, "Task", "#1A67A3"), 2: named(2, "Bug", "#C92A2A"), 3: milestone},
		Statuses:   map[id.Status]workpackage.Named{1: named(1, "New", "#1098AD"), 2: named(2, "In progress", "#E67700"), 3: closed},
		Priorities: map[id.Priority]workpackage.Named{1: named(1, "Low", ""), 2: named(2, "Normal", ""), 3: named(3, "High", ""), 4: named(4, "Immediate", "")},
		Users:      map[id.User]workpackage.Named{10: named(10, "Ana Kovač", ""), 11: named(11, "Bo Lindqvist", "")}, Grants: &access.Grants{},
	}
	day := func(after int) *db.Day {
		d := db.DayOf(guideDay.AddDate(0, 0, after))
		return &d
	}
	parent := id.WorkPackage(1)
	work := func(n int64, subject string, kind id.Type, status id.Status, priority id.Priority, start, due *db.Day, done int) workpackage.WorkPackage {
		w := workpackage.WorkPackage{ID: id.WorkPackage(n), ProjectID: 1, Subject: subject, TypeID: kind, StatusID: status, PriorityID: priority, StartDate: start, DueDate: due, DoneRatio: &done}
		if n%2 == 0 {
			w.AssigneeID = new(id.User(10 + n/2%2))
		}
		return w
	}
	items := []workpackage.WorkPackage{
		work(1, "Renew the north quay", 1, 1, 2, day(-60), day(50), 35),
		work(2, "Replace fenders, which the ferry has pushed below the water line again and again over the last winter", 1, 1, 3, day(-6), day(4), 50),
		work(3, "Pump 3 vibrates above 1200 rpm", 2, 2, 4, day(-9), day(-2), 80),
		work(4, "Dredging permit", 1, 2, 1, day(2), day(2), 0),
		work(5, "The season starts", 3, 2, 2, day(9), day(9), 0),
		work(6, "Announce the winter timetable", 1, 3, 2, day(-20), day(-12), 100),
		work(7, "Update the evacuation plan", 1, 3, 2, nil, day(14), 100),
	}
	items[1].ParentID, items[2].ParentID = &parent, &parent
	return &workpackage.Page{Items: items, Total: len(items), Refs: refs}
}
