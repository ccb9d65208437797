// Package mail sends messages to one person each and renders their text.
//
// A Sender hands a Message to the configured server and says, when it was not accepted, whether a later
// attempt may succeed. Nothing is queued here: callers keep the message until Send returns nil.
//
// Promises: a line break in an address, subject or header is refused, so nobody can add headers or
// recipients; a password never travels without TLS except to the machine itself; an accepted message is
// never reported as failed because the goodbye went wrong.
package mail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// Address is a person's name and address.
type Address = mail.Address

// Message is what one person receives.
type Message struct {
	To      Address
	Subject string
	Text    string
	HTML    string            // optional, shown instead of Text by those who can
	Headers map[string]string // such as Message-ID, In-Reply-To, Auto-Submitted, List-Id
}

// ErrInvalid is returned, inside an Error that is not Temporary, for a message that must not be sent as it is.
var ErrInvalid = errors.New("message is not valid")

// Error says why a message was not accepted.
type Error struct {
	Temporary bool   // a later attempt may succeed: the server, the way to it or its settings are at fault
	Code      int    // SMTP reply code, 0 when the server did not answer
	Enhanced  string // enhanced status code such as "5.1.1", "" when there is none
	Err       error
}

// Error describes the failure for the log.
func (e *Error) Error() string { return "send mail: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether sending again later may succeed.
func Temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Temporary
}

func invalid(format string, args ...any) error {
	return &Error{Err: fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)}
}

// NewMessageID returns a Message-ID in the domain of the sender's address.
func NewMessageID(from string) string {
	domain := "localhost"
	if a, err := mail.ParseAddress(from); err == nil {
		domain = a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	return "<" + strings.ToLower(rand.Text()) + "@" + domain + ">"
}

// owned are headers that Message sets from its other fields, or that belong to the encoding.
var owned = map[string]bool{
	"From": true, "To": true, "Cc": true, "Bcc": true, "Subject": true, "Date": true, "Sender": true,
	"Return-Path": true, "Received": true, "Mime-Version": true,
}

var (
	headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,75}$`)
	messageID  = regexp.MustCompile(`^<[^<>@\s]+@[^<>@\s]+>$`)
)

// Check returns an Error around ErrInvalid for a message Send would refuse before talking to any server.
func (m Message) Check() error {
	a, err := mail.ParseAddress(m.To.Address)
	switch {
	case m.To.Address == "" || err != nil || a.Address != m.To.Address || !oneLine(m.To.Address):
		return invalid("%q is not a mail address", m.To.Address)
	case !oneLine(m.To.Name):
		return invalid("the recipient's name contains a control character")
	case m.Subject == "" || !oneLine(m.Subject):
		return invalid("the subject is empty or contains a control character")
	case m.Text == "":
		return invalid("there is no text")
	}
	for name, value := range m.Headers {
		if err := checkHeader(name, value); err != nil {
			return err
		}
	}
	return nil
}

func checkHeader(name, value string) error {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !headerName.MatchString(name):
		return invalid("%q cannot name a header", name)
	case owned[canonical] || strings.HasPrefix(canonical, "Content-"):
		return invalid("the header %s is not free to set", canonical)
	case value == "" || !oneLine(value):
		return invalid("the header %s is empty or contains a control character", canonical)
	case canonical == "Message-Id" && !messageID.MatchString(value):
		return invalid("%q is not a Message-ID", value)
	}
	return nil
}

func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// build turns the message into the library's form.
func (m Message) build(from *Address) (*gomail.Msg, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	to := m.To
	msg.ToMailAddress(&to)
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetMessageIDWithValue(strings.Trim(NewMessageID(from.Address), "<>"))
	for name, value := range m.Headers {
		if textproto.CanonicalMIMEHeaderKey(name) == "Message-Id" {
			msg.SetMessageIDWithValue(strings.Trim(value, "<>"))
			continue
		}
		msg.SetGenHeader(gomail.Header(textproto.CanonicalMIMEHeaderKey(name)), value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}
