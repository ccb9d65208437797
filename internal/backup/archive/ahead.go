package archive

import "io"

// aheadSize is how much is read ahead at once.
const aheadSize = 128 << 10

// ahead reads from r before it is asked to, by two pieces, so that unpacking and what is
// done with the content go on beside each other.
type ahead struct {
	full, free chan []byte
	over       chan error // what ended the reading, once full is closed
	enough     chan struct{}
	piece      []byte
	rest       []byte
	err        error
}

func newAhead(r io.ReadCloser) io.ReadCloser {
	a := &ahead{full: make(chan []byte), free: make(chan []byte, 3), over: make(chan error, 1), enough: make(chan struct{})}
	for range cap(a.free) - 1 {
		a.free <- make([]byte, aheadSize)
	}
	a.piece = make([]byte, 0, aheadSize)
	go func() {
		a.over <- a.pass(r)
		_ = r.Close() // only read
		close(a.full)
	}()
	return a
}

// pass reads until the end, or until nobody wants more.
func (a *ahead) pass(r io.Reader) error {
	for {
		var b []byte
		select {
		case b = <-a.free:
			b = b[:aheadSize]
		case <-a.enough: // Close gives no piece back
			return io.ErrClosedPipe
		}
		var n int
		var err error
		for n < len(b) && err == nil {
			var more int
			more, err = r.Read(b[n:])
			n += more
		}
		if n > 0 {
			select {
			case a.full <- b[:n]:
			case <-a.enough:
				return io.ErrClosedPipe
			}
		}
		if err != nil {
			return err
		}
	}
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.piece != nil {
			a.free <- a.piece
		}
		b, ok := <-a.full
		if a.piece, a.rest = b, b; !ok {
			a.err = <-a.over
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the reading and waits for it.
func (a *ahead) Close() error {
	close(a.enough)
	for range a.full {
	}
	return nil
}
