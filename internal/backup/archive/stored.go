package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/secret"
)

// Stored is a snapshot in a repository, to be restored or exported.
type Stored struct {
	Head
	Snapshot repo.Snapshot
	meta     Meta
	repo     *repo.Repository
}

// Load reads what a snapshot says of itself. That nobody else wrote it is proven
// by the repository's seal; whether this instance did, by its fingerprint.
//
// Errors: ErrBroken.
func Load(r *repo.Repository, s repo.Snapshot, keys *secret.Keyring) (*Stored, error) {
	st := &Stored{Snapshot: s, repo: r}
	if err := json.Unmarshal(s.Meta, &st.meta); err != nil {
		return nil, broken("snapshot %s: %w", s.ID, err)
	}
	m := st.meta.Manifest
	if m.Format != Format || m.FormatVersion > FormatVersion {
		return nil, broken("snapshot %s has the format %q %d, which this program does not know", s.ID, m.Format, m.FormatVersion)
	}
	st.Manifest, st.Tables, st.Origin = m, st.meta.Tables, Foreign
	if m.Instance == fingerprint(keys) {
		st.Origin = Own
	}
	st.Seal = Seal{
		FormatVersion: FormatVersion, State: stateOf(st.meta.Missing), Entries: st.meta.Entries, Files: st.meta.Files,
		Missing: st.meta.Missing, Instance: m.Instance,
	}
	if err := st.schemaFits(); err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", s.ID, err)
	}
	for _, t := range st.Tables {
		if st.sealed(dataName(t.Name)).SHA256 == "" {
			return nil, broken("snapshot %s has no digest of table %s", s.ID, t.Name)
		}
	}
	return st, nil
}

func stateOf(missing []Missing) string {
	if len(missing) > 0 {
		return Incomplete
	}
	return Complete
}

// span returns the first key with the prefix and the first behind all of them.
func span(prefix string) (from, to []byte) {
	to = []byte(prefix)
	to[len(to)-1]++ // no prefix ends in 0xff
	return []byte(prefix), to
}

// rows returns the rows of a table.
func (s *Stored) rows(ctx context.Context, table string) (io.ReadCloser, error) {
	from, to := span(rowsKey + table + "\x00")
	return s.content(ctx, from, to), nil
}

// content reads what lies between two keys, as one text.
func (s *Stored) content(ctx context.Context, from, to []byte) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		err := s.repo.Read(ctx, s.Snapshot, from, to, repo.Reading{Chunk: func(b []byte) error {
			_, err := w.Write(b)
			return err
		}})
		w.CloseWithError(inSnapshot(s.Snapshot.ID, err))
	}()
	return r
}

func inSnapshot(id string, err error) error {
	if errors.Is(err, repo.ErrDamaged) {
		return broken("snapshot %s: %w", id, err)
	}
	return err
}

// files gives the files that are wanted, each to a goroutine that lives as long as it.
func (s *Stored) files(ctx context.Context, want func(string, int64) (bool, error), put func(string, io.Reader) error) error {
	f := &giving{want: want, put: put}
	err := s.repo.Read(ctx, s.Snapshot, []byte(filesKey), []byte(allFiles), repo.Reading{Want: f.wants, Entry: f.entry, Chunk: f.chunk})
	return inSnapshot(s.Snapshot.ID, f.end(err))
}

// giving turns pieces that come into files that are read.
type giving struct {
	want func(string, int64) (bool, error)
	put  func(string, io.Reader) error
	w    *io.PipeWriter
	done chan error
}

func (f *giving) wants(e *repo.Entry) (bool, error) { return f.want(shaOf(e), e.Size) }

func shaOf(e *repo.Entry) string { return hex.EncodeToString(e.Key[len(filesKey):]) }

func (f *giving) entry(e *repo.Entry) error {
	if err := f.end(nil); err != nil {
		return err
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	f.w, f.done = w, done
	go func() {
		err := f.put(shaOf(e), r)
		_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // never fails
		done <- err
	}()
	return nil
}

func (f *giving) chunk(b []byte) error {
	_, err := f.w.Write(b)
	return err
}

// end waits for the open file. An error of its reader is the cause of that of the writer.
func (f *giving) end(err error) error {
	if f.w == nil {
		return err
	}
	_ = f.w.CloseWithError(err) // never fails
	f.w = nil
	if perr := <-f.done; perr != nil && (err == nil || errors.Is(err, io.ErrClosedPipe)) {
		return perr
	}
	return err
}

// part returns the key range of an entry of an archive.
func part(name string) (from, to []byte) {
	if table, ok := strings.CutPrefix(name, "data/"); ok {
		return span(rowsKey + strings.TrimSuffix(table, ".jsonl") + "\x00")
	}
	return span(indexPrefix(name))
}
