package app_test

import (
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
)

// TestJobsAndAuditAreForAdministrators: nobody else reads or retries, and trying again is in the log itself.
func TestJobsAndAuditAreForAdministrators(t *testing.T) {
	apptest.Each(t, apptest.Options{}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		ctx := t.Context()
		actor := func(login string, admin bool) access.Actor {
			in.User(login, admin)
			u, err := in.Accounts.FindByLogin(ctx, access.Operator("test"), login)
			if err != nil {
				t.Fatal(err)
			}
			return access.Actor{ID: u.ID, Kind: access.Person, Name: login, Admin: admin}
		}
		admin, member := actor("ada", true), actor("bo", false)
		err := db.Do(ctx, in.DB, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO jobs (kind, args, state, run_at, attempt, max_attempts, created_at) VALUES ('nothing', '{}', 'dead', 0, 3, 3, 0)`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := in.ListJobs(ctx, admin, []string{job.Dead}, 10)
		if err != nil || len(list.Jobs) != 1 || list.Counts.Dead != 1 {
			t.Fatalf("dead jobs: %+v, %v", list, err)
		}
		n := list.Jobs[0].ID
		_, listed := in.ListJobs(ctx, member, []string{job.Dead}, 10)
		_, read := in.ReadAudit(ctx, member, audit.Filter{Limit: 1})
		_, counted := in.CountAudit(ctx, member, audit.Filter{Limit: 1})
		for what, err := range map[string]error{"list": listed, "retry": in.RetryJob(ctx, member, n), "read": read, "count": counted} {
			if !fault.Is(err, fault.KindForbidden) {
				t.Errorf("a member: %s: %v", what, err)
			}
		}
		if err := in.RetryJob(ctx, admin, n); err != nil {
			t.Fatal(err)
		}
		if err := in.RetryJob(ctx, admin, n+1000); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a job there is none of: %v", err)
		}
		trail, err := in.ReadAudit(ctx, admin, audit.Filter{Action: "job", Limit: 5})
		if err != nil || trail.Total != 1 || trail.Entries[0].Action != "job.retry" || trail.Broken != nil || trail.Intact == 0 {
			t.Errorf("the log: %+v, %v", trail, err)
		}
		if total, err := in.CountAudit(ctx, admin, audit.Filter{Action: "job", Limit: 1}); err != nil || total != 1 {
			t.Errorf("%d entries, %v", total, err)
		}
		if _, err := in.JobStatus(ctx, member, "00000000-0000-0000-0000-000000000000"); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("a status there is none of: %v", err)
		}
	})
}
