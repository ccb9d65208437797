package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/fault"
	texts "github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/plural"
	"github.com/holdfast/holdfast/internal/secret"
)

type backupVerifyCmd struct {
	File      string `arg:"" optional:"" type:"existingfile" help:"An archive. Without it, the repository is looked at."`
	unlocking `embed:""`
	ReadData  bool `help:"Read every pack of the repository, not only records, manifests and which packs are there."`
}

// Run implements the command.
func (c *backupVerifyCmd) Run(ctx context.Context, s *session) error {
	if c.File != "" {
		return c.archive(ctx, s)
	}
	return s.withApp(ctx, func(a *app.App) error {
		kind := backup.CheckStructure
		if c.ReadData {
			kind = backup.CheckFull
		}
		show := s.progress("verify")
		r, err := a.Backups.VerifyRepository(ctx, s.operator(), kind, func(packs, of int, _ int64) { show("reading", int64(packs), int64(of)) })
		show("", -1, -1)
		if err != nil {
			return err
		}
		err = s.print(r, "%s, %s, %s named and there, %d of them read (%s): %s found\n", plural.Of(r.Snapshots, "snapshot"),
			plural.Of(r.Manifests, "manifest"), plural.Of(r.Packs, "pack"), r.ReadPacks, size(r.ReadBytes), plural.Of(len(r.Problems), "problem"))
		known := 0
		for _, p := range r.Problems {
			fmt.Fprintf(s.Stderr, "%s: %s; needed by %v\n", p.Object, p.Text, p.Snapshots)
			if p.Known {
				known++
			}
		}
		if known > 0 {
			fmt.Fprintf(s.Stderr, "%s known from before: backups made since then do not need what is damaged\n", plural.Of(known, "problem"))
		}
		if known < len(r.Problems) {
			fmt.Fprintln(s.Stderr, "the next backup stores again what is damaged, as far as the instance still has it: holdfast backup create")
		}
		if err == nil && len(r.Problems) > 0 {
			return exitError(1)
		}
		return err
	})
}

// archive reads an archive. Without an instance the seal's signature cannot be
// checked, but everything else is.
func (c *backupVerifyCmd) archive(ctx context.Context, s *session) error {
	cfg, err := s.load(nil)
	if err != nil {
		return err
	}
	keys, err := secret.OpenKeyring(cfg.KeysDir(), true)
	if err != nil {
		keys = secret.NewKeyring()
		fmt.Fprintln(s.Stderr, "no instance here: the archive is checked, but not whose it is")
	}
	ids, err := c.identities()
	if err != nil {
		return err
	}
	ar, err := archive.Open(ctx, c.File, keys, ids...)
	if err != nil {
		return err
	}
	defer func() { _ = ar.Close() }() // was only read
	var rows int64
	tables := ar.Sums()
	for _, t := range tables {
		rows += t.Rows
	}
	return s.print(map[string]any{"sound": true, "origin": ar.Origin, "tables": tables, "rows": rows}, "%s is sound: %s, %s, made by %s instance\n", c.File,
		plural.Of(len(tables), "table"), plural.Of(rows, "row"), article(ar.Origin))
}

type backupDrillCmd struct {
	Snapshot string `arg:"" optional:"" help:"A snapshot, the beginning of its name, or latest, which it is without one."`
	Inside   bool   `hidden:"" help:"Carry it out in this process and record nothing: the server starts drills so."`
}

// Run implements the command.
func (c *backupDrillCmd) Run(ctx context.Context, s *session) error {
	if c.Inside {
		cfg, err := s.load(nil)
		if err != nil {
			return err
		}
		return app.DrillInside(ctx, cfg, s.logger(cfg), c.Snapshot, s.Stdout)
	}
	return s.withApp(ctx, func(a *app.App) error {
		s.say("restoring the snapshot into a scratch database, which takes about as long as a restore")
		show := s.progress("drill")
		r, err := a.Backups.Drill(ctx, s.operator(), c.Snapshot, func(p archive.Progress) {
			show(p.Step, archive.Work(p.Rows, p.Bytes), archive.Work(p.RowsTotal, p.BytesTotal))
		})
		show("", -1, -1)
		if err != nil {
			return err
		}
		return s.print(r, "proven: %s restored in %s; %s in %s equal, %d of %s read back, the application works on it\n", r.Snapshot,
			r.Took.Round(10*time.Millisecond), plural.Of(r.Rows, "row"), plural.Of(len(r.Tables), "table"), r.Files, plural.Of(r.OfFiles, "file"))
	})
}

type backupPruneCmd struct {
	DryRun  bool `help:"Print what would go and why the rest stays, and change nothing."`
	Confirm bool `help:"Delete also when that is more than half of what is stored."`
}

// Run implements the command.
func (c *backupPruneCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		r, err := a.Backups.Prune(ctx, s.operator(), backup.PruneInput{DryRun: c.DryRun, Confirmed: c.Confirm})
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.print(r, "")
		}
		w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SNAPSHOT\tMADE\tSTAYS\tWHY")
		for _, d := range r.Decisions {
			stays := "no"
			if d.Keep {
				stays = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Snapshot.ID, d.Snapshot.At.Format(time.RFC3339), stays, join(d.Reasons))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(s.Stdout, "needed: %s of %s; deleted: %s of %s; no longer needed, and deleted in a day: %s of %s; waiting for that: %s\n",
			plural.Of(r.KeptPacks, "pack"), size(r.KeptBytes), plural.Of(r.DeletedPacks, "pack"), size(r.DeletedBytes), plural.Of(r.CondemnedPacks, "pack"),
			size(r.CondemnedBytes), plural.Of(r.WaitingPacks, "pack"))
		if r.MayNotDelete {
			fmt.Fprintln(s.Stderr, "the place refuses deleting to these credentials, so everything stays; prune with others, or let the place expire what is old")
		}
		return nil
	})
}

func join(reasons []string) string {
	out := ""
	for i, r := range reasons {
		if i > 0 {
			out += ", "
		}
		out += r
	}
	return out
}

type backupExportCmd struct {
	Snapshot      string `arg:"" help:"A snapshot, the beginning of its name, or latest."`
	Output        string `short:"o" required:"" type:"path" placeholder:"FILE.zip" help:"Where to write the archive; encrypted ones are named FILE.zip.age."`
	locking       `embed:""`
	NoAttachments bool `help:"Leave uploaded files out; the archive says so."`
}

// Run implements the command.
func (c *backupExportCmd) Run(ctx context.Context, s *session) error {
	to, ids, err := c.recipients()
	if err != nil {
		return err
	}
	if (len(to) > 0) != strings.HasSuffix(c.Output, ".age") {
		return usageError{fault.WithHint(errors.New("the name says whether an archive is encrypted"), "name encrypted archives FILE.zip.age, and others not")}
	}
	return s.withApp(ctx, func(a *app.App) error {
		size, err := a.Backups.Export(ctx, s.operator(), c.Snapshot, c.Output, backup.ExportOptions{
			Attachments: !c.NoAttachments, Recipients: to, Identities: ids, Progress: s.exporting(),
		})
		if errors.Is(err, repo.ErrNoSnapshot) {
			return app.ErrNoBackup(c.Snapshot)
		}
		if err != nil {
			return err
		}
		return s.print(map[string]any{"file": c.Output, "size": size}, "%s: %d bytes, read back and whole\n", c.Output, size)
	})
}

// exporting shows how much of an archive has been written, and says when that is all
// and it is read back.
func (s *session) exporting() func(written, size int64) {
	show, reading := s.progress("export"), false
	return func(written, size int64) {
		switch {
		case written < size:
			show("writing", written, size)
		case !reading:
			reading = true
			show("", -1, -1)
			s.say("reading the archive back")
		}
	}
}

type backupStatusCmd struct{}

// standing is the machine-readable form of how the backups stand.
type standingResult struct {
	Fine         bool       `json:"fine"`
	Sentence     string     `json:"sentence"`
	LastGood     *time.Time `json:"lastGood"`
	LastVerified *time.Time `json:"lastVerified"`
	LastProven   *time.Time `json:"lastProven"`
	Next         *time.Time `json:"next"`
	Policy       string     `json:"policy"`
}

// Run implements the command.
func (c *backupStatusCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		st, err := a.Backups.Standing(ctx, s.operator())
		if err != nil {
			return err
		}
		english := texts.At(texts.English, "")
		r := standingResult{st.Proven(), st.Sentence(english), when(st.LastGood), when(st.LastVerified), when(st.LastProven), when(st.NextAt), st.Rules.Describe(english)}
		err = s.print(r, "%s\nlast good backup: %s\nlast verified: %s\nlast proven restorable: %s\nnext: %s\npolicy: %s\n", r.Sentence,
			day(st.LastGood), day(st.LastVerified), day(st.LastProven), day(st.NextAt), r.Policy)
		if err == nil && (st.Trouble != nil || st.Stale || st.LastGood.IsZero()) {
			return exitError(1)
		}
		return err
	})
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}
