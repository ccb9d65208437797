package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// gantt shows work packages as a tree of rows, each with its dates in words and its
// bar over the days. A bar is moved by dragging, by keys, or with the form of its row;
// each move is one change.
type gantt struct {
	Zooms   ui.Tabs
	Rows    []ganttRow
	Width   int
	Day     int // pixels
	Heads   []ganttHead
	Free    []ganttSpan // days on which nobody works
	Today   int         // x of today, -1 when it is not shown
	Now     string      // the address that shows today again
	NotSeen int
	Undated int
	MayMove bool
}

type ganttHead struct {
	X     int
	Label string
}

// Room is the width of the table: the columns in words, as gantt.css has them, and the bars.
func (g gantt) Room() int {
	words := 560
	if g.MayMove {
		words += 44
	}
	return words + g.Width
}

type ganttSpan struct{ X, Width int }

type ganttRow struct {
	ID            int64
	Href, Subject string
	Said          string // the row in one sentence
	Start, Due    string
	Days          int
	Depth         int
	X, Width      int
	Milestone     bool
	Parent        bool // its dates span those below it
	Done          int  // pixels of the bar that are done
	Hue           string
	Lock          int
	MayMove       bool
	Action        string
}

// Level is the depth as assistive technology counts it, Middle where a milestone's sign stands.
func (r ganttRow) Level() int  { return r.Depth + 1 }
func (r ganttRow) Middle() int { return r.X + r.Width/2 }
func (r ganttRow) End() int    { return r.X + r.Width }

// maxGantt bounds the bars of a page, maxGanttYears the time they are shown over.
const (
	maxGantt      = 200
	maxGanttYears = 3
)

// zooms are the widths of a day.
var zooms = []struct {
	name string
	day  int
}{{"days", 28}, {"weeks", 10}, {"months", 4}, {"quarters", 2}}

func (s *Site) fillGantt(r *http.Request, a access.Actor, p *listPage, v view, in workpackage.ListInput) error {
	say := speak(r)
	g := &gantt{Day: 10, Today: -1, Now: v.with()}
	g.zoom(say, v)
	all := in
	all.Page = filter.Page{Number: 1}
	everything, err := s.app.WorkPackages.List(r.Context(), a, all)
	if err != nil {
		return err
	}
	in.Filters = append(in.Filters, filter.Condition{Name: "dates_interval", Op: "<>d", Values: []string{"", ""}})
	if len(v.sort) == 0 {
		in.Sort = []filter.Sort{{Name: "start_date"}}
	}
	in.Page = filter.Page{Number: v.page, Size: maxGantt}
	list, err := s.app.WorkPackages.List(r.Context(), a, in)
	if err != nil {
		return err
	}
	g.Undated, g.NotSeen = everything.Total-list.Total, max(0, list.Total-len(list.Items))
	g.lay(say, list, s.app.DB.Now().In(location(a)), s.app.Settings.Get())
	p.Gantt, p.Total = g, list.Total
	p.Paging = ui.Pagination{Page: v.page, PerPage: maxGantt, Total: list.Total, Href: func(n int) string { return v.with("page", strconv.Itoa(n)) }}
	return nil
}

func (g *gantt) zoom(say reader, v view) {
	labels := map[string]string{"days": say.T("list.days"), "weeks": say.T("list.weeks"), "months": say.T("list.months"), "quarters": say.T("list.quarters")}
	zoom := v.q.Get("zoom")
	if labels[zoom] == "" {
		zoom = "weeks"
	}
	g.Zooms.Label = say.T("list.zoom")
	for _, z := range zooms {
		if z.name == zoom {
			g.Day = z.day
		}
		g.Zooms.Items = append(g.Zooms.Items, ui.NavItem{Label: labels[z.name], Href: v.with("zoom", z.name), Current: z.name == zoom})
	}
}

// lay puts the rows into families and the bars on their days.
func (g *gantt) lay(say reader, list *workpackage.Page, today time.Time, v setting.Values) {
	if len(list.Items) == 0 {
		return
	}
	day := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	first, last := day, day
	for i := range list.Items {
		start, due := datesOf(&list.Items[i])
		if start.Before(first) {
			first = start
		}
		if due.After(last) {
			last = due
		}
	}
	first = first.AddDate(0, 0, -(int(first.Weekday())+6)%7) // a Monday
	if limit := first.AddDate(maxGanttYears, 0, 0); last.After(limit) {
		last = limit
	}
	last = last.AddDate(0, 0, 14)
	x := func(t time.Time) int { return int(t.Sub(first).Hours()/24) * g.Day }
	g.Width, g.Today = x(last), x(day)
	items, depth := familyOf(list.Items)
	for i := range items {
		row := say.ganttRow(&items[i], list.Refs, x)
		row.Depth = depth[items[i].ID]
		row.X = min(row.X, g.Width-g.Day)
		row.Width = min(row.Width+g.Day, g.Width-row.X) // the last day is whole
		if done := items[i].DoneRatio; done != nil {
			row.Done = row.Width * *done / 100
		}
		if n := len(g.Rows); n > 0 && row.Depth > g.Rows[n-1].Depth {
			g.Rows[n-1].Parent = true
		}
		g.MayMove = g.MayMove || row.MayMove
		g.Rows = append(g.Rows, row)
	}
	g.rule(say, first, last, v)
}

// familyOf puts each work package of a list under its parent, as far as that is in the list.
func familyOf(items []workpackage.WorkPackage) ([]workpackage.WorkPackage, map[id.WorkPackage]int) {
	here := map[id.WorkPackage]bool{}
	for i := range items {
		here[items[i].ID] = true
	}
	var top, below []workpackage.WorkPackage
	for _, w := range items {
		if w.ParentID != nil && here[*w.ParentID] {
			below = append(below, w)
		} else {
			top = append(top, w)
		}
	}
	return family(top, below)
}

// rule draws the days: heads for weeks, months or quarters, and those on which nobody works.
func (g *gantt) rule(say reader, first, last time.Time, v setting.Values) {
	for d, x := first, 0; d.Before(last); d, x = d.AddDate(0, 0, 1), x+g.Day {
		if g.Day >= 4 && !v.Works(db.DayOf(d)) {
			g.Free = append(g.Free, ganttSpan{x, g.Day})
		}
		month := say.ShortMonth(d.Month()) + " " + strconv.Itoa(d.Year())
		switch {
		case g.Day >= 10 && d.Weekday() == time.Monday:
			g.Heads = append(g.Heads, ganttHead{x, strconv.Itoa(d.Day()) + " " + say.ShortMonth(d.Month())})
		case g.Day >= 4 && g.Day < 10 && d.Day() == 1:
			g.Heads = append(g.Heads, ganttHead{x, month})
		case g.Day < 4 && d.Day() == 1 && d.Month()%3 == 1:
			g.Heads = append(g.Heads, ganttHead{x, say.T("list.quarter", "n", int(d.Month())/3+1, "year", strconv.Itoa(d.Year()))})
		}
	}
}

func datesOf(w *workpackage.WorkPackage) (start, due time.Time) {
	s, d := w.StartDate, w.DueDate
	if s == nil {
		s = d
	}
	if d == nil {
		d = s
	}
	if s == nil {
		return start, due
	}
	return s.Time(), d.Time()
}

func (in reader) ganttRow(w *workpackage.WorkPackage, refs *workpackage.Refs, x func(time.Time) int) ganttRow {
	start, due := datesOf(w)
	typ := refs.Types[w.TypeID]
	row := ganttRow{
		ID: int64(w.ID), Href: packageHref(w.ID), Subject: w.Subject, Start: dayText(w.StartDate), Due: dayText(w.DueDate),
		Days: int(due.Sub(start).Hours()/24) + 1, X: x(start), Width: x(due) - x(start), Milestone: typ.Milestone, Hue: string(ui.HueOf(typ.Color)),
		Lock: w.LockVersion, MayMove: refs.Grants.Has(access.EditWorkPackages, w.ProjectID), Action: packageHref(w.ID) + "/shift",
	}
	done := 0
	if w.DoneRatio != nil {
		done = *w.DoneRatio
	}
	row.Said = in.T("list.row_said", "type", typ.Name, "subject", w.Subject, "from", in.Printer.Date(start), "to", in.Printer.Date(due), "days", in.T("list.n_days", "n", row.Days), "done", done)
	if typ.Milestone {
		row.Said = in.T("list.milestone_said", "type", typ.Name, "subject", w.Subject, "day", in.Printer.Date(due))
	}
	return row
}

// maxShift bounds how far a bar is moved at once, in days.
const maxShift = 3660

// shift moves a work package by days, or makes it longer or shorter by them.
func (s *Site) shift(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	by, err1 := strconv.Atoi(orZero(f.Get("days")))
	longer, err2 := strconv.Atoi(orZero(f.Get("longer")))
	lock, err3 := strconv.Atoi(f.Get("lockVersion"))
	if err1 != nil || err2 != nil || err3 != nil || max(by, -by, longer, -longer) > maxShift {
		return fault.InvalidField("days", "not_a_number")
	}
	wp, err := s.app.WorkPackages.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	var p workpackage.Patch
	p.LockVersion = opt.Of(lock)
	works := s.app.Settings.Get().Works
	if wp.IgnoreNonWorkingDays {
		works = func(db.Day) bool { return true }
	}
	if wp.StartDate != nil {
		p.StartDate = opt.Ptr(workday(wp.StartDate.AddDays(by), by, works))
	}
	if wp.DueDate != nil {
		p.DueDate = opt.Ptr(workday(wp.DueDate.AddDays(by+longer), by+longer, works))
	}
	p.ScheduleManually = opt.Of(true) // who moves it by hand means it
	if _, err := s.app.WorkPackages.Update(r.Context(), a, n, p); err != nil {
		return err
	}
	return s.led(w, r, a, backOf(r), "saved", undoOf(undoPackage, n))
}

// maxRest bounds the search for a day on which somebody works.
const maxRest = 400

// workday is the day itself, or where nobody works on it the next on which somebody
// does, in the direction of the move.
func workday(d db.Day, by int, works func(db.Day) bool) db.Day {
	step := 1
	if by < 0 {
		step = -1
	}
	for range maxRest {
		if works(d) {
			break
		}
		d = d.AddDays(step)
	}
	return d
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}
