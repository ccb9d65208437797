package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/zipfile"
)

// limits are what docs/backup-format.md promises: no file of a disk that could be
// backed up is larger than an entry, and no place of files larger than all of
// them. Rows that repeat themselves pack at any ratio; what is unpacked is never
// held, and what is restored is measured against the free space first.
var limits = zipfile.Limits{Entries: 10_000_000, NameLength: 1024, EntrySize: 16 << 40, TotalSize: 1 << 50, Ratio: zipfile.NoLimit}

// zipReader reads the entries of an archive.
type zipReader struct {
	f    *os.File
	z    *zipfile.Reader
	size int64
}

func openZip(path string, identities []age.Identity) (*zipReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r, size, err := decrypted(f, info.Size(), identities)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	z, err := readZip(r, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	z.f = f
	return z, nil
}

// ErrEncrypted: the archive is wrapped, and none of the keys given opens it.
var ErrEncrypted = errors.New("the archive is encrypted, and nothing that was given opens it")

// ageMark begins files that age encrypted.
const ageMark = "age-encryption.org/"

// decrypted unwraps an archive that is encrypted as a whole. It is read where it
// lies: nothing of it is written anywhere in the clear.
func decrypted(f io.ReaderAt, size int64, identities []age.Identity) (io.ReaderAt, int64, error) {
	mark := make([]byte, len(ageMark))
	if _, err := f.ReadAt(mark, 0); err != nil || string(mark) != ageMark {
		return f, size, nil // too short, or plain: the ZIP reader says what is wrong
	}
	if len(identities) == 0 {
		return nil, 0, fault.WithHint(ErrEncrypted, "give --identity or --passphrase-file")
	}
	r, n, err := age.DecryptReaderAt(f, size, identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, 0, fault.WithHint(ErrEncrypted, "look for the right identity or passphrase")
	}
	if err != nil {
		return nil, 0, broken("%w", err)
	}
	return r, n, nil
}

func readZip(r io.ReaderAt, size int64) (*zipReader, error) {
	z, err := zipfile.NewReader(r, size, zipfile.Options{Limits: limits})
	if err != nil {
		return nil, broken("%w", err)
	}
	return &zipReader{nil, z, size}, nil
}

// Close closes the file.
func (z *zipReader) Close() error { return z.f.Close() }

// Open returns the content of an entry.
func (z *zipReader) Open(name string) (io.ReadCloser, error) {
	e, err := z.z.Find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, broken("%s is missing", name)
	}
	if err != nil {
		return nil, broken("%w", err)
	}
	return e.Open()
}

// Content returns an entry that fits into memory.
func (z *zipReader) Content(name string, limit int64) ([]byte, error) {
	r, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, broken("%s: %w", name, err)
	}
	if int64(len(content)) > limit {
		return nil, broken("%s is larger than %d bytes", name, limit)
	}
	return content, nil
}

// Names calls fn with name and size of every entry in order.
func (z *zipReader) Names(ctx context.Context, fn func(e *zipfile.Entry) error) error {
	for e, err := range z.z.Entries() {
		if err != nil {
			return broken("%w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}
