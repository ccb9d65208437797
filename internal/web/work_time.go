package web

import (
	"io"
	"net/http"
	"strconv"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/hal/duration"
)

// workTime says how a length of time is understood, for the fields that take one.
func (s *Site) workTime(w http.ResponseWriter, r *http.Request, _ access.Actor) error {
	say := speak(r)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	secs, err := duration.Read(r.URL.Query().Get("text"), s.app.Settings.Get().HoursPerDay)
	if err != nil || secs < 0 {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, err = io.WriteString(w, say.T("list.not_understood"))
		return err
	}
	text := "= " + strconv.FormatInt(secs/3600, 10) + " " + say.T("unit.h") // not days, which are not 24 hours of work
	if m := (secs%3600 + 30) / 60; m > 0 {
		text += " " + strconv.FormatInt(m, 10) + " " + say.T("unit.min")
	}
	_, err = io.WriteString(w, text)
	return err
}
