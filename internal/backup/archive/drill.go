package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
)

// DrillOptions adjust Drill.
type DrillOptions struct {
	Progress func(Progress)
	// SampleBytes bounds the files that are read back; 256 MiB when 0.
	SampleBytes int64
	// Try opens the application on the restored database and uses it.
	Try func(ctx context.Context, o db.Options) error
}

// DrillReport is what a drill proved.
type DrillReport struct {
	Snapshot string       `json:"snapshot,omitempty"`
	Tables   []TableProof `json:"tables"`
	Rows     int64        `json:"rows"`
	// Files were read back and are what they are named, of OfFiles.
	Files   int64 `json:"files"`
	OfFiles int64 `json:"of_files"`
	// Took is how long it was from nothing to a working application.
	Took time.Duration `json:"took"`
}

// drillPrefix begins the names of scratch databases. Nothing that is in use is
// named so, and nothing else is ever made or dropped by a drill.
const drillPrefix = "drill-"

// Drill restores the backup for real, into a scratch database beside the target's,
// and proves it: every table digest, the schema brought to the newest, foreign
// keys, a sample of the files, the application on top. Then the scratch database
// is dropped. The live one is not touched.
func Drill(ctx context.Context, b Backup, t Target, o DrillOptions) (_ DrillReport, err error) {
	if o.SampleBytes == 0 {
		o.SampleBytes = 256 << 20
	}
	r := &restoration{backup: b, head: b.head(), target: t, o: RestoreOptions{Progress: o.Progress}, now: clock(t.DB)}
	r.began = r.now()
	place, live, err := openPlace(ctx, t.DB)
	if err != nil {
		return DrillReport{}, fmt.Errorf("drill: %w", err)
	}
	r.place = place
	defer func() { err = errors.Join(err, place.close()) }()
	r.state = state{ID: newID(r.began), Live: live}
	r.state.Staged = scratch(t, live, r.state.ID)
	if r.state.Staged == live {
		return DrillReport{}, errors.New("drill: the scratch database would be the live one")
	}
	r.prog.RowsTotal = r.head.Manifest.Rows
	defer func() { err = errors.Join(err, place.drop(context.WithoutCancel(ctx), r.state.Staged)) }()
	report, err := r.drill(ctx, o)
	if err != nil {
		return report, explain(fmt.Errorf("drill: %w", err))
	}
	return report, nil
}

// scratch names the scratch database of a drill.
func scratch(t Target, live, id string) string {
	if t.DB.URL == "" {
		return filepath.Join(t.DataDir, drillPrefix+id+".db")
	}
	return beside(live, "drill") + id
}

func (r *restoration) drill(ctx context.Context, o DrillOptions) (DrillReport, error) {
	report := DrillReport{OfFiles: r.head.Seal.Files.Count, Rows: r.head.Manifest.Rows}
	if err := r.stageRows(ctx); err != nil {
		return report, err
	}
	report.Tables = r.result.Tables
	if err := r.sample(ctx, o.SampleBytes); err != nil {
		return report, err
	}
	report.Files = r.prog.Files
	opened := r.place.options(r.state.Staged)
	if err := r.gate().try(ctx, opened); err != nil {
		return report, fmt.Errorf("the restored database does not work: %w", err)
	}
	if o.Try != nil {
		if err := o.Try(ctx, opened); err != nil {
			return report, fmt.Errorf("the application does not work on the restored database: %w", err)
		}
	}
	report.Took = r.now().Sub(r.began)
	return report, nil
}

// sample reads files back, one in so many that the limit is about kept; which
// ones changes from day to day.
func (r *restoration) sample(ctx context.Context, limit int64) error {
	every := 1 + r.head.Seal.Files.Bytes/limit
	turn := r.began.Unix() / (24 * 60 * 60)
	n := int64(0)
	want := func(string, int64) (bool, error) { n++; return (n+turn)%every == 0, nil }
	return r.backup.files(ctx, want, func(sha string, src io.Reader) error {
		sum := sha256.New()
		if _, err := copyContext(ctx, sum, src); err != nil {
			return fmt.Errorf("file %s: %w", sha, err)
		}
		if hex.EncodeToString(sum.Sum(nil)) != sha {
			return fmt.Errorf("file %s: %w", sha, blob.ErrCorrupt)
		}
		r.report(stepFiles, Progress{Files: 1})
		return nil
	})
}

// RemoveScratch drops what drills that were killed have left.
func RemoveScratch(ctx context.Context, t Target) error {
	place, live, err := openPlace(ctx, t.DB)
	if err != nil {
		return err
	}
	defer func() { _ = place.close() }()
	names, err := scratches(ctx, place, t, live)
	for _, n := range names {
		err = errors.Join(err, place.drop(ctx, n))
	}
	return err
}

func scratches(ctx context.Context, p place, t Target, live string) ([]string, error) {
	if pg, ok := p.(schemas); ok {
		return db.Read(ctx, pg.d, func(tx *db.Tx) ([]string, error) {
			return db.All[string](ctx, tx, db.SQL(`SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?) ORDER BY nspname`, beside(live, "drill")))
		})
	}
	found, err := filepath.Glob(filepath.Join(literal(t.DataDir), drillPrefix+"*.db*"))
	var names []string
	for _, f := range found {
		name, _, _ := strings.Cut(f, ".db")
		names = append(names, name+".db")
	}
	return names, err
}
