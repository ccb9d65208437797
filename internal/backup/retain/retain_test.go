package retain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// line makes snapshots at the given ages, the oldest first.
func line(ages ...time.Duration) []Snapshot {
	slices.Sort(ages)
	slices.Reverse(ages)
	var out []Snapshot
	for i, age := range ages {
		out = append(out, Snapshot{ID: fmt.Sprint("s", i), At: noon.Add(-age), Seq: int64(i + 1), Complete: true})
	}
	return out
}

func kept(ds []Decision) string {
	var out []string
	for _, d := range ds {
		if d.Keep {
			out = append(out, d.ID)
		}
	}
	return strings.Join(out, " ")
}

const day = 24 * time.Hour

func TestPlan(t *testing.T) {
	daily := line(0, 1*day, 2*day, 3*day, 4*day, 5*day, 6*day, 20*day, 40*day, 400*day)
	incomplete := slices.Clone(daily)
	incomplete[9].Complete = false
	held := slices.Clone(daily)
	held[0].Held, held[3].Drilled = true, true
	future := append(slices.Clone(daily), Snapshot{ID: "future", At: noon.Add(time.Hour), Seq: 11, Complete: true})
	for _, tt := range []struct {
		name   string
		p      Policy
		in     []Snapshot
		want   string
		reason string
	}{
		{"the two newest", Policy{}, daily, "s9 s8", "one of the 2 newest"},
		{"last", Policy{Last: 3}, daily, "s9 s8 s7", "last 1 of 3"},
		{"days that have one", Policy{Daily: 8}, daily, "s9 s8 s7 s6 s5 s4 s3 s2", "daily 1 of 8"},
		{"months", Policy{Monthly: 3}, daily, "s9 s8 s1 s0", "monthly 1 of 3"},
		{"years", Policy{Yearly: 2}, daily, "s9 s8 s0", "yearly 1 of 2"},
		{"within", Policy{WithinDays: 4}, daily, "s9 s8 s7 s6", "younger than 4 days"},
		{"the newest complete one stays", Policy{}, incomplete, "s9 s8", "newest"},
		{"on hold and drilled", Policy{}, held, "s9 s8 s3 s0", "newest"},
		{"the future stands for nothing", Policy{Daily: 1}, future, "future s9", "future"},
	} {
		got := Plan(tt.p, tt.in, noon, time.UTC)
		if kept(got) != tt.want || !strings.Contains(strings.Join(got[0].Reasons, ", "), tt.reason) {
			t.Errorf("%s: keeps %s for %q, want %s", tt.name, kept(got), got[0].Reasons, tt.want)
		}
	}
}

func TestSnapshotsSomebodyAddsDoNotPushTheGoodOnesOut(t *testing.T) {
	in := line(0, 1*day, 2*day, 3*day, 5*day)
	for i := range 1000 {
		at := noon.Add(time.Duration(i) * time.Second)
		if i%2 == 0 {
			at = noon.Add(365 * day)
		}
		in = append(in, Snapshot{ID: fmt.Sprint("bad", i), At: at, Seq: int64(100 + i), Complete: true})
	}
	got := kept(Plan(Default(), in, noon.Add(time.Hour), time.UTC))
	for _, id := range []string{"s0", "s1", "s2", "s3", "s4"} {
		if !strings.Contains(got+" ", id+" ") {
			t.Errorf("%s is lost", id)
		}
	}
}

func TestTheDayOfTheZoneCounts(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	in := line(12*time.Hour+30*time.Minute, 13*time.Hour, 14*time.Hour) // 23:30, 23:00 and 22:00 UTC the day before
	if got := kept(Plan(Policy{Daily: 2}, in, noon, berlin)); got != "s2 s1 s0" {
		t.Errorf("in Berlin: %s", got) // 0:30 of today, 0:00 is kept as one of the two newest, 23:00 of yesterday
	}
	if got := kept(Plan(Policy{Daily: 2}, in, noon, time.UTC)); got != "s2 s1" {
		t.Errorf("in UTC: %s", got)
	}
}

func policies(most int) *rapid.Generator[Policy] {
	return rapid.Custom(func(t *rapid.T) Policy {
		n := func(name string) int { return rapid.IntRange(0, most).Draw(t, name) }
		return Policy{n("last"), n("hourly"), n("daily"), n("weekly"), n("monthly"), n("yearly"), n("within")}
	})
}

func histories() *rapid.Generator[[]Snapshot] {
	return rapid.Custom(func(t *rapid.T) []Snapshot {
		ages := rapid.SliceOfN(rapid.IntRange(-100, 24*800), 0, 40).Draw(t, "hours ago")
		var d []time.Duration
		for _, h := range ages {
			d = append(d, time.Duration(h)*time.Hour)
		}
		out := line(d...)
		for i := range out {
			out[i].Complete = rapid.Bool().Draw(t, "complete")
			out[i].Drilled = rapid.IntRange(0, 5).Draw(t, "drilled") == 0
			out[i].Held = rapid.IntRange(0, 9).Draw(t, "held") == 0
		}
		return out
	})
}

func TestFloorsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := histories().Draw(t, "snapshots")
		got := Plan(policies(5).Draw(t, "policy"), in, noon, time.UTC)
		complete, drilled := false, false
		for i, d := range got {
			must := i < Floor || d.Held || d.Complete && !complete || d.Drilled && !drilled
			complete, drilled = complete || d.Complete, drilled || d.Drilled
			if must && !d.Keep {
				t.Fatalf("%s goes", d.ID)
			}
			if d.Keep != (len(d.Reasons) > 0) {
				t.Fatalf("%s: %v for %q", d.ID, d.Keep, d.Reasons)
			}
		}
	})
}

func TestAPolicyThatIsNotWeakerKeepsAtLeastAsMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := histories().Draw(t, "snapshots")
		old, p := policies(5).Draw(t, "old"), policies(5).Draw(t, "new")
		if p.Weaker(old) {
			return
		}
		after := Plan(p, in, noon, time.UTC)
		for i, d := range Plan(old, in, noon, time.UTC) {
			if d.Keep && !after[i].Keep {
				t.Fatalf("%s is kept by %+v and not by %+v", d.ID, old, p)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	for _, p := range []Policy{{}, {WithinDays: 1, Last: -1}, {WithinDays: most + 1}} {
		if p.Check() == nil {
			t.Errorf("%+v passes", p)
		}
	}
	if err := Default().Check(); err != nil {
		t.Error(err)
	}
}
