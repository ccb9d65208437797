package backup

import (
	"context"
	"errors"
	"io"
)

// stream reads an archive while it is being made, from wherever the reader wants.
// Nothing of it is kept, and nothing of the database is held open meanwhile.
type stream struct {
	ctx  context.Context // of the request, which every read belongs to
	a    Archive
	at   int64
	open *io.PipeReader
	done chan struct{}
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.open == nil {
		if s.at >= s.a.Size() {
			return 0, io.EOF
		}
		r, w := io.Pipe()
		s.open, s.done = r, make(chan struct{})
		go func(from int64, done chan struct{}) {
			defer close(done)
			_ = w.CloseWithError(s.a.WriteTo(s.ctx, w, from)) // never fails
		}(s.at, s.done)
	}
	n, err := s.open.Read(p)
	s.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (s *stream) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.a.Size()
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of an archive")
	}
	if offset != s.at {
		s.stop()
		s.at = offset
	}
	return offset, nil
}

func (s *stream) stop() {
	if s.open != nil {
		_ = s.open.Close() // never fails
		<-s.done
		s.open = nil
	}
}

// Close ends the making of the archive.
func (s *stream) Close() error {
	s.stop()
	return nil
}
