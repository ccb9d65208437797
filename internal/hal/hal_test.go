package hal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/hal"
)

func TestMain(m *testing.M) {
	hal.Strict(true)
	os.Exit(m.Run())
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 7_600_000, time.FixedZone("", 3600))

func TestDocumentsAreInTheOrderClientsSee(t *testing.T) {
	n, secs, none := 3, int64(5400), []hal.Link(nil)
	o := hal.New("WorkPackage")
	o.Link("self", "/api/v3/work_packages/5", "Moor <b> & \"dock\"")
	o.Embed("status", hal.New("Status"))
	o.Int("id", 5)
	o.Str("subject", "Moor")
	o.Bool("readonly", false)
	o.Null("date")
	o.Float("cost", 1.5)
	o.Time("createdAt", noon)
	o.Time("deletedAt", time.Time{})
	o.Date("startDate", "2026-11-23")
	o.Date("dueDate", "")
	o.Duration("estimatedTime", 25*3600+60)
	o.DurationOrNull("remainingTime", &secs)
	o.DurationOrNull("spentTime", nil)
	o.DaysOrNull("duration", &n)
	o.DaysOrNull("derivedDuration", nil)
	o.IntOrNull("percentageDone", &n)
	o.IntOrNull("derivedPercentageDone", nil)
	o.Formattable("description", hal.Markdown, "*a*", `<p class="op-uc-p"><em>a</em></p>`)
	o.Strs("tags", []string{"a", "b"})
	o.Ints("ids", []int64{1, 2})
	o.Raw("meta", hal.Doc(`{"a":1}`))
	o.To("status", hal.Path{Base: "/api/v3/statuses/", ID: 1}, "New")
	o.LinkNull("parent")
	o.LinkArray("children", none)
	o.LinkArray("ancestors", []hal.Link{{Href: "/a"}, {Href: "/b", Title: "B"}})
	o.Action("delete", hal.Path{Base: "/api/v3/work_packages/", ID: 5}, "delete")
	o.AddLink("addWatcher", hal.Link{
		Path: hal.Path{Base: "/api/v3/work_packages/", ID: 5, Tail: "/watchers"}, Method: "post",
		Payload: hal.Doc(`{"user":{"href":"/api/v3/users/{user_id}"}}`), Templated: true, Type: "text/csv", Identifier: "csv",
	})
	want := `{"_type":"WorkPackage","id":5,"subject":"Moor","readonly":false,"date":null,"cost":1.5,` +
		`"createdAt":"2026-11-23T11:00:00.007Z","deletedAt":null,"startDate":"2026-11-23","dueDate":null,` +
		`"estimatedTime":"PT25H1M","remainingTime":"PT1H30M","spentTime":null,"duration":"P3D","derivedDuration":null,` +
		`"percentageDone":3,"derivedPercentageDone":null,` +
		`"description":{"format":"markdown","raw":"*a*","html":"<p class=\"op-uc-p\"><em>a</em></p>"},` +
		`"tags":["a","b"],"ids":[1,2],"meta":{"a":1},` +
		`"_embedded":{"status":{"_type":"Status"}},` +
		`"_links":{"self":{"href":"/api/v3/work_packages/5","title":"Moor <b> & \"dock\""},` +
		`"status":{"href":"/api/v3/statuses/1","title":"New"},"parent":{"href":null},"children":[],` +
		`"ancestors":[{"href":"/a"},{"href":"/b","title":"B"}],` +
		`"delete":{"href":"/api/v3/work_packages/5","method":"delete"},` +
		`"addWatcher":{"href":"/api/v3/work_packages/5/watchers","method":"post","type":"text/csv","identifier":"csv",` +
		`"templated":true,"payload":{"user":{"href":"/api/v3/users/{user_id}"}}}}}`
	if diff := cmp.Diff(want, string(o.Doc())); diff != "" {
		t.Error(diff)
	}
}

func TestNesting(t *testing.T) {
	o := hal.New("")
	if !o.Empty() {
		t.Error("a new plain object is not empty")
	}
	part := func(n int64) *hal.Object { p := hal.New(""); p.Int("n", n); return p }
	o.Object("one", part(1))
	o.Objects("some", []*hal.Object{part(2), part(3)})
	o.EmbedArray("many", []*hal.Object{part(4)})
	d := part(5).Doc()
	o.EmbedDoc("doc", d)
	o.EmbedDocs("docs", []hal.Doc{d, d})
	o.Embed("empty", hal.New(""))
	if o.Empty() {
		t.Error("the object is empty")
	}
	want := `{"one":{"n":1},"some":[{"n":2},{"n":3}],"_embedded":{"many":[{"n":4}],"doc":{"n":5},"docs":[{"n":5},{"n":5}],"empty":{}}}`
	var b bytes.Buffer
	if n, err := o.WriteTo(&b); err != nil || n != int64(len(want)) || b.String() != want {
		t.Errorf("got %s, %d, %v, want %s", b.String(), n, err, want)
	}
	only := hal.New("")
	only.LinkNull("a")
	if got := string(only.Doc()); got != `{"_links":{"a":{"href":null}}}` {
		t.Errorf("got %s", got)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestWriteToReportsErrors(t *testing.T) {
	if _, err := hal.New("A").WriteTo(brokenWriter{}); err == nil {
		t.Error("the error was lost")
	}
}

func TestTexts(t *testing.T) {
	for in, want := range map[string]string{
		"":               `""`,
		"a\"\\/":         `"a\"\\/"`,
		"\n\r\t\x00\x1f": `"\n\r\t\u0000\u001f"`,
		"<script>&'":     `"<script>&'"`,
		"a\xffb":         `"a\ufffdb"`,
		"\xed\xa0\x80":   `"\ufffd\ufffd\ufffd"`,
		"x\u2028y\u2029": `"x\u2028y\u2029"`,
		"é😀\x7f":         "\"é😀\x7f\"",
	} {
		o := hal.New("")
		o.Str("a", in)
		if got := string(o.Doc()); got != `{"a":`+want+`}` {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0", 1: "1", 0.1: "0.1", -2.5: "-2.5", 1e21: "1e+21", 1e-7: "1e-07", math.MaxFloat64: "1.7976931348623157e+308",
		math.Inf(1): "null", math.Inf(-1): "null",
	} {
		o := hal.New("")
		o.Float("n", in)
		if got := string(o.Doc()); got != `{"n":`+want+`}` || !json.Valid([]byte(got)) {
			t.Errorf("%v: got %s, want %s", in, got, want)
		}
	}
	o := hal.New("")
	o.Float("n", math.NaN())
	if got := string(o.Doc()); got != `{"n":null}` {
		t.Errorf("got %s", got)
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestMisusePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"a name twice":          func() { o := hal.New("A"); o.Str("a", ""); o.Int("a", 1) },
		"a link twice":          func() { o := hal.New("A"); o.LinkNull("a"); o.LinkNull("a") },
		"an embedded twice":     func() { o := hal.New("A"); o.EmbedDoc("a", hal.Doc(`1`)); o.EmbedDoc("a", hal.Doc(`1`)) },
		"raw that is not JSON":  func() { hal.New("A").Raw("a", hal.Doc(`{`)) },
		"writing when spent":    func() { o := hal.New("A"); o.Doc(); o.Str("a", "") },
		"embedding twice":       func() { o, p := hal.New("A"), hal.New("B"); o.Embed("x", p); o.Embed("y", p) },
		"adding after the page": func() { c := hal.NewCollection("A"); c.All("/"); c.Add(hal.New("B")) },
	} {
		if !panics(f) {
			t.Errorf("%s: did not panic", name)
		}
	}
	o := hal.New("A")
	o.Str("a", "")
	o.LinkNull("a")
	o.EmbedDoc("a", hal.Doc(`1`))
	if got, want := string(o.Doc()), `{"_type":"A","a":"","_embedded":{"a":1},"_links":{"a":{"href":null}}}`; got != want {
		t.Errorf("one name in three sections: got %s, want %s", got, want)
	}
}

func TestPathsAreEscaped(t *testing.T) {
	for want, p := range map[string]hal.Path{
		"/api/v3/users/5":          {Base: "/api/v3/users/", ID: 5},
		"/api/v3":                  {Base: "/api/v3"},
		"/p/\"x\"/5/\"tail\"":      {Base: "/p/\"x\"/", ID: 5, Tail: "/\"tail\""},
		"/api/v3/projects/demo/x":  {Base: "/api/v3/projects/", Tail: "demo/x"},
		"/api/v3/work_packages/-1": {Base: "/api/v3/work_packages/", ID: -1},
	} {
		o := hal.New("")
		o.To("a", p, "")
		var got struct {
			Links map[string]struct{ Href string } `json:"_links"`
		}
		if err := json.Unmarshal(o.Doc(), &got); err != nil || got.Links["a"].Href != want || p.String() != want {
			t.Errorf("%v: got %v, %q, %v, want %q", p, got, p.String(), err, want)
		}
	}
}

func TestCollections(t *testing.T) {
	c := hal.NewCollection(hal.TypeCollection)
	c.Add(hal.New("Status"))
	c.AddDoc(hal.New("Status").Doc())
	got := string(c.All("/api/v3/statuses").Doc())
	want := `{"_type":"Collection","total":2,"count":2,"_embedded":{"elements":[{"_type":"Status"},{"_type":"Status"}]},"_links":{"self":{"href":"/api/v3/statuses"}}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := string(hal.NewCollection("A").All("/").Doc()); !strings.Contains(got, `"elements":[]`) {
		t.Errorf("no elements: got %s", got)
	}
}

func TestPagesLinkToTheirNeighbours(t *testing.T) {
	c := hal.NewCollection(hal.TypeWorkPackageCollection)
	c.Add(hal.New("WorkPackage"))
	q := url.Values{"filters": {"[]"}, "offset": {"9"}}
	o := c.Page(hal.Paging{Path: "/api/v3/work_packages", Query: q, Total: 3, Size: 1, Number: 2})
	o.EmbedDoc("schemas", hal.Doc(`{}`))
	o.Raw("groups", hal.Doc(`[]`))
	want := `{"_type":"WorkPackageCollection","total":3,"count":1,"pageSize":1,"offset":2,"groups":[],` +
		`"_embedded":{"elements":[{"_type":"WorkPackage"}],"schemas":{}},` +
		`"_links":{"self":{"href":"/api/v3/work_packages?filters=%5B%5D&offset=2&pageSize=1"},` +
		`"jumpTo":{"href":"/api/v3/work_packages?filters=%5B%5D&offset=%7Boffset%7D&pageSize=1","templated":true},` +
		`"changeSize":{"href":"/api/v3/work_packages?filters=%5B%5D&offset=2&pageSize=%7Bsize%7D","templated":true},` +
		`"previousByOffset":{"href":"/api/v3/work_packages?filters=%5B%5D&offset=1&pageSize=1"},` +
		`"nextByOffset":{"href":"/api/v3/work_packages?filters=%5B%5D&offset=3&pageSize=1"}}}`
	if diff := cmp.Diff(want, string(o.Doc())); diff != "" {
		t.Error(diff)
	}
	if q.Get("offset") != "9" {
		t.Error("the query was changed")
	}
}

func TestNeighboursExist(t *testing.T) {
	for _, c := range []struct {
		name                string
		total, size, number int
		previous, next      bool
	}{
		{"the only page", 20, 20, 1, false, false},
		{"the first of two", 21, 20, 1, false, true},
		{"the last of two", 21, 20, 2, true, false},
		{"far behind the end", 21, 20, 9, true, false},
		{"an empty list", 0, 20, 1, false, false},
		{"only the total", 21, 0, 2, false, false},
		{"a full last page", 40, 20, 2, true, false},
	} {
		got := string(hal.NewCollection("A").Page(hal.Paging{Path: "/", Total: c.total, Size: c.size, Number: c.number}).Doc())
		if p, n := strings.Contains(got, "previousByOffset"), strings.Contains(got, "nextByOffset"); p != c.previous || n != c.next {
			t.Errorf("%s: got previous %v, next %v", c.name, p, n)
		}
	}
}

func TestErrors(t *testing.T) {
	one := hal.Error{Name: hal.PropertyConstraintViolation, Message: "Subject is missing.", Attribute: "subject"}
	single := `{"_type":"Error","errorIdentifier":"urn:openproject-org:api:v3:errors:PropertyConstraintViolation",` +
		`"message":"Subject is missing.","_embedded":{"details":{"attribute":"subject"}}}`
	if diff := cmp.Diff(single, string(hal.Errors("Several.", []hal.Error{one}).Doc())); diff != "" {
		t.Error(diff)
	}
	two := hal.Error{Name: hal.PropertyIsReadOnly, Message: "Id cannot be written.", Attribute: "id"}
	several := hal.Errors("Several.", []hal.Error{one, two})
	want := `{"_type":"Error","errorIdentifier":"urn:openproject-org:api:v3:errors:MultipleErrors","message":"Several.",` +
		`"_embedded":{"errors":[` + single + `,` + string(two.Doc()) + `]}}`
	if diff := cmp.Diff(want, string(several.Doc())); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		err  hal.Error
		want int
	}{
		{one, 422},
		{several, 422},
		{hal.Error{Name: hal.NotFound}, 404},
		{hal.Error{Name: "Unheard"}, 500},
		{hal.Error{Name: hal.MultipleErrors}, 422},
		{hal.Errors("", []hal.Error{{Name: hal.InvalidQuery}, {Name: hal.InvalidQuery}}), 400},
		{hal.Errors("", []hal.Error{{Name: hal.InvalidQuery}, one}), 422},
	} {
		if got := c.err.Status(); got != c.want {
			t.Errorf("%s: got status %d, want %d", c.err.Name, got, c.want)
		}
	}
}

// FuzzDocument proves that whatever text goes in comes out of encoding/json
// again, with U+FFFD where it was no UTF-8.
func FuzzDocument(f *testing.F) {
	f.Add("a", "b\xff", 1.5, int64(3))
	f.Add("\u2028\"\\", "</script>\x00", -1e300, int64(-1))
	f.Fuzz(func(t *testing.T, name, text string, n float64, i int64) {
		if name == "i" || name == "n" || name == "f" || !utf8.ValidString(name) {
			name = "x"
		}
		o := hal.New("")
		o.Str(name, text)
		o.Int("i", i)
		o.Float("n", n)
		o.Formattable("f", hal.Plain, text, text)
		o.To("p", hal.Path{Base: text, ID: i, Tail: name}, text)
		o.EmbedDoc("e", func() hal.Doc { e := hal.New(text); e.Strs("s", []string{text}); return e.Doc() }())
		d := o.Doc()
		dec := json.NewDecoder(bytes.NewReader(d))
		dec.UseNumber()
		var got map[string]any
		if err := dec.Decode(&got); err != nil || dec.More() {
			t.Fatalf("%v: %s", err, d)
		}
		want := strings.ToValidUTF8(text, "\ufffd")
		// Every invalid byte becomes one U+FFFD, as encoding/json has it.
		js, _ := json.Marshal(text)
		if err := json.Unmarshal(js, &want); err != nil {
			t.Fatal(err)
		}
		if got[name] != want {
			t.Errorf("got %q, want %q", got[name], want)
		}
		if f := got["f"].(map[string]any); f["raw"] != want || f["html"] != want {
			t.Errorf("got %v, want %q", f, want)
		}
		if !reflect.DeepEqual(got["_embedded"].(map[string]any)["e"].(map[string]any)["s"], []any{want}) {
			t.Errorf("got %v, want %q", got["_embedded"], want)
		}
	})
}
