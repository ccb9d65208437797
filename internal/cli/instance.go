package cli

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	texts "github.com/holdfast/holdfast/internal/message"
)

// lock is what locking and unlocking have in common.
func (s *session) lock(ctx context.Context, login, done string,
	change func(*account.Service, context.Context, access.Actor, id.User) (account.User, error),
) error {
	return s.withApp(ctx, func(a *app.App) error {
		u, err := a.Accounts.FindByLogin(ctx, s.operator(), login)
		if err != nil {
			return err
		}
		if u, err = change(a.Accounts, ctx, s.operator(), u.ID); err != nil {
			return err
		}
		return s.print(resultOf(u), "%s is %s\n", u.Login, done)
	})
}

type setupLinkCmd struct{}

// Run implements the command.
func (c *setupLinkCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		link, err := a.Accounts.SetupLink(ctx, a.Config.BaseURL().String())
		if err != nil {
			return err
		}
		return s.print(map[string]string{"link": link}, "%s\n", link)
	})
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Print a new API key, alone, on standard output. Exit code 3 for an unknown login."`
}

type tokenCreateCmd struct {
	User string `required:"" help:"Login name."`
	Name string `default:"command line" help:"What the key is for."`
}

// Run implements the command.
func (c *tokenCreateCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		_, key, err := a.Accounts.CreateKeyFor(ctx, s.operator(), c.User, c.Name)
		if err != nil {
			return err
		}
		return s.print(map[string]string{"token": key}, "%s\n", key)
	})
}

type migrateCmd struct{}

// Run implements the command. Opening an instance migrates it.
func (c *migrateCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		v, err := db.SchemaVersion(ctx, a.DB)
		if err != nil {
			return err
		}
		return s.print(map[string]int64{"schema": v}, "the database has schema version %d\n", v)
	})
}

type configCmd struct {
	Show configShowCmd `cmd:"" help:"Print every setting, its value and where that comes from; secrets are redacted."`
}

type configShowCmd struct{}

// Run implements the command.
func (c *configShowCmd) Run(s *session) error {
	cfg, err := s.load(nil)
	if err != nil {
		return err
	}
	if s.flags.JSON {
		return cfg.WriteJSON(s.Stdout)
	}
	return cfg.WriteTable(s.Stdout)
}

type versionCmd struct{}

// Run implements the command.
func (c *versionCmd) Run(s *session) error {
	b := s.Build
	if b.Version == "" {
		b.Version = "development"
	}
	schema, err := db.NewestSchema()
	if err != nil {
		return err
	}
	out := struct {
		Build
		Go     string `json:"go"`
		Schema int64  `json:"schema"`
	}{b, runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, schema}
	return s.print(out, "holdfast %s %s %s\n%s, schema %d\n", b.Version, b.Commit, b.Built, out.Go, schema)
}

type doctorCmd struct{}

// Run implements the command.
func (c *doctorCmd) Run(ctx context.Context, s *session) error {
	var failed error
	err := s.withApp(ctx, func(a *app.App) error {
		say := texts.In(texts.English)
		report := a.Report(ctx, say, time.UTC)
		failed = anyFailed(report.Findings)
		if s.flags.JSON {
			return s.print(report.Findings, "")
		}
		_, err := io.WriteString(s.Stdout, report.Text(say))
		return err
	})
	return errors.Join(err, failed)
}

func anyFailed(fs []app.Finding) error {
	for _, f := range fs {
		if f.State == app.Bad {
			return exitError(exitFailed)
		}
	}
	return nil
}
