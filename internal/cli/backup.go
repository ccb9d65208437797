package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/plural"
)

// exitIncomplete: there is an archive, but files could not be read.
const exitIncomplete = 6

type backupCmd struct {
	Create   backupCreateCmd  `cmd:"" help:"Take a snapshot now, and write its archive where one is asked for; needs no backup token. Exit code 6: files are missing in it, 4: another backup runs, 130: interrupted, nothing is left."`
	List     backupListCmd    `cmd:"" help:"List backups, newest first."`
	Verify   backupVerifyCmd  `cmd:"" help:"Look for damage in the repository, or read an archive from end to end. Exit code 1 when it is not sound."`
	Drill    backupDrillCmd   `cmd:"" help:"Restore a snapshot for real into a scratch database and prove it. Exit code 1 when that fails."`
	Prune    backupPruneCmd   `cmd:"" help:"Let go of the snapshots the policy does not keep, and delete what none needs. Exit code 4 when it refuses."`
	Hold     backupHoldCmd    `cmd:"" help:"Keep a snapshot whatever the policy says; without one, list those on hold. Exit code 3: there is no such snapshot."`
	Release  backupReleaseCmd `cmd:"" help:"End a hold; all administrators are told. Exit code 3: no such snapshot is on hold."`
	Export   backupExportCmd  `cmd:"" help:"Write the archive of a snapshot. Exit code 3: there is no such snapshot."`
	Kit      backupKitCmd     `cmd:"" help:"Issue a recovery kit, which has opened the newest snapshot. Exit code 3: there is no snapshot yet."`
	Audit    backupAuditCmd   `cmd:"" help:"The audit log."`
	Status   backupStatusCmd  `cmd:"" help:"Say how the backups stand. Exit code 1 when something needs attention."`
	AllowNow backupAllowCmd   `cmd:"" name:"allow-now" help:"End the waiting period of new backup tokens. Exit code 3: nobody of that login waits."`
}

type backupCreateCmd struct {
	Output        string `short:"o" type:"path" placeholder:"FILE.zip" help:"Write the archive of the snapshot here, too."`
	NoAttachments bool   `help:"Leave uploaded files out; the archive says so."`
}

// backupResult is the machine-readable form of a backup.
type backupResult struct {
	ID         int64            `json:"id"`
	State      string           `json:"state"`
	Source     string           `json:"source"`
	Snapshot   string           `json:"snapshot"`
	File       string           `json:"file,omitempty"`
	Size       int64            `json:"size"`
	Added      int64            `json:"added"`
	Rows       int64            `json:"rows"`
	Files      int64            `json:"files"`
	FileBytes  int64            `json:"fileBytes"`
	Missing    []backup.Missing `json:"missing,omitempty"`
	Error      string           `json:"error,omitempty"`
	CreatedAt  time.Time        `json:"createdAt"`
	FinishedAt *time.Time       `json:"finishedAt,omitempty"`
}

func backupResultOf(b backup.Backup) backupResult {
	r := backupResult{
		ID: int64(b.ID), State: string(b.State), Source: string(b.Source), Snapshot: b.Snapshot, File: b.File, Size: b.Size, Added: b.Added, Rows: b.RowCount,
		Files: b.FileCount, FileBytes: b.FileBytes, Missing: b.MissingFiles(), Error: b.Error, CreatedAt: b.CreatedAt.Time,
	}
	if b.FinishedAt != nil {
		r.FinishedAt = &b.FinishedAt.Time
	}
	return r
}

// Run implements the command.
func (c *backupCreateCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		began := time.Now()
		stop := s.watchBackup(ctx, a)
		b, err := a.Backups.RunInline(ctx, s.operator(), c.Output, backup.InlineOptions{Attachments: !c.NoAttachments})
		stop()
		if err != nil {
			return interrupted(ctx, err, "there is no backup of it; what is stored already shortens the next one")
		}
		where := "snapshot " + b.Snapshot
		if c.Output != "" {
			where += ", archive " + c.Output
		}
		err = s.print(backupResultOf(b), "%s: %s\n%s, %s, an archive of %s; %s stored in %s\n", b.State, where,
			plural.Of(b.RowCount, "row"), plural.Of(b.FileCount, "file"), size(b.Size), size(b.Added),
			time.Since(began).Round(10*time.Millisecond))
		if err != nil || b.State != backup.Incomplete {
			return err
		}
		for _, m := range b.MissingFiles() {
			fmt.Fprintf(s.Stderr, "missing: %s (%s): %s\n", m.Name, m.SHA256, m.Reason)
		}
		return exitError(exitIncomplete)
	})
}

// watchBackup shows the progress of the running backup until the returned
// function is called: a bar on a terminal, a line every ten seconds elsewhere.
func (s *session) watchBackup(ctx context.Context, a *app.App) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	show := s.progress("backup")
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			list, _, err := a.Backups.List(ctx, s.operator(), backup.Filter{Limit: 1})
			if err != nil || len(list) == 0 || list[0].State != backup.Running {
				continue
			}
			p := list[0].Progress()
			show(p.Phase, archive.Work(p.Rows, p.Bytes), archive.Work(p.RowsTotal, p.BytesTotal))
		}
	}()
	return func() {
		cancel()
		<-done
		show("", -1, -1)
	}
}

// progress returns a function that shows how far long work is; -1 ends it.
func (s *session) progress(title string) func(phase string, done, total int64) {
	if s.flags.JSON {
		return func(string, int64, int64) {}
	}
	if !s.interactive() {
		var last time.Time
		return func(phase string, done, total int64) {
			if done >= 0 && total > 0 && time.Since(last) > 10*time.Second {
				last = time.Now()
				fmt.Fprintf(s.Stderr, "%s: %s, %d %%\n", title, phase, min(100, done*100/total))
			}
		}
	}
	bar := progressbar.NewOptions64(1000, progressbar.OptionSetWriter(s.Stderr), progressbar.OptionSetDescription(title),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	return func(phase string, done, total int64) {
		if done < 0 {
			_ = bar.Finish() // only the look of a terminal
			return
		}
		if total > 0 {
			bar.Describe(title + ": " + phase)
			_ = bar.Set64(min(1000, done*1000/total)) // only the look of a terminal
		}
	}
}

type backupListCmd struct{}

// Run implements the command.
func (c *backupListCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		list, _, err := a.Backups.List(ctx, s.operator(), backup.Filter{Limit: 100})
		if err != nil {
			return err
		}
		out := make([]backupResult, len(list))
		for i, b := range list {
			out[i] = backupResultOf(b)
		}
		if s.flags.JSON {
			return s.print(out, "")
		}
		if len(list) == 0 {
			return s.print(out, "No backup has been made yet.\n")
		}
		w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tMADE\tSTATE\tBY\tROWS\tFILES\tBYTES\tSTORED\tSNAPSHOT")
		for _, b := range list {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", b.ID, b.CreatedAt.Format(time.RFC3339), b.State, b.RequestedBy, b.RowCount, b.FileCount,
				b.Size, b.Added, b.Snapshot)
		}
		return w.Flush()
	})
}

type backupAllowCmd struct {
	User string `xor:"who" required:"" placeholder:"LOGIN" help:"Whose token."`
	All  bool   `xor:"who" required:"" help:"Every waiting token."`
}

// Run implements the command.
func (c *backupAllowCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		out, err := a.Backups.AllowNow(ctx, s.operator(), c.User, c.All)
		if err != nil {
			return err
		}
		var logins []string
		for _, t := range out {
			logins = append(logins, t.Login)
		}
		return s.print(map[string]any{"allowed": logins}, "%s valid now %v\n", plural.Of(len(logins), "token is", "tokens are"), logins)
	})
}
