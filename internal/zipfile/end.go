package zipfile

import (
	"bytes"
	"errors"
	"io"
	"math"
)

// ends is what the end records say.
type ends struct {
	n             int64
	start, length int64
}

// readEnds reads the end records, which must be the last bytes of the archive.
func readEnds(r io.ReaderAt, size int64) (ends, error) {
	tail := make([]byte, min(size, lenEnd+lenLocator64+lenEnd64))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return ends{}, err
	}
	if len(tail) < lenEnd {
		return ends{}, refuse("", "it is too short to be one")
	}
	end := tail[len(tail)-lenEnd:]
	if le.Uint32(end) != sigEnd || le.Uint16(end[20:]) != 0 {
		return ends{}, noEnd(r, size)
	}
	if le.Uint32(end[4:]) != 0 || le.Uint16(end[8:]) != le.Uint16(end[10:]) {
		return ends{}, refuse("", "it is one part of an archive in several")
	}
	e := ends{n: int64(le.Uint16(end[10:])), length: int64(le.Uint32(end[12:])), start: int64(le.Uint32(end[16:]))}
	at := size - lenEnd
	if before := tail[:len(tail)-lenEnd]; len(before) >= lenLocator64 && le.Uint32(before[len(before)-lenLocator64:]) == sigLocator64 {
		var err error
		if e, err = readEnd64(before, e, at-lenLocator64-lenEnd64); err != nil {
			return ends{}, err
		}
		at -= lenLocator64 + lenEnd64
	}
	if e.start > at || e.length != at-e.start {
		return ends{}, refuse("", "its directory does not reach to its end record: it is damaged, or something was put into it")
	}
	return e, nil
}

// readEnd64 reads the ZIP64 end record and its locator, the last bytes of
// before, which begin at offset at. short is what the plain end record says.
func readEnd64(before []byte, short ends, at int64) (ends, error) {
	if len(before) < lenEnd64+lenLocator64 {
		return ends{}, refuse("", "its ZIP64 end record is missing")
	}
	rec, loc := before[:lenEnd64], before[lenEnd64:]
	switch {
	case le.Uint64(loc[8:]) != uint64(at) || le.Uint32(rec) != sigEnd64 || le.Uint64(rec[4:]) != lenEnd64-12:
		return ends{}, refuse("", "its ZIP64 end record is not where it must be")
	case le.Uint32(loc[4:]) != 0 || le.Uint32(loc[16:]) != 1 || le.Uint64(rec[16:]) != 0 || le.Uint64(rec[24:]) != le.Uint64(rec[32:]):
		return ends{}, refuse("", "it is one part of an archive in several")
	}
	n, length, start := le.Uint64(rec[32:]), le.Uint64(rec[40:]), le.Uint64(rec[48:])
	if n > math.MaxInt64 || length > math.MaxInt64 || start > math.MaxInt64 {
		return ends{}, refuse("", "its ZIP64 end record has impossible numbers")
	}
	e := ends{n: int64(n), length: int64(length), start: int64(start)}
	if !agree(short.n, e.n, max16) || !agree(short.length, e.length, max32) || !agree(short.start, e.start, max32) {
		return ends{}, refuse("", "its two end records contradict each other")
	}
	return e, nil
}

// agree says whether a short field repeats the long one or points to it.
func agree(short, long, full int64) bool { return short == long || short == full }

// noEnd finds the reason why the archive does not end with its end record.
func noEnd(r io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, lenEnd+max16))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return err
	}
	if bytes.Contains(tail, le.AppendUint32(nil, sigEnd)) {
		return refuse("", "something follows its end record, such as a comment, which could hide a second one")
	}
	return refuse("", "its end is missing: it was cut off, or it is no ZIP archive")
}

// readFull reads p at offset; an archive that is shorter than its size was when
// it was opened is refused.
func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return unreadable("", err)
}

// unreadable reports an error of reading the archive itself.
func unreadable(entry string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Entry: shown(entry), Reason: "it cannot be read: " + err.Error(), err: err}
}
