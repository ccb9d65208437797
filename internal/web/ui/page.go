package ui

import (
	"html/template"
	"strconv"
)

// Page is what every page tells its layout. Page structs embed it.
type Page struct {
	Title       string // of the document and the page
	Subtitle    string // what the page belongs to, for the browser's tab
	SideClosed  bool   // the navigation beside the page shows icons only
	Lead        string // one sentence under the title, optional
	Lang        string // of the text, "en" when empty
	Theme       string // "light", "dark" or "" for what the system says
	Density     string // "compact", "roomy" or ""
	Contrast    string // "more" or ""
	Width       string // "narrow", "full" or ""
	Instance    string // what the header calls this installation, "Holdfast" when empty
	Nav         []NavItem
	Create      []NavItem // what can be made, in a menu of the header
	Bell        *Bell     // notifications, nil where there are none
	Ongoing     *Ongoing  // what runs for the person until it is stopped, nil where nothing does
	Search      string    // what the search field of the header holds
	Searchable  bool      // the header has a search field
	KeysOff     bool      // single keys do nothing
	OwnKeys     OwnKeys   // keys of the person's choice
	Actor       *Person   // nil when nobody is signed in
	ActorMenu   []NavItem
	LoginHref   string // shown when nobody is signed in
	LogoutHref  string // a POST goes there
	Side        SideNav
	Breadcrumbs []Crumb
	Flash       []Alert
	Toasts      []Toast
	Footer      []NavItem
	At          string // the page's own address, when it is not the one it was asked for by
	Opens       string // a POST there says that the page, which was fetched ahead, is looked at now
	HideTitle   bool   // the page writes its own <h1>
	Reloads     bool   // the answer carries a Refresh header, so the browser loads this page and the next as a whole
}

// Person is somebody the interface names. ID picks the colour of the avatar.
type Person struct {
	ID           int64
	Name, Detail string
	Href         string
}

// NavItem is a link in any navigation.
type NavItem struct {
	Label, Href, Icon string
	Key               string // keys that lead there, such as "g h"
	Count             int    // shown when above zero
	Current           bool
}

// Ongoing is what runs for a person and stays in sight on every page, such as the timer of a module for
// time: what for, for how long, where it leads, and where a POST stops it ("" where it cannot be stopped).
// The frame has its place in the header; whoever builds pages fills it, and without it there is nothing.
type Ongoing struct {
	Label, Value string
	Href, Stop   string
}

// Bell leads to the notifications and says how many are unread, Most for that many or more.
type Bell struct {
	Href        string
	Count, Most int
}

// Text is the number on the bell, empty for none.
func (b Bell) Text() string {
	switch {
	case b.Count == 0:
		return ""
	case b.Count >= b.Most && b.Most > 0:
		return strconv.Itoa(b.Most-1) + "+"
	}
	return strconv.Itoa(b.Count)
}

// Crumb is one step of the way to the page; the last has no Href.
type Crumb struct{ Label, Href string }

// SideNav is the navigation beside the page; without groups there is none.
type SideNav struct {
	Title  string
	Groups []NavGroup
}

// NavGroup is a part of a SideNav under a heading of its own, which may be empty.
type NavGroup struct {
	Title string
	Items []NavItem
}

// Language is the language of the page's text.
func (p Page) Language() string { return or(p.Lang, "en") }

// Brand is what the header calls the installation.
func (p Page) Brand() string { return or(p.Instance, "Holdfast") }

// DocumentTitle is what the browser's tab says.
func (p Page) DocumentTitle() string {
	if p.Title == "" {
		return p.Brand()
	}
	if p.Subtitle != "" {
		return p.Title + " · " + p.Subtitle + " · " + p.Brand()
	}
	return p.Title + " · " + p.Brand()
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// Tabs are several views of the same thing.
type Tabs struct {
	Label string // for those who do not see it
	Items []NavItem
}

// Alert is a message about what happened or needs attention.
type Alert struct {
	Tone    Tone
	Title   string // optional
	Text    string
	Actions []Button
}

// Toast says what was just done, at the edge of the page and for a while. Action,
// when set, is where a POST takes it back, and Label what that is called.
type Toast struct {
	Text, Action, Label string
	// Back is the page to which Action returns. Redo says that it brings back what was undone.
	Back string
	Redo bool
}

// Tone says how serious a message is.
type Tone string

// The tones of messages.
const (
	Info    Tone = "info"
	Success Tone = "success"
	Warning Tone = "warning"
	Danger  Tone = "danger"
)

// Icon is the sign of the tone, so that colour is never the only one.
func (t Tone) Icon() string {
	switch t {
	case Success:
		return "circle-check"
	case Warning:
		return "triangle-alert"
	case Danger:
		return "circle-x"
	default:
		return "info"
	}
}

// Class is the tone as the style sheet knows it.
func (t Tone) Class() string { return or(string(t), string(Info)) }

// Urgent reports whether a message should interrupt somebody listening to the page.
func (t Tone) Urgent() bool { return t == Danger || t == Warning }

// EmptyState stands where a list would: what belongs here and how to begin.
type EmptyState struct {
	Icon, Title, Text string
	Example           string // of what belongs there
	Actions           []Button
}

// DescriptionList is labelled values.
type DescriptionList struct{ Items []Description }

// Description is one labelled value. Value may be a string or what the template functions return; an
// empty value reads as a dash.
type Description struct {
	Label string
	Value any
}

// Empty reports whether there is nothing to show.
func (d Description) Empty() bool {
	switch v := d.Value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case template.HTML:
		return v == ""
	}
	return false
}

// Fact is a figure worth a large print, with a note under it.
type Fact struct {
	Label, Value, Note string
	Href               string // of the list behind it, optional
	Tone               Tone   // Success, Danger or ""
}

// Progress is how far something is. Max of zero or less means 100. A Value below zero is unknown.
type Progress struct {
	Label, Note string
	Value, Max  int64
	State       string // "", "done" or "bad"
	Small       bool   // one line, for tables
}

// Limit is Max, never zero.
func (p Progress) Limit() int64 {
	if p.Max <= 0 {
		return 100
	}
	return p.Max
}

// Known reports whether the share is known at all.
func (p Progress) Known() bool { return p.Value >= 0 }

// Percent is the share in whole percent, at most 100.
func (p Progress) Percent() int64 { return int64(min(float64(p.Value)/float64(p.Limit()), 1) * 100) }

// Face is the avatar of whoever is signed in.
func (p Page) Face() Avatar {
	if p.Actor == nil {
		return Avatar{}
	}
	return Avatar{Person: *p.Actor}
}
