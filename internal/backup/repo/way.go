package repo

import (
	"errors"
	"hash"
	"io"
	"runtime"
	"slices"
)

// turn is how much of a content is worked on at once: a fraction of a millisecond of
// hashing or compressing. Between two pieces whatever else is ready in this process
// goes first. A goroutine that never waits would keep a processor for 10 ms, and all
// those of a backup one after the other: a request that needs it a few times would wait
// for the sum (docs/decisions/0017-backups-beside-requests.md).
const turn = 32 << 10

// giveWay lets what is ready go first.
func giveWay() { runtime.Gosched() }

// hashInto is h.Write in pieces.
func hashInto(h hash.Hash, b []byte) {
	for p := range slices.Chunk(b, turn) {
		h.Write(p)
		giveWay()
	}
}

// readFull is io.ReadFull in pieces.
func readFull(in io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = io.ReadFull(in, b[n:min(n+turn, len(b))])
		n += more
		giveWay()
	}
	if errors.Is(err, io.EOF) && n > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
