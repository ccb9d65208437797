package web

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// texts are the sentences for the codes of refused fields.
var texts = map[string]string{
	"blank":                "can't be empty.",
	"too_long":             "is too long: at most %v.",
	"too_short":            "is too short: at least %v.",
	"taken":                "has already been taken.",
	"invalid":              "is not valid.",
	"not_available":        "is not one of the allowed values.",
	"no_transition":        "can't be reached from the present status.",
	"read_only":            "can't be changed by you.",
	"status_read_only":     "can't be changed in the present status.",
	"out_of_range":         "is out of range.",
	"negative":             "can't be negative.",
	"before_start_date":    "can't be before the start date.",
	"after_due_date":       "can't be after the finish date.",
	"does_not_match_dates": "does not fit the dates.",
	"does_not_match_work":  "does not fit work and remaining work.",
	"exceeds_work":         "can't be more than the work.",
	"start_and_due_differ": "of a milestone is a single day.",
	"self":                 "can't be the work package itself.",
	"descendant":           "can't be one of its own descendants.",
	"milestone":            "can't be a milestone.",
	"common":               "is too common; it would be guessed at once.",
	"personal":             "must not contain your name, login or address.",
	"repetitive":           "repeats itself too much.",
	"sequential":           "is a simple sequence.",
	"reused":               "was used before; choose another one.",
	"wrong":                "is not correct.",
	"wrong_password":       "is not correct.",
	"mismatch":             "does not match the first one.",
	"not_a_number":         "is not a number.",
	"too_large":            "is larger than allowed.",
	"mail_not_configured":  "No mail server is configured.",
	"required":             "is needed.",
	"last_admin":           "can't be taken from the last administrator.",
	"reserved":             "is reserved.",
	"inclusion":            "is out of range.",
	"format":               "is daily 02:00, mon,thu 03:30, every 6h, or off.",
	"not_confirmed":        "is not the word that is asked for.",
	"does_not_open":        "does not open the archive.",
	"not_restorable":       "cannot be restored: %v.",
	"cut_off":              "did not arrive as a whole; upload it again.",
	"weekday":              "has a weekday that is none of mon, tue, wed, thu, fri, sat, sun.",
	"time":                 "has a time that is not between 00:00 and 23:59.",
	"interval":             "has an interval that is not between 15m and 744h.",
}

// message words what is wrong with one field.
func message(f fault.Field) string {
	t, ok := texts[f.Code]
	if !ok {
		t = strings.ReplaceAll(f.Code, "_", " ") + "."
	}
	switch reason := f.Params["reason"]; {
	case strings.Contains(t, "%v") && reason != nil:
		t = fmt.Sprintf(t, reason)
	case strings.Contains(t, "%v"):
		t = fmt.Sprintf(t, characters(f.Params["count"]))
	}
	return capital(t)
}

// characters words a limit of length.
func characters(n any) string {
	if n, ok := n.(int); ok {
		return ui.Counted(int64(n), "character")
	}
	return fmt.Sprint(n, " characters")
}

// messages are the messages by field name.
func messages(err error) map[string]string {
	out := map[string]string{}
	for _, f := range fault.Fields(err) {
		out[f.Name] = message(f)
	}
	return out
}

// refused says whether err is about what was typed, so that the form comes back.
func refused(err error) bool { return fault.Is(err, fault.KindInvalid) }

// summary names all refused fields in one sentence.
func summary(err error) string {
	var parts []string
	for _, f := range fault.Fields(err) {
		parts = append(parts, f.Name+" "+strings.TrimSuffix(uncapital(message(f)), "."))
	}
	if len(parts) == 0 {
		return sentence(err)
	}
	return strings.Join(parts, ", ") + "."
}

// sentence makes a fault's message a sentence.
func sentence(err error) string {
	f := fault.Of(err)
	if f == nil {
		return ""
	}
	t := capital(f.Message)
	if !strings.HasSuffix(t, ".") {
		t += "."
	}
	return t
}

func capital(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

func uncapital(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToLower(r[0])
	}
	return string(r)
}
