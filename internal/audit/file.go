package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
)

// File is the log outside the database's reach: every entry is also appended to a
// file beside the data, so that whoever changes or replaces the database cannot
// take away what it once said.
//
// Entries are copied after their commit, in order; what a crash leaves out is
// copied at the next turn. Now and then a head is written, sealed with the log's
// key. When the database has no longer what the file has, because another one was put
// in its place, the file says where it went on from: nothing is ever removed from it.
type File struct {
	// Dir holds the files, each of at most some MiB.
	Dir string
	log *Log

	mu sync.Mutex
}

// NewFile returns the file of a log. Nothing is made before there is an entry.
func NewFile(dir string, l *Log) *File { return &File{Dir: dir, log: l} }

// Sizes and times of the file.
const (
	fileSize  = 16 << 20
	headEvery = 24 * time.Hour
	batch     = 500
	// lag is how long an entry may be missing in the file.
	lag = time.Hour
)

// line is one line of a file: one of the three.
type line struct {
	Entry   *Entry `json:"entry,omitempty"`
	Head    *mark  `json:"head,omitempty"`
	Restart *mark  `json:"restart,omitempty"`
}

// mark is a sealed statement about the chain: where it stood at an instant.
type mark struct {
	At   time.Time `json:"at"`
	ID   id.Audit  `json:"id"`
	Hash string    `json:"hash"`
	MAC  string    `json:"mac"`
}

func (l *Log) mark(kind string, at time.Time, e Entry) *mark {
	m := &mark{At: at.UTC().Truncate(time.Microsecond), ID: e.ID, Hash: e.Hash}
	m.MAC = l.seal(kind, m)
	return m
}

func (l *Log) seal(kind string, m *mark) string {
	h := hmac.New(sha256.New, l.key)
	fmt.Fprintf(h, "file %s %d %d %s", kind, m.At.UnixMicro(), m.ID, m.Hash)
	return hex.EncodeToString(h.Sum(nil))
}

// end is what the file ends with.
type end struct {
	id     id.Audit
	hash   string
	headAt time.Time
}

// Copy appends the entries of the database that the file lacks and returns how many.
func (f *File) Copy(ctx context.Context, d *db.DB) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, err := f.end()
	if err != nil {
		return 0, err
	}
	if last, err = f.goOn(ctx, d, last); err != nil {
		return 0, err
	}
	copied := 0
	for {
		page, err := db.Read(ctx, d, func(tx *db.Tx) ([]Entry, error) {
			return db.All[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM audit_entries WHERE id > ? ORDER BY id LIMIT ?`, last.id, batch))
		})
		if err != nil || len(page) == 0 {
			return copied, err
		}
		var lines []line
		for i := range page {
			lines = append(lines, line{Entry: &page[i]})
		}
		newest := page[len(page)-1]
		if now := d.Now(); now.Sub(last.headAt) >= headEvery {
			lines, last.headAt = append(lines, line{Head: f.log.mark("head", now, newest)}), now
		}
		if err := f.write(lines); err != nil {
			return copied, err
		}
		last.id, last.hash = newest.ID, newest.Hash
		copied += len(page)
	}
}

// goOn checks that the database has the entry the file ends with. Otherwise another
// database was put in its place: the file then says with which entry, of those
// it has, the new one ends.
func (f *File) goOn(ctx context.Context, d *db.DB, last end) (end, error) {
	if last.hash == "" {
		return last, nil
	}
	same, err := db.Read(ctx, d, func(tx *db.Tx) (bool, error) {
		_, ok, err := db.One[id.Audit](ctx, tx, db.SQL(`SELECT id FROM audit_entries WHERE id = ? AND hash = ?`, last.id, last.hash))
		return ok, err
	})
	if err != nil || same {
		return last, err
	}
	known := map[string]bool{}
	if err := f.each(func(_ string, _ int, l line) error {
		if l.Entry != nil {
			known[l.Entry.Hash] = true
		}
		return nil
	}); err != nil {
		return last, err
	}
	base, err := newestKnown(ctx, d, known)
	if err != nil {
		return last, err
	}
	last.id, last.hash = base.ID, base.Hash
	return last, f.write([]line{{Restart: f.log.mark("restart", d.Now(), base)}})
}

// newestKnown returns the newest entry of the database that the file has, or none.
func newestKnown(ctx context.Context, d *db.DB, known map[string]bool) (Entry, error) {
	before := id.Audit(1 << 62)
	for {
		page, err := db.Read(ctx, d, func(tx *db.Tx) ([]Entry, error) {
			return db.All[Entry](ctx, tx, db.SQL(`SELECT `+columns+` FROM audit_entries WHERE id < ? ORDER BY id DESC LIMIT ?`, before, batch))
		})
		if err != nil || len(page) == 0 {
			return Entry{}, err
		}
		for _, e := range page {
			if known[e.Hash] {
				return e, nil
			}
			before = e.ID
		}
	}
}

func (f *File) names() ([]string, error) {
	names, err := filepath.Glob(filepath.Join(f.Dir, "audit-*.jsonl"))
	slices.Sort(names)
	return names, err
}

// write appends lines durably.
func (f *File) write(lines []line) (err error) {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	out, err := f.current()
	if err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("audit file: %w", err)
		}
	}
	if err := errors.Join(w.Flush(), out.Sync()); err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	return nil
}

// current opens the newest file for appending, or begins one.
func (f *File) current() (*os.File, error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	name, n := filepath.Join(f.Dir, fmt.Sprintf("audit-%06d.jsonl", len(names)+1)), int64(0)
	if len(names) > 0 {
		if info, err := os.Stat(names[len(names)-1]); err == nil && info.Size() < fileSize {
			name, n = names[len(names)-1], info.Size()
		}
	}
	out, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil || n == 0 {
		return out, err
	}
	if err := dropHalf(out, n); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// dropHalf takes away the half line that a crash left at the end: it was never
// part of the log, and is written again.
func dropHalf(f *os.File, size int64) error {
	tail := make([]byte, min(size, 1<<20))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	if whole == len(tail) || whole == 0 && size > int64(len(tail)) {
		return nil // a line as long as that was written by nobody here
	}
	return f.Truncate(size - int64(len(tail)-whole))
}

// end reads what the file ends with.
func (f *File) end() (end, error) {
	var e end
	err := f.each(func(_ string, _ int, l line) error {
		switch {
		case l.Entry != nil:
			e.id, e.hash = l.Entry.ID, l.Entry.Hash
		case l.Restart != nil:
			e.id, e.hash = l.Restart.ID, l.Restart.Hash
		case l.Head != nil:
			e.headAt = l.Head.At
		}
		return nil
	})
	return e, err
}

// each calls fn for every line that is whole. One that is not, which a crash may
// leave, is an empty line to fn.
func (f *File) each(fn func(name string, n int, l line) error) error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := eachLine(name, fn); err != nil {
			return err
		}
	}
	return nil
}

func eachLine(name string, fn func(name string, n int, l line) error) error {
	in, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	defer func() { _ = in.Close() }() // was only read
	r := bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; n++ {
		text, err := r.ReadBytes('\n')
		if len(text) > 0 {
			var l line
			if json.Unmarshal(text, &l) != nil {
				l = line{}
			}
			if err := fn(filepath.Base(name), n, l); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("audit file: %w", err)
		}
	}
}
