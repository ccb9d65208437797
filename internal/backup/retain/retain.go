// Package retain decides which snapshots of a repository stay and which go.
//
// It is pure: snapshots, a policy and an instant in, decisions with reasons out. What no policy may take away
// (the floors) is decided without looking at the policy, so a more generous policy keeps a superset.
//
// Three kinds of snapshots are treated apart. A snapshot whose date cannot be right (in the future, or
// contradicting the order of the commits) represents no period and is kept until its date is past or somebody
// decides about it: whoever can add snapshots with wrong dates must not be able to push good ones out. An
// incomplete snapshot never represents a period either, since it would displace a complete one.
package retain

import (
	"time"

	"github.com/holdfast/holdfast/internal/fault"
)

// maxCount bounds each count of a policy; a larger number is a slip of the keyboard.
const maxCount = 100_000

// minimum is the number of complete snapshots that no policy undercuts.
const minimum = 2

// Policy says what to keep. A zero switches its rule off. Within counts back from the newest credible
// snapshot, not from the clock, so that a long pause or a clock set ahead does not empty a repository.
type Policy struct {
	Last, Hourly, Daily, Weekly, Monthly, Yearly int
	Within                                       time.Duration
}

// Snapshot is what a decision needs to know. Seq is the order of the commits, which no clock influences.
type Snapshot struct {
	ID       string
	At       time.Time
	Seq      int64
	Complete bool
	Drilled  bool // a drill restored it and found it equal
	Held     bool // somebody put it on hold
}

// Decision is the fate of one snapshot. A kept one has at least one reason; a forgotten one has none.
type Decision struct {
	Snapshot Snapshot
	Keep     bool
	Reasons  []string
	Suspect  bool // its date cannot be right; worth an alert
}

// Decisions holds one decision per snapshot, newest commit first.
type Decisions []Decision

// Forget returns the snapshots that go, newest first.
func (ds Decisions) Forget() []Snapshot {
	var gone []Snapshot
	for _, d := range ds {
		if !d.Keep {
			gone = append(gone, d.Snapshot)
		}
	}
	return gone
}

// Suspects returns the snapshots whose dates cannot be right.
func (ds Decisions) Suspects() []Snapshot {
	var found []Snapshot
	for _, d := range ds {
		if d.Suspect {
			found = append(found, d.Snapshot)
		}
	}
	return found
}

// Validate answers Invalid with one entry per refused field. A policy without any rule is refused: it is
// never what somebody meant.
func (p Policy) Validate() error {
	var fields []fault.Field
	empty := p.Within == 0
	for _, r := range p.counts() {
		switch {
		case r.count < 0:
			fields = append(fields, fault.Field{Name: r.name, Code: "negative"})
		case r.count > maxCount:
			fields = append(fields, fault.Field{Name: r.name, Code: "too_large", Params: map[string]any{"max": maxCount}})
		}
		empty = empty && r.count == 0
	}
	if p.Within < 0 {
		fields = append(fields, fault.Field{Name: "within", Code: "negative"})
	}
	if empty {
		fields = append(fields, fault.Field{Name: "policy", Code: "keeps_nothing"})
	}
	if len(fields) > 0 {
		return fault.Invalid(fields...)
	}
	return nil
}

// rule is one count of a policy; period names the span that a moment belongs to ("" for last).
type rule struct {
	name   string
	count  int
	period func(time.Time) string
}

func (p Policy) counts() []rule {
	return []rule{
		{"last", p.Last, nil},
		{"hourly", p.Hourly, hour},
		{"daily", p.Daily, day},
		{"weekly", p.Weekly, week},
		{"monthly", p.Monthly, month},
		{"yearly", p.Yearly, year},
	}
}
