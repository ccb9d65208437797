package workpackage

import "math"

// progress is work, remaining work and percent complete of one work package.
// In work-based mode they derive from each other; see
// https://www.openproject.org/docs/user-guide/time-and-costs/progress-tracking/.
type progress struct {
	work, remaining *int64 // seconds
	percent         *int
}

// progressGiven says which of the three a change sets.
type progressGiven struct{ work, remaining, percent bool }

// minWork is the work below which a percentage has no meaning: 0.005 h.
const minWork = 18

// derive completes p after a change of old. It returns the refused field and
// the code, or "".
func (p progress) derive(old progress, g progressGiven) (progress, string, string) {
	if field, code := p.check(); field != "" {
		return p, field, code
	}
	if !g.work && !g.remaining && !g.percent {
		return p, "", ""
	}
	switch {
	case g.work && p.work == nil && !g.remaining:
		p.remaining = nil
		return p, "", ""
	case g.work && !g.remaining && !g.percent:
		p.remaining = shifted(old, *p.work)
	case g.work && g.percent && !g.remaining && p.percent != nil && p.work != nil:
		p.remaining = ptr(remainingFor(*p.work, *p.percent))
	case g.percent && !g.work && !g.remaining && p.percent != nil && p.work != nil:
		p.remaining = ptr(remainingFor(*p.work, *p.percent))
	case g.remaining && g.percent && !g.work && p.remaining != nil && p.percent != nil && *p.percent < 100:
		p.work = ptr(int64(math.Round(float64(*p.remaining) / (1 - float64(*p.percent)/100))))
		return p, "", ""
	case g.remaining && !g.work && !g.percent && p.work == nil && p.remaining != nil:
		p.work = ptr(*p.remaining)
	}
	return p.percentFromWork(g)
}

func (p progress) check() (string, string) {
	switch {
	case p.percent != nil && (*p.percent < 0 || *p.percent > 100):
		return "percentageDone", "out_of_range"
	case p.work != nil && *p.work < 0:
		return "estimatedTime", "negative"
	case p.remaining != nil && *p.remaining < 0:
		return "remainingTime", "negative"
	}
	return "", ""
}

// percentFromWork sets percent from work and remaining, and refuses values
// that contradict each other.
func (p progress) percentFromWork(g progressGiven) (progress, string, string) {
	if p.work == nil || p.remaining == nil {
		return p, "", ""
	}
	if *p.remaining > *p.work {
		return p, "remainingTime", "exceeds_work"
	}
	want := percentOf(*p.work, *p.remaining)
	if g.percent && (g.work || g.remaining) && p.percent != nil && want != nil && *want != *p.percent {
		return p, "percentageDone", "does_not_match_work"
	}
	if g.percent && want != nil && p.percent == nil {
		return p, "percentageDone", "blank"
	}
	p.percent = want
	return p, "", ""
}

// shifted moves the remaining work by as much as the work changed.
func shifted(old progress, work int64) *int64 {
	if old.work == nil || old.remaining == nil {
		if old.percent != nil && old.work == nil {
			return ptr(remainingFor(work, *old.percent))
		}
		return ptr(work)
	}
	return ptr(min(max(*old.remaining+work-*old.work, 0), work))
}

func remainingFor(work int64, percent int) int64 {
	return int64(math.Round(float64(work) * float64(100-percent) / 100))
}

// percentOf rounds, but shows neither 0 for a beginning nor 100 for an almost.
func percentOf(work, remaining int64) *int {
	if work < minWork {
		return nil
	}
	exact := float64(work-remaining) / float64(work) * 100
	n := int(math.Round(exact))
	switch {
	case exact > 0 && exact < 1:
		n = 1
	case exact > 99 && exact < 100:
		n = 99
	}
	return &n
}
