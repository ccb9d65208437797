// Package schedule says when backups are due. It is pure: no clock, no timers, no database.
//
// A schedule is times of day on some weekdays in a time zone ("daily 02:00", "mon,thu 03:30"), or an interval
// ("every 6h") counted from a fixed origin, so that a restart does not shift it. A time that a day lacks because
// clocks go forward is met when they do; one that a day has twice is met once.
package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/fault"
)

// Bounds of an interval.
const (
	MinEvery = 15 * time.Minute
	MaxEvery = 31 * 24 * time.Hour
)

// mostCounted ends the counting of missed slots; no message needs a larger number.
const mostCounted = 1000

// Schedule is made by Parse. The zero value is no schedule.
type Schedule struct {
	every time.Duration
	days  [7]bool // by time.Weekday
	times []clock // ascending, without repetition
	zone  *time.Location
}

// clock is minutes since midnight.
type clock int

var names = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// week is the order in which weekdays are printed.
var week = [7]time.Weekday{1, 2, 3, 4, 5, 6, 0}

// Parse reads "every DURATION" or "DAYS TIME[,TIME]" where DAYS is "daily" or weekdays such as "mon,thu".
// It answers Invalid for the field "schedule" when text is neither.
func Parse(text string, zone *time.Location) (Schedule, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) != 2 {
		return Schedule{}, refused("format", text)
	}
	if words[0] == "every" {
		return parseEvery(words[1], zone)
	}
	s := Schedule{zone: zone}
	if words[0] == "daily" {
		s.days = [7]bool{true, true, true, true, true, true, true}
	} else {
		for name := range strings.SplitSeq(words[0], ",") {
			d := slices.Index(names[:], name)
			if d < 0 {
				return Schedule{}, refused("weekday", name)
			}
			s.days[d] = true
		}
	}
	for part := range strings.SplitSeq(words[1], ",") {
		at, err := time.Parse("15:04", part)
		if err != nil {
			return Schedule{}, refused("time", part)
		}
		s.times = append(s.times, clock(at.Hour()*60+at.Minute()))
	}
	slices.Sort(s.times)
	s.times = slices.Compact(s.times)
	return s, nil
}

func parseEvery(text string, zone *time.Location) (Schedule, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < MinEvery || d > MaxEvery || d%time.Minute != 0 {
		return Schedule{}, refused("interval", text)
	}
	return Schedule{every: d, zone: zone}, nil
}

func refused(code, value string) error {
	return fault.Invalid(fault.Field{Name: "schedule", Code: code, Params: map[string]any{"value": value}})
}

// String prints what Parse reads.
func (s Schedule) String() string {
	if s.every > 0 {
		return "every " + printEvery(s.every)
	}
	var days, times []string
	for _, d := range week {
		if s.days[d] {
			days = append(days, names[d])
		}
	}
	for _, c := range s.times {
		times = append(times, fmt.Sprintf("%02d:%02d", c/60, c%60))
	}
	if len(days) == len(week) {
		days = []string{"daily"}
	}
	return strings.Join(days, ",") + " " + strings.Join(times, ",")
}

func printEvery(d time.Duration) string {
	switch h, m := d/time.Hour, d%time.Hour/time.Minute; {
	case m == 0:
		return fmt.Sprintf("%dh", h)
	case h == 0:
		return fmt.Sprintf("%dm", m)
	default:
		return fmt.Sprintf("%dh%dm", h, m)
	}
}

// Next returns the first slot later than after.
func (s Schedule) Next(after time.Time) time.Time {
	if s.every > 0 {
		return after.Truncate(s.every).Add(s.every).In(s.zone)
	}
	local := after.In(s.zone)
	for ahead := -1; ; ahead++ { // a day's slots may lie past its midnight when clocks change there
		noon := time.Date(local.Year(), local.Month(), local.Day()+ahead, 12, 0, 0, 0, time.UTC)
		if !s.days[noon.Weekday()] {
			continue
		}
		for _, c := range s.times {
			if at := s.on(noon, c); at.After(after) {
				return at
			}
		}
	}
}

// on returns the instant of c on a day, or the end of the gap that swallowed it.
func (s Schedule) on(day time.Time, c clock) time.Time {
	wall := time.Date(day.Year(), day.Month(), day.Day(), int(c/60), int(c%60), 0, 0, time.UTC)
	at := time.Date(day.Year(), day.Month(), day.Day(), int(c/60), int(c%60), 0, 0, s.zone)
	_, offset := at.Zone()
	shown := at.UTC().Add(time.Duration(offset) * time.Second) // what a clock on the wall shows, as if UTC
	start, end := at.ZoneBounds()
	switch {
	case shown.Before(wall):
		return end
	case shown.After(wall):
		return start
	}
	return first(at, start, offset)
}

// first returns the earlier of two instants that show the same time because clocks went back at start.
func first(at, start time.Time, offset int) time.Time {
	if start.IsZero() {
		return at
	}
	_, before := start.Add(-1).Zone()
	if earlier := at.Add(time.Duration(offset-before) * time.Second); before > offset && earlier.Before(start) {
		return earlier
	}
	return at
}

// Missed returns how many slots have come since the last run, at most 1000. Any number above zero calls for
// exactly one run: its end becomes the next last. A zero last (never run) is one.
//
// A last later than the slot after now was written by a clock that was ahead. It is not believed, because
// otherwise nothing would run until the clock is there again: one run is due.
func (s Schedule) Missed(last, now time.Time) int {
	if last.IsZero() {
		return 1
	}
	if last.After(now) {
		if last.After(s.Next(now)) {
			return 1
		}
		return 0
	}
	if s.every > 0 {
		return int(min(now.Truncate(s.every).Sub(last.Truncate(s.every))/s.every, mostCounted))
	}
	n := 0
	for at := s.Next(last); !at.After(now) && n < mostCounted; at = s.Next(at) {
		n++
	}
	return n
}
