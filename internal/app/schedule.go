package app

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/setting"
)

// housekeeping is the daily job that lets go of what is no longer needed.
type housekeeping struct{}

func (housekeeping) Kind() string { return "app.housekeeping" }

// auditCopy is the job that keeps the audit log's file up to date.
type auditCopy struct{}

func (auditCopy) Kind() string { return "audit.copy" }

// How long ended work is kept for people to look at.
const (
	keepJobs     = 7 * 24 * time.Hour
	keepStatuses = 2 * 24 * time.Hour
	keepMails    = 30 * 24 * time.Hour
	keepRead     = 30 * 24 * time.Hour // notifications, from when they were read
)

// register is the schedule: every periodic job of the instance.
func (a *App) register() {
	job.Register(a.Jobs, func(ctx context.Context, _ housekeeping) error { return a.clean(ctx) })
	a.Jobs.Every("housekeeping", 24*time.Hour, housekeeping{})
	job.Register(a.Jobs, func(ctx context.Context, _ auditCopy) error {
		_, err := a.AuditFile.Copy(ctx, a.DB)
		return err
	})
	a.Jobs.Every("audit file", time.Minute, auditCopy{})
	job.Register(a.Jobs, func(ctx context.Context, _ setting.CalendarChanged) error { return a.recount(ctx) })
}

// recount counts durations anew, by the working days as they are now: another node
// may have changed them.
func (a *App) recount(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, jobTime)
	defer cancel()
	if err := a.Settings.Load(ctx); err != nil {
		return err
	}
	n, err := a.WorkPackages.Recount(ctx, access.System("working days"))
	a.Log.Info("counted durations anew", "changed", n)
	return err
}

// clean carries out all of its parts even when one fails.
func (a *App) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, jobTime)
	defer cancel()
	trash := a.Config.Trash.Retention
	_, errWork := a.WorkPackages.Purge(ctx, trash)
	_, errProjects := a.Projects.Purge(ctx, trash)
	_, errFiles := a.Attachments.Collect(ctx, trash)
	old, errOld := archive.RemoveOld(ctx, archive.Target{DataDir: a.Config.Data, DB: dbOptions(a.Config, a.Log)})
	if len(old) > 0 {
		a.Log.Info("removed what restores had kept aside", "names", old)
	}
	copies, errCopies := removeCopies(a.backupsDir(), a.DB.Now().Add(-upgradeKept), upgradeCopies)
	if len(copies) > 0 {
		a.Log.Info("removed copies made before upgrades", "names", copies)
	}
	return errors.Join(errWork, errProjects, errFiles, errOld, errCopies, a.Outbox.Purge(ctx, keepMails), a.Notifications.Purge(ctx, keepRead),
		db.Do(ctx, a.DB, func(tx *db.Tx) error {
			return errors.Join(job.Purge(ctx, tx, keepJobs), job.PurgeStatuses(ctx, tx, keepStatuses))
		}))
}
