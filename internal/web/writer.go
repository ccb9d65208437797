package web

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// A page that stays open belongs to whom it was made for. When somebody else has signed in since in the
// same browser, what it sends is refused, and what was typed in it is shown.

// errOfAnother refuses what was sent from a page of somebody else.
var errOfAnother = &fault.Fault{Kind: fault.KindConflict, Message: "this page was opened by somebody else", Key: "kept.another"}

// ofAnother says whether a form was sent from a page that was made for somebody else than a. Forms that
// programs send do not say.
func ofAnother(by string, a access.Actor) bool {
	return by != "" && by != strconv.FormatInt(int64(a.ID), 10)
}

// own makes sure that a form comes from a page of the person who is signed in, and otherwise answers.
func (s *Site) own(w http.ResponseWriter, r *http.Request, a access.Actor) (bool, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return true, nil // files are streamed, and their reader looks at the field
	}
	if err := form(w, r); err != nil {
		return false, err
	}
	if !ofAnother(r.PostForm.Get(ui.WriterField), a) {
		return true, nil
	}
	if wantsJSON(r) {
		return false, errOfAnother
	}
	say := speak(r)
	p := keptPage{Page: s.frame(r, a, say.T("kept.another_title")), Texts: say.texts(typed(r.PostForm)), Back: backURL(r)}
	p.Lead, p.Width = say.T("kept.another_lead", "name", a.Name), "wide"
	w.Header().Set("Cache-Control", "no-store")
	return false, s.ui.Render(w, http.StatusConflict, "kept", p)
}

// typed is what people wrote in a form: not its secrets, nor who it is from.
func typed(form url.Values) url.Values {
	out := url.Values{}
	for name, values := range form {
		folded := strings.ToLower(name)
		if name != ui.WriterField && !slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(folded, word) }) {
			out[name] = values
		}
	}
	return out
}

// texts are fields with what was typed, the longest first. A single word is more often a choice than
// something to miss.
func (in reader) texts(values url.Values) []ui.Textarea {
	var out []ui.Textarea
	for name, vs := range values {
		if text := strings.TrimSpace(strings.Join(vs, "\n")); strings.ContainsAny(text, " \n") && !slices.Contains(notTyped, name) {
			area := ui.Area(name, in.column(name), text)
			area.ReadOnly = true
			out = append(out, area)
		}
	}
	slices.SortFunc(out, func(a, b ui.Textarea) int { return len(b.Value) - len(a.Value) })
	return out[:min(len(out), 10)]
}
