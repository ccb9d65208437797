// Command holdfast is a project-management server in one binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // people choose time zones, and not every machine knows them

	"github.com/holdfast/holdfast/internal/cli"
)

// Set by the build.
var version, commit, built string

func main() {
	syscall.Umask(0o077) // no other user of the machine reads databases, files and archives
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks twice does not want to wait: the second signal ends the process
	code := cli.Run(ctx, cli.Env{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Build: cli.Build{Version: version, Commit: commit, Built: built},
	})
	stop()
	os.Exit(code)
}
