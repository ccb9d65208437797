package backup

import (
	"math"
	"net/netip"
	"time"

	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/plural"
)

// Limits on wrong tokens.
const (
	failuresMax    = 5
	failuresWindow = 15 * time.Minute
	lockFirst      = 15 * time.Minute
	lockLongest    = 24 * time.Hour
	failuresKept   = 24 * time.Hour
	failuresTotal  = 20
)

// lockedUntil folds the times of wrong tokens, oldest first, into the end of
// the lock they cause. The first lock follows failuresMax within
// failuresWindow; from then on every further one locks for twice as long.
func lockedUntil(failures []time.Time) time.Time {
	var until time.Time
	lock, first := lockFirst, 0
	for i, t := range failures {
		for t.Sub(failures[first]) >= failuresWindow {
			first++
		}
		if i-first+1 < failuresMax && until.IsZero() {
			continue
		}
		until = t.Add(lock)
		lock = min(2*lock, lockLongest)
	}
	return until
}

// mustWait says whether a new token is valid only after the waiting period, when so much
// time has passed since the account was last changed.
func mustWait(passed, period time.Duration, hasPassword, young bool) bool {
	if period <= 0 || young {
		return false
	}
	return !hasPassword || passed < period
}

// isYoung says whether the instance is younger than the waiting period. A clock that
// was set back makes no instance young: neither to before its installation, nor
// to before the latest instant that is known to have been.
func isYoung(now, latest, installed time.Time, period time.Duration) bool {
	if now.Before(installed) {
		return false
	}
	if latest.After(now) {
		now = latest
	}
	return now.Sub(installed) < period
}

// hours is the remaining time in whole hours, rounded to nearest.
func hours(left time.Duration) int { return int(math.Round(left.Hours())) }

func inHours(left time.Duration) string {
	return plural.Of(hours(left), "hour")
}

// addressOf returns what counts as one address: for IPv6 the network that one
// customer gets.
func addressOf(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

func errTokenInvalid() error {
	return fault.ForbiddenCode(CodeTokenInvalid, "the backup token is invalid or missing")
}

func errTokenWaiting(left time.Duration, begun bool) error {
	f := &fault.Fault{
		Kind: fault.KindForbidden, Code: CodeTokenWaiting, RetryAfter: left,
		Message: "the backup token becomes valid in " + inHours(left),
		Key:     "fault.token_waits", Params: []any{"n", hours(left)},
	}
	if !begun {
		f.Message = "the backup token becomes valid " + inHours(left) + " after an administrator was told of it by mail; that mail has not been accepted yet"
		f.Key = "fault.token_waits_for_mail"
	}
	return f
}

func errTooMany(code, message string, after time.Duration) error {
	return &fault.Fault{Kind: fault.KindTooMany, Code: code, Message: message, RetryAfter: after}
}
