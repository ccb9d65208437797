package zipfile

import (
	"errors"
	"io"
	"os"
)

// spill keeps bytes in memory up to a limit and beyond it in a temporary file.
type spill struct {
	path  string
	limit int
	mem   []byte
	file  *os.File
}

func (s *spill) write(p []byte) error {
	s.mem = append(s.mem, p...)
	if len(s.mem) < s.limit {
		return nil
	}
	if s.file == nil {
		f, err := os.CreateTemp(s.path, "zip-directory-*")
		if err != nil {
			return err
		}
		s.file = f
	}
	_, err := s.file.Write(s.mem)
	s.mem = s.mem[:0]
	return err
}

func (s *spill) copyTo(w io.Writer) error {
	if s.file != nil {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(w, s.file); err != nil {
			return err
		}
	}
	_, err := w.Write(s.mem)
	return err
}

// close removes the file; what it held is of no use to anybody, nor are errors.
func (s *spill) close() {
	if s.file != nil {
		_ = errors.Join(s.file.Close(), os.Remove(s.file.Name()))
	}
	s.mem, s.file = nil, nil
}
