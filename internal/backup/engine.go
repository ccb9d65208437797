package backup

import (
	"context"
	"errors"
	"io"

	"github.com/holdfast/holdfast/internal/backup/archive"
)

// Archiver is the Engine of an instance.
type Archiver struct {
	Source archive.Source
	// Program is the version of the program, for the manifest.
	Program string
	// TempDir takes small lists while an archive is written; the system's when empty.
	TempDir string
}

// Create writes an archive of the instance.
func (e Archiver) Create(ctx context.Context, w io.Writer, o EngineOptions) (Summary, error) {
	sum, err := archive.Create(ctx, e.Source, w, archive.Options{
		Attachments: o.Attachments, Program: e.Program, TempDir: e.TempDir,
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
	out := Summary{Rows: sum.Rows, Files: sum.Files, FileBytes: sum.FileBytes}
	for _, m := range sum.Missing {
		out.Missing = append(out.Missing, Missing{SHA256: m.SHA256, Reason: m.Reason})
	}
	return out, nil
}

// Verify reads the archive from end to end.
func (e Archiver) Verify(ctx context.Context, path string) error {
	a, err := archive.Open(ctx, path, e.Source.Keys)
	if err != nil {
		return err
	}
	return errors.Join(ctx.Err(), a.Close())
}
