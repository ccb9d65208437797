package ui

import (
	"net/url"
	"strings"
	"testing"
)

const formPage = `<!doctype html><html><body><form method="post" action="/star"><input type="hidden" name="back" value="list"></form>
<form method="get" action="/a"><input name="subject"></form>
<form method="post" action="/a"><input type="hidden" name="undo" value="1"></form>
<form method="post" action="/a"><input autofocus name="subject" value="old"><input type="hidden" name="lockVersion" value="9"><input type="hidden" name="back" value="/here">
<textarea name="text">
was</textarea><select name="kind"><option value="1" selected>One</option><option value="2">Two</option></select><select name="plain"><option>x</option><option> y </option></select>
<input type="checkbox" name="on" value="1" checked><input type="checkbox" name="off" value="1"><input type="radio" name="r" value="a" checked><input type="radio" name="r" value="b">
<input type="password" name="password"><input type="file" name="file"><button name="go" value="1">Go</button></form></body></html>`

func TestRefillTypesAgainWhatWasTyped(t *testing.T) {
	out, ok := Refill([]byte(formPage), "/a", url.Values{
		"subject": {`"><script>alert(1)</script>`}, "text": {"\r\n</textarea><b>two\r\nlines"}, "kind": {"2"}, "plain": {"y"}, "off": {"1"}, "r": {"b"}, "lockVersion": {"3"},
		"password": {"secret"}, "file": {"c:\\x"}, "unknown": {"u"}, "attachment": {"4", "5"},
	})
	if !ok {
		t.Fatal("the form was not found")
	}
	page := string(out)
	for _, want := range []string{
		`name="subject" value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" autofocus=""`, "<textarea name=\"text\">\n\n&lt;/textarea&gt;&lt;b&gt;two\nlines</textarea>",
		`<option value="1">One</option><option value="2" selected="">`, `<option>x</option><option selected=""> y </option>`,
		`name="on" value="1"/>`, `name="off" value="1" checked=""/>`, `value="a"/>`, `value="b" checked=""/>`, `name="lockVersion" value="3"`, `name="back" value="/here"`,
		`name="back" value="list"`, `<input type="hidden" name="attachment" value="4"/><input type="hidden" name="attachment" value="5"/></form>`, `<input type="password" name="password"/>`, `<input type="file" name="file"/>`, `<form method="get" action="/a"><input name="subject"/></form>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "<b>") || strings.Contains(page, "secret") || strings.Count(page, "autofocus") != 1 {
		t.Errorf("the page became\n%s", page)
	}
}

func TestRefillNeedsAFormThatOneWritesInto(t *testing.T) {
	for action, v := range map[string]url.Values{"/b": {"subject": {"x"}}, "/star": {"back": {"x"}}, "/a": {"other": {"x"}, "undo": {"1"}}} {
		if out, ok := Refill([]byte(formPage), action, v); ok {
			t.Errorf("%s %v was filled:\n%s", action, v, out)
		}
	}
}
