package web

import (
	"context"
	"net/http"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/serve"
)

// reader is who reads the page: it words texts in their language, and instants in
// their time zone.
type reader struct {
	*message.Printer
	loc *time.Location
	at  time.Time // when they asked
}

// Date is the day of an instant where the reader is.
func (in reader) Date(t time.Time) string { return in.Printer.Date(t.In(in.loc)) }

// DateTime is an instant where the reader is.
func (in reader) DateTime(t time.Time) string { return in.Printer.DateTime(t.In(in.loc)) }

// WeekdayTime is an instant where the reader is, with its day of the week.
func (in reader) WeekdayTime(t time.Time) string { return in.Printer.WeekdayTime(t.In(in.loc)) }

type readerKey struct{}

// readerOf is the person who asks: by their settings, then what the browser accepts,
// then the language of the instance.
func (s *Site) readerOf(r *http.Request, a access.Actor) reader {
	return reader{message.Choose(a.Language, r.Header.Get("Accept-Language"), s.app.Config.Language), location(a), s.app.DB.Now()}
}

// reading lets speak find the reader in the request.
func (s *Site) reading(r *http.Request, a access.Actor) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), readerKey{}, s.readerOf(r, a)))
}

func (s *Site) readBy(h serve.HandlerFunc) serve.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, a access.Actor) error { return h(w, s.reading(r, a), a) }
}

// speak is the reader of a request. Before anyone is known, as while an instance
// is being restored, it goes by what the browser accepts.
func speak(r *http.Request) reader {
	if in, ok := r.Context().Value(readerKey{}).(reader); ok {
		return in
	}
	return reader{Printer: message.Choose("", r.Header.Get("Accept-Language"), ""), loc: time.UTC}
}
