package apiv3

import (
	"encoding/json"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/serve"
)

const jobStatuses = Root + "/job_statuses/"

func badRequest(message string) error {
	return &fault.Fault{Kind: fault.KindInvalid, Code: codeBadRequest, Message: message}
}

// createBackup requests a backup. The switch and the body are looked at before
// who is asking, as clients of the original expect.
func (s *API) createBackup(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	if !s.app.Backups.Enabled() {
		return fault.NotFound("resource")
	}
	body, err := s.decode(w, r, false)
	if err != nil {
		return err
	}
	in := backup.RequestInput{Attachments: true, Source: backup.SourceAPI}
	raw, ok := body["backupToken"]
	if !ok || json.Unmarshal(raw, &in.Token) != nil || isNull(raw) {
		return badRequest("Bad request: backupToken is missing or not a String")
	}
	if raw, ok := body["attachments"]; ok && (isNull(raw) || json.Unmarshal(raw, &in.Attachments) != nil) {
		return badRequest("Bad request: attachments is not a Boolean")
	}
	if a.Kind == access.Visitor {
		return fault.Unauthenticated("You need to be authenticated to access this resource.")
	}
	b, err := s.app.Backups.Request(r.Context(), a, in)
	if err != nil {
		return err
	}
	status := ""
	if b.JobStatusID != nil {
		status = *b.JobStatusID
	}
	o := hal.New("Backup")
	o.Str("jobStatusId", status)
	o.Link("job_status", jobStatuses+status, "Job status "+status)
	return respond(w, r, http.StatusAccepted, o)
}

func (s *API) backupContent(w http.ResponseWriter, r *http.Request, a access.Actor, n id.Backup) error {
	f, err := s.app.Backups.Download(r.Context(), a, n, backup.DownloadInput{Purpose: backup.APIKey})
	if fault.Is(err, fault.KindForbidden) {
		return fault.NotFound("attachment") // to everyone else there is none
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	serve.SendFile(w, r, serve.File{Name: f.Name, ContentType: "application/zip", Tag: f.Tag, Modified: f.Modified, Content: f})
	return nil
}

func (s *API) showJobStatus(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	st, err := s.app.JobStatus(r.Context(), a, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	o := hal.New("JobStatus")
	o.Str("jobId", st.ID)
	o.Str("status", st.Status)
	if st.Message == nil {
		o.Null("message")
	} else {
		o.Str("message", *st.Message)
	}
	if st.Payload == nil {
		o.Null("payload")
	} else {
		o.Raw("payload", hal.Doc(*st.Payload))
	}
	o.Link("self", jobStatuses+st.ID, "")
	return respond(w, r, http.StatusOK, o)
}
