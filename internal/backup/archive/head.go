package archive

import (
	"context"
	"io"
	"slices"
	"strings"
)

// Head is what a backup says of itself.
type Head struct {
	Manifest Manifest
	Seal     Seal
	Tables   []Table
	Origin   Origin
}

// Backup is something that can be restored: an archive or a snapshot. What it
// gives is proven when it has been read to its end.
type Backup interface {
	head() *Head
	// rows returns the canonical lines of a table.
	rows(ctx context.Context, table string) (io.ReadCloser, error)
	// files asks want for every file in the order of hashes, and calls put with those that
	// are wanted, several of them at once.
	files(ctx context.Context, want func(sha string, size int64) (bool, error), put func(sha string, r io.Reader) error) error
}

// schema is the entry schema/schema.json.
type schema struct {
	SchemaVersion int64   `json:"schema_version"`
	Tables        []Table `json:"tables"`
}

// Sums returns number of rows and digest of every table.
func (h *Head) Sums() []TableSum {
	var out []TableSum
	for _, t := range h.Tables {
		e := h.sealed(dataName(t.Name))
		out = append(out, TableSum{t.Name, h.count(t.Name).Rows, e.SHA256})
	}
	return out
}

func (h *Head) sealed(name string) Entry {
	i := slices.IndexFunc(h.Seal.Entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}
	}
	return h.Seal.Entries[i]
}

// count returns what the manifest says of a table.
func (h *Head) count(table string) TableCount {
	i := slices.IndexFunc(h.Manifest.Tables, func(t TableCount) bool { return t.Name == table })
	if i < 0 {
		return TableCount{}
	}
	return h.Manifest.Tables[i]
}

func (h *Head) head() *Head { return h }

// rowBytes is the size of all rows and indexes.
func (h *Head) rowBytes() int64 {
	n := int64(0)
	for _, e := range h.Seal.Entries {
		if strings.HasPrefix(e.Name, "data/") || strings.HasPrefix(e.Name, "index/") {
			n += e.Size
		}
	}
	return n
}
