package web

import (
	"html"
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/id"
)

// audience says, before a comment is sent, who will be told of it.
func (s *Site) audience(r *http.Request, a access.Actor, n id.WorkPackage, text string) (string, error) {
	people, total, err := s.app.Notifications.Audience(r.Context(), a, n, text)
	if err != nil {
		return "", err
	}
	say := speak(r)
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.Name
	}
	who := strings.Join(names, ", ")
	switch {
	case total == 0:
		return say.T("package.tells_nobody"), nil
	case len(people) == 0:
		return say.T("package.tells_n", "n", total), nil
	case total > len(people):
		return say.T("package.tells_more", "who", who, "n", total-len(people)), nil
	}
	return say.T("package.tells", "who", who), nil
}

// showAudience says so for a text that somebody writes.
func (s *Site) showAudience(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := parsePackage(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	text, err := s.audience(r, a, n, r.PostForm.Get("comment"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = w.Write([]byte("<p>" + html.EscapeString(text) + "</p>"))
	return err
}
