package hal_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/hal"
)

func selectable() hal.Doc {
	c := hal.NewCollection(hal.TypeCollection)
	for _, subject := range []string{"Moor", `"}],\`} {
		o := hal.New("WorkPackage")
		o.Int("id", 5)
		o.Str("subject", subject)
		o.Formattable("description", hal.Markdown, "{", "[")
		o.Link("self", "/api/v3/work_packages/5", subject)
		o.LinkNull("parent")
		if subject == "Moor" {
			o.Action("update", hal.Path{Base: "/api/v3/work_packages/", ID: 5, Tail: "/form"}, "post")
		}
		status := hal.New("Status")
		status.Str("name", "New")
		o.Embed("status", status)
		c.Add(o)
	}
	o := c.Page(hal.Paging{Path: "/api/v3/work_packages", Total: 2, Size: 20, Number: 1})
	o.EmbedDoc("nothing", hal.Doc("null"))
	o.Raw("groups", hal.Doc(` [ { "a" : 1 } ] `))
	return o.Doc()
}

func TestSelect(t *testing.T) {
	self := `"self":{"href":"/api/v3/work_packages?offset=1&pageSize=20"}`
	for in, want := range map[string]string{
		"total":                `{"total":2}`,
		"total,self":           `{"total":2,"_links":{` + self + `}}`,
		`["self", "total"]`:    `{"total":2,"_links":{` + self + `}}`,
		" total , total ":      `{"total":2}`,
		"groups,count":         `{"count":2,"groups":[ { "a" : 1 } ]}`,
		"elements/id":          `{"_embedded":{"elements":[{"id":5},{"id":5}]}}`,
		"elements/subject":     `{"_embedded":{"elements":[{"subject":"Moor"},{"subject":"\"}],\\"}]}}`,
		"elements/parent":      `{"_embedded":{"elements":[{"_links":{"parent":{"href":null}}},{"_links":{"parent":{"href":null}}}]}}`,
		"elements/status/name": `{"_embedded":{"elements":[{"_embedded":{"status":{"name":"New"}}},{"_embedded":{"status":{"name":"New"}}}]}}`,
		"nothing/id":           `{"_embedded":{"nothing":null}}`,
		"elements/id,elements/description": `{"_embedded":{"elements":[{"id":5,"description":{"format":"markdown","raw":"{","html":"["}},` +
			`{"id":5,"description":{"format":"markdown","raw":"{","html":"["}}]}}`,
		"elements/update": `{"_embedded":{"elements":[{"_links":{"update":{"href":"/api/v3/work_packages/5/form","method":"post"}}},{}]}}`,
		"[]":              `{}`,
	} {
		s, err := hal.ParseSelection(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got, err := s.Select(selectable())
		if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
			t.Errorf("%s: %v %s", in, err, diff)
		}
	}
}

func TestSelectAll(t *testing.T) {
	pick := func(in string) string {
		s, err := hal.ParseSelection(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Select(selectable())
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	if got := pick("*"); strings.Contains(got, "_embedded") || !strings.Contains(got, "jumpTo") || !strings.Contains(got, `"_type":"Collection"`) {
		t.Errorf("all of one level: got %s", got)
	}
	if got := pick("elements/*,elements/status"); !strings.Contains(got, `"name":"New"`) || strings.Contains(got, "total") {
		t.Errorf("all of the elements: got %s", got)
	}
	if got, want := pick("elements,elements/id"), pick("elements"); got != want || !strings.Contains(got, "description") {
		t.Errorf("the whole and a part: got %s, want %s", got, want)
	}
	if got, want := pick("elements/id,elements"), pick("elements"); got != want {
		t.Errorf("a part and the whole: got %s, want %s", got, want)
	}
}

func TestSelectRefusesWhatIsNotThere(t *testing.T) {
	for in, want := range map[string]string{
		"totals": "totals", "total,elements/names": "elements/names", "total/x": "total", "elements/self/href": "elements/self",
		"_links": "_links", "_embedded/elements": "_embedded", "elements/status/x": "elements/status/x", "": "", "a//b": "a//b",
		"elements/*/id": "elements/*/id", "/total": "/total", "total,": "", strings.Repeat("a/", 10) + "a": strings.Repeat("a/", 10) + "a",
	} {
		s, err := hal.ParseSelection(in)
		if err == nil {
			_, err = s.Select(selectable())
		}
		var signal *hal.SignalError
		if !errors.As(err, &signal) || signal.Name != want || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", in, err, want)
		}
	}
	if _, err := hal.ParseSelection(strings.Repeat("x,", 10_000)); err == nil {
		t.Error("a very long selection was accepted")
	}
}

func TestSelectKnowsWhatIsThereOnlySometimes(t *testing.T) {
	s, err := hal.ParseSelection("delete,elements/id")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Select(selectable()); err == nil {
		t.Error("a link nobody has was accepted")
	}
	if _, err := s.Select(selectable(), "delete"); err != nil {
		t.Error(err)
	}
	empty := hal.NewCollection(hal.TypeCollection).All("/").Doc()
	s, err = hal.ParseSelection("elements/whatever,total")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Select(empty); err != nil || string(got) != `{"total":0,"_embedded":{"elements":[]}}` {
		t.Errorf("nobody can tell in an empty list: got %s, %v", got, err)
	}
}

func TestSelectFromBrokenText(t *testing.T) {
	s, err := hal.ParseSelection("a,b/c")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{
		"", "[]", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a":}`, `{"a":1,}`, `{"a":"x`, `{"a":"\`, `{a:1}`, `{"a":1}x`, `{"a":1 "b":2}`,
		`{"a":[}`, `{"_links":5}`, `{"_embedded":{"b":[{}`, `{"_embedded":{"b":[{"c":1} {"c":1}]}}`, `{"_embedded":{"b":`,
	} {
		if got, err := s.Select(hal.Doc(in)); err == nil {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func FuzzSelect(f *testing.F) {
	f.Add("total,elements/id", string(selectable()))
	f.Add(`["*","b/*"]`, `{"a":[1,{"x":"\""}],"_embedded":{"b":[{"c":1},null]},"_links":{"self":{"href":null}}}`)
	f.Fuzz(func(t *testing.T, sel, doc string) {
		s, err := hal.ParseSelection(sel)
		if err != nil {
			return
		}
		got, err := s.Select(hal.Doc(doc))
		if err == nil && json.Valid([]byte(doc)) && !json.Valid(got) {
			t.Errorf("%s of %s: got %s", sel, doc, got)
		}
	})
}
