package account

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast/holdfast/internal/fault"
)

// Shortcut is what a key does on pages: its name, and the key it has for who has chosen no other. Keys
// that are pressed one after the other have a space between them.
type Shortcut struct{ Name, Key string }

// Shortcuts are what single keys do. A key that does different things in different places, such as e, is
// one of them: it is learnt, and given another place, as one. Keys that write nothing, such as Escape,
// and chords with Ctrl are in nobody's way and stay as they are.
var Shortcuts = []Shortcut{
	{"search", "/"},
	{"help", "?"},
	{"create", "c"},
	{"home", "g h"},
	{"projects", "g p"},
	{"packages", "g w"},
	{"overview", "g o"},
	{"board", "g b"},
	{"calendar", "g c"},
	{"gantt", "g g"},
	{"notifications", "g n"},
	{"edit", "e"},
	{"comment", "m"},
	{"next", "j"},
	{"previous", "k"},
	{"open", "o"},
	{"before", "["},
	{"after", "]"},
	{"choose", "x"},
	{"set_status", "s"},
	{"set_assignee", "a"},
	{"set_priority", "p"},
	{"set_type", "t"},
	{"set_date", "d"},
	{"set_version", "l"},
	{"snooze", "h"},
	{"mark_unread", "u"},
	{"mute", "M"},
}

// longestChord is how many keys one after the other do something at most.
const longestChord = 3

// OwnKeys are the keys of a person's choice: a line for each, with the name of the shortcut, a space and
// the key, in the order of Shortcuts. Empty means those that everybody has.
type OwnKeys string

// ChooseKeys makes them from keys by the name of the shortcut. What is empty or as for everybody is no choice.
func ChooseKeys(keys map[string]string) OwnKeys {
	var lines []string
	for _, s := range Shortcuts {
		key := strings.Join(strings.Fields(keys[s.Name]), " ")
		if key != "" && key != s.Key {
			lines = append(lines, s.Name+" "+key)
		}
	}
	return OwnKeys(strings.Join(lines, "\n"))
}

// ByName are the keys by the name of the shortcut, only those that were chosen.
func (k OwnKeys) ByName() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(string(k)) {
		if name, key, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			out[name] = key
		}
	}
	return out
}

// ByKey are the keys by the key that everybody else presses for the same.
func (k OwnKeys) ByKey() map[string]string {
	out, own := map[string]string{}, k.ByName()
	for _, s := range Shortcuts {
		if key, ok := own[s.Name]; ok {
			out[s.Key] = key
		}
	}
	return out
}

// check returns a refusal for each choice that no keyboard has, or that could not be told from another
// key. Fields are called key_ and the name of the shortcut.
func (k OwnKeys) check() []fault.Field {
	own := k.ByName()
	var out []fault.Field
	for _, s := range Shortcuts {
		key, chosen := own[s.Name]
		delete(own, s.Name)
		if chosen && !pressable(key) {
			out = append(out, fault.Field{Name: "key_" + s.Name, Code: "no_key"})
		} else if other := k.rival(s, key); chosen && other.Name != "" {
			out = append(out, fault.Field{Name: "key_" + s.Name, Code: "key_taken", Params: map[string]any{"other": other.Name, "key": other.Key}})
		}
	}
	if len(own) > 0 { // of no shortcut
		out = append(out, fault.Field{Name: "ownKeys", Code: "inclusion"})
	}
	return out
}

// rival is another shortcut with the same key, or with one that begins the other; none without a name.
func (k OwnKeys) rival(s Shortcut, key string) Shortcut {
	own := k.ByName()
	for _, other := range Shortcuts {
		if chosen, ok := own[other.Name]; ok {
			other.Key = chosen
		}
		if other.Name != s.Name && (strings.HasPrefix(key+" ", other.Key+" ") || strings.HasPrefix(other.Key+" ", key+" ")) {
			return other
		}
	}
	return Shortcut{}
}

// pressable says whether each part is one character that a keyboard writes. Digits are none: in a table they
// begin to edit a cell.
func pressable(key string) bool {
	parts := strings.Split(key, " ")
	return len(parts) <= longestChord && !slices.ContainsFunc(parts, func(part string) bool {
		r, size := utf8.DecodeRuneInString(part)
		return size != len(part) || r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.IsSpace(r) || unicode.IsMark(r) || unicode.IsDigit(r)
	})
}
