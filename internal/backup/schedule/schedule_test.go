package schedule_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast/holdfast/internal/backup/schedule"
	"github.com/holdfast/holdfast/internal/fault"
)

var (
	zones = []string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia"}
	texts = []string{"daily 02:00", "daily 02:30", "every 6h", "every 45m", "mon,thu 03:30", "sun 00:00,23:59", "daily 00:00,12:00", "sat,sun 01:59"}
)

func parse(t interface{ Fatal(...any) }, text, zone string) schedule.Schedule {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Parse(text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawn(t *rapid.T) schedule.Schedule {
	return parse(t, rapid.SampledFrom(texts).Draw(t, "text"), rapid.SampledFrom(zones).Draw(t, "zone"))
}

func instants(t *rapid.T, name string) time.Time {
	return time.Unix(rapid.Int64Range(1_200_000_000, 1_900_000_000).Draw(t, name), 0)
}

func TestPrintsWhatItReads(t *testing.T) {
	for in, want := range map[string]string{
		"Daily 02:00": "daily 02:00", "every 360m": "every 6h", "every 90m": "every 1h30m", "every 45m": "every 45m",
		"thu,mon 03:30": "mon,thu 03:30", "sun,mon,tue,wed,thu,fri,sat 12:00,1:05,12:00": "daily 01:05,12:00",
	} {
		s := parse(t, in, "UTC")
		if got := s.String(); got != want {
			t.Errorf("%q prints %q, want %q", in, got, want)
		}
		if again := parse(t, s.String(), "UTC"); again.String() != want {
			t.Errorf("%q does not survive a second reading", want)
		}
	}
}

func TestRefusesWhatIsNoSchedule(t *testing.T) {
	for in, code := range map[string]string{
		"": "format", "daily": "format", "daily 02:00 03:00": "format", "foo 02:00": "weekday", "mon, 02:00": "weekday",
		"daily 24:00": "time", "daily 2": "time", "every 5m": "interval", "every 800h": "interval", "every 20m1s": "interval", "every day": "interval",
	} {
		_, err := schedule.Parse(in, time.UTC)
		if f := fault.Fields(err); len(f) != 1 || f[0].Code != code {
			t.Errorf("%q: %v, want code %s", in, err, code)
		}
	}
}

func TestClockChanges(t *testing.T) {
	for _, c := range []struct{ name, text, after, want string }{
		{"an ordinary night", "daily 02:30", "2026-03-27T23:00:00+01:00", "2026-03-28T02:30:00+01:00"},
		{"the gap is met at its end", "daily 02:30", "2026-03-28T23:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"the day after the gap", "daily 02:30", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		{"the doubled hour is met once", "daily 02:30", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		{"a weekday", "mon,thu 03:30", "2026-11-23T03:30:00+01:00", "2026-11-26T03:30:00+01:00"},
		{"an interval does not follow the clocks", "every 6h", "2026-10-25T02:00:00+02:00", "2026-10-25T07:00:00+01:00"},
	} {
		after, _ := time.Parse(time.RFC3339, c.after)
		if got := parse(t, c.text, "Europe/Berlin").Next(after).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestNextIsTheFirstSlotLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, after := drawn(t), instants(t, "after")
		next := s.Next(after)
		if !next.After(after) {
			t.Fatalf("%s: the slot after %s is %s", s, after, next)
		}
		between := after.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(after))-1).Draw(t, "between")))
		if got := s.Next(between); !got.Equal(next) {
			t.Fatalf("%s: %s has the slot %s, but %s in between has %s", s, after, next, between, got)
		}
		if next.Sub(after) > 8*24*time.Hour {
			t.Fatalf("%s: nothing between %s and %s", s, after, next)
		}
	})
}

// After any downtime one run is due, and after it none until the next slot.
func TestCatchesUpExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, last, now := drawn(t), instants(t, "last"), instants(t, "now")
		if last.After(now) {
			last, now = now, last
		}
		missed, slot := s.Missed(last, now), s.Next(last)
		if (missed > 0) != !slot.After(now) {
			t.Fatalf("%s: %d missed from %s to %s, first slot %s", s, missed, last, now, slot)
		}
		if n := s.Missed(now, now); n != 0 {
			t.Fatalf("%s: %d due right after a run", s, n)
		}
		next := s.Next(now)
		if s.Missed(now, next.Add(-1)) != 0 || s.Missed(now, next) != 1 {
			t.Fatalf("%s: not due exactly at %s", s, next)
		}
	})
}

// The clock jumps by days in either direction and back; the poller runs every minute of it.
func TestClockJumpsCauseOneRunEach(t *testing.T) {
	s := parse(t, "daily 02:00", "Europe/Berlin")
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, jump := range []time.Duration{48 * time.Hour, -48 * time.Hour, 72 * time.Hour, -50 * 365 * 24 * time.Hour, -time.Second} {
		last, runs := start, 0
		poll := func(from time.Time) {
			for m := range 60 {
				if now := from.Add(time.Duration(m) * time.Minute); s.Missed(last, now) > 0 {
					last = now
					runs++
				}
			}
		}
		poll(start.Add(jump))
		want := 1
		if jump == -time.Second {
			want = 0
		}
		if runs != want {
			t.Errorf("jump %s: %d runs, want %d", jump, runs, want)
		}
		poll(start.Add(time.Hour)) // and back
		if runs > want+1 {
			t.Errorf("jump %s and back: %d runs", jump, runs)
		}
	}
	if n := s.Missed(time.Time{}, start); n != 1 {
		t.Errorf("%d due when nothing ever ran, want 1", n)
	}
	if n := s.Missed(start.AddDate(-20, 0, 0), start); n != 1000 {
		t.Errorf("%d missed in twenty years, want the bound", n)
	}
}
