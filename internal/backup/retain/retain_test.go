package retain_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast/holdfast/internal/backup/retain"
	"github.com/holdfast/holdfast/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func policies() *rapid.Generator[retain.Policy] {
	return rapid.Custom(func(t *rapid.T) retain.Policy {
		n := func(name string) int { return rapid.OneOf(rapid.IntRange(0, 4), rapid.IntRange(0, 120)).Draw(t, name) }
		return retain.Policy{
			Last: n("last"), Hourly: n("hourly"), Daily: n("daily"), Weekly: n("weekly"), Monthly: n("monthly"), Yearly: n("yearly"),
			Within: time.Duration(rapid.IntRange(0, 200).Draw(t, "within")) * time.Hour,
		}
	})
}

// histories grow backwards from a few hours after noon; some dates are wrong.
func histories() *rapid.Generator[[]retain.Snapshot] {
	return rapid.Custom(func(t *rapid.T) []retain.Snapshot {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		at := noon.Add(3 * time.Hour)
		out := make([]retain.Snapshot, n)
		for i := range out {
			at = at.Add(-time.Duration(rapid.OneOf(rapid.IntRange(0, 90), rapid.IntRange(0, 60*24*50)).Draw(t, "gap")) * time.Minute)
			s := retain.Snapshot{ID: fmt.Sprint(i), At: at, Seq: int64(1000 - i), Complete: rapid.IntRange(0, 4).Draw(t, "c") > 0}
			s.Drilled, s.Held = rapid.IntRange(0, 9).Draw(t, "d") == 0, rapid.IntRange(0, 9).Draw(t, "h") == 0
			if rapid.IntRange(0, 9).Draw(t, "wrong") == 0 {
				s.At = s.At.Add(time.Duration(rapid.IntRange(-9000, 9000).Draw(t, "by")) * time.Hour)
			}
			out[i] = s
		}
		return out
	})
}

func kept(ds retain.Decisions) map[string]bool {
	m := map[string]bool{}
	for _, d := range ds {
		if d.Keep {
			m[d.Snapshot.ID] = true
		}
	}
	return m
}

func firstLost(before, after map[string]bool) string {
	for id := range before {
		if !after[id] {
			return id
		}
	}
	return ""
}

func TestFloorsHoldUnderEveryPolicy(t *testing.T) {
	zone := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		history := histories().Draw(t, "history")
		ds := retain.Plan(policies().Draw(t, "policy"), history, noon, zone)
		if len(ds) != len(history) {
			t.Fatalf("%d decisions about %d snapshots", len(ds), len(history))
		}
		if n := len(kept(ds)); n < min(2, len(history)) {
			t.Fatalf("only %d of %d kept", n, len(history))
		}
		complete, drilled := false, false
		for _, d := range ds {
			s := d.Snapshot
			first := !d.Suspect && (s.Complete && !complete || s.Drilled && !drilled)
			if !d.Keep && (first || s.Held || d.Suspect || s.At.After(noon)) {
				t.Fatalf("forgotten: %+v", d)
			}
			if d.Keep != (len(d.Reasons) > 0) {
				t.Fatalf("kept without a reason, or forgotten with one: %+v", d)
			}
			complete, drilled = complete || s.Complete && !d.Suspect, drilled || s.Drilled && !d.Suspect
		}
	})
}

func TestMoreGenerousKeepsASuperset(t *testing.T) {
	zone := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		p, more, history := policies().Draw(t, "policy"), policies().Draw(t, "more"), histories().Draw(t, "history")
		sum := retain.Policy{
			Last: p.Last + more.Last, Hourly: p.Hourly + more.Hourly, Daily: p.Daily + more.Daily, Weekly: p.Weekly + more.Weekly,
			Monthly: p.Monthly + more.Monthly, Yearly: p.Yearly + more.Yearly, Within: p.Within + more.Within,
		}
		if retain.Weaker(p, sum) {
			t.Fatal("a sum is called weaker than its part")
		}
		if id := firstLost(kept(retain.Plan(p, history, noon, zone)), kept(retain.Plan(sum, history, noon, zone))); id != "" {
			t.Fatalf("%s is lost under the more generous policy", id)
		}
	})
}

func TestNotWeakerNeverLosesASnapshot(t *testing.T) {
	zone := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		p, q, history := policies().Draw(t, "before"), policies().Draw(t, "after"), histories().Draw(t, "history")
		q.Within, q.Last = max(p.Within, q.Within), max(p.Last, q.Last)
		if retain.Weaker(p, q) {
			return
		}
		if id := firstLost(kept(retain.Plan(p, history, noon, zone)), kept(retain.Plan(q, history, noon, zone))); id != "" {
			t.Fatalf("%s is lost though the policy is not called weaker", id)
		}
	})
}

// Every "weaker" has a witness: a history of which less is kept.
func TestWeakerHasAWitness(t *testing.T) {
	dense := func(step time.Duration, n int) []retain.Snapshot {
		out := make([]retain.Snapshot, n)
		for i := range out {
			out[i] = retain.Snapshot{ID: fmt.Sprint(i), At: noon.Add(-time.Duration(i) * step), Seq: int64(n - i), Complete: true}
		}
		return out
	}
	for _, c := range []struct {
		name          string
		before, after retain.Policy
		weaker        bool
	}{
		{"fewer days", retain.Policy{Daily: 7}, retain.Policy{Daily: 6}, true},
		{"more days", retain.Policy{Daily: 7}, retain.Policy{Daily: 8}, false},
		{"days instead of weeks, too few", retain.Policy{Weekly: 3}, retain.Policy{Daily: 8}, true},
		{"days instead of weeks, enough", retain.Policy{Weekly: 3}, retain.Policy{Daily: 15}, false},
		{"weeks do not nest in months", retain.Policy{Monthly: 3}, retain.Policy{Weekly: 500}, true},
		{"hours do not replace the last ones", retain.Policy{Last: 5}, retain.Policy{Hourly: 500}, true},
		{"the floor covers the last two", retain.Policy{Last: 2}, retain.Policy{Daily: 1}, false},
		{"a shorter span", retain.Policy{Within: 48 * time.Hour}, retain.Policy{Within: 47 * time.Hour, Last: 9}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := retain.Weaker(c.before, c.after); got != c.weaker {
				t.Fatalf("Weaker = %v, want %v", got, c.weaker)
			}
			lost := false
			for _, h := range [][]retain.Snapshot{dense(time.Minute, 4000), dense(time.Hour, 4000), dense(24*time.Hour, 900)} {
				lost = lost || firstLost(kept(retain.Plan(c.before, h, noon, time.UTC)), kept(retain.Plan(c.after, h, noon, time.UTC))) != ""
			}
			if lost != c.weaker {
				t.Fatalf("a snapshot is lost: %v, want %v", lost, c.weaker)
			}
		})
	}
}

func TestNewerSnapshotsPushNoneOutOfWithin(t *testing.T) {
	zone := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		p, history := policies().Draw(t, "policy"), histories().Draw(t, "history")
		p.Within += time.Hour
		added := slices.Clone(history)
		for i := range rapid.IntRange(1, 40).Draw(t, "added") {
			at := noon.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "at")) * time.Hour)
			added = append(added, retain.Snapshot{ID: fmt.Sprint("new", i), At: at, Seq: int64(2000 + i), Complete: true})
		}
		for _, s := range retain.Plan(p, added, noon, zone).Forget() {
			if !s.At.Before(noon.Add(-p.Within)) {
				t.Fatalf("forgotten inside within: %+v", s)
			}
		}
	})
}

// An intruder adds 1000 snapshots, a third of them dated ahead, to make the policy delete the good ones.
func TestThousandEmptySnapshotsPushNothingOut(t *testing.T) {
	p := retain.Policy{Last: 5, Daily: 7, Weekly: 4, Within: 14 * 24 * time.Hour}
	var all []retain.Snapshot
	for i := range 30 {
		all = append(all, retain.Snapshot{ID: fmt.Sprint("good", i), At: noon.AddDate(0, 0, i-30), Seq: int64(i), Complete: true})
	}
	for i := range 1000 {
		at := noon.Add(time.Duration(i-1000) * time.Second)
		if i%3 == 0 {
			at = noon.Add(time.Duration(i+1) * time.Hour)
		}
		all = append(all, retain.Snapshot{ID: fmt.Sprint("bad", i), At: at, Seq: int64(100 + i), Complete: true})
	}
	ds := retain.Plan(p, all, noon, time.UTC)
	k := kept(ds)
	for i := 17; i < 30; i++ {
		if !k[fmt.Sprint("good", i)] {
			t.Errorf("good%d is forgotten", i)
		}
	}
	if n := len(ds.Suspects()); n != 334 {
		t.Errorf("%d suspects, want the 334 dated ahead", n)
	}
	for _, d := range ds {
		if d.Suspect && !slices.Equal(d.Reasons, []string{"dated in the future"}) {
			t.Fatalf("a date ahead represents something: %+v", d)
		}
	}
}

func TestOneWrongDateDiscreditsNoOther(t *testing.T) {
	at := func(days int) time.Time { return noon.AddDate(0, 0, days) }
	all := []retain.Snapshot{
		{ID: "a", At: at(-9), Seq: 1, Complete: true},
		{ID: "ahead", At: at(-1), Seq: 2, Complete: true},
		{ID: "b", At: at(-8), Seq: 3, Complete: true},
		{ID: "1970", At: time.Unix(0, 0), Seq: 4, Complete: true},
		{ID: "c", At: at(-7), Seq: 5, Complete: true},
	}
	var got []string
	ds := retain.Plan(retain.Policy{Daily: 2}, all, noon, time.UTC)
	for _, s := range ds.Suspects() {
		got = append(got, s.ID)
	}
	if want := []string{"1970", "ahead"}; !slices.Equal(got, want) {
		t.Errorf("suspects %v, want %v", got, want)
	}
	if got, want := ds[0].Reasons, []string{"newest complete", "daily 1 of 2"}; !slices.Equal(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
	if f := ds.Forget(); len(f) != 1 || f[0].ID != "a" {
		t.Errorf("forgotten %v, want only a", f)
	}
}

func TestPolicyIsRefused(t *testing.T) {
	for name, p := range map[string]retain.Policy{
		"nothing kept": {}, "negative": {Daily: -1}, "too large": {Last: 100_001}, "negative span": {Last: 1, Within: -1},
	} {
		if err := p.Validate(); len(fault.Fields(err)) != 1 {
			t.Errorf("%s: %v, want one refused field", name, err)
		}
	}
	if err := (retain.Policy{Daily: 7, Within: time.Hour}).Validate(); err != nil {
		t.Errorf("an ordinary policy is refused: %v", err)
	}
}
