package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/web/ui"
)

const daysHref = "/admin/working_days"

type daysPage struct {
	ui.Page
	Week      []ui.Checkbox
	WeekError string
	Hours     ui.Field
	Date      ui.Field
	Name      ui.Field
	Rows      []dayRow
	None      ui.EmptyState
	Problems  ui.ErrorSummary
}

type dayRow struct{ Day, Weekday, Name, Deletion, Label string }

// weekInput and dayInput are what was typed, when it was refused.
type weekInput struct {
	days  []int
	hours string
}

func (s *Site) workingDays(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.daysPage(w, r, a, nil, setting.NonWorkingDay{}, nil)
}

func (s *Site) daysPage(w http.ResponseWriter, r *http.Request, a access.Actor, week *weekInput, day setting.NonWorkingDay, refusal error) error {
	say := speak(r)
	v := s.app.Settings.Get()
	if week == nil {
		week = &weekInput{v.WorkingDays, strconv.Itoa(v.HoursPerDay)}
	}
	m := say.messages(refusal)
	p := daysPage{Page: s.adminFrame(r, a, say.T("days.title")), WeekError: m["working_days"]}
	p.Lead = say.T("days.lead")
	for i := range 7 {
		d := (say.FirstWeekday() + time.Weekday(i)) % 7
		n := (int(d)+6)%7 + 1
		c := ui.Check("day", say.Weekday(d), slices.Contains(week.days, n))
		c.Value = strconv.Itoa(n)
		p.Week = append(p.Week, c)
	}
	p.Hours = ui.Text("hours_per_day", say.T("days.hours"), week.hours).Require().Hinted(say.T("days.hours_hint")).Wrong(m["hours_per_day"])
	p.Hours.InputMode = "numeric"
	p.Date = ui.Date("date", say.T("common.date"), string(day.Date)).Require().Wrong(m["date"])
	p.Name = ui.Text("name", say.T("common.name"), day.Name).Require().Wrong(m["name"])
	for _, n := range v.NonWorkingDays {
		t := n.Date.Time()
		p.Rows = append(p.Rows, dayRow{string(n.Date), say.Weekday(t.Weekday()), n.Name, daysHref + "/days/" + string(n.Date) + "/deletion", say.T("days.remove", "name", n.Name, "date", say.Printer.Date(t))})
	}
	p.None = ui.EmptyState{Icon: "calendar", Title: say.T("days.none"), Text: say.T("days.none_text"), Example: say.T("example.day")}
	p.Problems = ui.Problems(ui.Problem{Href: "#week", Label: say.T("days.week"), Text: p.WeekError}, p.Hours.Problem(), p.Date.Problem(), p.Name.Problem())
	return s.ui.Render(w, statusOf(refusal), "admin_days", p)
}

func (s *Site) saveWeek(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := weekInput{hours: r.PostForm.Get("hours_per_day")}
	for _, d := range formIDs[int64](r, "day") {
		in.days = append(in.days, int(d))
	}
	hours, err := strconv.Atoi(in.hours)
	if err != nil {
		return s.daysPage(w, r, a, &in, setting.NonWorkingDay{}, fault.InvalidField("hours_per_day", "not_a_number"))
	}
	_, err = s.app.Settings.Change(r.Context(), a, func(v *setting.Values) {
		v.WorkingDays, v.HoursPerDay = slices.Sorted(slices.Values(in.days)), hours
	})
	if refused(err) {
		return s.daysPage(w, r, a, &in, setting.NonWorkingDay{}, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, daysHref, "days_saved", settings)
}

func (s *Site) addDay(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if err := form(w, r); err != nil {
		return err
	}
	in := setting.NonWorkingDay{Date: db.Day(r.PostForm.Get("date")), Name: r.PostForm.Get("name")}
	err := s.app.Settings.AddNonWorkingDay(r.Context(), a, in)
	if refused(err) {
		return s.daysPage(w, r, a, nil, in, err)
	}
	if err != nil {
		return err
	}
	return s.led(w, r, a, daysHref, "days_saved", settings)
}

// nonWorking finds the non-working day of the address.
func (s *Site) nonWorking(r *http.Request) (setting.NonWorkingDay, error) {
	d := db.Day(chi.URLParam(r, "date"))
	name := s.app.Settings.Get().NonWorking(d)
	if name == "" {
		return setting.NonWorkingDay{}, fault.NotFound("non-working day")
	}
	return setting.NonWorkingDay{Date: d, Name: name}, nil
}

func (s *Site) confirmDayRemove(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := s.nonWorking(r)
	if err != nil {
		return err
	}
	say := speak(r)
	return s.confirmAdmin(w, r, a, confirmPage{
		Page:   s.adminPage(r, a, say.T("days.remove_title", "name", n.Name, "date", say.Printer.Date(n.Date.Time())), ui.Crumb{Label: say.T("days.title"), Href: daysHref}),
		Cancel: daysHref, Submit: say.T("days.remove_day"), Text: say.T("days.remove_text"),
	}, nil)
}

func (s *Site) removeDay(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := s.nonWorking(r)
	if err != nil {
		return err
	}
	if err := s.app.Settings.RemoveNonWorkingDay(r.Context(), a, n.Date); err != nil {
		return err
	}
	return s.led(w, r, a, daysHref, "days_saved", settings)
}
