// Package retain decides which snapshots are kept. It computes only: nothing in
// it reads a clock, a repository or a database.
package retain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Policy says how many snapshots are kept: the newest of each of so many hours,
// days, weeks, months and years that have one, the last ones, and all that are
// younger than Within.
type Policy struct {
	Last    int `json:"last"`
	Hourly  int `json:"hourly"`
	Daily   int `json:"daily"`
	Weekly  int `json:"weekly"`
	Monthly int `json:"monthly"`
	Yearly  int `json:"yearly"`
	// WithinDays keeps everything that is younger. Without it, somebody who adds
	// snapshots could make the policy drop the good ones.
	WithinDays int `json:"within_days"`
}

// Default is the policy of a new instance.
func Default() Policy { return Policy{Last: 3, Daily: 7, Weekly: 4, Monthly: 12, WithinDays: 7} }

// most is the largest number a policy can name.
const most = 10_000

// Check returns what is wrong with the policy, nil when it can be used.
func (p Policy) Check() error {
	for _, n := range p.numbers() {
		if n < 0 || n > most {
			return fmt.Errorf("the numbers are between 0 and %d", most)
		}
	}
	if p.WithinDays < 1 {
		return errors.New("everything is kept for at least a day, so that snapshots somebody adds cannot push the good ones out")
	}
	return nil
}

func (p Policy) numbers() []int {
	return []int{p.Last, p.Hourly, p.Daily, p.Weekly, p.Monthly, p.Yearly, p.WithinDays}
}

// Weaker says whether there are snapshots that p would drop and that old keeps.
func (p Policy) Weaker(old Policy) bool {
	now, before := p.numbers(), old.numbers()
	for i := range now {
		if now[i] < before[i] {
			return true
		}
	}
	return false
}

// Snapshot is what a decision depends on.
type Snapshot struct {
	ID string
	At time.Time
	// Seq is the place in the order of commits.
	Seq      int64
	Complete bool
	// Drilled says that a restore of it was tried and worked.
	Drilled bool
	// Held snapshots stay until somebody lets them go.
	Held bool
}

// Decision is what becomes of a snapshot, with every reason to keep it.
type Decision struct {
	Snapshot
	Keep    bool
	Reasons []string
}

// Floor is how many snapshots stay whatever the policy says.
const Floor = 2

// future is how far ahead of now a clock may be.
const future = 10 * time.Minute

// Plan decides about snapshots, and returns them newest first. Days begin at
// midnight in the given zone.
//
// Whatever the policy says, the newest complete snapshot, the newest that was
// drilled, those on hold and the two newest stay. Snapshots dated in the future
// or out of their order stay, too, but stand for no period: their date is not to
// be believed.
func Plan(p Policy, snapshots []Snapshot, now time.Time, zone *time.Location) []Decision {
	out := make([]Decision, len(snapshots))
	for i, s := range snapshots {
		out[i] = Decision{Snapshot: s}
	}
	slices.SortStableFunc(out, func(a, b Decision) int { return cmp.Or(cmp.Compare(b.Seq, a.Seq), cmp.Compare(b.ID, a.ID)) })
	sound := believable(out, now)
	keepPeriods(p, sound, zone)
	keepFloors(out)
	for _, d := range sound {
		if now.Sub(d.At) < time.Duration(p.WithinDays)*24*time.Hour {
			d.keep(fmt.Sprintf("younger than %d days", p.WithinDays))
		}
	}
	return out
}

func (d *Decision) keep(why string) { d.Keep, d.Reasons = true, append(d.Reasons, why) }

// believable returns the decisions about snapshots whose dates fit their order,
// newest first, and keeps the others.
func believable(all []Decision, now time.Time) []*Decision {
	var out []*Decision
	limit := now.Add(future)
	for i := range all {
		d := &all[i]
		if d.At.After(limit) {
			d.keep("dated in the future or out of order")
			continue
		}
		limit = d.At
		out = append(out, d)
	}
	return out
}

// period is a stretch of time of which one snapshot is kept.
type period struct {
	name string
	keep int
	of   func(time.Time) string
}

func keepPeriods(p Policy, sound []*Decision, zone *time.Location) {
	for _, per := range []period{
		{"last", p.Last, func(t time.Time) string { return t.Format(time.RFC3339Nano) }},
		{"hourly", p.Hourly, func(t time.Time) string { return t.Format("2006-01-02 15 -0700") }},
		{"daily", p.Daily, func(t time.Time) string { return t.Format("2006-01-02") }},
		{"weekly", p.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, "-", w) }},
		{"monthly", p.Monthly, func(t time.Time) string { return t.Format("2006-01") }},
		{"yearly", p.Yearly, func(t time.Time) string { return t.Format("2006") }},
	} {
		n := 0
		for i := 0; i < len(sound) && n < per.keep; n++ {
			name, best := per.of(sound[i].At.In(zone)), sound[i]
			for i < len(sound) && per.of(sound[i].At.In(zone)) == name {
				if !best.Complete && sound[i].Complete {
					best = sound[i]
				}
				i++
			}
			best.keep(fmt.Sprintf("%s %d of %d", per.name, n+1, per.keep))
		}
	}
}

func keepFloors(all []Decision) {
	floor := func(why string, ok func(Snapshot) bool) {
		if i := slices.IndexFunc(all, func(d Decision) bool { return ok(d.Snapshot) }); i >= 0 {
			all[i].keep(why)
		}
	}
	floor("the newest complete one", func(s Snapshot) bool { return s.Complete })
	floor("the newest proven restorable", func(s Snapshot) bool { return s.Drilled })
	for i := range all {
		if all[i].Held {
			all[i].keep("on hold")
		}
		if i < Floor {
			all[i].keep(fmt.Sprintf("one of the %d newest", Floor))
		}
	}
}
