package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/fault"
	texts "github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/plural"
)

type restoreCmd struct {
	Backup             string `arg:"" optional:"" help:"An archive, FILE.zip, or a snapshot of the instance's repository: its name, the beginning of it, or latest."`
	unlocking          `embed:""`
	Into               string `type:"path" placeholder:"DIR" help:"Data directory to restore into. Default: --data."`
	Database           string `placeholder:"URL" help:"PostgreSQL to restore into. Default: the configured database."`
	Undo               bool   `help:"Put back what was there before the newest restore, which is kept for 7 days."`
	pieces             `embed:"" group:"One thing"`
	DryRun             bool `help:"Print the plan and change nothing."`
	Replace            bool `help:"Replace the instance that is there; a safety copy is made first."`
	AcknowledgeDamaged bool `help:"With --replace: go on although the present database is too damaged for a safety copy; it is kept aside."`
}

// Help is the long help text.
func (c *restoreCmd) Help() string {
	return `What the backup says of itself is checked first. The new state is built beside the live one, compared with the backup
row by row and file by file, and only then put in its place, in one step. A crash at any moment leaves the instance
entirely as it was or entirely restored. Stop holdfast serve first; only --dry-run works beside it. Ctrl-C gives the
restore up, and takes away what it has added.

With --work-package, --project or --file only that comes back from a snapshot of the instance's repository, beside a
running server, through all rules and with an entry in the history; --dry-run shows what differs. Doing it twice does
no harm.

Exit codes: 0 restored (or the plan is printed), 1 failed and nothing changed, 4 the instance is in use or not empty,
130 interrupted and nothing changed.`
}

// Run implements the command.
func (c *restoreCmd) Run(ctx context.Context, s *session) error {
	if c.Into != "" {
		s.flags.Data = c.Into
	}
	if w, ok, err := c.wanted(); err != nil || ok {
		if err != nil {
			return err
		}
		return c.piece(ctx, s, w)
	}
	cfg, err := s.load(map[string]string{"database.url": c.Database})
	if err != nil {
		return err
	}
	if c.Undo == (c.Backup != "") {
		return usageError{errors.New("name a backup to restore (holdfast backup list shows them), latest, or --undo")}
	}
	if c.Undo {
		return c.undo(ctx, s, cfg)
	}
	ids, err := c.identities()
	if err != nil {
		return err
	}
	if c.DryRun {
		p, err := app.PlanRestoration(ctx, cfg, s.logger(cfg), c.Backup, ids...)
		if err != nil {
			return err
		}
		return s.printPlan(p, p.Refusal(c.options()))
	}
	r, err := app.OpenRestoration(ctx, cfg, s.logger(cfg), c.Backup, s.Build.Version, ids...)
	if err != nil {
		return err
	}
	return errors.Join(c.restore(ctx, s, r), r.Close())
}

func (c *restoreCmd) restore(ctx context.Context, s *session, r *app.Restoration) error {
	show := s.progress("restore")
	o := c.options()
	o.Progress = func(p archive.Progress) {
		show(p.Step, archive.Work(p.Rows, p.Bytes), archive.Work(p.RowsTotal, p.BytesTotal))
	}
	report, err := r.Run(ctx, o)
	show("", -1, -1)
	if err != nil {
		return interrupted(ctx, err, "nothing was changed")
	}
	return s.printReport(report)
}

// undo takes the newest restore back.
func (c *restoreCmd) undo(ctx context.Context, s *session, cfg *config.Config) error {
	r, err := app.UndoRestoration(ctx, cfg, s.logger(cfg), s.Build.Version, "")
	if err != nil {
		return err
	}
	if s.flags.JSON {
		return s.print(r, "")
	}
	fmt.Fprintf(s.Stdout, "What was there before the restore is back. The restored state: snapshot %s, and for 7 days as it was: %s\n", r.Safety, r.Old)
	for _, n := range r.Notes {
		fmt.Fprintln(s.Stdout, "note:", n)
	}
	return nil
}

func (c *restoreCmd) options() archive.RestoreOptions {
	return archive.RestoreOptions{Replace: c.Replace, AcknowledgeDamaged: c.AcknowledgeDamaged}
}

// printPlan prints what a restore would do, and why it would not begin.
func (s *session) printPlan(p archive.Plan, refusal error) error {
	if s.flags.JSON {
		out := struct {
			archive.Plan
			Refusal string `json:"refusal,omitempty"`
		}{Plan: p}
		if refusal != nil {
			out.Refusal = refusal.Error()
		}
		return s.print(out, "")
	}
	w := s.Stdout
	fmt.Fprintf(w, "The archive was made by %s instance on %s with schema %d and is %s.\n", article(p.Origin), p.CreatedAt, p.SchemaVersion, p.State)
	fmt.Fprintf(w, "It would restore %s in %s and %s of %s.\n",
		plural.Of(p.Rows, "row"), plural.Of(len(p.Tables), "table"), plural.Of(p.Files, "file"), size(p.FileBytes))
	fmt.Fprintf(w, "The target is %s. Needed on its disk: %s; free: %s.\n", p.Target, size(p.Needed), size(p.Free))
	for _, m := range p.Missing {
		fmt.Fprintf(w, "missing in the archive: %s\n", m.Name)
	}
	if refusal != nil {
		fmt.Fprintf(w, "As it stands it would be refused: %v\nhint: %s\n", refusal, fault.HintOf(refusal))
	}
	if len(p.Lost) > 0 {
		fmt.Fprintln(w, "What is there now would be archived and replaced:")
	}
	for _, t := range p.Lost {
		fmt.Fprintf(w, "  %-24s %s\n", t.Name, plural.Of(t.Rows, "row"))
	}
	return nil
}

func article(o archive.Origin) string {
	if o == archive.Own {
		return "this"
	}
	return "another"
}

// printReport prints the proof: every table's digest in the archive and in the
// restored database.
func (s *session) printReport(r archive.Report) error {
	if s.flags.JSON {
		return s.print(r, "")
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TABLE\tROWS\tDIGEST IN THE ARCHIVE\tDIGEST AS RESTORED\t")
	var rows int64
	for _, t := range r.Tables {
		verdict := "equal"
		if t.Archive != t.Restored {
			verdict = "DIFFERENT"
		}
		rows += t.Restored.Rows
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", t.Archive.Name, t.Restored.Rows, short(t.Archive.SHA256), short(t.Restored.SHA256), verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.Stdout, "%s in %s and %s of %s restored, every digest compared.\n",
		plural.Of(rows, "row"), plural.Of(len(r.Tables), "table"), plural.Of(r.Files, "file"), plural.Of(r.FileBytes, "byte"))
	for _, m := range r.Missing {
		fmt.Fprintf(s.Stdout, "missing in the archive and so here: %s\n", m.Name)
	}
	if r.Safety != "" {
		fmt.Fprintf(s.Stdout, "What was there before: snapshot %s, and for 7 days as it was: %s\n", r.Safety, r.Old)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(s.Stdout, "note:", n)
	}
	return nil
}

func short(digest string) string {
	if len(digest) > 16 {
		return digest[:16]
	}
	return digest
}

// size says a number of bytes as people do; --json has the bytes.
func size(n int64) string { return texts.At("en", "").Bytes(n) }
