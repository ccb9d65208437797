// Package href reads the addresses that clients send to name a resource.
//
// A write names other resources by address: /api/v3/users/5. Clients also send
// whole URLs, addresses below the path an installation lives at, percent-encoded
// parts, project identifiers in place of ids, and workspaces for projects. All
// of these mean the same resource and come out as one Ref.
package href

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	root        = "api/v3/"
	undisclosed = "urn:openproject-org:api:v3:undisclosed"
	maxBytes    = 2000
)

// ErrFormat is the error of a text that is no address of a resource of API v3.
var ErrFormat = errors.New("not the address of a resource below /api/v3")

// MismatchError says that an address leads to another kind of resource than expected.
type MismatchError struct {
	Got      string
	Expected []string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("expected an address of %s, got one of %s", strings.Join(e.Expected, " or "), e.Got)
}

// Ref is the resource that an address leads to.
type Ref struct {
	// Resource is the path between the root and the last part, such as
	// "users" or "time_entries/activities". Workspaces are "projects".
	Resource string
	// ID is the last part as a number, 0 when Name is to be looked up instead.
	ID int64
	// Name is the last part when it is no id: an identifier such as "demo",
	// "me", or the name of a form or a schema.
	Name string
	// Undisclosed is set for the placeholder of what the reader may not see;
	// sending it back means to leave the value as it is.
	Undisclosed bool
}

// Is says whether the address leads to one of the resources.
func (r Ref) Is(resources ...string) bool { return slices.Contains(resources, r.Resource) }

// Last returns the last part of the address: the id or the name.
func (r Ref) Last() string {
	if r.Name != "" {
		return r.Name
	}
	return strconv.FormatInt(r.ID, 10)
}

// Parse reads an address.
func Parse(s string) (Ref, error) {
	if s == undisclosed {
		return Ref{Undisclosed: true}, nil
	}
	segments, ok := split(s)
	if !ok {
		return Ref{}, fmt.Errorf("%.60q: %w", s, ErrFormat)
	}
	last := segments[len(segments)-1]
	r := Ref{Resource: strings.Join(segments[:len(segments)-1], "/")}
	if r.Resource == "workspaces" {
		r.Resource = "projects"
	}
	if r.ID = ID(last); r.ID == 0 {
		r.Name = last
	}
	return r, nil
}

// ParseAs reads an address that must lead to one of the resources, or be the
// placeholder of something undisclosed; otherwise the error is a *MismatchError.
func ParseAs(s string, resources ...string) (Ref, error) {
	r, err := Parse(s)
	if err == nil && !r.Undisclosed && !r.Is(resources...) {
		err = &MismatchError{Got: r.Resource, Expected: resources}
	}
	if err != nil {
		return Ref{}, err
	}
	return r, nil
}

// ID returns s as an id, 0 when it is not written as one.
func ID(s string) int64 {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// split returns the decoded parts below the root: at least a resource and what
// follows it.
func split(s string) ([]string, bool) {
	if len(s) > maxBytes {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return nil, false
	}
	_, below, ok := strings.Cut("/"+strings.TrimPrefix(u.EscapedPath(), "/"), "/"+root)
	if !ok {
		return nil, false
	}
	segments := strings.Split(strings.TrimSuffix(below, "/"), "/")
	if len(segments) < 2 {
		return nil, false
	}
	for i, escaped := range segments {
		if segments[i], ok = decode(escaped); !ok {
			return nil, false
		}
	}
	return segments, true
}

// decode refuses what no name contains: nothing, dots that walk, slashes that
// were hidden, control characters.
func decode(escaped string) (string, bool) {
	s, err := url.PathUnescape(escaped)
	if err != nil || s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return "", false
	}
	return s, !strings.Contains(s, "/") && !strings.ContainsFunc(s, unicode.IsControl)
}
