package repo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
)

// ErrSkip ends the reading of an item's content without ending the backup: wrap
// the reason in it. The item is left out, and Put returns the error.
var ErrSkip = errors.New("the item is left out")

// Item is one content under one key.
type Item struct {
	// Key is at most 4 KiB; items come in the ascending order of their keys.
	Key []byte
	// Count is what the item counts for, such as its rows.
	Count int64
	// Data is the content, and may be used again when Put has returned. Where it
	// is nil, Open gives the content.
	Data []byte
	Open func() (io.ReadCloser, error)
	// Text says that the content is worth compressing; else a sample tells.
	Text bool
	// Immutable says that a content under this key never changes, so that one
	// that is in the parent need not be read again.
	Immutable bool
	// Unchanged says that the source has proven that the content under this key is
	// the one it has in the snapshot given to Parent. It is not read again, unless
	// what is stored of it is known to be damaged or gone.
	Unchanged bool
}

// Source gives the content of a snapshot.
type Source interface {
	// Items calls put for each item, in the ascending order of their keys. An
	// error of put that is not ErrSkip ends the backup and must be returned.
	Items(ctx context.Context, put func(Item) error) error
	// Meta is called after Items. The document is kept with the snapshot; complete
	// says that nothing was left out.
	Meta() (doc json.RawMessage, complete bool, err error)
}

// Comparer is a Source that proves for itself what did not change.
type Comparer interface {
	Source
	// Parent is called before Items with the snapshot that items can be Unchanged
	// since. It is not called when there is none.
	Parent(s Snapshot)
}

// Progress tells how far a backup is.
type Progress struct {
	Items, Count int64
	// Read is how much of the source was read, Added how much was stored.
	Read, Added int64
}
