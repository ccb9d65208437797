package app

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/plural"
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
func (a *App) Diagnose(ctx context.Context) []Finding {
	return []Finding{
		a.checkDatabase(ctx), a.checkFiles(ctx), a.checkMail(), a.checkJobs(ctx), a.checkAudit(ctx), a.checkBackups(ctx), a.checkAdmin(ctx), a.checkAddress(),
	}
}

func (a *App) checkDatabase(ctx context.Context) Finding {
	f := Finding{Check: "database", State: Good}
	if err := db.Check(ctx, a.DB); err != nil {
		f.State, f.Text, f.Hint = Bad, err.Error(), "restore the newest good backup: holdfast restore --help"
		return f
	}
	v, err := db.SchemaVersion(ctx, a.DB)
	f.Text = fmt.Sprintf("%s, schema %d", a.DB.Dialect(), v)
	if err != nil {
		f.State, f.Text = Bad, err.Error()
	}
	return f
}

// checkFiles looks for every file that a record names.
func (a *App) checkFiles(ctx context.Context) Finding {
	f := Finding{Check: "files", State: Good}
	missing, n, err := a.Attachments.Missing(ctx)
	f.Text = plural.Of(n, "file") + " named, all there"
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case len(missing) > 0:
		f.State = Bad
		f.Text = fmt.Sprintf("%d of %s missing or of another size, the first is attachment %d", len(missing), plural.Of(n, "file"), missing[0])
		f.Hint = "copy them back from a backup into " + a.Config.BlobsLocation()
	}
	return f
}

func (a *App) checkMail() Finding {
	switch {
	case !a.Outbox.Configured():
		return Finding{"mail", Note, "no mail server is configured: nobody is told about invitations and backups", "set HOLDFAST_MAIL_HOST and HOLDFAST_MAIL_FROM"}
	case a.Settings.Get().MailQuarantine:
		return Finding{"mail", Note, "outgoing mail is held back after a restore", "release it under Administration > Mail"}
	}
	return Finding{Check: "mail", State: Good, Text: "a mail server is configured"}
}

func (a *App) checkJobs(ctx context.Context) Finding {
	c, err := db.Read(ctx, a.DB, func(tx *db.Tx) (job.Counts, error) { return job.Count(ctx, tx) })
	f := Finding{Check: "jobs", State: Good, Text: fmt.Sprintf("%d queued, %d running, %d dead", c.Queued, c.Running, c.Dead)}
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case c.Dead > 0:
		f.State, f.Hint = Note, "look at them under Administration, mend the cause and retry"
	}
	return f
}

func (a *App) checkAudit(ctx context.Context) Finding {
	r, err := a.AuditFile.Verify(ctx, a.DB)
	f := Finding{Check: "audit log", State: Good, Text: plural.Of(r.Database, "entry", "entries") + ", the chain holds, in the database and in its file"}
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case len(r.Problems) > 0:
		f.State, f.Text = Bad, r.Problems[0]
		f.Hint = "someone changed the database or the file; holdfast backup audit verify tells all"
	}
	return f
}

func (a *App) checkBackups(ctx context.Context) Finding {
	st, err := a.Backups.Standing(ctx, access.System("doctor"))
	f := Finding{Check: "backups", State: Good, Text: st.Sentence()}
	switch {
	case err != nil:
		f.State, f.Text = Bad, err.Error()
	case st.Trouble != nil || st.Stale:
		f.State, f.Hint = Bad, "look at Administration > Backup, or run holdfast backup status"
	case !st.Proven():
		f.State, f.Hint = Note, "holdfast backup create takes a snapshot, holdfast backup drill restores it for a test"
	}
	return f
}

func (a *App) checkAdmin(ctx context.Context) Finding {
	need, err := a.Accounts.NeedsSetup(ctx)
	switch {
	case err != nil:
		return Finding{Check: "administrator", State: Bad, Text: err.Error()}
	case need:
		return Finding{"administrator", Note, "there is no active administrator", "run holdfast setup-link"}
	}
	return Finding{Check: "administrator", State: Good, Text: "there is one"}
}

func (a *App) checkAddress() Finding {
	if a.Config.PublicURL == "" {
		return Finding{"address", Note, "links in mails lead to " + a.Config.BaseURL().String(), "set HOLDFAST_PUBLIC_URL to the address people use"}
	}
	return Finding{Check: "address", State: Good, Text: a.Config.PublicURL}
}
