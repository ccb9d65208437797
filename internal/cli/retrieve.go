package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/plural"
	"github.com/holdfast/holdfast/internal/retrieve"
)

// pieces are the flags that bring back one thing instead of the whole instance.
type pieces struct {
	WorkPackage int64  `placeholder:"ID" help:"Bring back this work package only, with its history, its watchers and its files."`
	Project     string `placeholder:"ID|IDENTIFIER" help:"Bring back this project only, with what is gone or in the trash of it."`
	File        int64  `placeholder:"ID" help:"Bring back this file (attachment) only, or save it with --output."`
	Everything  bool   `help:"With --project: set back what was changed since, too."`
	Output      string `short:"o" type:"path" placeholder:"FILE" help:"With --file: save the file there and change nothing."`
}

// wanted returns what is asked for; ok is false where it is the whole instance.
func (p *pieces) wanted() (w retrieve.Wanted, ok bool, err error) {
	n := 0
	if p.WorkPackage != 0 {
		w.Kind, w.ID, n = retrieve.WorkPackage, p.WorkPackage, n+1
	}
	if p.Project != "" {
		w.Kind, n = retrieve.Project, n+1
	}
	if p.File != 0 {
		w.Kind, w.ID, n = retrieve.File, p.File, n+1
	}
	switch {
	case n > 1:
		err = errors.New("give one of --work-package, --project and --file")
	case p.Everything && p.Project == "":
		err = errors.New("--everything goes with --project")
	case p.Output != "" && p.File == 0:
		err = errors.New("--output goes with --file")
	}
	if err != nil {
		err = usageError{err}
	}
	return w, n == 1, err
}

// piece brings back one thing, beside a running server.
func (c *restoreCmd) piece(ctx context.Context, s *session, w retrieve.Wanted) error {
	if c.Backup == "" {
		return usageError{errors.New("name a snapshot, or latest")}
	}
	w.Snapshot = c.Backup
	return s.withApp(ctx, func(a *app.App) error {
		if w.Kind == retrieve.Project {
			var err error
			if w.ID, err = a.Retrieve.FindProject(ctx, s.operator(), w.Snapshot, c.Project); err != nil {
				return err
			}
		}
		if c.Output != "" {
			return c.save(ctx, s, a, w)
		}
		p, err := a.Retrieve.Preview(ctx, s.operator(), w)
		if err != nil {
			return err
		}
		if c.DryRun {
			return s.printPreview(p)
		}
		show := s.progress("retrieve")
		r, err := a.Retrieve.Retrieve(ctx, s.operator(), w, retrieve.Choice{LockVersion: p.LockVersion, Everything: c.Everything},
			func(done int) { show("work packages", int64(done), int64(p.Contents.All)) })
		show("", -1, -1)
		if err != nil {
			return err
		}
		return s.printRetrieved(r)
	})
}

// save writes a file out; one that is not what it should be leaves nothing.
func (c *restoreCmd) save(ctx context.Context, s *session, a *app.App, w retrieve.Wanted) error {
	f, content, err := a.Retrieve.Open(ctx, s.operator(), w)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // was only read
	out, err := os.OpenFile(c.Output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return usageError{fmt.Errorf("%s is there already", c.Output)}
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(out, content)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Output))
	}
	return s.print(map[string]any{"file": c.Output, "name": f.FileName, "bytes": n, "sha256": f.SHA256}, "%s, %s, saved as %s\n", f.FileName, plural.Of(n, "byte"), c.Output)
}

func (s *session) printPreview(p retrieve.Preview) error {
	if s.flags.JSON {
		return s.print(p, "")
	}
	w := s.Stdout
	fmt.Fprintf(w, "%s %d, %q, in snapshot %s of %s\n", p.Kind, p.ID, p.Title, p.Snapshot, p.At.Format("2006-01-02 15:04 MST"))
	switch {
	case p.Same():
		fmt.Fprintln(w, "is the same now; nothing would change")
	case p.Gone:
		fmt.Fprintln(w, "is gone now, and would come back")
	case p.InTrash:
		fmt.Fprintln(w, "is in the trash now, and would come back")
	}
	for _, c := range p.Changes {
		fmt.Fprintf(w, "  %s: now %q, then %q\n", c.Label, c.Now, c.Then)
	}
	if p.History+p.Watchers+p.Members > 0 {
		fmt.Fprintf(w, "  with it: %s of its history, %s, %s\n", plural.Of(p.History, "entry", "entries"), plural.Of(p.Watchers, "watcher"), plural.Of(p.Members, "member"))
	}
	if p.Versions+p.Categories > 0 {
		fmt.Fprintf(w, "  gone now: %s, %s\n", plural.Of(p.Versions, "version"), plural.Of(p.Categories, "category", "categories"))
	}
	if c := p.Contents; c.All > 0 {
		fmt.Fprintf(w, "  %s then: %d gone now, %d in the trash, %d changed since\n", plural.Of(c.All, "work package"), c.Gone, c.InTrash, c.Changed)
	}
	for _, f := range p.Files {
		fmt.Fprintf(w, "  file %d, %s: %s now\n", f.ID, f.Name, f.Why)
	}
	for _, n := range p.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	return nil
}

func (s *session) printRetrieved(r retrieve.Result) error {
	err := s.print(r, "brought back: %s, %s with %s of history, %s, %s, %s, %s\n", plural.Of(r.Projects, "project"), plural.Of(r.WorkPackages, "work package"),
		plural.Of(r.Entries, "entry", "entries"), plural.Of(r.Files, "file"), plural.Of(r.Members, "member"),
		plural.Of(r.Versions, "version"), plural.Of(r.Categories, "category", "categories"))
	if s.flags.JSON {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintln(s.Stdout, "note:", n)
	}
	for _, f := range r.Failed {
		fmt.Fprintln(s.Stderr, "failed:", f)
	}
	if err == nil && len(r.Failed) > 0 {
		return exitError(1)
	}
	return err
}
