package workpackage

import "github.com/holdfast/holdfast/internal/db"

// Week says which days of the week are worked, Sunday first as time.Weekday counts.
type Week [7]bool

// WeekOf makes a week of ISO day numbers, 1 Monday to 7 Sunday. A week without
// any working day would never end; it counts as all days.
func WeekOf(days []int) Week {
	var w Week
	for _, d := range days {
		if d >= 1 && d <= 7 {
			w[d%7] = true
		}
	}
	if w == (Week{}) {
		return Week{true, true, true, true, true, true, true}
	}
	return w
}

// Calendar says on which days people work: those of the week, without holidays
// and the like.
type Calendar struct {
	week Week
	off  map[db.Day]bool
}

// CalendarOf makes a calendar of ISO day numbers and the days that are off.
func CalendarOf(days []int, off []db.Day) Calendar {
	c := Calendar{week: WeekOf(days), off: make(map[db.Day]bool, len(off))}
	for _, d := range off {
		c.off[d] = true
	}
	return c
}

// EveryDay is the calendar of work packages that ignore non-working days.
var EveryDay = Calendar{week: Week{true, true, true, true, true, true, true}}

func (w Calendar) works(d db.Day) bool { return w.week[d.Time().Weekday()] && !w.off[d] }

// next returns d, or the first working day after it.
func (w Calendar) next(d db.Day) db.Day {
	for !w.works(d) {
		d = d.AddDays(1)
	}
	return d
}

// count returns the number of working days from start to due, both included.
func (w Calendar) count(start, due db.Day) int {
	n := 0
	for d := start; d <= due; d = d.AddDays(1) {
		if w.works(d) {
			n++
		}
	}
	return n
}

// move returns the day on which n working days are over, counted from d
// inclusive, forwards (step 1) or backwards (step -1).
func (w Calendar) move(d db.Day, n, step int) db.Day {
	for !w.works(d) {
		d = d.AddDays(step)
	}
	for n > 1 {
		d = d.AddDays(step)
		if w.works(d) {
			n--
		}
	}
	return d
}

// maxDuration bounds the days a work package may span, some 60 years; it also
// bounds the work of counting them.
const maxDuration = 22_000

// dates are the three values of which any two give the third.
type dates struct {
	start, due *db.Day
	duration   *int
}

// given says which of the dates a change sets.
type given struct{ start, due, duration bool }

// derive completes d after a change. A day that is not worked moves to the
// next one that is, unless the work package ignores non-working days. It
// returns the name of the refused field and the code, or "".
func (d dates) derive(g given, w Calendar, milestone bool) (dates, string, string) {
	if milestone {
		return d.milestone(g, w)
	}
	if d.duration != nil && (*d.duration < 1 || *d.duration > maxDuration) {
		return d, "duration", "out_of_range"
	}
	if d.start != nil && g.start {
		d.start = ptr(w.next(*d.start))
	}
	if d.due != nil && g.due {
		d.due = ptr(w.next(*d.due))
	}
	switch {
	case d.start != nil && d.due != nil && (g.start && g.due || !g.duration || d.duration == nil):
		if *d.due < *d.start {
			return d.reversed(g, w)
		}
		if d.due.Sub(*d.start) > maxDuration {
			return d, "dueDate", "out_of_range"
		}
		n := max(1, w.count(*d.start, *d.due))
		if g.start && g.due && g.duration && d.duration != nil && *d.duration != n {
			return d, "duration", "does_not_match_dates"
		}
		d.duration = &n
	case d.start != nil && d.duration != nil:
		d.due = ptr(w.move(*d.start, *d.duration, 1))
	case d.due != nil && d.duration != nil:
		d.start = ptr(w.move(*d.due, *d.duration, -1))
	}
	return d, "", ""
}

// reversed handles a finish before the start: setting only one of them moves
// the other along with the duration kept; setting both is an error.
func (d dates) reversed(g given, w Calendar) (dates, string, string) {
	switch {
	case g.start && !g.due && d.duration != nil:
		d.due = ptr(w.move(*d.start, *d.duration, 1))
		return d, "", ""
	case g.start && !g.due:
		return d, "startDate", "after_due_date"
	}
	return d, "dueDate", "before_start_date"
}

// milestone: start and finish are the same day, the duration is one day.
func (d dates) milestone(g given, w Calendar) (dates, string, string) {
	day := d.due
	if g.start || day == nil {
		day = d.start
	}
	if g.start && g.due && (d.start == nil) != (d.due == nil) {
		return d, "date", "start_and_due_differ"
	}
	if g.start && g.due && d.start != nil && *d.start != *d.due {
		return d, "date", "start_and_due_differ"
	}
	if day == nil {
		return dates{duration: ptr(1)}, "", ""
	}
	m := w.next(*day)
	return dates{start: &m, due: &m, duration: ptr(1)}, "", ""
}

func ptr[T any](v T) *T { return &v }
