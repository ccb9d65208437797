package workpackage

import (
	"testing"

	"github.com/holdfast/holdfast/internal/db"
)

var weekdays = CalendarOf([]int{1, 2, 3, 4, 5}, nil)

func d(s string) *db.Day {
	if s == "" {
		return nil
	}
	return ptr(db.Day(s))
}

func str[T any](p *T) string { return text(p) }

// 2026-11-23 is a Monday.
func TestTwoDatesGiveTheThird(t *testing.T) {
	for _, c := range []struct {
		name       string
		in         dates
		g          given
		start, due string
		duration   string
		refused    string
	}{
		{"both dates give the duration in working days", dates{d("2026-11-23"), d("2026-12-01"), nil}, given{start: true, due: true}, "2026-11-23", "2026-12-01", "7", ""},
		{"start and duration give the finish over a weekend", dates{d("2026-11-26"), nil, ptr(3)}, given{start: true, duration: true}, "2026-11-26", "2026-11-30", "3", ""},
		{"finish and duration give the start", dates{nil, d("2026-11-30"), ptr(3)}, given{due: true, duration: true}, "2026-11-26", "2026-11-30", "3", ""},
		{"a weekend start moves to Monday", dates{d("2026-11-28"), nil, nil}, given{start: true}, "2026-11-30", "", "", ""},
		{"a new start later than the finish takes the finish along", dates{d("2026-11-30"), d("2026-11-24"), ptr(2)}, given{start: true}, "2026-11-30", "2026-12-01", "2", ""},
		{"a finish before the start is refused", dates{d("2026-11-30"), d("2026-11-24"), ptr(2)}, given{due: true}, "", "", "", "dueDate before_start_date"},
		{"contradicting values are refused", dates{d("2026-11-23"), d("2026-11-24"), ptr(5)}, given{true, true, true}, "", "", "", "duration does_not_match_dates"},
		{"a new duration moves the finish", dates{d("2026-11-23"), d("2026-11-23"), ptr(6)}, given{duration: true}, "2026-11-23", "2026-11-30", "6", ""},
		{"an absurd span is refused", dates{d("0001-01-01"), d("9999-12-31"), nil}, given{start: true, due: true}, "", "", "", "dueDate out_of_range"},
	} {
		got, field, code := c.in.derive(c.g, weekdays, false)
		if c.refused != "" {
			if field+" "+code != c.refused {
				t.Errorf("%s: got %s %s, want %s", c.name, field, code, c.refused)
			}
			continue
		}
		if field != "" || str(got.start) != c.start || str(got.due) != c.due || str(got.duration) != c.duration {
			t.Errorf("%s: got %s to %s, %s days (%s %s)", c.name, str(got.start), str(got.due), str(got.duration), field, code)
		}
	}
}

func TestMilestonesHaveOneDay(t *testing.T) {
	got, field, _ := dates{d("2026-11-28"), nil, nil}.derive(given{start: true}, weekdays, true)
	if field != "" || str(got.start) != "2026-11-30" || str(got.due) != "2026-11-30" || str(got.duration) != "1" {
		t.Errorf("got %s to %s, %s days", str(got.start), str(got.due), str(got.duration))
	}
	if _, field, code := (dates{d("2026-11-23"), d("2026-11-24"), nil}).derive(given{start: true, due: true}, weekdays, true); field != "date" {
		t.Errorf("two days: got %s %s, want a refusal", field, code)
	}
}

func TestProgressDerives(t *testing.T) {
	h := func(n float64) *int64 { return ptr(int64(n * 3600)) }
	for _, c := range []struct {
		name     string
		old, now progress
		g        progressGiven
		want     progress
		refused  string
	}{
		{"work alone is all remaining", progress{}, progress{work: h(10)}, progressGiven{work: true}, progress{h(10), h(10), ptr(0)}, ""},
		{"remaining gives the percentage", progress{h(10), h(10), ptr(0)}, progress{h(10), h(4), ptr(0)}, progressGiven{remaining: true}, progress{h(10), h(4), ptr(60)}, ""},
		{"the percentage gives remaining", progress{h(10), h(10), ptr(0)}, progress{h(10), h(10), ptr(25)}, progressGiven{percent: true}, progress{h(10), h(7.5), ptr(25)}, ""},
		{"more work shifts remaining", progress{h(10), h(4), ptr(60)}, progress{h(12), h(4), ptr(60)}, progressGiven{work: true}, progress{h(12), h(6), ptr(50)}, ""},
		{"a little done is not nothing", progress{}, progress{h(1000), h(999), nil}, progressGiven{work: true, remaining: true}, progress{h(1000), h(999), ptr(1)}, ""},
		{"a little left is not done", progress{}, progress{h(1000), h(1), nil}, progressGiven{work: true, remaining: true}, progress{h(1000), h(1), ptr(99)}, ""},
		{"remaining and percentage give work", progress{}, progress{nil, h(5), ptr(50)}, progressGiven{remaining: true, percent: true}, progress{h(10), h(5), ptr(50)}, ""},
		{"a percentage alone stays", progress{}, progress{percent: ptr(30)}, progressGiven{percent: true}, progress{percent: ptr(30)}, ""},
		{"too much left", progress{}, progress{h(1), h(2), nil}, progressGiven{work: true, remaining: true}, progress{}, "remainingTime exceeds_work"},
		{"beyond all", progress{}, progress{percent: ptr(101)}, progressGiven{percent: true}, progress{}, "percentageDone out_of_range"},
		{"a contradiction", progress{}, progress{h(10), h(10), ptr(50)}, progressGiven{true, true, true}, progress{}, "percentageDone does_not_match_work"},
	} {
		got, field, code := c.now.derive(c.old, c.g)
		if c.refused != "" {
			if field+" "+code != c.refused {
				t.Errorf("%s: got %s %s, want %s", c.name, field, code, c.refused)
			}
			continue
		}
		if field != "" || str(got.work) != str(c.want.work) || str(got.remaining) != str(c.want.remaining) || str(got.percent) != str(c.want.percent) {
			t.Errorf("%s: got %s s, %s s, %s %% (%s %s)", c.name, str(got.work), str(got.remaining), str(got.percent), field, code)
		}
	}
}
