package archive

import "io"

// behind passes what is written on to another writer from a goroutine of its
// own, so that rows are read while the ones before are compressed and hashed.
type behind struct {
	full chan []byte
	free chan []byte
	done chan struct{}
	err  error // set before done is closed
}

func newBehind(w io.Writer) *behind {
	b := &behind{full: make(chan []byte, 2), free: make(chan []byte, 3), done: make(chan struct{})}
	for range cap(b.free) {
		b.free <- make([]byte, 0, 2*flushSize)
	}
	go func() {
		defer close(b.done)
		for buf := range b.full {
			if _, b.err = w.Write(buf); b.err != nil {
				return
			}
			b.free <- buf[:0]
		}
	}()
	return b
}

// Write takes p over. It returns the error of an earlier write.
func (b *behind) Write(p []byte) (int, error) {
	select {
	case <-b.done:
		return 0, b.err
	case buf := <-b.free:
		b.full <- append(buf, p...)
		return len(p), nil
	}
}

// Close waits until everything is written.
func (b *behind) Close() error {
	close(b.full)
	<-b.done
	return b.err
}
