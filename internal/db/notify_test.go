package db_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

// ear collects what a listener hears.
type ear struct {
	mu    sync.Mutex
	heard []db.Heard
}

func (e *ear) hear(h db.Heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, h)
}

func (e *ear) has(want func(db.Heard) bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.heard {
		if want(h) {
			return true
		}
	}
	return false
}

func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func said(text string) func(db.Heard) bool {
	return func(h db.Heard) bool { return h == db.Heard{Topic: "things", Text: text} }
}

func announce(t *testing.T, d *db.DB, text string, err error) {
	t.Helper()
	got := db.Do(t.Context(), d, func(tx *db.Tx) error {
		if err := db.Notify(t.Context(), tx, "things", text); err != nil {
			return err
		}
		return err
	})
	if !errors.Is(got, err) {
		t.Fatalf("got %v, want %v", got, err)
	}
}

// hearing repeats an announcement until the listener is connected.
func hearing(t *testing.T, d *db.DB, e *ear) {
	t.Helper()
	n := 0
	within(t, "listener is there", func() bool {
		n++
		announce(t, d, fmt.Sprint("probe ", n), nil)
		return e.has(func(h db.Heard) bool { return strings.HasPrefix(h.Text, "probe") })
	})
}

func TestAnnouncementsArriveWithTheCommitAndNotWithoutIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var one, two ear
		stop := db.Listen(d, one.hear)
		defer db.Listen(d, two.hear)()
		hearing(t, d, &one)
		announce(t, d, "undone", errors.New("refused"))
		announce(t, d, `{"id": 1} with spaces`, nil)
		for _, e := range []*ear{&one, &two} {
			within(t, "heard", func() bool { return e.has(said(`{"id": 1} with spaces`)) })
			if e.has(said("undone")) {
				t.Error("heard of what was rolled back")
			}
		}
		stop()
		announce(t, d, "after", nil)
		within(t, "the other heard", func() bool { return two.has(said("after")) })
		if one.has(said("after")) {
			t.Error("heard after it had stopped")
		}
	})
}

func TestNotifyRefuses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			return db.Notify(t.Context(), tx, "things", strings.Repeat("x", 8000))
		}); err == nil {
			t.Error("a text of 8000 bytes was taken")
		}
		_, err := db.Read(t.Context(), d, func(tx *db.Tx) (int, error) { return 0, db.Notify(t.Context(), tx, "things", "x") })
		if err == nil {
			t.Error("a read transaction announced something")
		}
	})
}

func TestBrokenConnectionIsOpenedAgainAndSaysSo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if d.Dialect() != db.Postgres {
			t.Skip("only PostgreSQL has a connection to lose")
		}
		var e ear
		defer db.Listen(d, e.hear)()
		hearing(t, d, &e)
		if err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			_, err := db.All[bool](t.Context(), tx, db.SQL(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND query = 'LISTEN "holdfast ' || current_schema() || '"'`))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		within(t, "told of the loss", func() bool { return e.has(func(h db.Heard) bool { return h.Lost }) })
		announce(t, d, "again", nil)
		within(t, "heard again", func() bool { return e.has(said("again")) })
	})
}
