package web

import (
	"strings"
	"unicode"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/message"
)

// word says what is wrong with one field.
func (in reader) word(f fault.Field) string {
	key := "field." + f.Code
	if !in.Has(key) {
		return capital(strings.ReplaceAll(f.Code, "_", " ") + ".")
	}
	pairs := make([]any, 0, 2*len(f.Params))
	for name, value := range f.Params {
		if name == "count" {
			name = "n"
		}
		pairs = append(pairs, name, value)
	}
	return capital(in.T(key, pairs...))
}

// messages are the messages by field name.
func (in reader) messages(err error) map[string]string {
	out := map[string]string{}
	for _, f := range fault.Fields(err) {
		out[f.Name] = in.word(f)
	}
	return out
}

// refused says whether err is about what was typed, so that the form comes back.
func refused(err error) bool { return fault.Is(err, fault.KindInvalid) }

// summary names all refused fields in one sentence.
func (in reader) summary(err error) string {
	if f := fault.Of(err); f != nil && in.Has(f.Key) {
		return in.sentence(err)
	}
	var parts []string
	for _, f := range fault.Fields(err) {
		said := strings.TrimSuffix(in.word(f), ".")
		if f.Name != "base" { // that is the thing as a whole
			said = in.name(f.Name) + " " + uncapital(said)
		}
		parts = append(parts, said)
	}
	if len(parts) == 0 {
		return in.sentence(err)
	}
	return strings.Join(parts, ", ") + "."
}

// name is what people call a field.
func (in reader) name(field string) string {
	if key := "name." + field; in.Has(key) {
		return in.T(key)
	}
	return field
}

// sentence makes a fault's message a sentence.
func (in reader) sentence(err error) string {
	f := fault.Of(err)
	if f == nil {
		return ""
	}
	if in.Has(f.Key) {
		return in.T(f.Key, f.Params...)
	}
	return in.fault(f.Message)
}

// fault is a sentence in the reader's language for what a service said in English.
func (in reader) fault(text string) string {
	if key := "fault." + message.Slug(text); in.Has(key) {
		return in.T(key)
	}
	text = capital(text)
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// troubleOf words what the backup engine said: a sentence, empty where nobody knows one, and what
// it said itself, empty where the sentence says it all.
func (in reader) troubleOf(said string) (sentence, detail string) {
	what, detail := backup.Trouble(in, said)
	if what != "" {
		what = capital(what) + "."
	}
	return what, detail
}

// trouble is both in one sentence.
func (in reader) trouble(said string) string { return in.fault(backup.Why(in, said)) }

// either is the text of a name in a family of keys, or the name itself.
func (in reader) either(family, name string) string {
	if key := family + message.Slug(name); in.Has(key) {
		return in.T(key)
	}
	return capital(name)
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
