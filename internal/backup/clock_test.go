package backup_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// server is a process of the instance that has just been started: what it measures
// begins at nothing.
func (w *world) server() *backup.Service {
	w.t.Helper()
	began := w.clock.Passed()
	deps := w.deps
	deps.Passed = func() time.Duration { return w.clock.Passed() - began }
	s := backup.New(deps)
	must(w.t, s.StoreTime(w.t.Context()))
	return s
}

// run lets the servers run for so long, keeping time as they do.
func (w *world) runs(d time.Duration, servers ...*backup.Service) {
	w.t.Helper()
	for step := 20 * time.Minute; d > 0; d -= step {
		w.clock.Advance(min(d, step))
		for _, s := range servers {
			must(w.t, s.StoreTime(w.t.Context()))
		}
	}
}

// waitsFor makes a token of the holder, who has to wait, and begins its wait.
func (w *world) waitsFor(s *backup.Service) string {
	w.t.Helper()
	w.external(w.holder)
	n, err := s.CreateToken(w.t.Context(), w.holder, "")
	must(w.t, err)
	for _, m := range w.mail.take(backup.NoticePurpose) {
		must(w.t, db.Do(w.t.Context(), w.db, func(tx *db.Tx) error { return s.NoticeAccepted(w.t.Context(), tx, m.id) }))
	}
	return n.Value
}

// scene runs a case of a table in the same instance: the clock is right again, and what
// was kept of the time is forgotten.
func (w *world) scene(name string, fn func(t *testing.T)) {
	outer := w.t
	defer func() { w.t = outer }()
	outer.Run(name, func(t *testing.T) {
		w.t = t
		w.exec(`DELETE FROM backup_clock`)
		w.exec(`DELETE FROM backup_tokens`)
		w.mail.take(backup.NoticePurpose)
		start, passed := w.clock.Now(), w.clock.Passed()
		defer func() { w.clock.Set(w.clock.Passed() - passed - w.clock.Now().Sub(start)) }()
		fn(t)
	})
}

// left returns what is left of the holder's wait as the page tells it; below zero when it is over.
func (w *world) left(s *backup.Service) time.Duration {
	w.t.Helper()
	i, err := s.TokenState(w.t.Context(), w.holder)
	must(w.t, err)
	if i.Phase != backup.Waiting && i.Phase != backup.Active {
		w.t.Fatalf("the token is %s", i.Phase)
	}
	if i.Phase == backup.Active {
		return -1
	}
	return i.ActivatesAt.Sub(w.clock.Now())
}

func TestAWaitGoesByTheTimeThatHasReallyPassed(t *testing.T) {
	const quarter = period / 4
	cases := []struct {
		name string
		// live is what happens after the wait began; it returns the server that runs then.
		live func(w *world, s *backup.Service) *backup.Service
		want time.Duration // of the wait that is left
	}{
		{"six hours pass", func(w *world, s *backup.Service) *backup.Service { w.runs(quarter, s); return s }, 3 * quarter},
		{"the clock is set forward", func(w *world, s *backup.Service) *backup.Service {
			w.clock.Set(48 * time.Hour)
			return s
		}, 4 * quarter},
		{"the clock is set forward, and time goes on", func(w *world, s *backup.Service) *backup.Service {
			w.runs(quarter, s)
			w.clock.Set(48 * time.Hour)
			w.runs(quarter, s)
			return s
		}, 2 * quarter},
		{"the clock is set forward every minute", func(w *world, s *backup.Service) *backup.Service {
			for range 60 {
				w.clock.Set(time.Hour)
				w.runs(time.Minute, s)
			}
			return s
		}, period - time.Hour},
		{"the clock is set forward by a little, again and again", func(w *world, s *backup.Service) *backup.Service {
			for range 600 {
				w.clock.Set(50 * time.Second)
				w.runs(time.Second, s)
			}
			return s
		}, period - 600*time.Second},
		{"the clock is set back", func(w *world, s *backup.Service) *backup.Service {
			w.clock.Set(-48 * time.Hour)
			w.runs(quarter, s)
			return s
		}, 48*time.Hour + 3*quarter}, // by the clock, too
		{"the clock is set forward and back", func(w *world, s *backup.Service) *backup.Service {
			w.clock.Set(48 * time.Hour)
			w.runs(quarter, s)
			w.clock.Set(-48 * time.Hour)
			w.runs(quarter, s)
			return s
		}, 2 * quarter},
		{"the server is off over night", func(w *world, s *backup.Service) *backup.Service {
			w.runs(quarter, s)
			w.clock.Advance(quarter)
			return w.server()
		}, 3 * quarter},
		{"the clock is set forward while the server is off", func(w *world, s *backup.Service) *backup.Service {
			w.runs(quarter, s)
			w.clock.Set(48 * time.Hour)
			s = w.server()
			w.runs(quarter, s)
			return s
		}, 2 * quarter},
		{"the server is started again and again", func(w *world, s *backup.Service) *backup.Service {
			for range 12 {
				w.runs(quarter/12, s)
				s = w.server()
			}
			return s
		}, 3 * quarter},
		{"the server is killed a minute after it stored the time", func(w *world, s *backup.Service) *backup.Service {
			w.runs(quarter, s)
			w.clock.Advance(time.Minute)
			return w.server()
		}, 3 * quarter},
		{"the machine sleeps for three days", func(w *world, s *backup.Service) *backup.Service {
			w.runs(quarter, s)
			w.clock.Set(72 * time.Hour) // its monotonic clock stands still
			w.runs(quarter, s)
			return s
		}, 2 * quarter},
		{"the clock of the board is dead when the server starts, and set by the network", func(w *world, s *backup.Service) *backup.Service {
			w.runs(quarter, s)
			w.clock.Set(-50 * 365 * 24 * time.Hour)
			s = w.server()
			w.runs(time.Minute, s)
			w.clock.Set(50 * 365 * 24 * time.Hour)
			w.runs(quarter-time.Minute, s)
			return s
		}, 2 * quarter},
	}
	each(t, func(t *testing.T, w *world) {
		w.external(w.holder)
		for _, tc := range cases {
			w.scene(tc.name, func(t *testing.T) {
				s := w.server()
				token := w.waitsFor(s)
				s = tc.live(w, s)
				if got := w.left(s); (got - tc.want).Abs() > 2*time.Second {
					t.Fatalf("%v of the wait are left, want %v", got, tc.want)
				}
				in := backup.RequestInput{Token: token, Attachments: true, Source: backup.SourceAPI}
				_, err := s.Request(t.Context(), w.holder, in)
				wantCode(t, err, fault.KindForbidden, backup.CodeTokenWaiting)
				if after := fault.Of(err).RetryAfter; (after - tc.want).Abs() > 2*time.Second {
					t.Errorf("the refusal says after %v, want %v", after, tc.want)
				}
				w.runs(tc.want+2*time.Second, s)
				if _, err = s.Request(t.Context(), w.holder, in); err != nil {
					t.Errorf("after the wait: %v", err)
				}
				w.exec(`DELETE FROM backups`) // one at a time, and three a day
			})
		}
	})
}

// What changed an account lately is told by the time that has really passed, too: else
// whoever stole a password would set the clock instead of waiting.
func TestAClockThatWasSetMakesNoChangeOlder(t *testing.T) {
	change := func(w *world) {
		w.exec(`UPDATE users SET rights_changed_at = ? WHERE id = ?`, w.clock.Now().UnixMicro(), w.holder.ID)
	}
	cases := []struct {
		name string
		live func(w *world, s *backup.Service) *backup.Service
		want bool // has to wait
	}{
		{"nothing changed for days", func(w *world, s *backup.Service) *backup.Service { return s }, false},
		{"changed, and the clock set forward at once", func(w *world, s *backup.Service) *backup.Service {
			change(w)
			w.clock.Set(25 * time.Hour)
			return s
		}, true},
		{"changed, and the clock set forward later", func(w *world, s *backup.Service) *backup.Service {
			change(w)
			w.runs(time.Hour, s)
			w.clock.Set(25 * time.Hour)
			w.runs(time.Hour, s)
			return s
		}, true},
		{"changed, and the clock set forward between two times", func(w *world, s *backup.Service) *backup.Service {
			w.clock.Advance(20 * time.Second)
			change(w)
			w.clock.Set(25 * time.Hour)
			must(w.t, s.StoreTime(w.t.Context()))
			w.runs(time.Minute, s)
			return s
		}, true},
		{"changed while the clock was set back", func(w *world, s *backup.Service) *backup.Service {
			w.clock.Set(-25 * time.Hour)
			w.runs(6*time.Second, s)
			change(w)
			w.clock.Set(25 * time.Hour)
			w.runs(6*time.Second, s)
			return s
		}, true},
		{"changed, and the clock set forward while the server was off", func(w *world, s *backup.Service) *backup.Service {
			change(w)
			w.runs(time.Hour, s)
			w.clock.Set(25 * time.Hour)
			return w.server()
		}, true},
		{"changed, and the server ran for the period", func(w *world, s *backup.Service) *backup.Service {
			change(w)
			w.runs(period/2, s)
			s = w.server()
			w.runs(period/2+time.Minute, s)
			return s
		}, false},
		{"changed, the clock set, and the server ran for the period", func(w *world, s *backup.Service) *backup.Service {
			change(w)
			w.runs(period/2, s)
			w.clock.Set(48 * time.Hour)
			w.runs(period/2+2*time.Minute, s)
			return s
		}, false},
		{"changed long before the time was kept", func(w *world, _ *backup.Service) *backup.Service {
			change(w)
			w.exec(`DELETE FROM backup_clock`)
			w.clock.Advance(period)
			return w.server()
		}, false},
	}
	each(t, func(t *testing.T, w *world) {
		for _, tc := range cases {
			w.scene(tc.name, func(t *testing.T) {
				w.exec(`UPDATE users SET rights_changed_at = NULL WHERE id = ?`, w.holder.ID)
				s := tc.live(w, w.server())
				i, err := s.TokenState(t.Context(), w.holder)
				must(t, err)
				if i.MustWait != tc.want {
					t.Errorf("a new token waits: %v", i.MustWait)
				}
			})
		}
	})
}

func TestAWeakerPolicyWaitsForTheTimeThatHasReallyPassed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.server(), t.Context()
		weak := backup.DefaultPolicy()
		weak.Keep.Daily = 1
		_, err := s.ChangePolicy(ctx, w.root, weak)
		must(t, err)
		rules := func() backup.Rules {
			t.Helper()
			must(t, s.Due(ctx)) // which makes a policy that has waited the one in force
			r, err := s.Rules(ctx, w.root)
			must(t, err)
			return r
		}
		w.clock.Set(100 * time.Hour)
		w.runs(24*time.Hour, s)
		r := rules()
		if left := r.NextAt.Sub(w.clock.Now()); r.Next == nil || r.Keep.Daily == 1 || (left-48*time.Hour).Abs() > time.Second {
			t.Fatalf("a day of three has passed, and %v are left: %+v", left, r)
		}
		s = w.server()
		w.runs(47*time.Hour, s)
		if r := rules(); r.Next == nil || r.Keep.Daily == 1 {
			t.Fatal("weaker an hour early")
		}
		w.runs(time.Hour+time.Second, s)
		if r := rules(); r.Next != nil || r.Keep.Daily != 1 {
			t.Errorf("after three days: %+v", r)
		}
	}, real)
}

// Several servers on one database count what passes once, one of them stores it, and another goes on
// where that one ends.
func TestSeveralServersKeepOneTime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, b := w.server(), w.server()
		token := w.waitsFor(a)
		w.runs(period/4, a, b)
		for _, s := range []*backup.Service{a, b} {
			if got := w.left(s); (got - period*3/4).Abs() > time.Second {
				t.Errorf("after a quarter %v are left", got)
			}
		}
		w.runs(period/4, b) // a is gone
		if got := w.left(b); (got - period/2).Abs() > time.Second {
			t.Errorf("after half %v are left", got)
		}
		c := w.server()
		w.runs(period/4, b, c)
		if got := w.left(c); (got - period/4).Abs() > time.Second {
			t.Errorf("after three quarters %v are left", got)
		}
		if n := w.number(`SELECT COUNT(*) FROM backup_clock`); n != 1 {
			t.Errorf("nobody set a clock, and there are %d stretches", n)
		}
		w.runs(period/4+time.Second, c, b)
		_, err := b.Request(t.Context(), w.holder, backup.RequestInput{Token: token, Attachments: true, Source: backup.SourceAPI})
		must(t, err)
	})
}

// The same, all at once.
func TestServersStoreTheTimeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		servers := []*backup.Service{w.server(), w.server(), w.server(), w.server()}
		w.waitsFor(servers[0])
		for range 20 {
			w.clock.Advance(time.Minute)
			var all sync.WaitGroup
			errs := make([]error, len(servers))
			for i, s := range servers {
				all.Go(func() { errs[i] = s.StoreTime(t.Context()) })
			}
			all.Wait()
			for _, err := range errs {
				must(t, err)
			}
		}
		if got := w.left(w.server()); (got - (period - 20*time.Minute)).Abs() > 2*time.Second {
			t.Errorf("after 20 minutes %v are left", got)
		}
	})
}

func TestTimeChangedInTheDatabaseShortensNoWait(t *testing.T) {
	changes := map[string]string{
		"more passed":          `UPDATE backup_clock SET passed_to = passed_to + 86400000000`,
		"began with more":      `UPDATE backup_clock SET passed_from = passed_from + 86400000000, passed_to = passed_to + 86400000000`,
		"a stretch planted":    `INSERT INTO backup_clock (from_at, to_at, passed_from, passed_to, mac) SELECT from_at, to_at + 1, passed_from, passed_to + 86400000000, mac FROM backup_clock`,
		"all forgotten":        `DELETE FROM backup_clock`,
		"no wait":              `UPDATE backup_tokens SET wait_from = NULL`,
		"the wait began early": `UPDATE backup_tokens SET wait_from = -86400000000`,
	}
	each(t, func(t *testing.T, w *world) {
		for name, change := range changes {
			w.scene(name, func(t *testing.T) {
				s := w.server()
				token := w.waitsFor(s)
				w.runs(time.Hour, s)
				w.exec(change)
				w.clock.Set(48 * time.Hour)
				for _, s := range []*backup.Service{s, w.server()} {
					_, err := s.Request(t.Context(), w.holder, backup.RequestInput{Token: token, Attachments: true, Source: backup.SourceAPI})
					if !fault.Is(err, fault.KindForbidden) {
						t.Fatalf("the request: %v", err)
					}
				}
			})
		}
	})
}

// Tokens that waited when this came are sealed as they were, and go by the clock.
func TestAWaitFromBeforeTimeWasKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.token(w.holder) // which waits for nothing, and is sealed as before
		if n := w.number(`SELECT COUNT(*) FROM backup_tokens WHERE wait_from IS NULL`); n != 1 {
			t.Fatal("a token without a wait has a beginning of one")
		}
		w.clock.Set(-time.Hour)
		_, err := w.request(w.holder, token)
		must(t, err)
	})
}

func TestAClockThatWasSetIsAudited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.server()
		w.runs(time.Hour, s)
		w.clock.Set(50 * time.Second) // as the network corrects one
		w.runs(time.Minute, s)
		if n := w.audited("clock.set"); n != 0 {
			t.Fatalf("a small correction is audited %d times", n)
		}
		for i, by := range []time.Duration{2 * time.Hour, -3 * time.Hour} {
			w.clock.Set(by)
			w.runs(time.Minute, s)
			w.runs(time.Minute, s)
			detail := fmt.Sprintf(`%%"seconds":%d%%`, int64(by/time.Second))
			if w.audited("clock.set") != int64(i+1) || w.number(`SELECT COUNT(*) FROM audit_entries WHERE action = 'clock.set' AND detail LIKE ?`, detail) != 1 {
				t.Errorf("set by %v: %d entries", by, w.audited("clock.set"))
			}
		}
	})
}

// safeWriter is written to by several.
type safeWriter struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (s *safeWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// However often a server starts, what is kept about it does not grow without end.
func TestStretchesDoNotGrowWithoutEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 30 { // one that dies and comes back every ten seconds
			w.server()
			w.clock.Advance(10 * time.Second)
		}
		if n := w.number(`SELECT COUNT(*) FROM backup_clock`); n > 6 {
			t.Errorf("%d stretches", n)
		}
		w.exec(`UPDATE backup_clock SET id = id + 100000`)
		if w.db.Dialect() == db.Postgres {
			w.exec(`ALTER TABLE backup_clock ALTER COLUMN id RESTART WITH 200000`)
		}
		w.clock.Advance(time.Hour)
		w.server()
		if n := w.number(`SELECT COUNT(*) FROM backup_clock`); w.db.Dialect() == db.Postgres && n != 1 {
			t.Errorf("%d stretches, most of them older than what is kept", n)
		}
	})
}

// A running server stores the time when it starts and when it ends.
func TestARunningServerKeepsTime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.KeepTime(ctx) }()
		for end := time.Now().Add(20 * time.Second); w.number(`SELECT COUNT(*) FROM backup_clock`) != 1; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nothing is stored at the start")
			}
		}
		w.clock.Advance(30 * time.Second)
		stop()
		<-done
		if n := w.number(`SELECT passed_to - passed_from FROM backup_clock`); n < 30e6 {
			t.Errorf("at the end %d µs are stored", n)
		}
	})
}

// Where the time cannot be stored a server goes on, and says so.
func TestTimeThatCannotBeStoredIsTold(t *testing.T) {
	var log strings.Builder
	out := &safeWriter{w: &log}
	each(t, func(t *testing.T, w *world) {
		w.waitsFor(w.Service)
		w.exec(`DROP TABLE backup_clock`)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.KeepTime(ctx) }()
		told := func() bool {
			out.mu.Lock()
			defer out.mu.Unlock()
			return strings.Contains(log.String(), "what waits may wait longer")
		}
		for end := time.Now().Add(20 * time.Second); !told(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("nothing is told")
			}
		}
		stop()
		<-done
		if _, err := w.AllowNow(t.Context(), access.Operator("test"), "holder", false); err == nil {
			t.Error("a wait was looked at without the time that passed")
		}
	}, func(d *backup.Deps) { d.Log = slog.New(slog.NewTextHandler(out, nil)) })
}
