package app

import (
	"context"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/job"
)

// States of a finding.
const (
	Good = "ok"
	Note = "note"
	Bad  = "bad"
)

// Finding is the answer of one check of the instance.
type Finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	// Hint says what to do about it.
	Hint string `json:"hint,omitempty"`
}

// Diagnose checks the instance: its database, files, mail, jobs and audit log.
func (a *App) Diagnose(ctx context.Context, say backup.Words) []Finding {
	return []Finding{
		a.checkDatabase(ctx, say), a.checkFiles(ctx, say), a.checkMail(say), a.checkJobs(ctx, say), a.checkAudit(ctx, say), a.checkBackups(ctx, say), a.checkAdmin(ctx, say), a.checkAddress(say),
	}
}

func (a *App) checkDatabase(ctx context.Context, say backup.Words) Finding {
	f := Finding{Check: "database", State: Good}
	if err := db.Check(ctx, a.DB); err != nil {
		f.State, f.Text, f.Hint = Bad, err.Error(), say.T("finding.restore_hint")
		return f
	}
	v, err := db.SchemaVersion(ctx, a.DB)
	f.Text = say.T("finding.schema", "engine", a.DB.Dialect().Product(), "version", strconv.FormatInt(v, 10))
	if err != nil {
		f.State, f.Text = Bad, err.Error()
	}
	return f
}

// checkFiles looks for every file that a record names.
func (a *App) checkFiles(ctx context.Context, say backup.Words) Finding {
	f := Finding{Check: "files", State: Good}
	missing, n, err := a.Attachments.Missing(ctx)
	f.Text = say.T("finding.files_there", "n", n)
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case len(missing) > 0:
		f.State = Bad
		f.Text = say.T("finding.files_missing", "missing", len(missing), "n", n, "first", strconv.FormatInt(int64(missing[0]), 10))
		f.Hint = say.T("finding.files_hint", "place", a.Config.BlobsLocation())
	}
	return f
}

func (a *App) checkMail(say backup.Words) Finding {
	switch {
	case !a.Outbox.Configured():
		return Finding{"mail", Note, say.T("finding.no_mail"), say.T("finding.no_mail_hint")}
	case a.Settings.Get().MailQuarantine:
		return Finding{"mail", Note, say.T("finding.mail_held"), say.T("finding.mail_held_hint")}
	}
	return Finding{Check: "mail", State: Good, Text: say.T("finding.mail_there")}
}

func (a *App) checkJobs(ctx context.Context, say backup.Words) Finding {
	c, err := db.Read(ctx, a.DB, func(tx *db.Tx) (job.Counts, error) { return job.Count(ctx, tx) })
	f := Finding{Check: "jobs", State: Good, Text: say.T("finding.jobs_are", "queued", c.Queued, "running", c.Running, "dead", c.Dead)}
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case c.Dead > 0:
		f.State, f.Hint = Note, say.T("finding.jobs_hint")
	}
	return f
}

func (a *App) checkAudit(ctx context.Context, say backup.Words) Finding {
	r, err := a.AuditFile.Verify(ctx, a.DB)
	f := Finding{Check: "audit log", State: Good, Text: say.T("finding.chain", "n", r.Database)}
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case len(r.Problems) > 0:
		f.State, f.Text = Bad, r.Problems[0]
		f.Hint = say.T("finding.chain_hint")
	}
	return f
}

func (a *App) checkBackups(ctx context.Context, say backup.Words) Finding {
	st, err := a.Backups.Standing(ctx, access.System("doctor"))
	f := Finding{Check: "backups", State: Good, Text: st.Sentence(say)}
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case st.Trouble != nil || st.Stale:
		f.State, f.Hint = Bad, say.T("finding.backups_hint")
	case !st.Proven():
		f.State, f.Hint = Note, say.T("finding.backups_unproven")
	}
	return f
}

func (a *App) checkAdmin(ctx context.Context, say backup.Words) Finding {
	need, err := a.Accounts.NeedsSetup(ctx)
	switch {
	case err != nil:
		return Finding{Check: "administrator", State: Bad, Text: err.Error()}
	case need:
		return Finding{"administrator", Note, say.T("finding.no_admin"), say.T("finding.no_admin_hint")}
	}
	return Finding{Check: "administrator", State: Good, Text: say.T("finding.admin_there")}
}

func (a *App) checkAddress(say backup.Words) Finding {
	if a.Config.PublicURL == "" {
		return Finding{"address", Note, say.T("finding.address_unset", "address", a.Config.BaseURL().String()), say.T("finding.address_hint")}
	}
	return Finding{Check: "address", State: Good, Text: a.Config.PublicURL}
}
