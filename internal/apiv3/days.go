package apiv3

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/setting"
)

// maxDays bounds the days that one answer lists, some ten years.
const maxDays = 3_700

// isoDay is the number of a day of the week, 1 Monday to 7 Sunday.
func isoDay(d db.Day) int { return (int(d.Time().Weekday())+6)%7 + 1 }

func weekDayHref(n int) string { return Root + "/days/week/" + strconv.Itoa(n) }

func weekDayName(n int) string { return time.Weekday(n % 7).String() }

func weekDayDoc(v setting.Values, n int) *hal.Object {
	o := hal.New("WeekDay")
	o.Int("day", int64(n))
	o.Str("name", weekDayName(n))
	works := false
	for _, d := range v.WorkingDays {
		works = works || d == n
	}
	o.Bool("working", works)
	o.Link("self", weekDayHref(n), weekDayName(n))
	return o
}

func nonWorkingDayDoc(n setting.NonWorkingDay) *hal.Object {
	o := hal.New("NonWorkingDay")
	o.Str("date", string(n.Date))
	o.Str("name", n.Name)
	o.Link("self", Root+"/days/non_working/"+string(n.Date), n.Name)
	return o
}

func dayDoc(v setting.Values, d db.Day) *hal.Object {
	n := isoDay(d)
	o := hal.New("Day")
	o.Str("date", string(d))
	name, holiday := weekDayName(n), v.NonWorking(d)
	if holiday != "" {
		name += " (" + holiday + ")"
	}
	o.Str("name", name)
	o.Bool("working", v.Works(d))
	o.Link("self", Root+"/days/"+string(d), "")
	o.Link("weekDay", weekDayHref(n), weekDayName(n))
	if v.Works(d) {
		return o
	}
	week := v
	week.NonWorkingDays = nil
	var reasons []hal.Link
	if !week.Works(d) {
		reasons = append(reasons, hal.Link{Href: weekDayHref(n), Title: weekDayName(n)})
	}
	if holiday != "" {
		reasons = append(reasons, hal.Link{Href: Root + "/days/non_working/" + string(d), Title: holiday})
	}
	o.LinkArray("nonWorkingReasons", reasons)
	return o
}

// dayRange reads the filters of a list of days: the interval, and which days to keep.
func dayRange(conds []filter.Condition, from, to db.Day) (db.Day, db.Day, *bool, error) {
	var working *bool
	for _, c := range conds {
		switch {
		case c.Name == "date" && c.Op == "<>d":
			if len(c.Values) != 2 {
				return "", "", nil, filter.WrongValue(c, "two dates")
			}
			var err1, err2 error
			from, err1 = db.ParseDay(c.Values[0])
			to, err2 = db.ParseDay(c.Values[1])
			if err1 != nil || err2 != nil || to.Sub(from) > maxDays {
				return "", "", nil, filter.WrongValue(c, "two dates that are at most "+strconv.Itoa(maxDays)+" days apart")
			}
		case c.Name == "date":
			return "", "", nil, filter.WrongOperator(c)
		case c.Name == "working":
			yes, err := c.IsTrue()
			if err != nil {
				return "", "", nil, err
			}
			working = &yes
		default:
			return "", "", nil, &fault.Fault{Kind: fault.KindInvalid, Code: filter.CodeInvalidQuery, Message: "there is no filter named \"" + c.Name + "\""}
		}
	}
	return from, to, working, nil
}

func (s *API) listDays(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	now := s.app.DB.Now()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	from, to, working, err := dayRange(l.filters, db.DayOf(first), db.DayOf(first.AddDate(0, 2, -1)))
	if err != nil {
		return err
	}
	v := s.app.Settings.Get()
	c := hal.NewCollection(hal.TypeCollection)
	for d := from; d <= to; d = d.AddDays(1) {
		if working == nil || *working == v.Works(d) {
			c.Add(dayDoc(v, d))
		}
	}
	return respond(w, r, http.StatusOK, c.All(r.URL.RequestURI()))
}

func (s *API) listNonWorkingDays(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	l, err := s.listing(r)
	if err != nil {
		return err
	}
	year := strconv.Itoa(s.app.DB.Now().Year())
	from, to, _, err := dayRange(l.filters, db.Day(year+"-01-01"), db.Day(year+"-12-31"))
	if err != nil {
		return err
	}
	c := hal.NewCollection(hal.TypeCollection)
	for _, n := range s.app.Settings.Get().NonWorkingDays {
		if n.Date >= from && n.Date <= to {
			c.Add(nonWorkingDayDoc(n))
		}
	}
	return respond(w, r, http.StatusOK, c.All(r.URL.RequestURI()))
}

// dayOf is the day of the address.
func dayOf(r *http.Request) (db.Day, error) {
	d, err := db.ParseDay(chi.URLParam(r, "date"))
	if err != nil {
		return "", fault.NotFound("day")
	}
	return d, nil
}

func (s *API) showDay(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	d, err := dayOf(r)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, dayDoc(s.app.Settings.Get(), d))
}

func (s *API) showNonWorkingDay(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	d, err := dayOf(r)
	if err != nil {
		return err
	}
	name := s.app.Settings.Get().NonWorking(d)
	if name == "" {
		return fault.NotFound("non-working day")
	}
	return respond(w, r, http.StatusOK, nonWorkingDayDoc(setting.NonWorkingDay{Date: d, Name: name}))
}

func (s *API) listWeekDays(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	v := s.app.Settings.Get()
	return list(w, r, []int{1, 2, 3, 4, 5, 6, 7}, func(n int) *hal.Object { return weekDayDoc(v, n) })
}

func (s *API) showWeekDay(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	n, err := strconv.Atoi(chi.URLParam(r, "day"))
	if err != nil || n < 1 || n > 7 {
		return fault.NotFound("week day")
	}
	return respond(w, r, http.StatusOK, weekDayDoc(s.app.Settings.Get(), n))
}
