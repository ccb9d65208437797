package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
)

// stepFiles is the step of a Progress that is about files.
const stepFiles = "files"

// stage builds the new state beside the live one and proves it equal to the
// backup: the rows here, the files meanwhile.
func (r *restoration) stage(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var ferr error
	done := make(chan struct{})
	defer func() { cancel(nil); <-done }()
	go func() {
		defer close(done)
		if ferr = r.files(ctx); ferr == nil {
			ferr = r.verifyFiles(ctx)
		}
		if ferr != nil {
			cancel(ferr)
		}
	}()
	err := r.stageRows(ctx)
	if err != nil {
		cancel(err)
	}
	<-done
	if err != nil && ferr != nil {
		return context.Cause(ctx) // of the first; the other one only stopped for it
	}
	return errors.Join(err, ferr)
}

// stageRows builds the new database, proves it equal to the backup and brings it
// to the newest schema.
func (r *restoration) stageRows(ctx context.Context) error {
	if err := r.place.make(ctx, r.state.Staged); err != nil {
		return err
	}
	o := r.place.options(r.state.Staged)
	if err := migrated(ctx, o, r.head.Manifest.SchemaVersion); err != nil {
		return err
	}
	if err := r.load(ctx, o); err != nil {
		return err
	}
	return migrated(ctx, o, 0)
}

// migrated brings the database to a schema version, 0 for the newest.
func migrated(ctx context.Context, o db.Options, to int64) error {
	d, err := db.Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx, d, db.MigrateOptions{To: to}), d.Close())
}

// load fills the new database and compares it with the backup, while the engine looks
// at it as a whole.
func (r *restoration) load(ctx context.Context, o db.Options) (err error) {
	l, err := db.OpenLoad(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, t := range r.head.Tables {
		if err := r.table(ctx, l, t); err != nil {
			return err
		}
		step("load " + t.Name)
	}
	if err := l.Finish(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.Check(ctx) })
	g.Go(func() error { return r.verifyRows(ctx, l) })
	return g.Wait()
}

func (r *restoration) table(ctx context.Context, l *db.Load, t Table) error {
	text, err := r.backup.rows(ctx, t.Name)
	if err != nil {
		return err
	}
	defer func() { _ = text.Close() }()
	lines := &lineReader{r: bufio.NewReaderSize(text, 256<<10)}
	parser, count := newRowParser(t.Columns), r.head.count(t.Name)
	n, err := l.Table(ctx, t.Name, t.names(), count.Rows, func() ([]db.Cell, error) {
		line, err := lines.next()
		if err != nil {
			return nil, err
		}
		if lines.n%reportRows == 0 {
			r.report(t.Name, Progress{Rows: reportRows})
		}
		row, err := parser.parse(line)
		if err != nil {
			return nil, broken("%s, line %d: %w", dataName(t.Name), lines.n, err)
		}
		return row, nil
	})
	if err != nil {
		return err
	}
	r.report(t.Name, Progress{Rows: n % reportRows})
	if n != count.Rows {
		return broken("%s has %d rows, the manifest says %d", dataName(t.Name), n, count.Rows)
	}
	if !t.Numbered() {
		return nil
	}
	return l.Sequence(ctx, t.Name, count.Sequence)
}

// lineReader returns lines up to maxRow long, each until the next one.
type lineReader struct {
	r    *bufio.Reader
	long []byte
	n    int
}

func (l *lineReader) next() ([]byte, error) {
	l.long = l.long[:0]
	l.n++
	for {
		part, err := l.r.ReadSlice('\n')
		switch {
		case len(l.long)+len(part) > maxRow:
			return nil, broken("line %d is longer than %d bytes", l.n, maxRow)
		case err == nil && len(l.long) == 0:
			return part[:len(part)-1], nil
		case err == nil:
			l.long = append(l.long, part...)
			return l.long[:len(l.long)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
		case errors.Is(err, io.EOF) && len(part)+len(l.long) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, broken("line %d has no end", l.n)
		default:
			return nil, err
		}
	}
}

// files adds the files of the archive to the store. Nothing is taken away,
// but a damaged file of the same name is replaced. What was not there before is
// listed first, so that it goes again when the restore is given up.
func (r *restoration) files(ctx context.Context) error {
	added, err := listAdded(r.target.DataDir)
	if err != nil {
		return err
	}
	batch := r.target.Blobs.Batch()
	err = r.addFiles(ctx, batch, added)
	if berr := batch.Close(); err == nil {
		err = berr
	}
	return errors.Join(err, added.Close())
}

func (r *restoration) addFiles(ctx context.Context, batch blob.Batch, added io.Writer) error {
	want := func(sha string, _ int64) (bool, error) {
		err := proven(ctx, r.target.Blobs, sha)
		switch {
		case errors.Is(err, blob.ErrNotFound):
			_, err = io.WriteString(added, sha+"\n")
			return err == nil, err
		case errors.Is(err, blob.ErrCorrupt):
			err = r.target.Blobs.Delete(ctx, sha)
			return err == nil, err
		case err != nil:
			return false, fmt.Errorf("file %s: %w", sha, err)
		}
		r.report(stepFiles, Progress{Files: 1})
		return false, nil
	}
	return r.backup.files(ctx, want, func(sha string, src io.Reader) error {
		size, err := batch.Put(ctx, sha, src)
		if err != nil {
			return fmt.Errorf("file %s: %w", sha, err)
		}
		r.report(stepFiles, Progress{Files: 1, Bytes: size})
		return nil
	})
}

// proven reads a file of the store and returns nil when its content is what its name says.
func proven(ctx context.Context, store blob.Store, sha string) error {
	f, _, err := store.Open(ctx, sha)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := copyContext(ctx, sum, f); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != sha {
		return blob.ErrCorrupt
	}
	return nil
}

// verifyRows recomputes every table's digest from the staged database and compares
// it with the backup.
func (r *restoration) verifyRows(ctx context.Context, l *db.Load) error {
	var got []TableSum
	err := l.Read(ctx, func(tx *db.Tx) (err error) {
		got, err = digests(ctx, tx, asStored(r.head.Tables), func(int64) { r.report("verify", Progress{}) })
		return err
	})
	if err != nil {
		return err
	}
	for i, want := range r.head.Sums() {
		r.result.Tables = append(r.result.Tables, TableProof{want, got[i]})
		if got[i] != want {
			return broken("table %s: restored %d rows with digest %s, the archive has %d with %s", want.Name, got[i].Rows, got[i].SHA256, want.Rows, want.SHA256)
		}
	}
	return nil
}

// asStored returns the tables with JSON that is not brought into its canonical form
// again: it was in it when it was loaded, and the digest shows whether it still is.
func asStored(tables []Table) []Table {
	tables = slices.Clone(tables)
	for i := range tables {
		cols := slices.Clone(tables[i].Columns)
		for j := range cols {
			if cols[j].Type == JSON {
				cols[j].Type = canonicalJSON
			}
		}
		tables[i].Columns = cols
	}
	return tables
}

// verifyFiles recomputes every file's hash from the store, several at once.
func (r *restoration) verifyFiles(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers())
	err := r.backup.files(ctx, func(sha string, size int64) (bool, error) {
		g.Go(func() error {
			if err := proven(ctx, r.target.Blobs, sha); err != nil {
				return fmt.Errorf("file %s after the restore: %w", sha, err)
			}
			return nil
		})
		r.result.Files++
		r.result.FileBytes += size
		return false, nil
	}, nil)
	if werr := g.Wait(); werr != nil { // for which the others stopped
		return werr
	}
	return err
}
