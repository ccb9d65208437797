package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/repo"
)

// EngineOptions say what goes into a backup.
type EngineOptions struct {
	// Attachments says whether the archive of the snapshot, whose size is told, has files.
	Attachments bool
	// Progress may be called often and from another goroutine; it returns at once.
	Progress func(Progress)
}

// Summary is what a snapshot holds.
type Summary struct {
	// Snapshot and SHA256 name it and its record.
	Snapshot, SHA256 string
	// Size is that of its archive, Added what was stored for it.
	Size, Added            int64
	Rows, Files, FileBytes int64
	Missing                []Missing
}

// Archive is the archive of a snapshot: the same bytes whenever it is written.
type Archive interface {
	Size() int64
	// WriteTo writes it from the given byte on.
	WriteTo(ctx context.Context, w io.Writer, from int64) error
}

// Engine makes snapshots, and archives of them.
type Engine interface {
	// Create takes one consistent snapshot. A file that cannot be read goes into Missing.
	Create(ctx context.Context, o EngineOptions) (Summary, error)
	// Open returns the archive of a snapshot.
	Open(ctx context.Context, snapshot string, attachments bool) (Archive, error)
	// Verify reads the archive at path, with an identity where it is encrypted, and
	// returns an error unless structure and seal are whole.
	Verify(ctx context.Context, path string, identities ...age.Identity) error
}

// Archiver is the Engine of an instance.
type Archiver struct {
	Source archive.Source
	Place  *Place
	// Program is the version of the program, for the manifest.
	Program string
	// TempDir takes small lists while a snapshot is taken; the system's when empty.
	TempDir string
}

// tightGC is the garbage collector's target while a backup runs: it passes large
// buffers on, and at the usual target the heap would be half empty.
const tightGC = 40

// Create takes a snapshot into the repository and checks that all it names is there.
func (e Archiver) Create(ctx context.Context, o EngineOptions) (Summary, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(tightGC))
	r, err := e.Place.Open(ctx)
	if err != nil {
		return Summary{}, err
	}
	snap, err := archive.Take(ctx, e.Source, r, archive.Options{
		Program: e.Program, TempDir: e.TempDir,
		Progress: func(p archive.Progress) {
			o.Progress(Progress{
				Phase: p.Step, Rows: p.Rows, RowsTotal: p.RowsTotal, Files: p.Files, FilesTotal: p.FilesTotal,
				Bytes: p.Bytes, BytesTotal: p.BytesTotal,
			})
		},
	})
	if err != nil {
		return Summary{}, err
	}
	report, err := r.Verify(ctx, repo.VerifyOptions{Snapshots: []string{snap.ID}})
	if err != nil {
		return Summary{}, err
	}
	if len(report.Problems) > 0 {
		return Summary{}, fmt.Errorf("the new snapshot %s is not whole: %s: %s", snap.ID, report.Problems[0].Object, report.Problems[0].Text)
	}
	return e.summary(ctx, r, snap, o.Attachments)
}

func (e Archiver) summary(ctx context.Context, r *repo.Repository, snap repo.Snapshot, attachments bool) (Summary, error) {
	st, err := archive.Load(r, snap, e.Source.Keys)
	if err != nil {
		return Summary{}, err
	}
	x, err := archive.NewExport(ctx, st, e.Source.Keys, attachments, e.TempDir)
	if err != nil {
		return Summary{}, err
	}
	out := Summary{Snapshot: snap.ID, SHA256: snap.Hash.String(), Size: x.Size(), Added: snap.Added, Rows: snap.Count}
	if attachments {
		out.Files, out.FileBytes = st.Seal.Files.Count, st.Seal.Files.Bytes
	}
	for _, m := range st.Seal.Missing {
		out.Missing = append(out.Missing, Missing{Name: m.Name, SHA256: m.SHA256, Reason: m.Reason})
	}
	return out, nil
}

// Open returns the archive of a snapshot.
func (e Archiver) Open(ctx context.Context, snapshot string, attachments bool) (Archive, error) {
	r, err := e.Place.Open(ctx)
	if err != nil {
		return nil, err
	}
	snap, err := r.Snapshot(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	st, err := archive.Load(r, snap, e.Source.Keys)
	if err != nil {
		return nil, err
	}
	return archive.NewExport(ctx, st, e.Source.Keys, attachments, e.TempDir)
}

// Verify reads the archive from end to end.
func (e Archiver) Verify(ctx context.Context, path string, identities ...age.Identity) error {
	a, err := archive.Open(ctx, path, e.Source.Keys, identities...)
	if err != nil {
		return err
	}
	return errors.Join(ctx.Err(), a.Close())
}
