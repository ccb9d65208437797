package apiv3

import (
	"encoding/json"
	"errors"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal/duration"
	"github.com/holdfast/holdfast/internal/hal/href"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/opt"
)

// payload reads the members of a body into a patch and collects what is not
// in the right format.
type payload struct {
	o     object
	me    id.User // the actor, whom clients may name as users/me
	links object
	errs  []fault.Field
}

func newPayload(o object, a access.Actor) *payload {
	p := &payload{o: o, me: a.ID}
	if raw, ok := o["_links"]; ok && json.Unmarshal(raw, &p.links) != nil {
		p.wrong("_links", "an object")
	}
	return p
}

func (p *payload) err() error { return fault.Invalid(p.errs...) }

func (p *payload) wrong(name, expected string) {
	p.errs = append(p.errs, fault.Field{Name: name, Code: codeFormat, Params: map[string]any{"expected": expected}})
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// text reads a text; null is the empty text.
func (p *payload) text(name string, to *opt.Value[string]) {
	raw, ok := p.o[name]
	if !ok {
		return
	}
	var s string
	if !isNull(raw) && json.Unmarshal(raw, &s) != nil {
		p.wrong(name, "a String")
		return
	}
	*to = opt.Of(s)
}

// formattable reads {"raw": "..."}; clients also send a plain text.
func (p *payload) formattable(name string, to *opt.Value[string]) {
	raw, ok := p.o[name]
	if !ok {
		return
	}
	var f struct {
		Raw *string `json:"raw"`
	}
	var s string
	switch {
	case isNull(raw):
	case json.Unmarshal(raw, &s) == nil:
	case json.Unmarshal(raw, &f) == nil:
		if f.Raw == nil {
			return
		}
		s = *f.Raw
	default:
		p.wrong(name, "a Formattable")
		return
	}
	*to = opt.Of(s)
}

func (p *payload) boolean(name string, to *opt.Value[bool]) {
	raw, ok := p.o[name]
	if !ok || isNull(raw) {
		return
	}
	var b bool
	if json.Unmarshal(raw, &b) != nil {
		p.wrong(name, "a Boolean")
		return
	}
	*to = opt.Of(b)
}

// integer reads a whole number; null leaves the value alone.
func (p *payload) integer(name string, to *opt.Value[int]) {
	raw, ok := p.o[name]
	if !ok || isNull(raw) {
		return
	}
	var n int
	if json.Unmarshal(raw, &n) != nil {
		p.wrong(name, "an Integer")
		return
	}
	*to = opt.Of(n)
}

func (p *payload) integerOrNull(name string, to *opt.Value[*int]) {
	raw, ok := p.o[name]
	if !ok {
		return
	}
	if isNull(raw) {
		*to = opt.Null[int]()
		return
	}
	var n int
	if json.Unmarshal(raw, &n) != nil {
		p.wrong(name, "an Integer")
		return
	}
	*to = opt.Ptr(n)
}

func (p *payload) date(name string, to *opt.Value[*db.Day]) {
	raw, ok := p.o[name]
	if !ok {
		return
	}
	if isNull(raw) {
		*to = opt.Null[db.Day]()
		return
	}
	var s string
	err := json.Unmarshal(raw, &s)
	if err == nil {
		var d db.Day
		if d, err = db.ParseDay(s); err == nil {
			*to = opt.Ptr(d)
		}
	}
	if err != nil {
		p.wrong(name, "an ISO 8601 date, YYYY-MM-DD")
	}
}

func (p *payload) duration(name string, to *opt.Value[*int64]) {
	p.iso(name, func(s string) error {
		n, err := duration.Parse(s)
		*to = opt.Ptr(n)
		return err
	}, func() { *to = opt.Null[int64]() })
}

func (p *payload) days(name string, to *opt.Value[*int]) {
	p.iso(name, func(s string) error {
		n, err := duration.ParseDays(s)
		*to = opt.Ptr(int(n))
		return err
	}, func() { *to = opt.Null[int]() })
}

func (p *payload) iso(name string, set func(string) error, clear func()) {
	raw, ok := p.o[name]
	if !ok {
		return
	}
	if isNull(raw) {
		clear()
		return
	}
	var s string
	err := json.Unmarshal(raw, &s)
	if err == nil {
		err = set(s)
	}
	if err != nil {
		p.wrong(name, "an ISO 8601 duration")
	}
}

// ref reads the address in _links.name. It returns false when the link is not
// there or is the placeholder of something undisclosed.
func (p *payload) ref(name string, resources ...string) (r href.Ref, null, ok bool) {
	raw, there := p.links[name]
	if !there {
		return r, false, false
	}
	return p.refOf(name, raw, resources...)
}

func (p *payload) refOf(name string, raw json.RawMessage, resources ...string) (r href.Ref, null, ok bool) {
	var l struct {
		Href *string `json:"href"`
	}
	if isNull(raw) {
		return r, true, true
	}
	if json.Unmarshal(raw, &l) != nil {
		p.wrong(name, "a link")
		return r, false, false
	}
	if l.Href == nil || *l.Href == "" {
		return r, true, true
	}
	r, err := href.ParseAs(*l.Href, resources...)
	var mismatch *href.MismatchError
	switch {
	case errors.As(err, &mismatch):
		p.errs = append(p.errs, fault.Field{Name: name, Code: codeMismatch, Params: map[string]any{"expected": "a link to " + resources[0]}})
		return r, false, false
	case err != nil:
		p.wrong(name, "a link to "+resources[0])
		return r, false, false
	}
	if r.Resource == "users" && r.Name == "me" {
		r.ID, r.Name = int64(p.me), ""
	}
	return r, false, !r.Undisclosed
}

// link reads a link that is always there once set.
func link[T ~int64](p *payload, name string, to *opt.Value[T], resources ...string) {
	r, null, ok := p.ref(name, resources...)
	switch {
	case !ok:
	case null:
		*to = opt.Of(T(0))
	case r.ID == 0:
		p.wrong(name, "a link to "+resources[0])
	default:
		*to = opt.Of(T(r.ID))
	}
}

// linkOrNull reads a link that can be cleared.
func linkOrNull[T ~int64](p *payload, name string, to *opt.Value[*T], resources ...string) {
	r, null, ok := p.ref(name, resources...)
	switch {
	case !ok:
	case null:
		*to = opt.Null[T]()
	case r.ID == 0:
		p.wrong(name, "a link to "+resources[0])
	default:
		*to = opt.Ptr(T(r.ID))
	}
}

// links reads an array of links.
func linkList[T ~int64](p *payload, name string, resources ...string) ([]T, bool) {
	raw, there := p.links[name]
	if !there || isNull(raw) {
		return nil, false
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		p.wrong(name, "an array of links")
		return nil, false
	}
	out := make([]T, 0, len(list))
	for _, e := range list {
		r, null, ok := p.refOf(name, e, resources...)
		if ok && !null && r.ID != 0 {
			out = append(out, T(r.ID))
		} else if ok {
			p.wrong(name, "an array of links to "+resources[0])
		}
	}
	return out, true
}
