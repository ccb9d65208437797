package journal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/journal"
)

// The built-in principals stand in for two people.
const (
	ann id.User = 1
	bob id.User = 2
)

type state struct {
	Subject string `json:"subject"`
}

// change is a change of work package 7 by ann.
func change(subject, notes string) journal.Change {
	return journal.Change{EntityType: journal.WorkPackage, EntityID: 7, UserID: ann, State: state{subject}, Notes: notes}
}

func record(t *testing.T, d *db.DB, c journal.Change) id.Journal {
	t.Helper()
	n, err := db.Write(t.Context(), d, func(tx *db.Tx) (id.Journal, error) { return journal.Record(t.Context(), tx, c) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func history(t *testing.T, d *db.DB) []journal.Entry {
	t.Helper()
	es, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]journal.Entry, error) {
		return journal.List(t.Context(), tx, journal.WorkPackage, 7)
	})
	if err != nil {
		t.Fatal(err)
	}
	return es
}

func TestWhatIsMergedIntoTheChangeBefore(t *testing.T) {
	cases := []struct {
		name   string
		first  journal.Change
		pause  time.Duration
		second func(*journal.Change)
		merged bool
	}{
		{"the same person soon after", change("a", ""), time.Minute, func(*journal.Change) {}, true},
		{"just before the time is over", change("a", ""), 5*time.Minute - time.Second, func(*journal.Change) {}, true},
		{"after the time", change("a", ""), 5 * time.Minute, func(*journal.Change) {}, false},
		{"someone else", change("a", ""), 0, func(c *journal.Change) { c.UserID = bob }, false},
		{"a note after a change without one", change("a", ""), 0, func(c *journal.Change) { c.Notes = "why" }, true},
		{"a change after a note", change("a", "why"), 0, func(*journal.Change) {}, true},
		{"two notes", change("a", "why"), 0, func(c *journal.Change) { c.Notes = "because" }, false},
		{"another cause", change("a", ""), 0, func(c *journal.Change) { c.Cause = "parent moved" }, false},
		{"an internal note", change("a", ""), 0, func(c *journal.Change) { c.Internal = true }, false},
		{"kept apart on purpose", change("a", ""), 0, func(c *journal.Change) { c.Apart = true }, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dbtest.EachClock(t, func(t *testing.T, d *db.DB, clock *dbtest.Clock) {
				one := record(t, d, tc.first)
				clock.Advance(tc.pause)
				c := change("b", "")
				tc.second(&c)
				two := record(t, d, c)
				es := history(t, d)
				if merged := one == two; merged != tc.merged {
					t.Fatalf("merged = %v, want %v", merged, tc.merged)
				}
				last := es[len(es)-1]
				if !strings.Contains(last.Data, `"b"`) || last.Version != len(es) {
					t.Errorf("last entry %+v", last)
				}
				if tc.merged {
					want := tc.first.Notes + c.Notes
					if len(es) != 1 || last.Notes != want || !last.UpdatedAt.After(last.CreatedAt.Time) {
						t.Errorf("merged entry %+v of %d, want notes %q", last, len(es), want)
					}
				} else if len(es) != 2 || !strings.Contains(es[0].Data, `"a"`) {
					t.Errorf("history %+v", es)
				}
			})
		})
	}
}

func TestTheSettingDecidesWhatIsMerged(t *testing.T) {
	cases := []struct {
		name, minutes string
		pause         time.Duration
		merged        bool
	}{
		{"an hour, and nearly as long waited", "60", 59 * time.Minute, true},
		{"an hour, and that long waited", "60", time.Hour, false},
		{"a minute is shorter than the default", "1", 2 * time.Minute, false},
		{"zero keeps everything apart", "0", 0, false},
		{"zero, also where the clock was set back", "0", -time.Minute, false},
		{"no number, so the default", `"soon"`, 4 * time.Minute, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dbtest.EachClock(t, func(t *testing.T, d *db.DB, clock *dbtest.Clock) {
				one := record(t, d, change("a", ""))
				if err := db.Do(t.Context(), d, func(tx *db.Tx) error {
					_, err := db.Exec(t.Context(), tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?)`,
						journal.AggregationSetting, tc.minutes, tx.Stamp()))
					return err
				}); err != nil {
					t.Fatal(err)
				}
				clock.Advance(tc.pause)
				if merged := record(t, d, change("b", "")) == one; merged != tc.merged {
					t.Errorf("merged = %v, want %v", merged, tc.merged)
				}
			})
		})
	}
}

// A chain of corrections stays one entry only while each follows soon on the last.
func TestTheTimeCountsFromTheLastChange(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, clock *dbtest.Clock) {
		for range 4 {
			record(t, d, change("a", ""))
			clock.Advance(4 * time.Minute)
		}
		if es := history(t, d); len(es) != 1 {
			t.Errorf("%d entries", len(es))
		}
		clock.Advance(2 * time.Minute)
		record(t, d, change("b", ""))
		if es := history(t, d); len(es) != 2 {
			t.Errorf("%d entries", len(es))
		}
	})
}

func TestRecordsDoNotMix(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		record(t, d, change("a", ""))
		other := change("p", "")
		other.EntityType = journal.Project
		record(t, d, other)
		other = change("w", "")
		other.EntityID = 8
		record(t, d, other)
		if es := history(t, d); len(es) != 1 || es[0].Data != `{"subject":"a"}` {
			t.Errorf("history %+v", es)
		}
	})
}

func TestFindReturnsTheEntryBefore(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, clock *dbtest.Clock) {
		c := change("a", "")
		c.First = true
		one := record(t, d, c)
		clock.Advance(time.Hour)
		two := record(t, d, change("b", "note"))
		type pair struct{ entry, before journal.Entry }
		find := func(n id.Journal) (pair, error) {
			return db.Read(t.Context(), d, func(tx *db.Tx) (pair, error) {
				e, b, err := journal.Find(t.Context(), tx, n)
				return pair{e, b}, err
			})
		}
		p, err := find(two)
		if err != nil || p.entry.ID != two || p.before.ID != one {
			t.Errorf("found %+v (%v)", p, err)
		}
		if p, err = find(one); err != nil || p.before.ID != 0 {
			t.Errorf("before the first: %+v (%v)", p.before, err)
		}
		if _, err = find(999); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("got %v", err)
		}
		if err := db.Do(t.Context(), d, func(tx *db.Tx) error { return journal.EditNotes(t.Context(), tx, two, "better", ann) }); err != nil {
			t.Fatal(err)
		}
		if es := history(t, d); es[1].Notes != "better" || es[1].Data != `{"subject":"b"}` {
			t.Errorf("after editing %+v", es[1])
		}
	})
}

func TestAStateThatCannotBeKeptIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := change("a", "")
		c.State = func() {}
		err := db.Do(t.Context(), d, func(tx *db.Tx) error { _, err := journal.Record(t.Context(), tx, c); return err })
		if err == nil || !strings.Contains(err.Error(), "journal WorkPackage 7") {
			t.Errorf("got %v", err)
		}
		if es := history(t, d); len(es) != 0 {
			t.Errorf("kept %+v", es)
		}
	})
}

// The newest change, with what was before it, also where several were merged into one entry.
func TestTheNewestChangeAndWhatWasBefore(t *testing.T) {
	dbtest.EachClock(t, func(t *testing.T, d *db.DB, clock *dbtest.Clock) {
		newest := func(was, now string) journal.Last[state] {
			t.Helper()
			l, err := db.Read(t.Context(), d, func(tx *db.Tx) (journal.Last[state], error) {
				return journal.Newest[state](t.Context(), tx, journal.WorkPackage, 7)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []struct {
				name string
				got  *state
				want string
			}{{"was", l.Was, was}, {"now", l.Now, now}} {
				if s.want == "" && s.got != nil || s.want != "" && (s.got == nil || s.got.Subject != s.want) {
					t.Errorf("%s: got %+v, want %q", s.name, s.got, s.want)
				}
			}
			return l
		}
		if err := newest("", "").OwnedBy(ann); !fault.Is(err, fault.KindConflict) {
			t.Errorf("nothing at all: got %v", err)
		}
		record(t, d, change("a", ""))
		newest("", "a")
		record(t, d, change("b", ""))
		newest("a", "b")
		clock.Advance(time.Hour)
		since := clock.Now()
		record(t, d, change("b", "a note changes nothing"))
		if l := newest("a", "b"); l.OwnedBy(ann) != nil || !fault.Is(l.OwnedBy(bob), fault.KindConflict) {
			t.Errorf("whose it is: %+v", l.Entry)
		}
		offered := func(by id.User, want int) {
			t.Helper()
			got, err := journal.New(d).Undoable(t.Context(), by, journal.WorkPackage, []int64{7, 8}, since)
			if err != nil || len(got) != want {
				t.Errorf("got %v, %v, want %d", got, err, want)
			}
		}
		offered(ann, 0)
		c := change("c", "")
		c.Cause, c.Apart = journal.CauseUndo, true
		record(t, d, c)
		offered(ann, 1)
		offered(bob, 0)
		gone := change("", "")
		gone.State, gone.Apart = map[string]bool{"deleted": true}, true
		record(t, d, gone)
		if l := newest("c", ""); !l.GoneBy(ann) || l.GoneBy(bob) {
			t.Errorf("gone: %+v", l.Entry)
		}
		if none, err := journal.New(d).Undoable(t.Context(), ann, journal.WorkPackage, nil, since); err != nil || none != nil {
			t.Errorf("of nothing: %v, %v", none, err)
		}
		record(t, d, journal.Change{EntityType: journal.WorkPackage, EntityID: 7, UserID: ann, State: "no object", Apart: true})
		_, err := db.Read(t.Context(), d, func(tx *db.Tx) (journal.Last[state], error) {
			return journal.Newest[state](t.Context(), tx, journal.WorkPackage, 7)
		})
		if err == nil || !strings.Contains(err.Error(), "journal ") {
			t.Errorf("a state that cannot be read: got %v", err)
		}
	})
}

// What one transaction changes twice is one step, also where it is kept apart; and what changes
// nothing and says nothing is none.
func TestOneTransactionIsOneStep(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		record(t, d, change("a", ""))
		err := db.Do(t.Context(), d, func(tx *db.Tx) error {
			for _, subject := range []string{"b", "c"} {
				c := change(subject, "")
				c.Apart = true
				if _, err := journal.Record(t.Context(), tx, c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		record(t, d, change("c", ""))
		other := change("c", "")
		other.UserID = bob
		record(t, d, other)
		es := history(t, d)
		if len(es) != 2 || es[1].Data != `{"subject":"c"}` || es[1].UserID != ann {
			t.Fatalf("history %+v", es)
		}
		own, err := journal.New(d).Recent(t.Context(), ann, 10)
		if err != nil || len(own) != 1 || own[0].Name != "c" || own[0].Made || own[0].Gone {
			t.Errorf("got %+v, %v", own, err)
		}
		along, err := db.Read(t.Context(), d, func(tx *db.Tx) ([]journal.Last[state], error) {
			return journal.Along[state](t.Context(), tx, es[1], journal.WorkPackage)
		})
		if err != nil || len(along) != 1 || along[0].Was.Subject != "a" || along[0].Now.Subject != "c" {
			t.Errorf("got %+v, %v", along, err)
		}
		record(t, d, journal.Change{EntityType: journal.WorkPackage, EntityID: 8, UserID: ann, State: "no object"})
		if _, err := journal.New(d).Recent(t.Context(), ann, 10); err == nil {
			t.Error("a state that cannot be read is listed")
		}
	})
}
