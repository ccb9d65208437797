package message_test

import (
	"html/template"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast/holdfast/internal/message"
)

func TestThePrinterOfAPerson(t *testing.T) {
	for _, c := range []struct{ setting, accept, instance, want string }{
		{"de", "en", "en", "de"},
		{"de-AT", "", "", "de"},
		{"fr", "nl, de;q=0.5, en;q=0.4", "en", "de"},
		{"", "fr", "de", "de"},
		{"", "", "", "en"},
		{"", ";;;", "", "en"},
		{"", "en-GB,de;q=0.9", "de", "en"},
	} {
		if got := message.Choose(c.setting, c.accept, c.instance).Tag(); got != c.want {
			t.Errorf("Choose(%q, %q, %q) = %s, want %s", c.setting, c.accept, c.instance, got, c.want)
		}
	}
}

func TestDatesNumbersAndSizes(t *testing.T) {
	en, de := message.In("en"), message.In("de")
	at := time.Date(2026, 3, 5, 14, 7, 9, 0, time.FixedZone("x", 7200))
	for _, c := range []struct{ got, want string }{
		{en.Date(at), "5 Mar 2026"},
		{de.Date(at), "5. März 2026"},
		{en.DateTime(at), "5 Mar 2026, 14:07"},
		{de.DateTime(at), "5. März 2026, 14:07"},
		{en.WeekdayTime(at), "Thu 5 Mar 2026, 14:07"},
		{de.WeekdayTime(at), "Do, 5. März 2026, 14:07"},
		{en.FullTime(at), "Thursday, 5 March 2026, 14:07:09 UTC+02:00"},
		{de.FullTime(at.UTC()), "Donnerstag, 5. März 2026, 12:07:09 UTC"},
		{en.Count(-1234567), "-1,234,567"},
		{de.Count(int64(1234567)), "1.234.567"},
		{de.Count(999), "999"},
		{en.Bytes(1536), "1.5 KiB"},
		{de.Bytes(1536), "1,5 KiB"},
		{de.Bytes(1000), "1000 B"},
		{en.Duration(26 * time.Hour), "1 d 2 h"},
		{de.Duration(26 * time.Hour), "1 T. 2 Std."},
		{de.Duration(-1540 * time.Millisecond), "-1,5 s"},
		{en.Duration(12 * time.Millisecond), "12 ms"},
		{de.Month(time.May), "Mai"},
		{de.Month(0), ""},
		{de.Weekday(time.Sunday), "Sonntag"},
		{de.FirstWeekday().String(), "Monday"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

var invented = fstest.MapFS{
	"en.toml": {Data: []byte("[locale]\ndecimal = \".\"\ngroup = \",\"\n[a]\nplain = \"Plain\"\nonly = \"Only <English> {x}\"\nfiles = {one = \"{n} file of {who}\", other = \"{n} files of {who}\"}\nmarked = \"Use {what} & wait\"\n")},
	"pl.toml": {Data: []byte("[locale]\ndecimal = \",\"\n[a]\nplain = \"Zwykły\"\nfiles = {one = \"{n} plik {who}\", few = \"{n} pliki {who}\", many = \"{n} plików {who}\", other = \"{n} pliku {who}\"}\n")},
}

func TestTexts(t *testing.T) {
	c, err := message.Load(invented)
	if err != nil {
		t.Fatal(err)
	}
	en, pl := c.In("en"), c.In("pl")
	for _, x := range []struct{ got, want string }{
		{en.T("a.plain"), "Plain"},
		{pl.T("a.plain"), "Zwykły"},
		{pl.T("a.only", "x", "<1>"), "Only <English> <1>"},
		{string(pl.HTML("a.only", "x", "<1>")), "Only &lt;English&gt; &lt;1&gt;"},
		{string(en.HTML("a.marked", "what", template.HTML("<code>x</code>"))), "Use <code>x</code> &amp; wait"},
		{en.T("a.files", "n", 1, "who", "Ann"), "1 file of Ann"},
		{en.T("a.files", "n", int64(2000), "who", "Ann"), "2,000 files of Ann"},
		{pl.T("a.files", "n", 3, "who", "Ann"), "3 pliki Ann"},
		{pl.T("a.files", "n", 5, "who", "Ann"), "5 plików Ann"},
		{pl.T("a.files", "n", 1.5, "who", "Ann"), "1,5 pliku Ann"},
		{en.T("a.marked"), "Use {what} & wait"},
		{en.T("a.unknown"), "a.unknown"},
		{string(en.HTML("<b>")), "&lt;b&gt;"},
		{message.Slug("You can't do 2 things: that, and this."), "you_cant_do_2_things_that_and_this"},
	} {
		if x.got != x.want {
			t.Errorf("got %q, want %q", x.got, x.want)
		}
	}
	if !pl.Has("a.only") || en.Has("a.unknown") {
		t.Error("a key is known that is not, or the other way round")
	}
}

func TestBadCatalogues(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no English":    {"de.toml": {Data: []byte("[a]\nb = \"c\"\n")}},
		"no TOML":       {"en.toml": {Data: []byte("[a\n")}},
		"no such forms": {"en.toml": {Data: []byte("[a]\nb = {one = \"x\", other = \"y\", more = \"z\"}\n")}},
		"a folder":      {"en.toml/x": {Data: []byte("")}},
	} {
		if _, err := message.Load(files); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}
