package attachment

import (
	"context"
	"fmt"
	"io"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// Comparison is what bringing a saved file back changes, or has changed.
type Comparison struct {
	// Gone: there is no such file any more; InTrash: it is in the trash.
	Gone, InTrash bool
	// Bytes: its content is not in the store any more.
	Bytes bool
}

// Same says that nothing would change.
func (c Comparison) Same() bool { return !c.Gone && !c.InTrash && !c.Bytes }

// Compare says what Reinstate would do. Only administrators may.
//
// Faults: Forbidden; NotFound when what holds it is not there.
func (s *Service) Compare(ctx context.Context, a access.Actor, saved Attachment) (Comparison, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (Comparison, error) { return s.compare(ctx, tx, a, saved) })
}

func (s *Service) compare(ctx context.Context, tx *db.Tx, a access.Actor, saved Attachment) (c Comparison, err error) {
	if a.Kind != access.Machine {
		if err := access.RequireAdmin(a); err != nil {
			return c, err
		}
	}
	if saved.ContainerType == nil || saved.ContainerID == nil {
		return c, fault.Conflict("the file belonged to nothing")
	}
	holder, ok := s.containers[*saved.ContainerType]
	if !ok {
		return c, fault.NotFound("container")
	}
	if err := holder.Visible(ctx, tx, access.System("retrieve"), *saved.ContainerID); err != nil {
		return c, err
	}
	trashed, found, err := db.One[bool](ctx, tx, db.SQL(`SELECT deleted_at IS NOT NULL FROM attachments WHERE id = ?`, saved.ID))
	if err != nil {
		return c, err
	}
	c.Gone, c.InTrash = !found, trashed
	if _, err := s.blobs.Stat(ctx, saved.SHA256); err != nil {
		c.Bytes = true
	}
	return c, nil
}

// Reinstate brings a saved file back under its number: its bytes, which content
// gives and which must be what their hash says, and its record. It may be done twice.
//
// Faults: as Compare.
func (s *Service) Reinstate(ctx context.Context, a access.Actor, saved Attachment, content func() (io.ReadCloser, error)) (Comparison, error) {
	c, err := s.Compare(ctx, a, saved)
	if err != nil || c.Same() {
		return c, err
	}
	if c.Bytes {
		if err := s.putBack(ctx, saved, content); err != nil {
			return c, err
		}
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (Comparison, error) {
		c, err := s.compare(ctx, tx, a, saved)
		if err != nil {
			return c, err
		}
		return c, s.reinsert(ctx, tx, a, saved, c)
	})
}

func (s *Service) putBack(ctx context.Context, saved Attachment, content func() (io.ReadCloser, error)) error {
	r, err := content()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // was only read
	ref, err := s.blobs.Put(ctx, r, 0)
	if err == nil && ref.SHA256 != saved.SHA256 {
		err = blob.ErrCorrupt
	}
	if err != nil {
		return fmt.Errorf("bring back %s: %w", saved.FileName, err)
	}
	return nil
}

func (s *Service) reinsert(ctx context.Context, tx *db.Tx, a access.Actor, f Attachment, c Comparison) error {
	if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO blobs (sha256, size, created_at) VALUES (?, ?, ?)
		ON CONFLICT (sha256) DO UPDATE SET unreferenced_since = NULL`, f.SHA256, f.Size, tx.Stamp())); err != nil {
		return err
	}
	change := db.SQL(`UPDATE attachments SET deleted_at = NULL WHERE id = ?`, f.ID)
	if c.Gone {
		author := db.SQL(`(SELECT COALESCE((SELECT id FROM users WHERE id = ?), 3))`, f.AuthorID) // 3 stands for deleted users
		change = db.SQL(`INSERT INTO attachments (id, container_type, container_id, author_id, file_name, content_type, size, sha256, md5, description,
			created_at, updated_at) VALUES (?, ?, ?,`, f.ID, f.ContainerType, f.ContainerID).Append(author).
			Add(`, ?, ?, ?, ?, ?, ?, ?, ?)`, f.FileName, f.ContentType, f.Size, f.SHA256, f.MD5, f.Description, f.CreatedAt, tx.Stamp())
	}
	if _, err := db.Exec(ctx, tx, change); err != nil {
		return err
	}
	if !c.Gone && !c.InTrash {
		return nil // only its bytes were missing
	}
	return s.containers[*f.ContainerType].FilesChanged(ctx, tx, a, *f.ContainerID)
}
