// Package attachment keeps the files that people upload.
//
// An attachment is a record that names a blob and belongs to a container, such
// as a work package. Who may see a container may read its files; the container
// decides who may add and remove them. An upload without a container belongs
// to its author until a record claims it or a day has passed.
//
// Bytes are stored before the record that names them commits, and removed by
// Collect long after the last record that named them is gone, and never while
// a backup that may still need them runs.
package attachment

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Attachment is one uploaded file.
type Attachment struct {
	ID            id.Attachment `db:"id"`
	ContainerType *string       `db:"container_type"`
	ContainerID   *int64        `db:"container_id"`
	AuthorID      id.User       `db:"author_id"`
	AuthorName    string        `db:"author_name"`
	FileName      string        `db:"file_name"`
	ContentType   string        `db:"content_type"` // detected, not what the client said
	Size          int64         `db:"size"`
	SHA256        string        `db:"sha256"`
	MD5           string        `db:"md5"`
	Description   string        `db:"description"`
	CreatedAt     db.Time       `db:"created_at"`
	UpdatedAt     db.Time       `db:"updated_at"`
	// Deletable says whether the reader may delete it.
	Deletable bool `db:"-"`
}

const columns = `f.id, f.container_type, f.container_id, f.author_id, TRIM(u.firstname || ' ' || u.lastname) AS author_name,
	f.file_name, f.content_type, f.size, f.sha256, f.md5, f.description, f.created_at, f.updated_at`

const from = ` FROM attachments f JOIN users u ON u.id = f.author_id WHERE f.deleted_at IS NULL`

// Container answers for one kind of record that can hold files.
type Container interface {
	// Visible returns NotFound when the actor may not see the container.
	Visible(ctx context.Context, tx *db.Tx, a access.Actor, container int64) error
	// MayAttach returns Forbidden when the actor may not add and remove files.
	MayAttach(ctx context.Context, tx *db.Tx, a access.Actor, container int64) error
	// FilesChanged journals that the files of the container changed.
	FilesChanged(ctx context.Context, tx *db.Tx, a access.Actor, container int64) error
}

// Deps are what the service is built from.
type Deps struct {
	DB    *db.DB
	Blobs blob.Store
	// MaxSize is the largest upload in bytes, read at each upload.
	MaxSize func() int64
	// Kinds are the files that may be uploaded, as *.pdf, image/png or image/*; none allows all.
	Kinds func() []string
	Log   *slog.Logger
}

// Service offers everything that can be done with files.
type Service struct {
	db         *db.DB
	blobs      blob.Store
	maxSize    func() int64
	kinds      func() []string
	log        *slog.Logger
	containers map[string]Container
}

// New returns the service. Containers are registered before it is used.
func New(d Deps) *Service {
	return &Service{db: d.DB, blobs: d.Blobs, maxSize: d.MaxSize, kinds: d.Kinds, log: d.Log, containers: map[string]Container{}}
}

// Register says who answers for a kind of container.
func (s *Service) Register(kind string, c Container) { s.containers[kind] = c }

// Upload describes a file that is about to arrive.
type Upload struct {
	FileName    string
	Description string
	// ContainerType and ContainerID are where it belongs; empty for an upload to be claimed.
	ContainerType string
	ContainerID   int64
}

// Limits of texts, in characters.
const (
	maxName        = 255
	maxDescription = 10_000
)

// Create stores the bytes of r and records the file.
//
// Faults: Unauthenticated for visitors, NotFound and Forbidden as the
// container says, Invalid for a bad name or a kind that is not allowed, TooLarge
// beyond the limit. A body that breaks off leaves nothing behind.
func (s *Service) Create(ctx context.Context, a access.Actor, u Upload, r io.Reader) (*Attachment, error) {
	if err := s.mayUpload(ctx, a, &u); err != nil {
		return nil, err
	}
	body := bufio.NewReaderSize(r, detectBytes)
	head, _ := body.Peek(detectBytes) // what ends it early is met again by who reads on
	mime := mimetype.Detect(head).String()
	if kinds := s.allowed(); !Allowed(kinds, u.FileName, mime) {
		return nil, fault.Invalid(fault.Field{Name: "fileName", Code: "file_kind", Params: map[string]any{"kinds": strings.Join(kinds, ", ")}})
	}
	ref, err := s.blobs.Put(ctx, body, s.maxSize())
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return nil, &fault.Fault{
			Kind: fault.KindTooLarge, Code: "file_too_large",
			Message: fmt.Sprintf("the file is larger than the maximum of %d KB", s.maxSize()/1024),
			Key:     "fault.file_too_large", Params: []any{"size", s.maxSize() / 1024},
			Fields: []fault.Field{{Name: "file", Code: "too_large", Params: map[string]any{"count": s.maxSize()}}},
		}
	case err != nil:
		return nil, fmt.Errorf("upload %s: %w", u.FileName, err)
	}
	return db.Write(ctx, s.db, func(tx *db.Tx) (*Attachment, error) {
		if err := s.mayAttach(ctx, tx, a, u.ContainerType, u.ContainerID); err != nil {
			return nil, err
		}
		return s.insert(ctx, tx, a, u, ref, mime)
	})
}

// mayUpload refuses before the bytes are read.
func (s *Service) mayUpload(ctx context.Context, a access.Actor, u *Upload) error {
	if err := access.RequireSignedIn(a); err != nil {
		return err
	}
	name, code := CleanName(u.FileName)
	if code != "" {
		return fault.InvalidField("fileName", code)
	}
	u.FileName = name
	if utf8.RuneCountInString(u.Description) > maxDescription {
		return fault.Invalid(fault.Field{Name: "description", Code: "too_long", Params: map[string]any{"count": maxDescription}})
	}
	_, err := db.Read(ctx, s.db, func(tx *db.Tx) (struct{}, error) {
		return struct{}{}, s.mayAttach(ctx, tx, a, u.ContainerType, u.ContainerID)
	})
	return err
}

func (s *Service) mayAttach(ctx context.Context, tx *db.Tx, a access.Actor, kind string, container int64) error {
	if kind == "" {
		return mayUploadAnywhere(ctx, tx, a)
	}
	c, ok := s.containers[kind]
	if !ok {
		return fault.NotFound("container")
	}
	return c.MayAttach(ctx, tx, a, container)
}

// mayUploadAnywhere lets those upload who could claim the file somewhere.
func mayUploadAnywhere(ctx context.Context, tx *db.Tx, a access.Actor) error {
	for _, p := range []access.Permission{access.AddWorkPackages, access.EditWorkPackages, access.AddWorkPackageAttachments} {
		if ok, err := access.Allowed(ctx, tx, a, p, 0); ok || err != nil {
			return err
		}
	}
	return fault.Forbidden("you may not add files anywhere")
}

func (s *Service) insert(ctx context.Context, tx *db.Tx, a access.Actor, u Upload, ref blob.Ref, mime string) (*Attachment, error) {
	if _, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO blobs (sha256, size, created_at) VALUES (?, ?, ?)
		ON CONFLICT (sha256) DO UPDATE SET unreferenced_since = NULL`, ref.SHA256, ref.Size, tx.Stamp())); err != nil {
		return nil, err
	}
	if _, err := s.blobs.Stat(ctx, ref.SHA256); err != nil { // see remove
		return nil, fmt.Errorf("upload %s: send it again: %w", u.FileName, err)
	}
	var kind *string
	var container *int64
	if u.ContainerType != "" {
		kind, container = &u.ContainerType, &u.ContainerID
	}
	n, err := db.Insert[id.Attachment](ctx, tx, db.SQL(`INSERT INTO attachments (container_type, container_id, author_id, file_name,
		content_type, size, sha256, md5, description, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		kind, container, a.ID, u.FileName, mime, ref.Size, ref.SHA256, ref.MD5, u.Description, tx.Stamp(), tx.Stamp()))
	if err != nil {
		return nil, err
	}
	if u.ContainerType != "" {
		if err := s.containers[u.ContainerType].FilesChanged(ctx, tx, a, u.ContainerID); err != nil {
			return nil, err
		}
	}
	f, err := find(ctx, tx, n)
	f.Deletable = true
	return &f, err
}

func find(ctx context.Context, tx *db.Tx, file id.Attachment) (Attachment, error) {
	return db.Find[Attachment](ctx, tx, "attachment", db.SQL(`SELECT `+columns+from+` AND f.id = ?`, file))
}

// CleanName returns the last part of a file name without control characters,
// or the code of what is wrong with it.
func CleanName(name string) (string, string) {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name))
	switch {
	case name == "" || name == "." || name == ".." || name == "/":
		return "", "blank"
	case utf8.RuneCountInString(name) > maxName:
		return "", "too_long"
	}
	return name, ""
}

// detectBytes are looked at to detect the type of a file.
const detectBytes = 3072

func (s *Service) allowed() []string {
	if s.kinds == nil {
		return nil
	}
	return s.kinds()
}

// Allowed says whether the kinds, such as *.pdf, image/png or image/*, allow a file: by its
// name, or by the type that was detected. None allow all.
func Allowed(kinds []string, name, contentType string) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	for _, k := range kinds {
		ending, byName := strings.CutPrefix(k, "*")
		major, anyMinor := strings.CutSuffix(k, "*")
		switch {
		case byName && strings.HasSuffix(strings.ToLower(name), ending), k == contentType, anyMinor && strings.HasPrefix(contentType, major):
			return true
		}
	}
	return len(kinds) == 0
}

// unclaimedTime is how long an upload waits to be claimed.
const unclaimedTime = 24 * time.Hour
