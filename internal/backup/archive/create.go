package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"syscall"
	"time"

	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/zipfile"
)

// Source is what is backed up.
type Source struct {
	DB    *db.DB
	Blobs blob.Store
	Keys  *secret.Keyring
}

// Options adjust Create.
type Options struct {
	// Attachments includes the files. Leaving them out is recorded as a choice.
	Attachments bool
	// Progress is called now and then from Create's own goroutine.
	Progress func(Progress)
	// Program is the version of the program, for the manifest.
	Program string
	// TempDir is for the list of files and the ZIP directory; the system's when empty.
	TempDir string
}

// Progress is how far Create or Restore has come. Totals are known when the
// snapshot has been opened.
type Progress struct {
	Step              string
	Rows, RowsTotal   int64
	Files, FilesTotal int64
	Bytes, BytesTotal int64 // of the files
	Elapsed           time.Duration
	RowsPerSecond     float64
	BytesPerSecond    float64
}

// Summary is what Create made.
type Summary struct {
	State         string // Complete or Incomplete
	CreatedAt     time.Time
	SchemaVersion int64
	Tables        []TableSum
	Rows          int64
	Files         int64
	FileBytes     int64
	Missing       []Missing
	Size          int64  // of the whole archive
	SHA256        string // of the whole archive
}

// TableSum is the content of a table in short.
type TableSum struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Create writes an archive of src to w.
//
// The rows come from one snapshot, during which writers go on. The files are
// read after it; a pin keeps the collector from removing them meanwhile. The
// same snapshot gives the same bytes, apart from the instant in the manifest.
//
// An unreadable file does not end Create: the archive is Incomplete and names
// it. Every other error means that what was written is no archive.
func Create(ctx context.Context, src Source, w io.Writer, o Options) (Summary, error) {
	c := &creation{src: src, o: o, sum: sha256.New(), began: src.DB.Now()}
	c.out = bufio.NewWriterSize(io.MultiWriter(w, c.sum, &c.size), 256<<10)
	err := c.run(ctx)
	if err != nil {
		return Summary{}, explain(fmt.Errorf("create archive: %w", err))
	}
	s := c.result
	s.Size, s.SHA256 = int64(c.size), hex.EncodeToString(c.sum.Sum(nil))
	return s, nil
}

// explain adds what an operator can do about the common failures.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), db.IsFull(err):
		return fault.WithHint(err, "free space on the disk, or choose a directory on another one")
	case errors.Is(err, db.ErrWALBudget):
		return fault.WithHint(err, "try again when less is written, or onto a faster disk")
	}
	return err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// creation is one run of Create.
type creation struct {
	src    Source
	o      Options
	out    *bufio.Writer
	sum    hash.Hash
	size   counter
	began  time.Time
	zip    *zipfile.Writer
	seal   Seal
	result Summary
	prog   Progress
	list   *fileList
}

func (c *creation) run(ctx context.Context) (err error) {
	c.zip = zipfile.NewWriter(c.out, zipfile.WriterOptions{TempDir: c.o.TempDir})
	defer c.zip.Abort()
	if c.list, err = newFileList(c.o.TempDir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.list.Close()) }()
	if c.o.Attachments {
		unpin, err := pin(ctx, c.src.DB)
		if err != nil {
			return err
		}
		defer unpin()
	}
	if err := db.Snapshot(ctx, c.src.DB, c.snapshot); err != nil {
		return err
	}
	if err := c.files(ctx); err != nil {
		return err
	}
	if err := c.finish(); err != nil {
		return err
	}
	if err := c.zip.Close(); err != nil {
		return err
	}
	c.report("done")
	return c.out.Flush()
}

// snapshot writes everything that comes from the database.
func (c *creation) snapshot(ctx context.Context, tx *db.Tx) error {
	tables, err := present(ctx, tx)
	if err != nil {
		return err
	}
	m, err := c.manifest(ctx, tx, tables)
	if err != nil {
		return err
	}
	c.result.SchemaVersion, c.result.CreatedAt = m.SchemaVersion, tx.Now()
	c.prog.RowsTotal, c.prog.FilesTotal, c.prog.BytesTotal = m.Rows, m.Files, m.Bytes
	if err := c.document(manifestName, m); err != nil {
		return err
	}
	if err := c.entry(readmeName, func(w io.Writer) error { _, err := io.WriteString(w, readme); return err }); err != nil {
		return err
	}
	if err := c.document(schemaName, schema{m.SchemaVersion, tables}); err != nil {
		return err
	}
	for _, t := range tables {
		if err := c.table(ctx, tx, t); err != nil {
			return err
		}
	}
	return c.indexes(ctx, tx)
}

// schema is the entry schema/schema.json.
type schema struct {
	SchemaVersion int64   `json:"schema_version"`
	Tables        []Table `json:"tables"`
}

func (c *creation) table(ctx context.Context, tx *db.Tx, t Table) error {
	var rows int64
	err := c.entry(dataName(t.Name), func(w io.Writer) error {
		b := newBehind(w)
		n, err := writeRows(ctx, tx, t, b, func(n int64) {
			c.prog.Rows += n
			c.report(t.Name)
		})
		rows = n
		return errors.Join(err, b.Close())
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	last := c.seal.Entries[len(c.seal.Entries)-1]
	c.result.Tables = append(c.result.Tables, TableSum{t.Name, rows, last.SHA256})
	c.result.Rows += rows
	return nil
}

// document writes v as an entry of indented JSON.
func (c *creation) document(name string, v any) error {
	return c.entry(name, func(w io.Writer) error { return writeJSON(w, v) })
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// entry writes one compressed entry and notes its size and digest for the seal.
func (c *creation) entry(name string, fill func(io.Writer) error) error {
	w, err := c.zip.Create(zipfile.Header{Name: name})
	if err != nil {
		return err
	}
	sum, size := sha256.New(), counter(0)
	if err := fill(io.MultiWriter(w, sum, &size)); err != nil {
		return err
	}
	c.seal.Entries = append(c.seal.Entries, Entry{name, int64(size), hex.EncodeToString(sum.Sum(nil))})
	return w.Close()
}

func (c *creation) finish() error {
	c.seal.FormatVersion, c.seal.State, c.seal.Instance = FormatVersion, Complete, fingerprint(c.src.Keys)
	if len(c.seal.Missing) > 0 {
		c.seal.State = Incomplete
	}
	if c.seal.Missing == nil {
		c.seal.Missing = []Missing{}
	}
	var err error
	if c.seal.Signature, err = sign(c.src.Keys, c.seal); err != nil {
		return err
	}
	c.result.State, c.result.Missing = c.seal.State, c.seal.Missing
	c.result.Files, c.result.FileBytes = c.seal.Files.Count, c.seal.Files.Bytes
	w, err := c.zip.Create(zipfile.Header{Name: sealName})
	if err != nil {
		return err
	}
	if err := writeJSON(w, c.seal); err != nil {
		return err
	}
	return w.Close()
}

// report tells the caller how far the work is.
func (c *creation) report(step string) {
	if c.o.Progress == nil {
		return
	}
	c.prog.Step, c.prog.Elapsed = step, c.src.DB.Now().Sub(c.began)
	if s := c.prog.Elapsed.Seconds(); s > 0 {
		c.prog.RowsPerSecond, c.prog.BytesPerSecond = float64(c.prog.Rows)/s, float64(c.prog.Bytes)/s
	}
	c.o.Progress(c.prog)
}
