package duration_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/hal/duration"
)

func TestFormat(t *testing.T) {
	for secs, want := range map[int64]string{
		0: "PT0S", 1: "PT1S", 60: "PT1M", 3600: "PT1H", 5400: "PT1H30M", 90000: "PT25H", 3601: "PT1H1S", -5400: "-PT1H30M",
	} {
		if got := duration.Format(secs); got != want {
			t.Errorf("%d: got %s, want %s", secs, got, want)
		}
	}
	if got := duration.Days(3); got != "P3D" {
		t.Errorf("got %s", got)
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]int64{
		"PT0S": 0, "PT1H30M": 5400, "PT25H": 90000, "P2D": 172800, "P1W": 604800, "P1DT1H": 90000, "PT1H1S": 3601,
		"PT1.5H": 5400, "PT1,5H": 5400, "PT0.25M": 15, "P0.5D": 43200, "PT0.333333H": 1200, "PT1.0S": 1, "PT007M": 420,
		"PT1000000H": duration.Most,
	} {
		if got, err := duration.Parse(in); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"": duration.ErrFormat, "P": duration.ErrFormat, "PT": duration.ErrFormat, "1H": duration.ErrFormat,
		"P1DT": duration.ErrFormat, "PT1": duration.ErrFormat, "PTH": duration.ErrFormat, "PT1.H": duration.ErrFormat,
		"PT.5H": duration.ErrFormat, "P1Y": duration.ErrFormat, "P1M": duration.ErrFormat, "P1H": duration.ErrFormat,
		"PT1M1H": duration.ErrFormat, "PT1H1H": duration.ErrFormat, "PT1.5H1M": duration.ErrFormat, "P0.5DT1H": duration.ErrFormat,
		"-PT1H": duration.ErrFormat, "PT-1H": duration.ErrFormat, " PT1H": duration.ErrFormat, "pt1h": duration.ErrFormat,
		"PT1HT1M": duration.ErrFormat, "PT1.5.5H": duration.ErrFormat, "PT١H": duration.ErrFormat,
		"PT" + strings.Repeat("1", 200) + "S": duration.ErrFormat,
		"PT0.5S":                              duration.ErrFraction, "PT0.3333H": duration.ErrFraction,
		"PT99999999999999999999H": duration.ErrTooLong, "PT1000001H": duration.ErrTooLong, "PT1000000H1S": duration.ErrTooLong,
		"PT1000000.5H": duration.ErrTooLong,
	} {
		if got, err := duration.Parse(in); !errors.Is(err, want) {
			t.Errorf("%s: got %d, %v, want %v", in, got, err, want)
		}
	}
}

func TestParseDays(t *testing.T) {
	for in, want := range map[string]int64{"P3D": 3, "P0D": 0, "P2W": 14, "P1W1D": 8} {
		if got, err := duration.ParseDays(in); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"PT24H": duration.ErrFraction, "P0.5D": duration.ErrFraction, "P1.25W": duration.ErrFraction,
		"3": duration.ErrFormat, "P99999D": duration.ErrTooLong,
	} {
		if got, err := duration.ParseDays(in); !errors.Is(err, want) {
			t.Errorf("%s: got %d, %v, want %v", in, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"PT1H30M", "P2D", "P1W2DT3H4M5S", "PT1.5H", "PT0,5M", "P", "-PT1S"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		secs, err := duration.Parse(s)
		if err != nil {
			if !errors.Is(err, duration.ErrFormat) && !errors.Is(err, duration.ErrFraction) && !errors.Is(err, duration.ErrTooLong) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if secs < 0 || secs > duration.Most {
			t.Errorf("%q: got %d", s, secs)
		}
		if again, err := duration.Parse(duration.Format(secs)); err != nil || again != secs {
			t.Errorf("%q is %d, but %s is %d, %v", s, secs, duration.Format(secs), again, err)
		}
	})
}
