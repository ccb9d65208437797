package cli

import (
	"context"
	"errors"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/loadgen"
	"github.com/holdfast/holdfast/internal/plural"
)

type benchCmd struct {
	WorkPackages int    `default:"10000" help:"Number of work packages."`
	Projects     int    `default:"100" help:"Number of projects."`
	Users        int    `default:"50" help:"Number of people: bench01, an administrator, bench02, ..."`
	Journals     int    `default:"3" help:"Entries in the history of each work package."`
	Files        int    `help:"Number of attached files."`
	FileMiB      int64  `name:"file-mib" help:"Size of all files together, in MiB."`
	Seed         uint64 `default:"1" help:"Other seeds make other rows."`
}

// Run implements the command. It makes the instance if there is none.
func (c *benchCmd) Run(ctx context.Context, s *session) error {
	if c.Projects < 1 || c.Users < 1 || c.WorkPackages < 0 || c.Files < 0 || c.FileMiB < 0 {
		return usageError{errors.New("give at least one project and one person, and no negative numbers")}
	}
	cfg, err := s.load(nil)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, s.logger(cfg), app.Options{Version: s.Build.Version})
	if err != nil {
		return err
	}
	if err := empty(ctx, a); err != nil {
		return errors.Join(err, a.Close())
	}
	r, err := loadgen.Fill(ctx, a.DB, a.Blobs, loadgen.Plan{
		Projects: c.Projects, Users: c.Users, WorkPackages: c.WorkPackages, Journals: c.Journals,
		Files: c.Files, FileBytes: c.FileMiB << 20, Seed: c.Seed,
	})
	if err = errors.Join(err, a.Close()); err != nil {
		return err
	}
	return s.print(r, "made %s with %s in %s, %s, %s\n", plural.Of(r.WorkPackages, "work package"),
		plural.Of(r.Journals, "journal entry", "journal entries"), plural.Of(r.Projects, "project"), plural.Of(r.Users, "person", "people"), plural.Of(r.Files, "file"))
}

// empty refuses an instance that somebody uses: made-up rows do not come out again.
func empty(ctx context.Context, a *app.App) error {
	n, err := db.Read(ctx, a.DB, func(tx *db.Tx) (int64, error) {
		return db.Scalar[int64](ctx, tx, db.SQL(`SELECT (SELECT COUNT(*) FROM projects) + (SELECT COUNT(*) FROM users WHERE login IS NOT NULL AND kind = 'User')`))
	})
	if err == nil && n > 0 {
		err = fault.WithHint(fault.Conflict("there are projects or people in "+a.Config.Data), "name a new directory with --data")
	}
	return err
}
