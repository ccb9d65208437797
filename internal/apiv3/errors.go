package apiv3

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/hal"
	"github.com/holdfast/holdfast/internal/plural"
	"github.com/holdfast/holdfast/internal/serve"
)

// fail writes an error: the one place where faults become statuses.
func (s *API) fail(w http.ResponseWriter, r *http.Request, _ access.Actor, err error, ref string) {
	f := fault.Of(err)
	if f != nil && f.Code == codeContentType {
		http.Error(w, f.Message, http.StatusNotAcceptable)
		return
	}
	if f != nil && f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())+1))
	}
	if f != nil && f.Kind == fault.KindUnauthenticated {
		challenge(w, r, f)
	}
	e := errorOf(f, ref)
	status := e.Status()
	if f != nil && f.Kind == fault.KindTooLarge && len(f.Fields) == 0 {
		status = http.StatusRequestEntityTooLarge
	}
	if f != nil && f.Kind == fault.KindNoSpace {
		status = http.StatusInsufficientStorage
	}
	_ = write(w, r, status, e.Doc()) // writes to a client that may have gone
}

// challenge tells a client how to sign in, and where the API is described: the
// official command line recognises the server by it.
func challenge(w http.ResponseWriter, r *http.Request, f *fault.Fault) {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	bearer := `Bearer realm="OpenProject API", resource_metadata="` + scheme + r.Host + `/.well-known/oauth-protected-resource", scope="api_v3"`
	if f.Code == serve.CodeBadBearer {
		bearer += `, error="invalid_token"`
	}
	w.Header().Add("WWW-Authenticate", bearer)
	if f.Code == serve.CodeBadBasic {
		w.Header().Add("WWW-Authenticate", `Basic realm="OpenProject API"`)
	}
	w.Header().Set("Link", `</api/v3/openapi.json>; rel="service-desc"`)
}

func errorOf(f *fault.Fault, ref string) hal.Error {
	if f == nil {
		return hal.Error{Name: hal.InternalServerError, Message: "An internal error has occurred. Reference: " + ref}
	}
	switch f.Kind {
	case fault.KindUnauthenticated:
		return hal.Error{Name: hal.Unauthenticated, Message: capital(f.Message)}
	case fault.KindNotFound:
		return hal.Error{Name: hal.NotFound, Message: "The requested resource could not be found."}
	case fault.KindForbidden:
		if f.Code == account.CodeStatusTransition {
			return hal.Error{Name: hal.InvalidUserStatusTransition, Message: capital(f.Message)}
		}
		return hal.Error{Name: hal.MissingPermission, Message: capital(f.Message)}
	case fault.KindConflict:
		if f.Code == account.CodeStatusTransition {
			return hal.Error{Name: hal.InvalidUserStatusTransition, Message: capital(f.Message)}
		}
		message := "Could not update the resource because of conflicting modifications."
		if f.Code != "" {
			message = capital(f.Message)
		}
		return hal.Error{Name: hal.UpdateConflict, Message: message}
	case fault.KindTooMany:
		return hal.Error{Name: hal.TooManyRequests, Message: capital(f.Message)}
	case fault.KindUnsupported:
		return hal.Error{Name: hal.TypeNotSupported, Message: capital(f.Message)}
	case fault.KindTooLarge:
		return tooLarge(f)
	case fault.KindInvalid:
		return invalid(f)
	case fault.KindNoSpace:
		return hal.Error{Name: hal.InternalServerError, Message: "The disk of the server is full, nothing was saved. Reference: " + ref}
	case fault.KindInternal:
	}
	return hal.Error{Name: hal.InternalServerError, Message: "An internal error has occurred. Reference: " + ref}
}

func tooLarge(f *fault.Fault) hal.Error {
	e := hal.Error{Name: hal.PropertyConstraintViolation, Message: capital(f.Message)}
	if len(f.Fields) > 0 {
		e.Attribute = f.Fields[0].Name
	}
	return e
}

func invalid(f *fault.Fault) hal.Error {
	switch f.Code {
	case filter.CodeInvalidQuery:
		return hal.Error{Name: hal.InvalidQuery, Message: capital(f.Message)}
	case codeSignal:
		return hal.Error{Name: hal.InvalidSignal, Message: capital(f.Message)}
	case codeBody:
		return hal.Error{Name: hal.InvalidRequestBody, Message: f.Message}
	case codeBadRequest:
		return hal.Error{Name: hal.BadRequest, Message: f.Message}
	case account.CodeStatusTransition:
		return hal.Error{Name: hal.InvalidUserStatusTransition, Message: capital(f.Message)}
	}
	if len(f.Fields) == 0 {
		return hal.Error{Name: hal.UnprocessableContent, Message: capital(f.Message)}
	}
	parts := make([]hal.Error, len(f.Fields))
	for i, fd := range f.Fields {
		parts[i] = fieldError(fd)
	}
	return hal.Errors("Multiple field constraints have been violated.", parts)
}

// fieldError is the error document of one refused field.
func fieldError(f fault.Field) hal.Error {
	e := hal.Error{Name: hal.PropertyConstraintViolation, Attribute: f.Name, Message: label(f.Name) + " " + sentence(f)}
	switch f.Code {
	case "read_only", "status_read_only":
		e.Name = hal.PropertyIsReadOnly
	case codeFormat:
		e.Name = hal.PropertyFormatError
	case codeMismatch:
		e.Name = hal.ResourceTypeMismatch
	}
	if f.Name == "base" {
		e.Attribute, e.Message = "", capital(sentence(f))
	}
	return e
}

// sentences are the messages of codes.
var sentences = map[string]string{
	"blank":                "can't be blank.",
	"too_long":             "is too long (maximum is %v).",
	"too_short":            "is too short (minimum is %v).",
	"taken":                "has already been taken.",
	"invalid":              "is invalid.",
	"not_available":        "is not set to one of the allowed values.",
	"no_transition":        "is invalid because no valid transition exists from old to new status for the current user's roles.",
	"read_only":            "was attempted to be written but is not writable.",
	"status_read_only":     "can't be changed in the present status.",
	"out_of_range":         "is out of range.",
	"negative":             "must be greater than or equal to 0.",
	"before_start_date":    "must be greater than or equal to the start date.",
	"after_due_date":       "must be less than or equal to the finish date.",
	"does_not_match_dates": "does not match the dates.",
	"does_not_match_work":  "does not match work and remaining work.",
	"exceeds_work":         "can't be greater than work.",
	"start_and_due_differ": "start and finish of a milestone must be the same.",
	"self":                 "can't be the work package itself.",
	"descendant":           "can't be one of its own descendants.",
	"milestone":            "can't be a milestone.",
	"version_closed":       "can't be opened again, because the version is closed.",
	"file_kind":            "is of a kind that is not allowed here. Allowed: %kinds.",
	"version_in_use":       "the version cannot be deleted as it has %n planned for it.",
}

func sentence(f fault.Field) string {
	if f.Code == codeFormat || f.Code == codeMismatch {
		if want, ok := f.Params["expected"].(string); ok {
			return "expected to be " + want + "."
		}
	}
	t, ok := sentences[f.Code]
	if !ok {
		return "is invalid: " + strings.ReplaceAll(f.Code, "_", " ") + "."
	}
	if n, ok := f.Params["n"].(int); ok {
		t = strings.ReplaceAll(t, "%n", plural.Of(n, "work package"))
	}
	if kinds, ok := f.Params["kinds"].(string); ok {
		t = strings.ReplaceAll(t, "%kinds", kinds)
	}
	if v, ok := f.Params["count"]; ok {
		t = strings.ReplaceAll(t, "%v", characters(v))
	}
	return t
}

// characters words a limit of length.
func characters(v any) string {
	if n, ok := v.(int); ok {
		return plural.Of(n, "character")
	}
	return ""
}

// label is the English name of a property: dueDate is "Due date".
func label(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case i == 0:
			b.WriteString(strings.ToUpper(string(r)))
		case r >= 'A' && r <= 'Z':
			b.WriteByte(' ')
			b.WriteString(strings.ToLower(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func capital(s string) string {
	if s == "" {
		return s
	}
	out := strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(out, ".") {
		out += "."
	}
	return out
}
