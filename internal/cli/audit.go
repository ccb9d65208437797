package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/plural"
)

type backupAuditCmd struct {
	Verify backupAuditVerifyCmd `cmd:"" help:"Replay the audit log in the database and in its file, and compare them. Exit code 1 when they do not hold."`
}

type backupAuditVerifyCmd struct{}

// Run implements the command.
func (c *backupAuditVerifyCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		r, err := a.AuditFile.Verify(ctx, a.DB)
		if err != nil {
			return err
		}
		if err := s.print(r, "%s in the database, %d in the file, %d on the way there: %s\n", plural.Of(r.Database, "entry", "entries"), r.File, r.Waiting,
			plural.Of(len(r.Problems), "problem")); err != nil {
			return err
		}
		if !s.flags.JSON {
			for _, at := range r.Restarts {
				fmt.Fprintf(s.Stdout, "another database was put in place by %s\n", at.Format(time.RFC3339))
			}
		}
		for _, p := range r.Problems {
			fmt.Fprintln(s.Stderr, p)
		}
		if len(r.Problems) > 0 {
			return exitError(exitFailed)
		}
		return nil
	})
}
