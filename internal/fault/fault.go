// Package fault is the vocabulary of refusals.
//
// A service answers a request it cannot carry out with one of a few kinds of
// fault. Each edge (API, pages, commands) maps a kind to its own status in one
// place; any other error is internal: the client gets a reference number and
// the log gets the chain. Field errors are a code with parameters, so that the
// text is made at the edge, in the reader's language.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of refusal a fault is.
type Kind int

// Kinds, in the order of precedence in which a service reports them.
const (
	// Internal is the kind of every error that is not a Fault.
	KindInternal Kind = iota
	// KindUnauthenticated: nobody is signed in, or the credentials are wrong.
	KindUnauthenticated
	// KindNotFound: not there, or not visible to the actor; the two are not told apart.
	KindNotFound
	// KindForbidden: visible, but the actor may not do this.
	KindForbidden
	// KindConflict: the record changed meanwhile, or the action is already under way.
	KindConflict
	// KindInvalid: the input was refused; Fields says where.
	KindInvalid
	// KindTooMany: a limit on the number of attempts; RetryAfter says how long.
	KindTooMany
	// KindTooLarge: the input exceeds a size limit.
	KindTooLarge
	// KindUnsupported: the format of the input is not accepted.
	KindUnsupported
	// KindNoSpace: the disk is full. Nothing was saved; the operator is told by the log.
	KindNoSpace
)

// Field is the refusal of one field of an input.
type Field struct {
	// Name is the field's API name, such as "subject"; "base" concerns the whole.
	Name string
	// Code says what is wrong, such as "blank" or "too_long".
	Code string
	// Params completes the code, such as the limit that was exceeded.
	Params map[string]any
}

// Fault is a refusal with a kind. Message is a plain English sentence for
// logs and for edges without a catalogue entry.
type Fault struct {
	Kind       Kind
	Message    string
	Fields     []Field
	RetryAfter time.Duration
	// Hint tells an operator what to run or change; empty when there is nothing to add.
	Hint string
	// What names the thing that was not found, such as "work package".
	What string
	// Code refines the kind where an edge must tell cases apart, such as "backup_token_waiting".
	Code string
	// Key and Params are the catalogue's entry for a message with names or numbers
	// in it: its names and values in turn. Other messages are found by their English.
	Key    string
	Params []any
	err    error
}

func (f *Fault) Error() string {
	if len(f.Fields) == 0 {
		return f.Message
	}
	var b strings.Builder
	b.WriteString(f.Message)
	for i, fd := range f.Fields {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", fd.Name, fd.Code)
	}
	return b.String()
}

func (f *Fault) Unwrap() error { return f.err }

// Said names the catalogue's entry for the message of a fault.
func Said(err error, key string, params ...any) error {
	if f := Of(err); f != nil {
		f.Key, f.Params = key, params
	}
	return err
}

// NotFound says that what is not there or not visible to the actor.
func NotFound(what string) error {
	return &Fault{Kind: KindNotFound, What: what, Message: what + " not found"}
}

// Forbidden says that the actor may not do this.
func Forbidden(message string) error { return &Fault{Kind: KindForbidden, Message: message} }

// ForbiddenCode is Forbidden with a code for edges that word it themselves.
func ForbiddenCode(code, message string) error {
	return &Fault{Kind: KindForbidden, Code: code, Message: message}
}

// Unauthenticated says that nobody is signed in or that the credentials are wrong.
func Unauthenticated(message string) error {
	return &Fault{Kind: KindUnauthenticated, Message: message}
}

// Conflict says that the record changed meanwhile or that the action is under way already.
func Conflict(message string) error { return &Fault{Kind: KindConflict, Message: message} }

// Invalid refuses fields of the input. It returns nil when there are none, so
// that a rule can collect and return in one line.
func Invalid(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Fault{Kind: KindInvalid, Message: "invalid input", Fields: fields}
}

// InvalidField refuses one field with a code and no parameters.
func InvalidField(name, code string) error { return Invalid(Field{Name: name, Code: code}) }

// TooMany says that a limit was reached and when to try again.
func TooMany(message string, retryAfter time.Duration) error {
	return &Fault{Kind: KindTooMany, Message: message, RetryAfter: retryAfter}
}

// TooLarge says that the input exceeds a size limit.
func TooLarge(message string) error { return &Fault{Kind: KindTooLarge, Message: message} }

// Unsupported says that the format of the input is not accepted.
func Unsupported(message string) error { return &Fault{Kind: KindUnsupported, Message: message} }

// NoSpace says that err comes from a disk that is full or a quota that is used up.
func NoSpace(err error) error {
	return &Fault{Kind: KindNoSpace, Message: "the disk is full: " + err.Error(), Hint: "free space on the disk of the data directory", err: err}
}

// WithHint adds what an operator can do about err. It keeps the kind of a
// fault and gives any other error the kind Internal.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		c := *f
		c.Hint, c.err = hint, err
		if err.Error() != f.Error() {
			c.Message, c.Fields = err.Error(), f.Fields
		}
		return &c
	}
	return &Fault{Kind: KindInternal, Message: err.Error(), Hint: hint, err: err}
}

// KindOf returns the kind of err, KindInternal when it is no fault.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return KindInternal
}

// Is says whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Of returns the fault in err's chain, or nil.
func Of(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Fields returns the refused fields in err, none when it is not Invalid.
func Fields(err error) []Field {
	if f := Of(err); f != nil {
		return f.Fields
	}
	return nil
}

// HintOf returns the operator's hint in err, or "".
func HintOf(err error) string {
	if f := Of(err); f != nil {
		return f.Hint
	}
	return ""
}
