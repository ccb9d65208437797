package ui

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ProjectRow is a project in a table ("project-rows" takes a slice). Depth is
// its level in the tree, from 0.
type ProjectRow struct {
	Name, Href, Status string
	Hue                Hue
	Depth              int
	Public             bool
	Favorite, Markable bool   // Markable rows have a button for it
	Back               string // where that leads back to, "list" when empty
}

// PackageRow is a work package in a table ("package-rows" takes a slice).
type PackageRow struct {
	ID                     int64
	Href, Subject          string
	Type, Status, Priority Chip
	Assignee               *Person
	Due                    string // YYYY-MM-DD or empty
}

// Hit is something that search leads to ("hits" on a page, "options" in the palette).
type Hit struct {
	ID            int // counts within a palette
	Label, Number string
	Detail        string // where it stands
	Href, Icon    string
	Key           string // that does the same
	Chip          *Chip
}

// HitGroup is what was found of one kind. More leads to the rest where Total is larger.
type HitGroup struct {
	Title, More string
	Hits        []Hit
	Total       int
}

// KeyGroup is keys that work in the same places ("keys" takes a slice).
type KeyGroup struct {
	Title string
	Keys  []KeyHelp
}

// KeyHelp says what a key does. Keys are pressed together when the first is Ctrl, else one after the other.
type KeyHelp struct{ Keys, Does string }

// Caps are the keys one by one.
func (k KeyHelp) Caps() []string { return strings.Fields(k.Keys) }

// OwnKeys are keys of a person's choice, by the keys that do the same for everybody else. Pages name
// what keys do by the latter; scripts and Cap put the own ones in their place.
type OwnKeys map[string]string

// JSON is what scripts read.
func (k OwnKeys) JSON() string {
	text, _ := json.Marshal(k) // of texts alone, which does not fail
	return string(text)
}

// Cap is what a person presses for a key, as it is shown: capital letters with Shift.
func (k OwnKeys) Cap(key string) string {
	parts := strings.Fields(or(k[key], key))
	if slices.ContainsFunc(parts, func(part string) bool { return utf8.RuneCountInString(part) > 1 }) {
		return key // with Ctrl and the like, which say it themselves
	}
	for i, part := range parts {
		if r, _ := utf8.DecodeRuneInString(part); unicode.IsUpper(r) {
			parts[i] = "Shift " + part
		}
	}
	return strings.Join(parts, " ")
}

// KeyCap is what the reader presses for a key, empty where single keys are off.
func (p Page) KeyCap(key string) string {
	if p.KeysOff {
		return ""
	}
	return p.OwnKeys.Cap(key)
}

// Cell shows one value in a table: a chip, a person, a day, a text, or that there is none. With Edit it
// leads to a form that takes its place ("cell").
type Cell struct {
	Label, Edit, Frame, Href string
	Text                     string
	Chip                     *Chip
	Person                   *Person
	Day                      string
}

// SideField is a field of a thing on its own page ("side-fields" takes a slice): its name, and a
// value that may be edited in its place.
type SideField struct {
	Label string
	Cell  Cell
}
