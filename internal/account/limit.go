package account

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/fault"
)

// maxKeys bounds the memory that strangers can make a counter use.
const maxKeys = 20_000

// counter counts events per key within a sliding window, in memory: a stranger
// must not be able to cause writes, and a restart may forget.
type counter struct {
	mu     sync.Mutex
	max    int
	window time.Duration
	hits   map[string][]time.Time
}

func newCounter(maximum int, window time.Duration) *counter {
	return &counter{max: maximum, window: window, hits: map[string][]time.Time{}}
}

// take counts an event and returns 0, or, when the key has used up its
// events, how long until the next is free; it is then not counted.
func (c *counter) take(key string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.recent(key, now)
	if len(h) >= c.max {
		return h[0].Add(c.window).Sub(now)
	}
	if len(c.hits) >= maxKeys && len(h) == 0 {
		c.evict(now)
	}
	c.hits[key] = append(h, now)
	return 0
}

// note counts an event without a limit and returns how many there are, at most max.
func (c *counter) note(key string, now time.Time) int {
	if c.take(key, now) > 0 {
		return c.max
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hits[key])
}

// giveBack takes back the newest event of the key.
func (c *counter) giveBack(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.hits[key]; len(h) > 1 {
		c.hits[key] = h[:len(h)-1]
	} else {
		delete(c.hits, key)
	}
}

// forget removes all events of the key.
func (c *counter) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.hits, key)
}

func (c *counter) recent(key string, now time.Time) []time.Time {
	h := c.hits[key]
	for len(h) > 0 && now.Sub(h[0]) >= c.window {
		h = h[1:]
	}
	return h
}

// evict makes room: what has expired first, then whatever comes first.
func (c *counter) evict(now time.Time) {
	for key := range c.hits {
		if len(c.recent(key, now)) == 0 {
			delete(c.hits, key)
		}
	}
	for key := range c.hits {
		if len(c.hits) < maxKeys*3/4 {
			return
		}
		delete(c.hits, key)
	}
}

// Limits that are not settings.
const (
	addressFactor  = 10 // times MaxFailures: many people share an address
	calmPerMinute  = 60 // failed sign-ins in a minute, of everyone, before everyone is slowed down
	longestPause   = 2 * time.Second
	confirmMax     = 10 // wrong confirmations of a signed-in person
	recoveriesMax  = 5  // per account, and times addressFactor per address
	recoveryWindow = time.Hour
)

// limits are the counters of this process. Refusals concern an address, or an
// account together with an address; what concerns an account alone, or
// everyone, only slows down. So no one can lock someone else out.
type limits struct {
	pair, address    *counter // sign-ins
	account, overall *counter // slow-downs
	confirm          *counter // password confirmations, by user
	recovery, asking *counter // recovery mails, by account; links and mails asked for, by address
}

func newLimits(maximum int, window time.Duration) *limits {
	return &limits{
		pair:     newCounter(maximum, window),
		address:  newCounter(maximum*addressFactor, window),
		account:  newCounter(maximum*addressFactor, window),
		overall:  newCounter(calmPerMinute*5, time.Minute),
		confirm:  newCounter(confirmMax, window),
		recovery: newCounter(recoveriesMax, recoveryWindow),
		asking:   newCounter(recoveriesMax*addressFactor, recoveryWindow),
	}
}

// attempt is one counted try to sign in.
type attempt struct{ account, address string }

func (a attempt) pair() string { return a.account + "\x00" + a.address }

// admit counts a try as failed, before its outcome is known, so that many at
// once cannot slip through, and says how long it has to wait.
func (l *limits) admit(a attempt, now time.Time) (time.Duration, error) {
	if wait := l.address.take(a.address, now); wait > 0 {
		return 0, tooMany(wait)
	}
	if wait := l.pair.take(a.pair(), now); wait > 0 {
		l.address.giveBack(a.address)
		return 0, tooMany(wait)
	}
	excess := l.overall.note("", now) - calmPerMinute
	slow := time.Duration(max(0, excess)) * 10 * time.Millisecond
	if n := l.account.note(a.account, now) - l.pair.max; n > 0 {
		slow += time.Duration(n) * 50 * time.Millisecond
	}
	return min(slow, longestPause), nil
}

// succeeded takes the try back: only failures count.
func (l *limits) succeeded(a attempt) {
	l.pair.forget(a.pair())
	l.address.giveBack(a.address)
	l.account.giveBack(a.account)
	l.overall.giveBack("")
}

func tooMany(wait time.Duration) error {
	return fault.TooMany("too many attempts; wait before you try again", wait)
}

// addressOf returns what counts as one address: for IPv6 the network that one
// customer gets, because its owner has any number of single addresses.
func addressOf(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// slowDown admits the attempt and waits as long as it has to.
func (s *Service) slowDown(ctx context.Context, a attempt) error {
	wait, err := s.limits.admit(a, s.db.Now())
	if err != nil || wait == 0 {
		return err
	}
	return s.deps.Pause(ctx, wait)
}
