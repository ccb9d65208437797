package retain

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/holdfast/holdfast/internal/plural"
)

// Plan decides for every snapshot. Periods (days, weeks from Monday, months, years) are those of zone.
func Plan(p Policy, snapshots []Snapshot, now time.Time, zone *time.Location) Decisions {
	ds := make(Decisions, len(snapshots))
	for i, s := range snapshots {
		ds[i].Snapshot = s
	}
	slices.SortStableFunc(ds, func(a, b Decision) int { return cmp.Compare(b.Snapshot.Seq, a.Snapshot.Seq) })
	ds.suspect(now)
	ds.floors()
	ds.within(p.Within)
	for _, r := range p.counts() {
		ds.represent(r, zone)
	}
	return ds
}

func (d *Decision) keep(reason string) {
	d.Keep = true
	d.Reasons = append(d.Reasons, reason)
}

// suspect marks dates in the future, and of the others those outside the longest run in which dates and
// commits agree. One wrong date thus never discredits the many right ones around it.
func (ds Decisions) suspect(now time.Time) {
	var past []int // oldest commit first
	for i := len(ds) - 1; i >= 0; i-- {
		if ds[i].Snapshot.At.After(now) {
			ds[i].Suspect = true
			ds[i].keep("dated in the future")
			continue
		}
		past = append(past, i)
	}
	agreed := ds.longestRun(past)
	for _, i := range past {
		if !agreed[i] {
			ds[i].Suspect = true
			ds[i].keep("dated out of sequence")
		}
	}
}

// longestRun returns the longest subsequence of order in which no date is before the one in front of it.
func (ds Decisions) longestRun(order []int) map[int]bool {
	var ends []int // ends[n] closes the run of length n+1 with the earliest date
	before := make(map[int]int, len(order))
	for _, i := range order {
		at := ds[i].Snapshot.At
		n := sort.Search(len(ends), func(n int) bool { return ds[ends[n]].Snapshot.At.After(at) })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		ends = append(ends[:n], append([]int{i}, ends[min(n+1, len(ends)):]...)...)
	}
	run := make(map[int]bool, len(ends))
	if len(ends) == 0 {
		return run
	}
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		run[i] = true
	}
	return run
}

// floors keeps what no policy may take away.
func (ds Decisions) floors() {
	complete, drilled := 0, false
	for i := range ds {
		d, s := &ds[i], ds[i].Snapshot
		if s.Held {
			d.keep("on hold")
		}
		if d.Suspect {
			continue
		}
		if s.Drilled && !drilled {
			drilled = true
			d.keep("newest proven by a drill")
		}
		switch {
		case !s.Complete && complete == 0:
			d.keep("no complete one is newer")
		case s.Complete && complete < minimum:
			complete++
			d.keep(floorReason(complete))
		}
	}
	ds.atLeast(complete)
}

func floorReason(nth int) string {
	if nth == 1 {
		return "newest complete"
	}
	return fmt.Sprintf("never fewer than %d", minimum)
}

// atLeast fills up to the minimum with incomplete snapshots where complete ones do not suffice.
func (ds Decisions) atLeast(kept int) {
	for i := range ds {
		if d := &ds[i]; kept < minimum && !d.Suspect && !d.Snapshot.Complete {
			kept++
			d.keep(floorReason(minimum))
		}
	}
}

func (ds Decisions) within(span time.Duration) {
	if span <= 0 {
		return
	}
	var newest time.Time
	for i := range ds {
		d := &ds[i]
		if d.Suspect {
			continue // kept already
		}
		if newest.IsZero() {
			newest = d.Snapshot.At
		}
		if !d.Snapshot.At.Before(newest.Add(-span)) {
			d.keep("younger than " + days(span))
		}
	}
}

// represent keeps the newest complete snapshot of each of the newest periods that have one.
func (ds Decisions) represent(r rule, zone *time.Location) {
	seen := map[string]bool{}
	for i := range ds {
		d := &ds[i]
		if d.Suspect || !d.Snapshot.Complete {
			continue
		}
		label := fmt.Sprint(i)
		if r.period != nil {
			label = r.period(d.Snapshot.At.In(zone))
		}
		if seen[label] {
			continue
		}
		if len(seen) >= r.count {
			return
		}
		seen[label] = true
		d.keep(fmt.Sprintf("%s %d of %d", r.name, len(seen), r.count))
	}
}

func hour(t time.Time) string  { return t.Format("2006-01-02 15") }
func day(t time.Time) string   { return t.Format("2006-01-02") }
func month(t time.Time) string { return t.Format("2006-01") }
func year(t time.Time) string  { return t.Format("2006") }

func week(t time.Time) string {
	y, w := t.ISOWeek()
	return fmt.Sprintf("%d-W%02d", y, w)
}

// days words a span of whole days so, and any other as a duration.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return plural.Of(int(d/(24*time.Hour)), "day")
	}
	return d.String()
}
