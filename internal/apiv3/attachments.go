package apiv3

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/serve"
)

func attachmentDoc(f attachment.Attachment) *hal.Object {
	o := hal.New("Attachment")
	o.Int("id", int64(f.ID))
	o.Str("fileName", f.FileName)
	o.Int("fileSize", f.Size)
	o.Formattable("description", hal.Plain, f.Description, string(markup.Plain(f.Description)))
	o.Str("status", "uploaded")
	o.Str("contentType", f.ContentType)
	digest := hal.New("")
	digest.Str("algorithm", "md5")
	digest.Str("hash", f.MD5)
	o.Object("digest", digest)
	o.Time("createdAt", f.CreatedAt.Time)
	o.To("self", to(attachments, f.ID), f.FileName)
	o.To("author", to(users, f.AuthorID), f.AuthorName)
	if f.ContainerID == nil {
		o.LinkNull("container")
	} else {
		o.To("container", hal.Path{Base: packages, ID: *f.ContainerID}, "")
	}
	o.To("downloadLocation", below(attachments, f.ID, "/content"), "")
	o.To("staticDownloadLocation", below(attachments, f.ID, "/content"), "")
	if f.Deletable {
		o.Action("delete", to(attachments, f.ID), "delete")
	}
	return o
}

func attachmentID(r *http.Request) (id.Attachment, error) {
	return id.Parse[id.Attachment]("attachment", chi.URLParam(r, "id"))
}

func (s *API) showAttachment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := attachmentID(r)
	if err != nil {
		return err
	}
	f, err := s.app.Attachments.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, attachmentDoc(*f))
}

func (s *API) deleteAttachment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := attachmentID(r)
	if err != nil {
		return err
	}
	if err := s.app.Attachments.Delete(r.Context(), a, n); err != nil {
		return err
	}
	return noContent(w)
}

// attachmentContent sends the file, or a finished backup, which clients know
// as an attachment too.
func (s *API) attachmentContent(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := attachmentID(r)
	if err != nil {
		return err
	}
	if b, ok := backup.FromAttachment(n); ok {
		return s.backupContent(w, r, a, b)
	}
	f, content, err := s.app.Attachments.Open(r.Context(), a, n)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // was only read
	serve.SendFile(w, r, serve.File{Name: f.FileName, ContentType: f.ContentType, Tag: f.SHA256, Modified: f.CreatedAt.Time, Content: content})
	return nil
}

func (s *API) listWorkPackageAttachments(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	files, err := s.app.Attachments.List(r.Context(), a, "WorkPackage", int64(n))
	if err != nil {
		return err
	}
	return list(w, r, files, attachmentDoc)
}

func (s *API) createAttachment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	return s.upload(w, r, a, attachment.Upload{})
}

func (s *API) createWorkPackageAttachment(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Find(r.Context(), a, n); err != nil {
		return err
	}
	return s.upload(w, r, a, attachment.Upload{ContainerType: "WorkPackage", ContainerID: int64(n)})
}

// maxMetadata bounds the JSON part of an upload.
const maxMetadata = 64 << 10

// metadata describes the file of an upload.
type metadata struct {
	FileName    string          `json:"fileName"`
	Description json.RawMessage `json:"description"`
}

// upload reads a multipart body. Its parts come in any order; a file that
// comes before its metadata waits in a temporary file.
func (s *API) upload(w http.ResponseWriter, r *http.Request, a access.Actor, up attachment.Upload) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return fault.Unsupported("Expected CONTENT-TYPE to be 'multipart/form-data'.")
	}
	limit := s.app.Config.Attachment.MaxSize.Bytes()
	r.Body = http.MaxBytesReader(w, r.Body, limit+2*maxMetadata)
	parts, err := r.MultipartReader()
	if err != nil {
		return bodyError("The request body is not a multipart form.")
	}
	var meta *metadata
	var waiting *os.File
	defer func() {
		if waiting != nil {
			_ = waiting.Close()
			_ = os.Remove(waiting.Name())
		}
	}()
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return brokenUpload(err, limit)
		}
		switch part.FormName() {
		case "metadata":
			if meta, err = readMetadata(part); err != nil {
				return err
			}
		case "file":
			if meta != nil {
				return s.store(w, r, a, up, meta, part)
			}
			if waiting, err = spool(part, limit); err != nil {
				return brokenUpload(err, limit)
			}
		}
	}
	if meta == nil || waiting == nil {
		return bodyError("The multipart form needs the parts metadata and file.")
	}
	return s.store(w, r, a, up, meta, waiting)
}

func brokenUpload(err error, limit int64) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fileTooLarge(limit)
	}
	return bodyError("The upload broke off.")
}

func fileTooLarge(limit int64) error {
	return &fault.Fault{
		Kind: fault.KindTooLarge, Message: "File is too large (maximum size is " + idText(limit) + " Bytes)",
		Fields: []fault.Field{{Name: "file", Code: "too_large"}},
	}
}

func readMetadata(part *multipart.Part) (*metadata, error) {
	data, err := io.ReadAll(io.LimitReader(part, maxMetadata+1))
	var m metadata
	if err != nil || len(data) > maxMetadata || !shallow(data) || json.Unmarshal(data, &m) != nil {
		return nil, bodyError("The part metadata is not a JSON object.")
	}
	return &m, nil
}

func spool(part io.Reader, limit int64) (*os.File, error) {
	f, err := os.CreateTemp("", "holdfast-upload-")
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(f, io.LimitReader(part, limit+1))
	if err == nil && n <= limit {
		_, err = f.Seek(0, io.SeekStart)
	} else if err == nil {
		err = &http.MaxBytesError{Limit: limit}
	}
	if err != nil {
		_ = f.Close()
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return f, nil
}

func (s *API) store(w http.ResponseWriter, r *http.Request, a access.Actor, up attachment.Upload, m *metadata, content io.Reader) error {
	up.FileName = m.FileName
	var text struct {
		Raw string `json:"raw"`
	}
	if len(m.Description) > 0 && json.Unmarshal(m.Description, &up.Description) != nil {
		if json.Unmarshal(m.Description, &text) != nil {
			return bodyError("The description in the part metadata is neither a text nor {\"raw\": \"...\"}.")
		}
		up.Description = text.Raw
	}
	f, err := s.app.Attachments.Create(r.Context(), a, up, content)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fileTooLarge(s.app.Config.Attachment.MaxSize.Bytes())
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return bodyError("The upload broke off.")
	}
	if err != nil {
		return err
	}
	return respond(w, r, http.StatusCreated, attachmentDoc(*f))
}
