package audit_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

// chain is a log with five entries.
func chain(t *testing.T, d *db.DB) *audit.Log {
	t.Helper()
	l := audit.New([]byte("the key"))
	for i := range 5 {
		record(t, d, l, audit.Act{
			ActorID: 1, ActorName: "Ann", IP: "192.0.2.1", Action: "backup.request", Object: fmt.Sprintf("backup %d", i),
			Detail: map[string]any{"attachments": true},
		})
	}
	return l
}

func record(t *testing.T, d *db.DB, l *audit.Log, a audit.Act) {
	t.Helper()
	if err := db.Do(t.Context(), d, func(tx *db.Tx) error { return l.Record(t.Context(), tx, a) }); err != nil {
		t.Fatal(err)
	}
}

// tamper changes the log behind its back.
func tamper(t *testing.T, d *db.DB, statements ...string) {
	t.Helper()
	err := db.Do(t.Context(), d, func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := db.Exec(t.Context(), tx, db.SQL(s)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, d *db.DB, l *audit.Log) (int, *audit.Break) {
	t.Helper()
	type result struct {
		n      int
		broken *audit.Break
	}
	r, err := db.Read(t.Context(), d, func(tx *db.Tx) (result, error) {
		n, b, err := l.Verify(t.Context(), tx)
		return result{n, b}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.n, r.broken
}

func TestAnUntouchedChainHolds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		empty := audit.New([]byte("the key"))
		if n, broken := verify(t, d, empty); n != 0 || broken != nil {
			t.Errorf("empty log: %d, %+v", n, broken)
		}
		if n, broken := verify(t, d, chain(t, d)); n != 5 || broken != nil {
			t.Errorf("%d entries hold, break %+v", n, broken)
		}
		if _, broken := verify(t, d, audit.New([]byte("another key"))); broken == nil || broken.ID != 1 {
			t.Errorf("another key finds %+v", broken)
		}
	})
}

func TestTamperingIsFound(t *testing.T) {
	edited := func(set string) []string { return []string{`UPDATE audit_entries SET ` + set + ` WHERE id = 3`} }
	cases := []struct {
		name  string
		do    []string
		at    int
		holds int
	}{
		{"another actor", edited(`actor_id = 2`), 3, 2},
		{"no actor", edited(`actor_id = NULL`), 3, 2},
		{"another name", edited(`actor_name = 'Bob'`), 3, 2},
		{"another address", edited(`ip = ''`), 3, 2},
		{"another action", edited(`action = 'backup.list'`), 3, 2},
		{"another object", edited(`object = 'backup 9'`), 3, 2},
		{"another result", edited(`result = 'refused'`), 3, 2},
		{"another detail", edited(`detail = '{}'`), 3, 2},
		{"another instant", edited(`at = at + 1`), 3, 2},
		{"text moved between columns", edited(`action = 'backup.requestb', object = 'ackup 2'`), 3, 2},
		{"an entry deleted", []string{`DELETE FROM audit_entries WHERE id = 3`}, 4, 2},
		{"the first entry deleted", []string{`DELETE FROM audit_entries WHERE id = 1`}, 2, 0},
		{"two entries exchanged", []string{
			`UPDATE audit_entries SET id = 99 WHERE id = 3`, `UPDATE audit_entries SET id = 3 WHERE id = 4`,
			`UPDATE audit_entries SET id = 4 WHERE id = 99`,
		}, 3, 2},
		{"an entry made up at the end", []string{`INSERT INTO audit_entries (id, at, actor_name, action, prev_hash, hash)
			SELECT 50, at, 'Eve', 'backup.request', hash, 'made up' FROM audit_entries WHERE id = 5`}, 50, 5},
		{"a hash copied over", []string{`UPDATE audit_entries SET hash = (SELECT e.hash FROM audit_entries e WHERE e.id = 2) WHERE id = 3`}, 3, 2},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				l := chain(t, d)
				tamper(t, d, tc.do...)
				n, broken := verify(t, d, l)
				if broken == nil || int(broken.ID) != tc.at || n != tc.holds {
					t.Errorf("%d entries hold, break %+v; want %d and a break at %d", n, broken, tc.holds, tc.at)
				}
			})
		})
	}
}

func TestATruncatedTailShowsInTheHead(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := chain(t, d)
		head := func() string {
			h, err := db.Read(t.Context(), d, func(tx *db.Tx) (string, error) { return audit.Head(t.Context(), tx) })
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		before := head()
		tamper(t, d, `DELETE FROM audit_entries WHERE id = 5`)
		if _, broken := verify(t, d, l); broken != nil {
			t.Errorf("the log alone cannot know, but says %+v", broken)
		}
		if head() == before {
			t.Error("the head did not change")
		}
	})
}

func TestSimultaneousActsMakeOneChain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := audit.New([]byte("the key"))
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = db.Do(t.Context(), d, func(tx *db.Tx) error {
					return l.Record(t.Context(), tx, audit.Act{ActorName: "system", Action: "test", Object: fmt.Sprint(i)})
				})
			})
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		if n, broken := verify(t, d, l); n != len(errs) || broken != nil {
			t.Errorf("%d entries hold, break %+v", n, broken)
		}
	})
}

func TestARefusedActLeavesNoEntry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := chain(t, d)
		_ = db.Do(t.Context(), d, func(tx *db.Tx) error {
			if err := l.Record(t.Context(), tx, audit.Act{ActorName: "Ann", Action: "undone"}); err != nil {
				t.Error(err)
			}
			return fmt.Errorf("the act failed")
		})
		if n, broken := verify(t, d, l); n != 5 || broken != nil {
			t.Errorf("%d entries, break %+v", n, broken)
		}
		err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			return l.Record(t.Context(), tx, audit.Act{Action: "odd", Detail: map[string]any{"f": func() {}}})
		})
		if err == nil || !strings.Contains(err.Error(), "audit odd") {
			t.Errorf("a detail that cannot be kept: %v", err)
		}
	})
}

func TestListFilters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := chain(t, d)
		record(t, d, l, audit.Act{ActorName: "operator", Action: "user.lock", Object: "user 7", Result: audit.Refused})
		cases := []struct {
			f     audit.Filter
			first string
			rows  int
			total int
		}{
			{audit.Filter{Limit: 10}, "user 7", 6, 6},
			{audit.Filter{Limit: 2, Offset: 1}, "backup 4", 2, 6},
			{audit.Filter{Action: "backup", Limit: 10}, "backup 4", 5, 5},
			{audit.Filter{Text: "ANN", Limit: 1}, "backup 4", 1, 5},
			{audit.Filter{Text: "user 7", Limit: 10}, "user 7", 1, 1},
		}
		for _, tc := range cases {
			type page struct {
				rows  []audit.Entry
				total int
			}
			p, err := db.Read(t.Context(), d, func(tx *db.Tx) (page, error) {
				rows, total, err := audit.List(t.Context(), tx, tc.f)
				return page{rows, total}, err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.rows) != tc.rows || p.total != tc.total || p.rows[0].Object != tc.first {
				t.Errorf("%+v: %d of %d rows, first %+v", tc.f, len(p.rows), p.total, p.rows)
			}
		}
	})
}
