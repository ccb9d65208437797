package account

import (
	"fmt"
	"testing"
	"time"
)

func TestACounterSlides(t *testing.T) {
	c := newCounter(2, time.Minute)
	at := time.Unix(1000, 0)
	for _, step := range []struct {
		after time.Duration
		want  time.Duration
	}{{0, 0}, {10 * time.Second, 0}, {20 * time.Second, 40 * time.Second}, {60 * time.Second, 0}, {61 * time.Second, 9 * time.Second}} {
		if got := c.take("k", at.Add(step.after)); got != step.want {
			t.Errorf("after %v: wait %v, want %v", step.after, got, step.want)
		}
	}
	c.giveBack("k")
	if got := c.take("k", at.Add(62*time.Second)); got != 0 {
		t.Errorf("after giving back: wait %v", got)
	}
	c.forget("k")
	if len(c.hits) != 0 {
		t.Errorf("left %v", c.hits)
	}
}

func TestStrangersCannotFillTheMemory(t *testing.T) {
	c := newCounter(2, time.Minute)
	at := time.Unix(1000, 0)
	for i := range 3 * maxKeys {
		c.take(fmt.Sprint(i), at)
		if len(c.hits) > maxKeys {
			t.Fatalf("%d keys", len(c.hits))
		}
	}
	for i := range maxKeys {
		c.take(fmt.Sprint("later ", i), at.Add(time.Hour))
	}
	if len(c.hits) > maxKeys {
		t.Errorf("%d keys", len(c.hits))
	}
}

func TestWhatCountsAsOneAddress(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "": "", "not an address": "not an address",
	} {
		if got := addressOf(in); got != want {
			t.Errorf("%q counts as %q, want %q", in, got, want)
		}
	}
}

func TestEveryoneIsSlowedDownButNeverForLong(t *testing.T) {
	l := newLimits(10, 15*time.Minute)
	at := time.Unix(1000, 0)
	var longest time.Duration
	for i := range 1000 {
		wait, err := l.admit(attempt{fmt.Sprint("login", i), fmt.Sprint("address", i)}, at)
		if err != nil {
			t.Fatal(err)
		}
		if i < calmPerMinute && wait != 0 {
			t.Fatalf("attempt %d waits %v", i, wait)
		}
		longest = max(longest, wait)
	}
	if longest != longestPause {
		t.Errorf("waits %v at most", longest)
	}
	if wait, err := l.admit(attempt{"owner", "home"}, at.Add(2*time.Minute)); wait != 0 || err != nil {
		t.Errorf("after the storm: %v, %v", wait, err)
	}
}
