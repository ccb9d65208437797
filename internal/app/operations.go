package app

import (
	"context"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/job"
)

// AuditTrail is a page of the audit log, and what checking its chain found.
type AuditTrail struct {
	Entries []audit.Entry
	Total   int // of those that the filter selects
	Intact  int // how many entries of the chain hold
	Broken  *audit.Break
}

// ReadAudit returns the entries that the filter selects, newest first, and checks the whole chain.
//
// Faults: Forbidden for everyone but administrators.
func (a *App) ReadAudit(ctx context.Context, who access.Actor, f audit.Filter) (AuditTrail, error) {
	if err := access.RequireAdmin(who); err != nil {
		return AuditTrail{}, err
	}
	return db.Read(ctx, a.DB, func(tx *db.Tx) (t AuditTrail, err error) {
		if t.Entries, t.Total, err = audit.List(ctx, tx, f); err != nil {
			return t, err
		}
		t.Intact, t.Broken, err = a.Audit.Verify(ctx, tx)
		return t, err
	})
}

// CountAudit returns how many entries of the audit log the filter selects.
//
// Faults: Forbidden for everyone but administrators.
func (a *App) CountAudit(ctx context.Context, who access.Actor, f audit.Filter) (int, error) {
	if err := access.RequireAdmin(who); err != nil {
		return 0, err
	}
	return db.Read(ctx, a.DB, func(tx *db.Tx) (int, error) {
		_, n, err := audit.List(ctx, tx, f)
		return n, err
	})
}

// JobList is what is queued, runs or has failed for good.
type JobList struct {
	Counts job.Counts
	Jobs   []job.Job
}

// ListJobs returns the jobs in the states, in their order, at most limit of each.
//
// Faults: Forbidden for everyone but administrators.
func (a *App) ListJobs(ctx context.Context, who access.Actor, states []string, limit int) (JobList, error) {
	if err := access.RequireAdmin(who); err != nil {
		return JobList{}, err
	}
	return db.Read(ctx, a.DB, func(tx *db.Tx) (l JobList, err error) {
		if l.Counts, err = job.Count(ctx, tx); err != nil {
			return l, err
		}
		for _, state := range states {
			some, err := job.List(ctx, tx, state, limit)
			if err != nil {
				return l, err
			}
			l.Jobs = append(l.Jobs, some...)
		}
		return l, nil
	})
}

// RetryJob queues a job anew that has failed for good.
//
// Faults: Forbidden for everyone but administrators, NotFound where no such job is dead.
func (a *App) RetryJob(ctx context.Context, who access.Actor, n id.Job) error {
	if err := access.RequireAdmin(who); err != nil {
		return err
	}
	return db.Do(ctx, a.DB, func(tx *db.Tx) error {
		if err := job.Retry(ctx, tx, n); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Act{
			ActorID: who.ID, ActorName: who.Name, IP: who.IP, Action: "job.retry", Object: "job " + strconv.FormatInt(int64(n), 10),
		})
	})
}

// JobStatus returns what has become of a job that the actor asked for, by the number that they were given.
//
// Faults: NotFound when there is none, or somebody else asked for it.
func (a *App) JobStatus(ctx context.Context, who access.Actor, status string) (job.Status, error) {
	return db.Read(ctx, a.DB, func(tx *db.Tx) (job.Status, error) { return job.FindStatus(ctx, tx, who.ID, status) })
}
