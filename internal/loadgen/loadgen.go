// Package loadgen fills an instance with made-up rows for measurements.
//
// The same Plan always makes the same rows. Unlike everything else, it writes
// straight into the tables, many rows in one statement and many statements in
// one transaction, so that a hundred thousand work packages take seconds; the
// rows are those the services would have written. Nothing but measurements
// uses it, and Fill refuses an instance in which there is work already.
package loadgen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Plan says how much to make.
type Plan struct {
	Projects, Users, WorkPackages int
	// Journals is the number of entries of each work package's history, at least 1.
	Journals int
	// Files and FileBytes are the number and the total size of attachments.
	Files     int
	FileBytes int64
	Seed      uint64
}

// DefaultPlan is the data on which the figures of the project are measured.
func DefaultPlan() Plan {
	return Plan{Projects: 100, Users: 50, WorkPackages: 10_000, Journals: 3, Seed: 1}
}

// Result says what was made.
type Result struct {
	Projects     int `json:"projects"`
	Users        int `json:"users"`
	WorkPackages int `json:"workPackages"`
	Journals     int `json:"journals"`
	Files        int `json:"files"`
}

// Login is the login of the n-th person, from 1. The first one is an
// administrator, the others are ordinary members.
func Login(n int) string { return fmt.Sprintf("bench%02d", n) }

// generator makes the rows of one plan.
type generator struct {
	plan  Plan
	rnd   *rand.Rand
	now   time.Time
	known known
	blobs blob.Store
	files []blob.Ref

	users    []int64
	projects []int64
}

// known are the rows that every instance has.
type known struct {
	types, statuses, priorities, roles []int64
}

// batchPackages is how many work packages one transaction writes.
const batchPackages = 2000

// Fill makes the rows of the plan.
//
// Faults: Conflict when the instance has work packages.
func Fill(ctx context.Context, d *db.DB, blobs blob.Store, p Plan) (Result, error) {
	g := &generator{plan: p, rnd: rand.New(rand.NewPCG(p.Seed, 20260101)), now: d.Now(), blobs: blobs}
	p.Journals = max(1, p.Journals)
	g.plan = p
	if err := g.putFiles(ctx); err != nil {
		return Result{}, err
	}
	err := db.Do(db.Alone(ctx), d, func(tx *db.Tx) error { return g.people(ctx, tx) })
	if err != nil {
		return Result{}, err
	}
	for from := 0; from < p.WorkPackages; from += batchPackages {
		n := min(batchPackages, p.WorkPackages-from)
		err := db.Do(db.Alone(ctx), d, func(tx *db.Tx) error { return g.packages(ctx, tx, from, n) })
		if err != nil {
			return Result{}, fmt.Errorf("work packages from %d: %w", from, err)
		}
	}
	if err := db.Do(db.Alone(ctx), d, func(tx *db.Tx) error { return g.attach(ctx, tx) }); err != nil {
		return Result{}, err
	}
	return Result{p.Projects, p.Users, p.WorkPackages, p.WorkPackages * p.Journals, len(g.files)}, analyze(ctx, d)
}

// analyze gives PostgreSQL's planner figures about the new rows, as its
// autovacuum would a minute later. SQLite plans without, as in every instance.
func analyze(ctx context.Context, d *db.DB) error {
	if d.Dialect() == db.SQLite {
		return nil
	}
	return db.Do(db.Alone(ctx), d, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, db.SQL(`ANALYZE`))
		return err
	})
}

// people makes users, projects and memberships.
func (g *generator) people(ctx context.Context, tx *db.Tx) error {
	n, err := db.Scalar[int](ctx, tx, db.SQL(`SELECT COUNT(*) FROM work_packages`))
	if err != nil {
		return err
	}
	if n > 0 {
		return fault.Conflict("the instance has work packages already; load data goes into a new one")
	}
	if err := g.load(ctx, tx); err != nil {
		return err
	}
	if err := g.makeUsers(ctx, tx); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := g.makeProjects(ctx, tx); err != nil {
		return fmt.Errorf("projects: %w", err)
	}
	return g.makeMembers(ctx, tx)
}

func (g *generator) load(ctx context.Context, tx *db.Tx) error {
	for _, q := range []struct {
		to  *[]int64
		sql string
	}{
		{&g.known.types, `SELECT id FROM types WHERE is_default AND NOT is_milestone ORDER BY position`},
		{&g.known.statuses, `SELECT id FROM statuses ORDER BY position`},
		{&g.known.priorities, `SELECT id FROM priorities ORDER BY position`},
		{&g.known.roles, `SELECT id FROM roles WHERE kind = 'ProjectRole' AND builtin = 0 ORDER BY position`},
	} {
		ids, err := db.All[int64](ctx, tx, db.SQL(q.sql))
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return fmt.Errorf("a new instance has rows for %q, this one has none", q.sql)
		}
		*q.to = ids
	}
	return nil
}

// pick returns one of the values.
func pick[T any](g *generator, vs []T) T { return vs[g.rnd.IntN(len(vs))] }

// ago is an instant in the last year.
func (g *generator) ago() db.Time {
	return db.At(g.now.Add(-time.Duration(g.rnd.Int64N(int64(365 * 24 * time.Hour)))))
}
