package attachment

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Find returns the record of a file.
//
// Faults: NotFound when actor may not see its container, or, for an unclaimed
// upload, is not its author.
func (s *Service) Find(ctx context.Context, a access.Actor, file id.Attachment) (*Attachment, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*Attachment, error) { return s.visible(ctx, tx, a, file) })
}

func (s *Service) visible(ctx context.Context, tx *db.Tx, a access.Actor, file id.Attachment) (*Attachment, error) {
	f, err := find(ctx, tx, file)
	if err != nil {
		return nil, err
	}
	if f.ContainerType == nil {
		if f.AuthorID != a.ID || !a.SignedIn() {
			return nil, fault.NotFound("attachment")
		}
		f.Deletable = true
		return &f, nil
	}
	c, ok := s.containers[*f.ContainerType]
	if !ok || fault.Is(c.Visible(ctx, tx, a, *f.ContainerID), fault.KindNotFound) {
		return nil, fault.NotFound("attachment")
	}
	err = c.MayAttach(ctx, tx, a, *f.ContainerID)
	f.Deletable = err == nil
	if fault.KindOf(err) == fault.KindInternal && err != nil {
		return nil, err
	}
	return &f, nil
}

// Open returns a file's record and content, which the caller closes.
//
// Faults: as Find. A record whose bytes are gone is an internal error that
// names the blob.
func (s *Service) Open(ctx context.Context, a access.Actor, file id.Attachment) (*Attachment, io.ReadSeekCloser, error) {
	f, err := s.Find(ctx, a, file)
	if err != nil {
		return nil, nil, err
	}
	r, size, err := s.blobs.Open(ctx, f.SHA256)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return nil, nil, fmt.Errorf("attachment %d: its bytes (%s) are not in the file store", file, f.SHA256)
	case err != nil:
		return nil, nil, fmt.Errorf("attachment %d: %w", file, err)
	case size != f.Size:
		return nil, nil, errors.Join(fmt.Errorf("attachment %d: the store has %d bytes, the record says %d", file, size, f.Size), r.Close())
	}
	return f, r, nil
}

// List returns the files of a container, oldest first.
//
// Faults: NotFound when actor may not see the container.
func (s *Service) List(ctx context.Context, a access.Actor, kind string, container int64) ([]Attachment, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) ([]Attachment, error) {
		c, ok := s.containers[kind]
		if !ok {
			return nil, fault.NotFound("container")
		}
		if err := c.Visible(ctx, tx, a, container); err != nil {
			return nil, err
		}
		files, err := db.All[Attachment](ctx, tx, db.SQL(`SELECT `+columns+from+` AND f.container_type = ? AND f.container_id = ?
			ORDER BY f.id`, kind, container))
		if err != nil || len(files) == 0 {
			return nil, err
		}
		may := c.MayAttach(ctx, tx, a, container) == nil
		for i := range files {
			files[i].Deletable = may
		}
		return files, nil
	})
}

// Delete moves a file to the trash, from which it is purged with its bytes.
//
// Faults: NotFound when actor may not see it, Forbidden without the right.
func (s *Service) Delete(ctx context.Context, a access.Actor, file id.Attachment) error {
	return db.Do(ctx, s.db, func(tx *db.Tx) error {
		f, err := s.visible(ctx, tx, a, file)
		if err != nil {
			return err
		}
		if !f.Deletable {
			return fault.Forbidden("you are not allowed to delete this file")
		}
		if _, err := db.Exec(ctx, tx, db.SQL(`UPDATE attachments SET deleted_at = ?, updated_at = ? WHERE id = ?`, tx.Stamp(), tx.Stamp(), file)); err != nil {
			return err
		}
		if f.ContainerType == nil {
			return nil
		}
		return s.containers[*f.ContainerType].FilesChanged(ctx, tx, a, *f.ContainerID)
	})
}

// Claim gives the actor's unclaimed uploads a container, in the caller's
// transaction.
//
// Faults: Invalid when one of them is not an unclaimed upload of the actor.
func (s *Service) Claim(ctx context.Context, tx *db.Tx, a access.Actor, files []id.Attachment, kind string, container int64) error {
	for _, f := range files {
		n, err := db.Exec(ctx, tx, db.SQL(`UPDATE attachments SET container_type = ?, container_id = ?, updated_at = ?
			WHERE id = ? AND author_id = ? AND deleted_at IS NULL
			AND (container_type IS NULL OR container_type = ? AND container_id = ?)`,
			kind, container, tx.Stamp(), f, a.ID, kind, container))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.InvalidField("attachments", "not_available")
		}
	}
	return nil
}

// TrashAll moves the files of purged containers to the trash.
func (s *Service) TrashAll(ctx context.Context, tx *db.Tx, kind string, containers []int64) error {
	_, err := db.Exec(ctx, tx, db.SQL(`UPDATE attachments SET deleted_at = ? WHERE container_type = ? AND deleted_at IS NULL AND`,
		tx.Stamp(), kind).Append(db.In("container_id", containers)))
	return err
}
