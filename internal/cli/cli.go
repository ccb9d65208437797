// Package cli is the command line: one file per command.
//
// Results go to standard output, progress and hints to standard error; --json
// prints one machine-readable result. Only main exits: commands return an error
// and exit.go turns its kind into the exit code.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/config"
)

// Build says what was built.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Built   string `json:"built"`
}

// Env is everything a command may touch of the process.
type Env struct {
	Args, Environ  []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Build          Build
}

// commands is the tree of commands.
type commands struct {
	Data     string `help:"Data directory. Default: ./holdfast-data, or HOLDFAST_DATA." placeholder:"DIR"`
	Config   string `help:"Configuration file. Default: holdfast.toml in the data directory." placeholder:"FILE"`
	LogLevel string `help:"debug, info, warn or error." placeholder:"LEVEL"`
	JSON     bool   `name:"json" help:"Print one machine-readable result."`

	Serve     serveCmd     `cmd:"" help:"Serve pages and API and carry out jobs. Makes the data directory at the first start."`
	SetupLink setupLinkCmd `cmd:"" help:"Print the one-time link that creates the first administrator."`
	User      userCmd      `cmd:"" help:"Operator's tools for accounts."`
	Token     tokenCmd     `cmd:"" help:"API keys."`
	Backup    backupCmd    `cmd:"" help:"Backups, as the operator of the server."`
	Restore   restoreCmd   `cmd:"" help:"Put the content of an archive in the place of an instance, or into an empty one."`
	Recover   recoverCmd   `cmd:"" help:"Rebuild an instance on an empty machine from its backup repository and the recovery kit."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the database to this program's schema."`
	Doctor    doctorCmd    `cmd:"" help:"Check the instance and say what to do about what is wrong."`
	ConfigCmd configCmd    `cmd:"" name:"config" help:"Settings."`
	Bench     benchCmd     `cmd:"" help:"Fill a new instance with made-up rows for measurements; the same options make the same rows."`
	Version   versionCmd   `cmd:"" help:"Say what was built."`
}

const description = `A project-management server in one binary.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 not there, 4 refused because of the present state,
5 not allowed, 130 interrupted. Every setting is also HOLDFAST_<NAME>; "holdfast config show" lists them.`

// session is what a running command has.
type session struct {
	Env
	flags *commands
}

// exitPanic carries kong's wish to end the process, after --help.
type exitPanic int

// Run carries out the command line and returns the exit code.
func Run(ctx context.Context, e Env) (code int) {
	var c commands
	parser, err := kong.New(&c, kong.Name("holdfast"), kong.Description(description), kong.Writers(e.Stdout, e.Stderr),
		kong.Exit(func(n int) { panic(exitPanic(n)) }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
	if err != nil {
		fmt.Fprintln(e.Stderr, "holdfast:", err)
		return exitFailed
	}
	defer func() {
		switch n := recover().(type) {
		case nil:
		case exitPanic:
			code = int(n)
		default:
			panic(n) // a defect must not look like success
		}
	}()
	args := e.Args
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err == nil {
		err = refuseEmpty(args)
	}
	if err != nil {
		fmt.Fprintln(e.Stderr, "holdfast:", err)
		fmt.Fprintln(e.Stderr, "Run holdfast --help, or holdfast COMMAND --help.")
		return exitUsage
	}
	s := &session{Env: e, flags: &c}
	k.BindTo(ctx, (*context.Context)(nil))
	switch name, _, _ := strings.Cut(k.Command(), " "); name {
	case "backup", "restore", "recover":
		defer bound()()
	}
	return s.report(ctx, k.Run(s))
}

// refuseEmpty refuses empty arguments: they come from variables that are not
// set, and --into "$DIR" must not mean the current directory.
func refuseEmpty(args []string) error {
	for i, a := range args {
		if name, value, ok := strings.Cut(a, "="); ok && value == "" && strings.HasPrefix(name, "-") {
			return fmt.Errorf("%s is empty; leave it out or give it a value", name)
		}
		if a == "" && i > 0 {
			return fmt.Errorf("what follows %s is empty; leave it out or give it a value", args[i-1])
		}
	}
	return nil
}

// load reads the configuration with the flags given.
func (s *session) load(more map[string]string) (*config.Config, error) {
	flags := map[string]string{}
	for key, v := range map[string]string{"data": s.flags.Data, "log.level": s.flags.LogLevel} {
		if v != "" {
			flags[key] = v
		}
	}
	for key, v := range more {
		if v != "" {
			flags[key] = v
		}
	}
	cfg, err := config.Load(config.Options{File: s.flags.Config, Environ: s.Environ, Flags: flags})
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// logger writes to standard error.
func (s *session) logger(cfg *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Log.Level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(s.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(s.Stderr, o))
}

// withApp opens an existing instance, calls fn and closes it.
func (s *session) withApp(ctx context.Context, fn func(a *app.App) error) error {
	cfg, err := s.load(nil)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, s.logger(cfg), app.Options{MustExist: true, Version: s.Build.Version})
	if err != nil {
		return err
	}
	return errors.Join(fn(a), a.Close())
}

// operator is the actor of commands, by the name of the account that runs them.
func (s *session) operator() access.Actor {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return access.Operator(name)
}

// print writes the result: v as JSON with --json, else the text.
func (s *session) print(v any, text string, args ...any) error {
	if s.flags.JSON {
		enc := json.NewEncoder(s.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	_, err := fmt.Fprintf(s.Stdout, text, args...)
	return err
}

// say tells a person at a terminal what takes its time now.
func (s *session) say(text string) {
	if s.interactive() && !s.flags.JSON {
		fmt.Fprintln(s.Stderr, text)
	}
}

// interactive says whether standard error is a terminal.
func (s *session) interactive() bool {
	f, ok := s.Stderr.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
