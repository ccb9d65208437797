// Package zipfile writes and reads large ZIP archives in little memory, and
// reads none that could mean two things.
//
// An archive is a row of entries, each a local header and data, followed by
// the directory, which repeats the headers, and the end records, which say
// where the directory is. Every fact is thus told twice, and programs differ
// in which of the two they believe; hostile archives live on the difference.
//
// Writer streams: it never seeks, its output depends on its input alone, and
// it keeps the directory in a temporary file, so that a million entries cost a
// few megabytes. Entries are stored or deflated. What is stored has its size
// and checksum in front, because a program that reads the archive as a stream
// cannot find the end of stored data otherwise. ZIP64 records appear where
// they are needed. A Sizer foretells the exact length of an archive.
//
// Reader checks the whole structure before it hands out the first entry, and
// reads the directory from the file again each time it is asked for, so that
// its memory does not grow with the archive. It accepts an archive only when
//
//   - the entries lie in the file in the order of the directory, without
//     overlap and without a byte between, before, or after them,
//   - each local header says what the directory says,
//   - the end records agree and are the last bytes of the file, without comment,
//   - names are relative, clean UTF-8 paths, unique whatever the case of their
//     letters, and none is both a file and a directory,
//   - entries are plain files, stored or deflated, neither encrypted nor linked,
//   - the declared sizes are within Limits.
//
// All usual writers put entries in the order of the directory, and that order
// makes the check for overlap a comparison with the entry before. An entry's
// data is checked against its declared size and CRC while it is read.
package zipfile

import (
	"errors"
	"fmt"
	"time"
)

// Method says how an entry's data is packed.
type Method uint16

// Methods that are read and written; all others are refused.
const (
	Stored   Method = 0
	Deflated Method = 8
)

// ErrLimit is in the chain of an Error about an archive that exceeds Limits,
// as opposed to one that is damaged or ambiguous.
var ErrLimit = errors.New("a limit is exceeded")

// Error says why an archive is refused.
type Error struct {
	// Entry is the name of the entry concerned, empty for the archive as a whole.
	Entry string
	// Reason is a sentence without its full stop, for the person who chose the archive.
	Reason string
	err    error
}

func (e *Error) Error() string {
	if e.Entry == "" {
		return "the ZIP archive is refused: " + e.Reason
	}
	return fmt.Sprintf("the ZIP archive is refused at %q: %s", e.Entry, e.Reason)
}

// Unwrap returns ErrLimit, the error of reading, or nil.
func (e *Error) Unwrap() error { return e.err }

func refuse(entry, format string, args ...any) error {
	return &Error{Entry: shown(entry), Reason: fmt.Sprintf(format, args...)}
}

func beyond(entry, format string, args ...any) error {
	return &Error{Entry: shown(entry), Reason: fmt.Sprintf(format, args...), err: ErrLimit}
}

// shown cuts a name to what a message can carry.
func shown(name string) string {
	const most = 200
	if len(name) > most {
		return name[:most] + "..."
	}
	return name
}

// Header names an entry to be written.
type Header struct {
	// Name is a relative path with slashes.
	Name string
	// Modified is written to the second, in UTC; zero is written as 1980-01-01.
	Modified time.Time
}
