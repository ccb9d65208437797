package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/kit"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/fault"
)

type backupKitCmd struct {
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Write it here, as a page to print when the name ends in .html. Default: standard output."`
	Revoke bool   `help:"End the kits issued before."`
}

// Run implements the command.
func (c *backupKitCmd) Run(ctx context.Context, s *session) error {
	if c.Output != "" {
		if _, err := os.Lstat(c.Output); !errors.Is(err, fs.ErrNotExist) {
			return fault.WithHint(fault.InvalidField("output", "taken"), "give a file that does not exist yet")
		}
	}
	return s.withApp(ctx, func(a *app.App) error {
		k, err := a.Backups.IssueKit(ctx, s.operator(), c.Revoke)
		if err != nil {
			return err
		}
		return c.write(s, k)
	})
}

func (c *backupKitCmd) write(s *session, k *kit.Kit) error {
	text := []byte(k.Text())
	if c.Output == "" {
		_, err := s.Stdout.Write(text)
		return err
	}
	if strings.HasSuffix(c.Output, ".html") {
		page, err := k.Page()
		if err != nil {
			return err
		}
		text = page
	}
	if err := os.WriteFile(c.Output, text, 0o600); err != nil {
		return err
	}
	return s.print(map[string]string{"file": c.Output, "snapshot": k.Snapshot},
		"%s: it has opened the snapshot %s. Print it, keep it where neither the server nor the repository is, and delete the file.\n", c.Output, k.Snapshot)
}

type recoverCmd struct {
	From     string `placeholder:"REPOSITORY" help:"Where the repository is: a directory or s3://bucket/prefix. Default: what the kit says."`
	Kit      string `required:"" type:"existingfile" placeholder:"FILE" help:"The recovery kit."`
	Snapshot string `default:"latest" help:"Which snapshot."`
	Database string `placeholder:"URL" help:"PostgreSQL to recover into. Default: SQLite in the data directory."`
}

// Help is the long help text.
func (c *recoverCmd) Help() string {
	return `Brings an instance back on an empty machine, from its backup repository and the recovery kit. Every row and every file is
compared with the snapshot, and the time it took is printed. Afterwards set HOLDFAST_BACKUP_REPOSITORY to the same
place, so that backups go on there.

Exit codes: 0 recovered, 1 failed and nothing left, 2 the kit is not one, 3 no such snapshot, 4 there is an instance already.`
}

// Run implements the command.
func (c *recoverCmd) Run(ctx context.Context, s *session) error {
	k, err := readKit(c.Kit)
	if err != nil {
		return err
	}
	from := c.From
	if from == "" {
		from = k.Location
	}
	if !strings.Contains(from, "://") { // it is going to be set for a server that starts elsewhere
		if from, err = filepath.Abs(from); err != nil {
			return err
		}
	}
	cfg, err := s.load(map[string]string{"backup.repository": from, "database.url": c.Database})
	if err != nil {
		return err
	}
	show := s.progress("recover")
	r, err := app.Rebuild(ctx, cfg, s.logger(cfg), k, c.Snapshot, s.Build.Version, archive.RestoreOptions{
		Progress: func(p archive.Progress) {
			show(p.Step, archive.Work(p.Rows, p.Bytes), archive.Work(p.RowsTotal, p.BytesTotal))
		},
	})
	show("", -1, -1)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return app.ErrNoBackup(c.Snapshot)
	}
	if err != nil {
		return interrupted(ctx, err, "there is no instance yet; the same command begins again")
	}
	if s.flags.JSON {
		return s.print(r, "")
	}
	if err := s.printReport(r.Report); err != nil {
		return err
	}
	fmt.Fprintf(s.Stdout, "Recovered from snapshot %s in %s.\n", r.Snapshot, r.Took.Round(10*time.Millisecond))
	if from != cfg.Data+"/repository" {
		fmt.Fprintf(s.Stdout, "Set HOLDFAST_BACKUP_REPOSITORY=%s, so that backups go on there.\n", from)
	}
	return nil
}

// maxKit bounds the file that is read as a kit. The page with its drawn code
// is about 80 KiB.
const maxKit = 2 << 20

func readKit(path string) (*kit.Kit, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // was only read
	text, err := io.ReadAll(io.LimitReader(f, maxKit))
	if err != nil {
		return nil, err
	}
	k, err := kit.Parse(bytes.TrimSpace(text))
	if err != nil {
		return nil, usageError{fault.WithHint(err, "compare it with the printed page, character by character")}
	}
	return k, nil
}
