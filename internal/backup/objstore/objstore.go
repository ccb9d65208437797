// Package objstore keeps the objects of a backup repository.
//
// A repository needs little of the place it lives in: objects of at most some
// megabytes that never change, written only where none is, and listed in the
// order of their names. A directory and an S3 bucket offer that; Probe proves
// what a place can really do before anything is trusted to it.
package objstore

import (
	"context"
	"errors"
	"time"
)

// Errors a store returns; test with errors.Is. Everything else is unexpected.
var (
	// ErrNotFound: there is no object of that name.
	ErrNotFound = errors.New("no such object")
	// ErrExists: the name is taken; the object there is as it was.
	ErrExists = errors.New("there is such an object already")
	// ErrFull: the place has no room, or a quota is used up.
	ErrFull = errors.New("the place for backups is full")
	// ErrNoNames: the place has room, but none for the names of further files. It is an ErrFull, too.
	ErrNoNames = errors.New("no names of files (inodes) are left")
	// ErrDenied: the credentials do not allow it.
	ErrDenied = errors.New("the place for backups refuses access")
	// ErrUnavailable: the place cannot be reached or is failing; it was tried several times.
	ErrUnavailable = errors.New("the place for backups cannot be reached")
	// ErrDamaged: what was read or stored is not what it should be.
	ErrDamaged = errors.New("an object in the place for backups is damaged")
)

// Info describes an object.
type Info struct {
	Name string
	Size int64
	// Modified is when it was stored, by the clock of the place.
	Modified time.Time
}

// Store keeps objects. Names are relative paths of ASCII letters, digits,
// ".", "-", "_" and "/". Implementations pass the suite of package objstoretest.
type Store interface {
	// Put stores data durably unless the name is taken, which is ErrExists.
	// After an error there is no partial object. When it is not known whether the
	// object was stored, Put looks: the same bytes there count as stored.
	Put(ctx context.Context, name string, data []byte) error
	// Get returns a whole object of at most limit bytes; a larger one is ErrDamaged.
	Get(ctx context.Context, name string, limit int64) ([]byte, error)
	// ReadAt fills p with the bytes from off; an object that ends before is ErrDamaged.
	ReadAt(ctx context.Context, name string, p []byte, off int64) error
	// Stat describes an object.
	Stat(ctx context.Context, name string) (Info, error)
	// List calls fn for each object whose name begins with prefix, in the order
	// of names, until fn returns an error, which it returns.
	List(ctx context.Context, prefix string, fn func(Info) error) error
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Now is the clock of the place, which may differ from ours.
	Now(ctx context.Context) (time.Time, error)
}
