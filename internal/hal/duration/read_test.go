package duration_test

import (
	"errors"
	"testing"

	"github.com/holdfast/holdfast/internal/hal/duration"
)

func TestReadWhatPeopleWrite(t *testing.T) {
	for in, want := range map[string]int64{
		"8": 28800, "1.5": 5400, "1,5": 5400, ".5": 1800, "0": 0, "1h": 3600, "1h30": 5400, "1h 30m": 5400, "1 H 30 Min": 5400, "1:30": 5400, "0:05": 300,
		"90m": 5400, "90 min": 5400, "1,5h": 5400, "2 Std.": 7200, "PT1H30M": 5400, "pt90m": 5400, " 3 ": 10800, "0.333": 1199, "-2": -7200, "1h90": 9000,
		"2d": 57600, "1,5d": 43200, "2d 4h": 72000, "2 Tage": 57600, "1 Tag 1:30": 34200, "-1d": -28800,
	} {
		if got, err := duration.Read(in, 8); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": duration.ErrFormat, "h": duration.ErrFormat, "much": duration.ErrFormat, "1:5": duration.ErrFormat, "1:60": duration.ErrFormat, "1:30:00": duration.ErrFormat, ":30": duration.ErrFormat,
		"1h30m15": duration.ErrFormat, "1.5h30": duration.ErrFormat, "1e3": duration.ErrFormat, "NaN": duration.ErrFormat, "0x10": duration.ErrFormat, "1_000": duration.ErrFormat, "2d4x": duration.ErrFormat, "d": duration.ErrFormat, "-1d2h": duration.ErrFormat, "1d2d": duration.ErrFormat, "125000d1h": duration.ErrTooLong, "--1": duration.ErrFormat,
		"1000001": duration.ErrTooLong, "1000000:30": duration.ErrTooLong, "99999999999999999999999": duration.ErrTooLong,
	} {
		if got, err := duration.Read(in, 8); !errors.Is(err, want) {
			t.Errorf("%q: got %d, %v, want %v", in, got, err, want)
		}
	}
}

// Whatever is read can be written as a duration of the API and read again, and is bounded.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"1h30", "1:30", "90m", "1,5", "8", "PT1H30M", "-1", "1h 30 min", "0,0001", "1h-5", "1:-5", "١h", "2d4h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		secs, err := duration.Read(s, 8)
		if err != nil {
			if secs != 0 {
				t.Errorf("%q: %d with %v", s, secs, err)
			}
			return
		}
		if secs > duration.Most || secs < -duration.Most {
			t.Errorf("%q: %d is out of bounds", s, secs)
		}
		if secs < 0 {
			return
		}
		if again, err := duration.Read(duration.Format(secs), 8); err != nil || again != secs {
			t.Errorf("%q: %d came back as %d, %v", s, secs, again, err)
		}
	})
}
