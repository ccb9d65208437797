package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// said is what the process of a drill says: how far it is, and in the end its report.
type said struct {
	Progress *archive.Progress    `json:"progress,omitempty"`
	Report   *archive.DrillReport `json:"report,omitempty"`
}

// DrillInside is the process that a drill is carried out in. It writes a line of JSON
// to out now and then, and a last one with the report.
func DrillInside(ctx context.Context, cfg *config.Config, log *slog.Logger, snapshot string, out io.Writer) error {
	enc := json.NewEncoder(out)
	r, err := drillScratch(ctx, cfg, log, snapshot, func(p archive.Progress) {
		_ = enc.Encode(said{Progress: &p}) // whoever listened is gone, and ends this process
	})
	if err != nil {
		return err
	}
	return enc.Encode(said{Report: &r})
}

// drillScratch restores a snapshot of the instance's repository into a scratch
// database and tries the application on it. Nothing here can send mail or carry out
// jobs, since neither a mail server nor a runner is made.
func drillScratch(ctx context.Context, cfg *config.Config, log *slog.Logger, snapshot string, progress func(archive.Progress)) (_ archive.DrillReport, err error) {
	keys, err := secret.OpenKeyring(cfg.KeysDir(), true)
	if err != nil {
		return archive.DrillReport{}, err
	}
	place := newPlace(cfg, log)
	defer func() { err = errors.Join(err, place.Close()) }()
	r, err := place.Existing(ctx)
	if err != nil {
		return archive.DrillReport{}, err
	}
	snap, err := r.Snapshot(ctx, snapshot)
	if err != nil {
		return archive.DrillReport{}, err
	}
	st, err := archive.Load(r, snap, keys)
	if err != nil {
		return archive.DrillReport{}, err
	}
	target := archive.Target{DataDir: cfg.Data, DB: dbOptions(cfg, log), Keys: keys}
	if err := archive.RemoveScratch(ctx, target); err != nil {
		return archive.DrillReport{}, err
	}
	report, err := archive.Drill(ctx, st, target, archive.DrillOptions{
		Progress: progress,
		Try:      func(ctx context.Context, o db.Options) error { return try(ctx, cfg, log, keys, o) },
	})
	report.Snapshot = snap.ID
	return report, err
}

// try opens the application on a database and reads what people look at first.
func try(ctx context.Context, cfg *config.Config, log *slog.Logger, keys *secret.Keyring, o db.Options) (err error) {
	d, err := db.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	a := &App{Config: cfg, Log: log, DB: d, Keys: keys}
	a.build(nil)
	if err := a.Settings.Load(ctx); err != nil {
		return err
	}
	if _, err := a.Accounts.NeedsSetup(ctx); err != nil {
		return fmt.Errorf("the sign-in page: %w", err)
	}
	reader := access.System("drill")
	if _, err := a.Projects.List(ctx, reader, project.ListInput{}); err != nil {
		return fmt.Errorf("the list of projects: %w", err)
	}
	list, err := a.WorkPackages.List(ctx, reader, workpackage.ListInput{})
	if err != nil {
		return fmt.Errorf("the list of work packages: %w", err)
	}
	if len(list.Items) > 0 {
		if _, err := a.WorkPackages.Find(ctx, reader, list.Items[0].ID); err != nil {
			return fmt.Errorf("a work package: %w", err)
		}
	}
	return nil
}

// drillProcess carries a drill out in a process of its own.
func (a *App) drillProcess(ctx context.Context, snapshot string, progress func(archive.Progress)) (report archive.DrillReport, err error) {
	self, err := os.Executable()
	if err != nil {
		return report, err
	}
	cmd := exec.CommandContext(ctx, self, "backup", "drill", "--inside", "--data", a.Config.Data, snapshot)
	if f := a.Config.File(); f != "" {
		cmd.Args = append(cmd.Args, "--config", f)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = jobTime
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return report, err
	}
	if err := cmd.Start(); err != nil {
		return report, err
	}
	report, heard := hear(out, progress)
	_, _ = io.Copy(io.Discard, out) // so that it can end
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		return report, errors.New(lastLine(errs.String(), err))
	}
	return report, heard
}

// hear reads what the process of a drill says, until its report.
func hear(out io.Reader, progress func(archive.Progress)) (archive.DrillReport, error) {
	for in := json.NewDecoder(out); ; {
		var s said
		if err := in.Decode(&s); err != nil {
			return archive.DrillReport{}, fmt.Errorf("the drill's process ended without a report: %w", err)
		}
		if s.Progress != nil {
			progress(*s.Progress)
		}
		if s.Report != nil {
			return *s.Report, nil
		}
	}
}

// lastLine is what a process said in the end.
func lastLine(text string, otherwise error) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(lines[i]); l != "" && !strings.HasPrefix(l, "hint:") {
			return strings.TrimPrefix(l, "holdfast: ")
		}
	}
	return otherwise.Error()
}
