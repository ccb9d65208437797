package setting

import (
	"context"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/journal"
)

// NonWorkingDay is a day on which nobody works, such as a holiday.
type NonWorkingDay struct {
	Date db.Day `db:"date" json:"date"`
	Name string `db:"name" json:"name"`
}

// CalendarChanged is the job that follows a change of the working days: the
// durations of work packages are counted anew.
type CalendarChanged struct{}

// Kind implements job.Args.
func (CalendarChanged) Kind() string { return "workpackage.recount" }

// Works says whether people work on the day.
func (v Values) Works(d db.Day) bool {
	for _, n := range v.WorkingDays {
		if n%7 == int(d.Time().Weekday()) {
			return v.NonWorking(d) == ""
		}
	}
	return false
}

// NonWorking is the name of the non-working day d, empty where it is none.
func (v Values) NonWorking(d db.Day) string {
	for _, n := range v.NonWorkingDays {
		if n.Date == d {
			return n.Name
		}
	}
	return ""
}

// maxDayName is the longest name of a non-working day, in characters.
const maxDayName = 100

// AddNonWorkingDay makes a day one on which nobody works.
//
// Faults: as Change, Invalid with the fields date and name.
func (s *Service) AddNonWorkingDay(ctx context.Context, a access.Actor, n NonWorkingDay) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		return s.addDay(ctx, tx, a, n, journal.Change{})
	})
}

func (s *Service) addDay(ctx context.Context, tx *db.Tx, a access.Actor, n NonWorkingDay, c journal.Change) error {
	v, err := stored(ctx, tx)
	if err != nil {
		return err
	}
	n.Name = strings.TrimSpace(n.Name)
	var r refusals
	r.add(n.Date == "", "date", "blank", nil)
	_, wrong := db.ParseDay(string(n.Date))
	r.add(wrong != nil, "date", "invalid", nil)
	r.add(v.NonWorking(n.Date) != "", "date", "taken", nil)
	r.add(n.Name == "", "name", "blank", nil)
	r.text(n.Name, maxDayName, "name")
	if err := fault.Invalid(r...); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO non_working_days (date, name, created_at) VALUES (?, ?, ?)`, n.Date, n.Name, tx.Stamp())); err != nil {
		return err
	}
	return s.daysChanged(ctx, tx, a, "non_working_day.add", n, c)
}

// RemoveNonWorkingDay makes a day an ordinary one again.
//
// Faults: as Change, NotFound when it is no non-working day.
func (s *Service) RemoveNonWorkingDay(ctx context.Context, a access.Actor, d db.Day) error {
	if err := access.RequireAdmin(a); err != nil {
		return err
	}
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		return s.removeDay(ctx, tx, a, d, journal.Change{})
	})
}

func (s *Service) removeDay(ctx context.Context, tx *db.Tx, a access.Actor, d db.Day, c journal.Change) error {
	v, err := stored(ctx, tx)
	if err != nil {
		return err
	}
	name := v.NonWorking(d)
	if name == "" {
		return fault.NotFound("non-working day")
	}
	if _, err := db.Exec(ctx, tx, db.SQL(`DELETE FROM non_working_days WHERE date = ?`, d)); err != nil {
		return err
	}
	return s.daysChanged(ctx, tx, a, "non_working_day.remove", NonWorkingDay{d, name}, c)
}

// daysChanged journals and audits a change of the non-working days, and has the
// durations counted anew.
func (s *Service) daysChanged(ctx context.Context, tx *db.Tx, a access.Actor, action string, n NonWorkingDay, c journal.Change) error {
	v, err := stored(ctx, tx)
	if err != nil {
		return err
	}
	if err := record(ctx, tx, a, v, c); err != nil {
		return err
	}
	if err := s.audit.Record(ctx, tx, audit.Act{
		ActorID: a.ID, ActorName: a.Name, IP: a.IP, Action: action, Object: "settings", Detail: map[string]any{"date": n.Date, "name": n.Name},
	}); err != nil {
		return err
	}
	tx.AfterCommit(s.expire)
	return recount(ctx, tx)
}

func recount(ctx context.Context, tx *db.Tx) error {
	_, err := job.Enqueue(ctx, tx, CalendarChanged{}) // each change has its own: one that runs may have read the days before
	return err
}

// state is what the journal keeps: the settings and the non-working days.
func (v Values) state() state { return state{v, v.NonWorkingDays} }

type state struct {
	Values
	NonWorkingDays []NonWorkingDay `json:"non_working_days,omitempty"`
}
