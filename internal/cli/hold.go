package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup"
)

type backupHoldCmd struct {
	Snapshot string `arg:"" optional:"" help:"A snapshot, the beginning of its name, or latest."`
	Reason   string `help:"Why it has to stay; shown beside it."`
}

// holdResult is the machine-readable form of a hold.
type holdResult struct {
	Snapshot string    `json:"snapshot"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

func holdResultOf(h backup.Hold) holdResult { return holdResult{h.Snapshot, h.Reason, h.By, h.At.Time} }

// Run implements the command.
func (c *backupHoldCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		if c.Snapshot == "" {
			return s.listHolds(ctx, a)
		}
		h, err := a.Backups.Hold(ctx, s.operator(), c.Snapshot, c.Reason)
		if err != nil {
			return err
		}
		return s.print(holdResultOf(h), "%s stays until it is released\n", h.Snapshot)
	})
}

func (s *session) listHolds(ctx context.Context, a *app.App) error {
	all, err := a.Backups.Holds(ctx, s.operator())
	if err != nil {
		return err
	}
	if s.flags.JSON {
		out := make([]holdResult, len(all))
		for i, h := range all {
			out[i] = holdResultOf(h)
		}
		return s.print(out, "")
	}
	if len(all) == 0 {
		return s.print(nil, "No snapshot is on hold.\n")
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SNAPSHOT\tSINCE\tBY\tREASON")
	for _, h := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.Snapshot, h.At.Format(time.RFC3339), h.By, h.Reason)
	}
	return w.Flush()
}

type backupReleaseCmd struct {
	Snapshot string `arg:"" help:"A snapshot on hold, or the beginning of its name."`
}

// Run implements the command.
func (c *backupReleaseCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		h, err := a.Backups.Release(ctx, s.operator(), c.Snapshot)
		if err != nil {
			return err
		}
		return s.print(holdResultOf(h), "%s is no longer on hold\n", h.Snapshot)
	})
}
