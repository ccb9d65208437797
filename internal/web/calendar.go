package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// calendar shows work packages on the days they take. On a phone it is a list of days.
type calendar struct {
	Title          string
	Previous, Next string
	Today          string
	Spans          ui.Tabs
	Weekdays       []string
	Weeks          [][]calendarDay
	Agenda         []calendarDay
	AsAgenda       bool
	NotSeen        int
}

type calendarDay struct {
	Date    time.Time
	ISO     string
	Label   string // for people who do not see where it stands
	Number  int
	Outside bool // of the month
	Today   bool
	Free    bool // nobody works
	Holiday string
	Items   []calendarItem
	More    int
}

type calendarItem struct {
	Href, Subject string
	ID            int64
	Type          ui.Chip
	Starts, Ends  bool
	Closed        bool
	Span          int // days of the week from here on, on the first of them
	long          bool
}

// Spans of a calendar, how many entries a day of a month shows, how many it has in the list
// for phones, and how many days may pass from the first to the last of an entry that is not long.
const (
	byMonth   = "month"
	byWeek    = "week"
	byAgenda  = "agenda"
	dayItems  = 4
	listItems = 10
	longItem  = 31
)

// maxCalendar bounds the work packages of one page of a calendar.
const maxCalendar = 500

func (s *Site) fillCalendar(r *http.Request, a access.Actor, p *listPage, v view, in workpackage.ListInput) error {
	today := s.app.DB.Now().In(location(a))
	at, err := time.Parse(time.DateOnly, v.q.Get("at"))
	if err != nil || at.Year() < 1900 || at.Year() > 2500 {
		at = time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	}
	span := v.q.Get("span")
	if span != byWeek && span != byAgenda {
		span = byMonth
	}
	from, to := spanOf(span, at, speak(r).FirstWeekday())
	c := &calendar{AsAgenda: span == byAgenda, Today: v.with("at", "")}
	c.head(speak(r), v, span, at, from, to)
	in.Filters = append(in.Filters, filter.Condition{Name: "dates_interval", Op: "<>d", Values: []string{from.Format(time.DateOnly), to.Format(time.DateOnly)}})
	in.Sort = []filter.Sort{{Name: "start_date"}}
	in.Page = filter.Page{Number: 1, Size: maxCalendar}
	list, err := s.app.WorkPackages.List(r.Context(), a, in)
	if err != nil {
		return err
	}
	p.Total, c.NotSeen = list.Total, max(0, list.Total-len(list.Items))
	days := daysOf(speak(r), s.app.Settings.Get(), from, to, at, today)
	for i := range list.Items {
		place(days, &list.Items[i], list.Refs)
	}
	c.arrange(days, span)
	p.Calendar, p.Total = c, max(list.Total, 1) // an empty month is no empty list
	return nil
}

// spanOf returns the first and the last day that are shown.
func spanOf(span string, at time.Time, first time.Weekday) (from, to time.Time) {
	week := func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday()-first)+7)%7) }
	switch span {
	case byWeek:
		from = week(at)
		return from, from.AddDate(0, 0, 6)
	case byAgenda:
		return at, at.AddDate(0, 0, 29)
	}
	begin := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	from = week(begin)
	return from, week(begin.AddDate(0, 1, -1)).AddDate(0, 0, 6)
}

func (c *calendar) head(say reader, v view, span string, at, from, to time.Time) {
	step := func(n int) string {
		switch span {
		case byWeek:
			return at.AddDate(0, 0, 7*n).Format(time.DateOnly)
		case byAgenda:
			return at.AddDate(0, 0, 30*n).Format(time.DateOnly)
		}
		return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, n, 0).Format(time.DateOnly)
	}
	c.Previous, c.Next = v.with("at", step(-1)), v.with("at", step(1))
	c.Title = say.Month(at.Month()) + " " + strconv.Itoa(at.Year())
	if span != byMonth {
		c.Title = say.Printer.Date(from) + " – " + say.Printer.Date(to)
	}
	c.Spans.Label = say.T("list.span")
	for _, n := range []struct{ name, label string }{{byMonth, say.T("list.month")}, {byWeek, say.T("list.week")}, {byAgenda, say.T("list.agenda")}} {
		c.Spans.Items = append(c.Spans.Items, ui.NavItem{Label: n.label, Href: v.with("span", n.name), Current: n.name == span})
	}
	for i := range 7 {
		c.Weekdays = append(c.Weekdays, say.Weekday((say.FirstWeekday()+time.Weekday(i))%7))
	}
}

func daysOf(say reader, v setting.Values, from, to, at, today time.Time) []calendarDay {
	var out []calendarDay
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		out = append(out, calendarDay{
			Date: d, ISO: d.Format(time.DateOnly), Label: say.FullDate(d), Number: d.Day(), Outside: d.Month() != at.Month(),
			Today: d.Format(time.DateOnly) == today.Format(time.DateOnly), Free: !v.Works(db.DayOf(d)), Holiday: v.NonWorking(db.DayOf(d)),
		})
	}
	return out
}

// place puts a work package on its days; one with one date is on that day.
func place(days []calendarDay, w *workpackage.WorkPackage, refs *workpackage.Refs) {
	start, end := dayText(w.StartDate), dayText(w.DueDate)
	if start == "" {
		start = end
	}
	if end == "" {
		end = start
	}
	if start == "" {
		return
	}
	length := db.Day(end).Sub(db.Day(start))
	for i := range days {
		d := &days[i]
		if d.ISO < start || d.ISO > end {
			continue
		}
		d.Items = append(d.Items, calendarItem{
			Href: packageHref(w.ID), Subject: w.Subject, ID: int64(w.ID), Type: typeChip(refs.Types[w.TypeID]),
			Starts: d.ISO == start, Ends: d.ISO == end, long: length > longItem, Closed: refs.Statuses[w.StatusID].Closed,
		})
	}
}

// arrange makes weeks of the days; the agenda keeps those with something on them.
func (c *calendar) arrange(days []calendarDay, span string) {
	for _, d := range days {
		if span != byAgenda { // what stands beside it for phones
			d.shorten(listItems)
		}
		if len(d.Items) > 0 {
			c.Agenda = append(c.Agenda, d)
		}
	}
	if span == byAgenda {
		return
	}
	for i := 0; i+7 <= len(days); i += 7 {
		week := days[i : i+7]
		inLanes(week)
		for j := range week {
			if span == byMonth {
				week[j].shorten(dayItems)
			}
		}
		c.Weeks = append(c.Weeks, week)
	}
}

// inLanes keeps what takes several days of a week in one line across them; items without
// a number are the gaps that this leaves. What spans more than longItem days is only the
// frame of other work, and comes below it.
func inLanes(week []calendarDay) {
	var items []calendarItem
	first := map[int64]int{} // the day in the week on which each begins
	for j, d := range week {
		for _, item := range d.Items {
			if _, there := first[item.ID]; !there {
				first[item.ID] = j
				items = append(items, item)
			}
			items[slices.IndexFunc(items, func(x calendarItem) bool { return x.ID == item.ID })].Span++
		}
	}
	slices.SortStableFunc(items, func(a, b calendarItem) int {
		if a.long != b.long {
			return sign(a.long)
		}
		return cmp.Or(cmp.Compare(first[a.ID], first[b.ID]), cmp.Compare(b.Span, a.Span))
	})
	var lanes [][]calendarItem // of which each has an item for each day
	for _, item := range items {
		from, to := first[item.ID], first[item.ID]+item.Span
		l := slices.IndexFunc(lanes, func(lane []calendarItem) bool {
			return !slices.ContainsFunc(lane[from:to], func(x calendarItem) bool { return x.ID != 0 })
		})
		if l < 0 {
			l = len(lanes)
			lanes = append(lanes, make([]calendarItem, len(week)))
		}
		for j := from; j < to; j++ {
			on := week[j].item(item.ID)
			if on.Span = 0; j == from {
				on.Span = item.Span
			}
			lanes[l][j] = on
		}
	}
	for j := range week {
		week[j].Items = nil
		for _, lane := range lanes {
			week[j].Items = append(week[j].Items, lane[j])
		}
		for n := len(week[j].Items); n > 0 && week[j].Items[n-1].ID == 0; n-- {
			week[j].Items = week[j].Items[:n-1]
		}
	}
}

func (d *calendarDay) item(number int64) calendarItem {
	return d.Items[slices.IndexFunc(d.Items, func(x calendarItem) bool { return x.ID == number })]
}

// sign is of an order in which what is true comes last.
func sign(last bool) int {
	if last {
		return 1
	}
	return -1
}

// shorten leaves as many items as the day has room for.
func (d *calendarDay) shorten(room int) {
	if len(d.Items) <= room {
		return
	}
	for _, item := range d.Items[room:] {
		if item.ID != 0 {
			d.More++
		}
	}
	d.Items = d.Items[:room]
}

// DayHref leads to the agenda of the day.
func (p listPage) DayHref(d calendarDay) string {
	return p.Action + "?view=calendar&span=agenda&at=" + d.ISO
}
