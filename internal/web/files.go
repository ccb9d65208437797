package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// attach stores an uploaded file. A script is told in JSON how it went.
func (s *Site) attach(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	f, err := s.receiveFile(w, r, a, attachment.Upload{ContainerType: "WorkPackage", ContainerID: int64(n)})
	switch {
	case wantsJSON(r):
		return s.tellUpload(w, r, f, err)
	case refused(err) || fault.Is(err, fault.KindTooLarge):
		return s.packagePage(w, r, a, n, "", err)
	case err != nil:
		return err
	}
	return redirect(w, r, packageHref(n)+"?done=uploaded")
}

// upload stores a file for a work package that does not exist yet: the form that makes
// it takes it along. It is for scripts; without one, files follow once it is made.
func (s *Site) upload(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	f, err := s.receiveFile(w, r, a, attachment.Upload{})
	return s.tellUpload(w, r, f, err)
}

// receiveFile reads the file of a form as a stream; it is not kept in memory or in a
// temporary file of the form parser.
func (s *Site) receiveFile(w http.ResponseWriter, r *http.Request, a access.Actor, up attachment.Upload) (*attachment.Attachment, error) {
	r.Body = http.MaxBytesReader(w, r.Body, s.app.Config.Attachment.MaxSize.Bytes()+maxForm)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.Unsupported("the upload is not a multipart form")
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, fault.InvalidField("file", "blank")
		}
		if err != nil {
			return nil, fault.Unsupported("the upload broke off")
		}
		if part.FormName() == ui.WriterField {
			by, err := io.ReadAll(io.LimitReader(part, 32))
			if err != nil || ofAnother(string(by), a) {
				return nil, errOfAnother
			}
		}
		if part.FormName() == "file" {
			up.FileName = part.FileName()
			return s.app.Attachments.Create(r.Context(), a, up, part)
		}
	}
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

// uploaded is how a script learns of an upload: what is there now, or why it is not.
type uploaded struct {
	ID    id.Attachment `json:"id,omitempty"`
	Name  string        `json:"name,omitempty"`
	Href  string        `json:"href,omitempty"`
	Image bool          `json:"image,omitempty"`
	Error string        `json:"error,omitempty"`
}

func (s *Site) tellUpload(w http.ResponseWriter, r *http.Request, f *attachment.Attachment, err error) error {
	status, say := http.StatusCreated, uploaded{}
	switch {
	case err == nil:
		say = uploaded{ID: f.ID, Name: f.FileName, Href: fileHref(f.ID), Image: serve.Picture(f.ContentType)}
	case fault.Of(err) == nil || fault.Is(err, fault.KindUnauthenticated):
		return err
	default:
		status, say.Error = statusOf(err), speak(r).summary(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(say)
}

func fileHref(n id.Attachment) string { return "/attachments/" + strconv.FormatInt(int64(n), 10) }

func parseFile(r *http.Request) (id.Attachment, error) {
	return id.Parse[id.Attachment]("attachment", chi.URLParam(r, "id"))
}

func (s *Site) download(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parseFile(r)
	if err != nil {
		return err
	}
	f, content, err := s.app.Attachments.Open(r.Context(), a, n)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // was only read
	serve.SendFile(w, r, serve.File{Name: f.FileName, ContentType: f.ContentType, Tag: f.SHA256, Modified: f.CreatedAt.Time, Content: content})
	return nil
}

func (s *Site) confirmFileDelete(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	say := speak(r)
	n, err := parseFile(r)
	if err != nil {
		return err
	}
	f, err := s.app.Attachments.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	p := confirmPage{
		Page: s.frame(r, a, say.T("package.delete_file_title", "name", f.FileName)), Action: r.URL.Path, Cancel: containerHref(f), Submit: say.T("package.delete_file"),
		Text: say.T("package.file_goes_to_the_trash"),
	}
	p.Width, p.HideTitle = "narrow", true
	return s.ui.Render(w, http.StatusOK, "confirm", p)
}

func containerHref(f *attachment.Attachment) string {
	if f.ContainerID == nil {
		return "/"
	}
	return packageHref(id.WorkPackage(*f.ContainerID))
}

func (s *Site) deleteFile(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parseFile(r)
	if err != nil {
		return err
	}
	f, err := s.app.Attachments.Find(r.Context(), a, n)
	if err != nil {
		return err
	}
	if err := s.app.Attachments.Delete(r.Context(), a, n); err != nil {
		return err
	}
	return redirect(w, r, containerHref(f)+"?done=file_deleted")
}
