package hal

// ErrorName is the last part of an error's identifier. Clients switch on it.
type ErrorName string

// The names of errors.
const (
	InvalidQuery                     ErrorName = "InvalidQuery"
	InvalidSignal                    ErrorName = "InvalidSignal"
	InvalidRequestBody               ErrorName = "InvalidRequestBody"
	BadRequest                       ErrorName = "BadRequest"
	InvalidRenderContext             ErrorName = "InvalidRenderContext"
	InvalidUserStatusTransition      ErrorName = "InvalidUserStatusTransition"
	Unauthenticated                  ErrorName = "Unauthenticated"
	MissingPermission                ErrorName = "MissingPermission"
	NotFound                         ErrorName = "NotFound"
	UpdateConflict                   ErrorName = "UpdateConflict"
	TypeNotSupported                 ErrorName = "TypeNotSupported"
	PropertyConstraintViolation      ErrorName = "PropertyConstraintViolation"
	PropertyIsReadOnly               ErrorName = "PropertyIsReadOnly"
	PropertyFormatError              ErrorName = "PropertyFormatError"
	PropertyMissingError             ErrorName = "PropertyMissingError"
	PropertyValueNotAvailableAnymore ErrorName = "PropertyValueNotAvailableAnymore"
	ResourceTypeMismatch             ErrorName = "ResourceTypeMismatch"
	UnprocessableContent             ErrorName = "UnprocessableContent"
	TooManyRequests                  ErrorName = "TooManyRequests"
	InternalServerError              ErrorName = "InternalServerError"
	MultipleErrors                   ErrorName = "MultipleErrors"
)

const errorPrefix = "urn:openproject-org:api:v3:errors:"

var statuses = map[ErrorName]int{
	InvalidQuery: 400, InvalidSignal: 400, InvalidRequestBody: 400, BadRequest: 400,
	InvalidRenderContext: 400, InvalidUserStatusTransition: 400,
	Unauthenticated: 401, MissingPermission: 403, NotFound: 404, UpdateConflict: 409, TypeNotSupported: 415,
	PropertyConstraintViolation: 422, PropertyIsReadOnly: 422, PropertyFormatError: 422, PropertyMissingError: 422,
	PropertyValueNotAvailableAnymore: 422, ResourceTypeMismatch: 422, UnprocessableContent: 422, MultipleErrors: 422,
	TooManyRequests: 429, InternalServerError: 500,
}

// Error is an error document.
type Error struct {
	Name ErrorName
	// Message is a sentence in the reader's language.
	Message string
	// Attribute names the refused property, if it was one.
	Attribute string
	// Parts are the errors of a MultipleErrors.
	Parts []Error
}

// Errors joins errors into one: a single one stays as it is, several become a
// MultipleErrors with the given message. There must be at least one.
func Errors(message string, parts []Error) Error {
	if len(parts) == 1 {
		return parts[0]
	}
	return Error{Name: MultipleErrors, Message: message, Parts: parts}
}

// Identifier returns the URN that clients see.
func (e Error) Identifier() string { return errorPrefix + string(e.Name) }

// Status returns the HTTP status that goes with the error. Several errors have
// the status that their parts agree on, 422 when they do not.
func (e Error) Status() int {
	if e.Name == MultipleErrors && len(e.Parts) > 0 {
		status := e.Parts[0].Status()
		for _, p := range e.Parts[1:] {
			if p.Status() != status {
				return 422
			}
		}
		return status
	}
	if s, ok := statuses[e.Name]; ok {
		return s
	}
	return 500
}

// Object writes the document, so that a form can embed it.
func (e Error) Object() *Object {
	o := New("Error")
	o.Str("errorIdentifier", e.Identifier())
	o.Str("message", e.Message)
	if e.Attribute != "" {
		details := New("")
		details.Str("attribute", e.Attribute)
		o.Embed("details", details)
	}
	if len(e.Parts) > 0 {
		parts := make([]*Object, len(e.Parts))
		for i, p := range e.Parts {
			parts[i] = p.Object()
		}
		o.EmbedArray("errors", parts)
	}
	return o
}

// Doc writes the finished document.
func (e Error) Doc() Doc { return e.Object().Doc() }
