package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/secret"
)

// Source is what is backed up.
type Source struct {
	DB    *db.DB
	Blobs blob.Store
	Keys  *secret.Keyring
}

// Options adjust Take.
type Options struct {
	// Progress is called now and then.
	Progress func(Progress)
	// Program is the version of the program, for the manifest.
	Program string
	// TempDir is for the list of files; the system's when empty.
	TempDir string
}

// Progress is how far a backup or Restore has come. Totals are known when the
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

// rowWork is how many bytes of files take about as long as one row, which has to be
// read from the database or put into it.
const rowWork = 2 << 10

// Work says in one number how much so many rows and bytes of files are, for the
// share that is done and the time that is left.
func Work(rows, bytes int64) int64 { return rows*rowWork + bytes }

// TableSum is the content of a table in short.
type TableSum struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Meta is what a snapshot in a repository says of itself: all of an archive that
// is neither rows nor files.
type Meta struct {
	Manifest Manifest `json:"manifest"`
	Tables   []Table  `json:"tables"`
	// Entries are the digests of rows and indexes, in the order of an archive.
	Entries []Entry   `json:"entries"`
	Files   Files     `json:"files"`
	Missing []Missing `json:"missing"`
}

// Keys of the items of a snapshot: what an archive has as index/NAME and
// data/TABLE.jsonl in pieces, and files by their hash. Files come last, since
// they are read when the snapshot of the database is closed.
const (
	indexKey = "index/"
	rowsKey  = "rows/"
	filesKey = "sha256/"
	allFiles = "sha2560" // the key behind all files
)

// leafBytes ends a leaf that is large already.
const leafBytes = 1 << 20

// appendOnly are tables whose rows do not change: their leaves are larger.
var appendOnly = []string{"journals", "audit_entries"}

// Take makes a snapshot of src in the repository.
//
// The rows come from one snapshot of the database, during which writers go on. The
// files are read after it; a pin keeps the collector from removing them
// meanwhile. An unreadable file does not end Take: the snapshot is Incomplete and
// names it. Every other error means that there is no snapshot.
func Take(ctx context.Context, src Source, to *repo.Repository, o Options) (repo.Snapshot, error) {
	t := &taking{src: src, to: to, o: o, began: src.DB.Now()}
	unpin, err := pin(ctx, src.DB)
	if err != nil {
		return repo.Snapshot{}, explain(err)
	}
	defer unpin()
	if t.list, err = newFileList(o.TempDir); err != nil {
		return repo.Snapshot{}, explain(err)
	}
	s, err := to.Backup(ctx, t, repo.BackupOptions{})
	if err = errors.Join(err, t.list.Close()); err != nil {
		return repo.Snapshot{}, explain(err)
	}
	t.report("done")
	return s, nil
}

// Full says whether err means that something finds no room, in what words, and what an
// operator can do about it.
func Full(err error) (reason, hint string, full bool) {
	switch {
	case errors.Is(err, objstore.ErrNoNames):
		return "the disk has no names of files (inodes) left", "free space for names of files (inodes): remove small files from that disk, or choose a directory on another one", true
	case errors.Is(err, syscall.EDQUOT):
		return "the disk quota is used up", "raise the quota of the account that runs Holdfast, or choose a directory on another disk", true
	case errors.Is(err, syscall.EFBIG):
		return "a file would be larger than the system allows", "raise the limit on the size of files (ulimit -f, LimitFSIZE= of the unit), or choose a directory on another disk", true
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, objstore.ErrFull), db.IsFull(err):
		return "the disk is full", "free space on the disk, or choose a directory on another one", true
	}
	return "", "", false
}

// explain adds what an operator can do about the common failures.
func explain(err error) error {
	if _, hint, full := Full(err); full {
		return fault.WithHint(err, hint)
	}
	switch {
	case errors.Is(err, db.ErrWALBudget):
		return fault.WithHint(err, "try again when less is written, or onto a faster disk")
	}
	return err
}

// taking is one run of Take, and the repository's source.
type taking struct {
	src   Source
	to    *repo.Repository
	o     Options
	began time.Time
	meta  Meta
	prog  Progress
	list  *fileList
	// parent is the snapshot before, if there is one.
	parent *repo.Snapshot
	// beside are more transactions that see the same. again is one of its own for rows
	// that have to be read once more.
	beside []*db.Tx
	again  *db.Tx
}

// Parent implements repo.Comparer.
func (t *taking) Parent(s repo.Snapshot) { t.parent = &s }

// Items implements repo.Source.
func (t *taking) Items(ctx context.Context, put func(repo.Item) error) error {
	err := db.Snapshot(ctx, t.src.DB, func(ctx context.Context, tx *db.Tx) error { return t.snapshot(ctx, tx, put) })
	if err != nil {
		return err
	}
	return t.files(ctx, put)
}

// Meta implements repo.Source.
func (t *taking) Meta() (json.RawMessage, bool, error) {
	doc, err := json.Marshal(t.meta)
	return doc, len(t.meta.Missing) == 0, err
}

func (t *taking) snapshot(ctx context.Context, tx *db.Tx, put func(repo.Item) error) (err error) {
	more, end, err := db.Beside(ctx, tx, 1+min(runtime.NumCPU(), maxReaders))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	t.again, t.beside = more[0], more[1:]
	tables, err := present(ctx, tx)
	if err != nil {
		return err
	}
	t.meta = Meta{Tables: tables, Missing: []Missing{}}
	if t.meta.Manifest, err = t.manifest(ctx, tx, tables); err != nil {
		return err
	}
	m := t.meta.Manifest
	t.prog.RowsTotal, t.prog.FilesTotal, t.prog.BytesTotal = m.Rows, m.Files, m.Bytes
	index := []Entry{}
	for _, x := range indexes {
		e, err := t.index(ctx, tx, x, put)
		if err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
		index = append(index, e)
	}
	sums := map[string]Entry{}
	for _, table := range slices.SortedFunc(slices.Values(tables), func(a, b Table) int { return strings.Compare(a.Name, b.Name) }) {
		if sums[table.Name], err = t.table(ctx, tx, table, put); err != nil {
			return fmt.Errorf("table %s: %w", table.Name, err)
		}
	}
	for _, table := range tables {
		t.meta.Entries = append(t.meta.Entries, sums[table.Name])
	}
	t.meta.Entries = append(t.meta.Entries, index...)
	return nil
}

// table puts the rows of a table, leaf by leaf.
func (t *taking) table(ctx context.Context, tx *db.Tx, table Table, put func(repo.Item) error) (Entry, error) {
	s := newStream(put, func(rows int64) { t.prog.Rows += rows; t.report(table.Name) })
	var err error
	if table.Numbered() {
		err = t.spread(ctx, tx, table, s)
	} else {
		err = cut(ctx, t.again, table, db.Frag{}, func([]any) {}, s.item)
	}
	return s.entry(dataName(table.Name)), err
}

// cut puts the leaves of the rows of a table that meet the condition. see is called with each row.
func cut(ctx context.Context, tx *db.Tx, table Table, part db.Frag, see func(vals []any), put func(repo.Item) error) error {
	l := newLeaves(rowsKey+table.Name+"\x00", put)
	defer l.free()
	return l.end(eachRow(ctx, tx, table, part, func(vals []any) error {
		key, leaf, err := table.place(l.key, vals)
		if err != nil {
			return err
		}
		l.key = key
		if err := l.next(leaf); err != nil {
			return err
		}
		see(vals)
		if l.buf, err = appendRow(l.buf, table.Columns, vals); err != nil {
			return fmt.Errorf("row %v: %w", keyOf(table, vals), err)
		}
		return nil
	}))
}

// place returns the key of a row in the order of the table, and in which leaf it
// belongs: rows of one leaf have the same number, and neighbours another.
func (t Table) place(b []byte, vals []any) (key []byte, leaf int64, err error) {
	key = b[:0]
	for i, c := range t.Columns {
		if !slices.Contains(t.Key, c.Name) {
			continue
		}
		switch v := vals[i].(type) {
		case int64:
			key = binary.BigEndian.AppendUint64(key, uint64(v)^1<<63)
			leaf = v
		case string:
			key = append(append(key, v...), 0)
		case []byte:
			key = append(append(key, v...), 0)
		default:
			return key, 0, fmt.Errorf("a key of type %T", v)
		}
	}
	if t.Numbered() {
		return key, leaf >> leafBits(t), nil
	}
	return key, -1, nil
}

// leafBits says how many numbers a leaf covers, as a power of two.
func leafBits(t Table) int {
	if slices.Contains(appendOnly, t.Name) {
		return 12
	}
	return 8
}

// stream passes the leaves of a table on, and takes their digest as a whole.
type stream struct {
	put  func(repo.Item) error
	told func(rows int64)
	sum  hash.Hash
	size int64
}

func newStream(put func(repo.Item) error, told func(rows int64)) *stream {
	return &stream{put: put, told: told, sum: sha256.New()}
}

func (s *stream) item(i repo.Item) error {
	for p := range slices.Chunk(i.Data, flushSize/2) {
		s.sum.Write(p)
		runtime.Gosched()
	}
	s.size += int64(len(i.Data))
	err := s.put(i)
	s.told(i.Count)
	return err
}

func (s *stream) entry(name string) Entry {
	return Entry{Name: name, Size: s.size, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
}

// leaves collects rows into items of a snapshot. The key of a leaf is that of its
// first row. Where rows have no number, a leaf ends where the key of the last row
// says so, which does not depend on the rows before.
type leaves struct {
	prefix string
	put    func(repo.Item) error
	key    []byte // of the row that comes
	buf    []byte
	first  []byte
	leaf   int64
	ends   bool
	rows   int64
}

func newLeaves(prefix string, put func(repo.Item) error) *leaves {
	buf, _ := leafBuffers.Get().(*[]byte)
	return &leaves{prefix: prefix, put: put, buf: (*buf)[:0]}
}

// leafBuffers are used again: a table is read in many shares.
var leafBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}

// free gives the buffer back.
func (l *leaves) free() {
	if cap(l.buf) <= 4*leafBytes {
		leafBuffers.Put(&l.buf)
	}
}

// next makes room for the row with l.key in the leaf of the given number.
func (l *leaves) next(leaf int64) error {
	if l.rows > 0 && (leaf != l.leaf || l.ends || len(l.buf) >= leafBytes) {
		if err := l.flush(); err != nil {
			return err
		}
	}
	if l.rows == 0 {
		l.first = append(append(l.first[:0], l.prefix...), l.key...)
	}
	l.leaf, l.ends = leaf, leaf < 0 && crc32.ChecksumIEEE(l.key)&0xff == 0
	l.rows++
	return nil
}

func (l *leaves) flush() error {
	err := l.put(repo.Item{Key: l.first, Count: l.rows, Data: l.buf, Text: true})
	l.rows, l.buf = 0, l.buf[:0]
	return err
}

// end puts what is left.
func (l *leaves) end(err error) error {
	if err == nil && l.rows > 0 {
		err = l.flush()
	}
	return err
}

// files puts the files that the snapshot names.
func (t *taking) files(ctx context.Context, put func(repo.Item) error) error {
	sum := sha256.New()
	err := t.list.Each(func(sha string, size int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := size
		raw, err := hex.DecodeString(sha)
		if err != nil {
			return err
		}
		err = put(repo.Item{Key: append([]byte(filesKey), raw...), Immutable: true, Open: func() (io.ReadCloser, error) {
			return openProven(ctx, t.src.Blobs, sha, &n)
		}})
		t.prog.Files++
		t.prog.Bytes += size
		t.report("files")
		if errors.Is(err, repo.ErrSkip) {
			return t.missing(ctx, sha, size, err)
		}
		if err != nil {
			return fmt.Errorf("file %s: %w", sha, err)
		}
		t.meta.Files.Count++
		t.meta.Files.Bytes += n
		fmt.Fprintf(sum, "%s %d\n", sha, n)
		return nil
	})
	t.meta.Files.Digest = hex.EncodeToString(sum.Sum(nil))
	return err
}

func (t *taking) missing(ctx context.Context, sha string, size int64, why error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	name, err := db.Read(ctx, t.src.DB, func(tx *db.Tx) (string, error) {
		name, _, err := db.One[string](ctx, tx, db.SQL(`SELECT file_name FROM attachments WHERE sha256 = ? ORDER BY id LIMIT 1`, sha))
		return name, err
	})
	t.meta.Missing = append(t.meta.Missing, Missing{sha, size, name, unreadable(why)})
	return err
}

// checkedFile is a file of the store that proves to be what it is named at its end.
type checkedFile struct {
	io.ReadSeekCloser
	ctx  context.Context
	sum  hash.Hash
	want string
	n    *int64
}

// openProven opens a file for the backup. What cannot be read is to be skipped.
func openProven(ctx context.Context, store blob.Store, sha string, n *int64) (io.ReadCloser, error) {
	f, _, err := store.Open(ctx, sha)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", repo.ErrSkip, err)
	}
	*n = 0
	return &checkedFile{f, ctx, sha256.New(), sha, n}, nil
}

// Read implements io.Reader.
func (p *checkedFile) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.ReadSeekCloser.Read(b)
	p.sum.Write(b[:n])
	*p.n += int64(n)
	if errors.Is(err, io.EOF) && hex.EncodeToString(p.sum.Sum(nil)) != p.want {
		err = blob.ErrCorrupt
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", repo.ErrSkip, err)
	}
	return n, err
}

func (t *taking) report(step string) {
	if t.o.Progress == nil {
		return
	}
	t.prog.Step, t.prog.Elapsed = step, t.src.DB.Now().Sub(t.began)
	if s := t.prog.Elapsed.Seconds(); s > 0 {
		t.prog.RowsPerSecond, t.prog.BytesPerSecond = float64(t.prog.Rows)/s, float64(t.prog.Bytes)/s
	}
	t.o.Progress(t.prog)
}
