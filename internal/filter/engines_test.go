package filter_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/filter"
)

// The rows: 1 is complete and of today, 2 lies in the past, 3 has nothing set.
// Now is Monday 23 November 2026, 23:30 UTC: Tuesday 0:30 in Berlin.
const rows = `
INSERT INTO samples (id, ref, folded, n, yes, day, at) VALUES
 (1, 10, 'mooring 50% done', 50, TRUE,  '2026-11-24', ?),
 (2, 11, 'anchor_chain',     7,  FALSE, '2026-11-20', ?),
 (3, NULL, NULL, NULL, FALSE, NULL, NULL)`

var samples = filter.Fields{
	"ref":  {Kind: filter.Ref, Column: "ref"},
	"text": {Kind: filter.Text, Column: "folded"},
	"n":    {Kind: filter.Number, Column: "n"},
	"yes":  {Kind: filter.Bool, Column: "yes"},
	"day":  {Kind: filter.Date, Column: "day"},
	"at":   {Kind: filter.Instant, Column: "at"},
}

var selections = []struct {
	name, op string
	values   string // separated by |
	want     []int64
}{
	{"ref", "=", "10|12", []int64{1}},
	{"ref", "=", "me", []int64{2}},
	{"ref", "!", "10", []int64{2, 3}},
	{"ref", "&=", "10|10", []int64{1}},
	{"ref", "&=", "10|11", nil},
	{"ref", "=", "9223372036854775807", nil},
	{"ref", "*", "", []int64{1, 2}},
	{"ref", "!*", "", []int64{3}},
	{"text", "=", "Anchor_Chain", []int64{2}},
	{"text", "!", "anchor_chain", []int64{1, 3}},
	{"text", "~", "50%", []int64{1}},
	{"text", "**", "R_C", []int64{2}},
	{"text", "!~", "chain", []int64{1, 3}},
	{"text", "!*", "", []int64{3}},
	{"n", "=", "7|50.0", []int64{1, 2}},
	{"n", "=", "7.5", nil},
	{"n", "!", "7", []int64{1, 3}},
	{"n", ">=", "7.5", []int64{1}},
	{"n", "<=", "7", []int64{2}},
	{"n", "!*", "", []int64{3}},
	{"yes", "=", "t", []int64{1}},
	{"yes", "=", "f", []int64{2, 3}},
	{"yes", "!", "t", []int64{2, 3}},
	{"day", "t", "", []int64{1}},
	{"day", "w", "", []int64{1}},
	{"day", "=d", "2026-11-20", []int64{2}},
	{"day", "=d", "2026-11-19T23:30:00Z", []int64{2}}, // the 20th in Berlin
	{"day", "<>d", "2026-11-20|2026-11-23", []int64{2}},
	{"day", "<>d", "|2026-11-24", []int64{1, 2}},
	{"day", "<>d", "2026-11-21|", []int64{1}},
	{"day", "<>d", "|", []int64{1, 2}},
	{"day", "t-", "4", []int64{2}},
	{"day", "t+", "0", []int64{1}},
	{"day", "<t-", "3", []int64{2}},
	{"day", ">t-", "3", []int64{1}},
	{"day", ">t-", "4", []int64{1, 2}},
	{"day", "<t+", "1", []int64{1}},
	{"day", ">t+", "0", nil},
	{"day", "!*", "", []int64{3}},
	{"at", "t", "", []int64{1}},
	{"at", "=d", "2026-11-24", []int64{1}},
	{"at", "=d", "2026-11-23", nil},
	{"at", "<>d", "2026-11-23T23:30:00Z|", []int64{1}},
	{"at", "<>d", "2026-11-23T23:30:00.000001Z|", nil},
	{"at", "<>d", "|2026-11-24T00:29:59+01:00", []int64{2}},
	{"at", "<>d", "2026-11-01|2026-11-23", []int64{2}},
	{"at", "<>d", "|", []int64{1, 2}},
	{"at", "*", "", []int64{1, 2}},
}

func TestConditionsSelectTheSameOnBothEngines(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here:", err)
	}
	now := time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC)
	env := filter.Env{Now: now, Location: berlin, Me: 11}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		fill(ctx, t, d, now)
		for _, s := range selections {
			c := filter.Condition{Name: s.name, Op: s.op}
			if s.values != "" {
				c.Values = strings.Split(s.values, "|")
			}
			got, err := db.Read(ctx, d, func(tx *db.Tx) ([]int64, error) {
				where, err := samples.Compile([]filter.Condition{c}, env)
				if err != nil {
					return nil, err
				}
				order, err := samples.Order([]filter.Sort{{Name: "n", Desc: true}})
				if err != nil {
					return nil, err
				}
				q := db.SQL(`SELECT id FROM samples WHERE`).Append(where).Add(`ORDER BY`).Append(order)
				return db.All[int64](ctx, tx, q)
			})
			if err != nil || !cmp.Equal(got, s.want, cmp.Comparer(func(a, b []int64) bool {
				return len(a) == 0 && len(b) == 0 || cmp.Diff(a, b) == ""
			})) {
				t.Errorf("%s %s %s: got %v, %v, want %v", s.name, s.op, s.values, got, err, s.want)
			}
		}
	})
}

func fill(ctx context.Context, t *testing.T, d *db.DB, now time.Time) {
	t.Helper()

	_, err := db.Write(ctx, d, func(tx *db.Tx) (int64, error) {
		if _, err := db.Exec(ctx, tx, db.SQL(`CREATE TABLE samples (id BIGINT, ref BIGINT, folded TEXT, n INTEGER,
			yes BOOLEAN, day TEXT, at BIGINT)`)); err != nil {
			return 0, err
		}
		return db.Exec(ctx, tx, db.SQL(rows, db.At(now), db.At(now.AddDate(0, 0, -4))))
	})
	if err != nil {
		t.Fatal(err)
	}
}
