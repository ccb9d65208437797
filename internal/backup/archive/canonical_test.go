package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/db/dbtest"
)

var everyType = []Column{{"i", Int}, {"b", Bool}, {"t", Text}, {"at", Instant}, {"d", Day}, {"j", JSON}}

func TestRowsHaveOneForm(t *testing.T) {
	tests := []struct {
		name string
		vals []any
		want string
	}{
		{
			"ordinary",
			[]any{int64(7), true, "a", int64(0), "2026-11-23", `{"b":1,"a":[1.50,"x"]}`},
			`[7,true,"a","1970-01-01T00:00:00.000000Z","2026-11-23",{"a":[1.50,"x"],"b":1}]`,
		},
		{
			"SQLite's booleans",
			[]any{int64(math.MinInt64), int64(0), "", lastInstant, "", ` [ ] `},
			`[-9223372036854775808,false,"","9999-12-31T23:59:59.999999Z","",[]]`,
		},
		{"nothing", []any{nil, nil, nil, nil, nil, nil}, `[null,null,null,null,null,null]`},
		{
			"text that needs care",
			[]any{int64(1), false, "\"\\\n\t\r\b\f\x01</é😀שלום\u2028", firstInstant, "0001-01-01", `"\ud83d\ude00\u003c"`},
			`[1,false,"\"\\\n\t\r\b\f\u0001</é😀שלום` + "\u2028" + `","0001-01-01T00:00:00.000000Z","0001-01-01","😀<"]`,
		},
	}
	for _, tt := range tests {
		got, err := appendRow(nil, everyType, tt.vals)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if string(got) != tt.want+"\n" {
			t.Errorf("%s:\ngot  %swant %s", tt.name, got, tt.want)
		}
	}
}

func TestValuesThatOneEngineCouldNotKeepAreRefused(t *testing.T) {
	tests := []struct {
		name string
		t    Type
		v    any
		want error
	}{
		{"NUL", Text, "a\x00b", errNUL},
		{"broken UTF-8", Text, "a\xffb", errUTF8},
		{"an instant before year 1", Instant, firstInstant - 1, errRange},
		{"an instant after year 9999", Instant, lastInstant + 1, errRange},
		{"NUL inside JSON", JSON, `"\u0000"`, errNUL},
		{"half a surrogate pair", JSON, `"\ud83d"`, errUTF8},
		{"deep JSON", JSON, strings.Repeat("[", 1000), errDepth},
		{"a member twice", JSON, `{"b":1,"a":1,"b":2}`, errTwice},
		{"JSON and more", JSON, `{} 1`, errJSON},
		{"a bare comma", JSON, `[1,]`, errJSON},
		{"a leading zero", JSON, `01`, errJSON},
		{"no JSON", JSON, ``, errJSON},
	}
	for _, tt := range tests {
		got, err := appendValue(nil, tt.t, tt.v)
		if err == nil || err.Error() != tt.want.Error() {
			t.Errorf("%s: got %s, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	for _, v := range []any{int64(2), "true", 1.5} {
		if got, err := appendValue(nil, Bool, v); err == nil {
			t.Errorf("%v as a boolean: got %s", v, got)
		}
	}
}

// Whatever is no JSON by the letter is refused, wherever it breaks off.
func TestTextsThatAreNoJSONAreRefused(t *testing.T) {
	for _, text := range []string{
		"[", "[1", "[1 2]", "[1,", "[tru]", "{", "{1:2}", `{"a"`, `{"a" 1}`, `{"a":}`, `{"a":1`, `{"a":1 "b":2}`, `{"a":1,}`, `{"a`, `{"a\x":1}`,
		"-", "1.", "1.x", "1e", "1e+", "+1", ".5", "nul", "True", `"`, `"a`, "\"a\nb\"", `"\`, `"\q"`, `"\u12"`, `"\u12g4"`, "\"\\n\n\"", `"\n`,
		`"\ud83d\u12"`, `"\ud83d\u0041"`, `"\ud83dxxxxxx"`, `{"b":1,"a":tru}`, "\x00",
	} {
		if got, err := appendValue(nil, JSON, text); err == nil {
			t.Errorf("%q: accepted as %s", text, got)
		}
	}
	for text, want := range map[string]string{
		`"\ud83d\ude00\/\b"`: "\"\U0001F600/\\b\"", ` { "b" : [ ] , "a" : { } } `: `{"a":{},"b":[]}`, `-0.5E-3`: `-0.5E-3`, `[true,null]`: `[true,null]`,
	} {
		if got, err := appendValue(nil, JSON, text); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	cols := []Column{{"t", Text}, {"j", JSON}}
	for _, line := range []string{`[5,{}]`, `["a",tru]`, `["a`, `["a","b`, "[\"\xff\",{}]", "[\"a\",\"\xff\"]"} {
		if _, err := newRowParser(cols).parse([]byte(line)); err == nil {
			t.Errorf("%s: accepted", line)
		}
	}
	if _, err := newRowParser([]Column{{"x", "colour"}}).parse([]byte(`["a"]`)); err == nil {
		t.Error("a type that is none is accepted")
	}
}

func TestRowsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vals := []any{
			rapid.Int64().Draw(t, "int"), rapid.Bool().Draw(t, "bool"), strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", ""),
			rapid.Int64Range(firstInstant, lastInstant).Draw(t, "instant"), "2026-02-28", nil,
		}
		line, err := appendRow(nil, everyType, vals)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := newRowParser(everyType).parse(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got := make([]any, len(vals))
		for i, c := range cells {
			got[i] = c.Any()
		}
		if diff := cmp.Diff(vals, got); diff != "" {
			t.Fatalf("%s: %s", line, diff)
		}
	})
}

func TestLinesThatAreNoRowAreRefused(t *testing.T) {
	cols := []Column{{"i", Int}, {"b", Bool}, {"at", Instant}}
	for _, line := range []string{
		``, `[`, `[]`, `[1,true]`, `[1,true,null,4]`, `[1,true,null`, `[1,true,null] `, `["1",true,null]`, `[1,1,null]`, `[1,"true",null]`,
		`[1.0,true,null]`, `[9223372036854775808,true,null]`, `[1,true,"2026-11-23"]`, `[1,true,"2026-13-23T00:00:00.000000Z"]`, `[1,true,5]`,
		`[nul,true,null]`, `{"i":1}`, `[1,true,"0000-01-01T00:00:00.000000Z"]`,
	} {
		if _, err := newRowParser(cols).parse([]byte(line)); err == nil {
			t.Errorf("%s: accepted", line)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}],"\u0061b":"\n"}`, `[1e5,-0.1]`, `"\ud83d\ude00"`, `{`, `tru`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := appendJSON(nil, s)
		if err != nil {
			return
		}
		twice, err := appendJSON(nil, string(once))
		if err != nil || string(twice) != string(once) {
			t.Errorf("%q: %s, then %s, %v", s, once, twice, err)
		}
		if end, err := canonicalEnd(once, 0); err != nil || end != len(once) {
			t.Errorf("%q: its canonical form %s is refused at %d: %v", s, once, end, err)
		}
		if end, err := canonicalEnd([]byte(s), 0); err == nil && end == len(s) && utf8.ValidString(s) && s != string(once) {
			t.Errorf("%q is accepted as canonical, which is %s", s, once)
		}
	})
}

// What a restore takes as it stands is what a backup writes, and nothing else.
func TestOnlyCanonicalJSONIsTakenAsItStands(t *testing.T) {
	deep := strings.Repeat("[", maxDepth) + "1" + strings.Repeat("]", maxDepth)
	for _, text := range []string{
		`{}`, `[]`, `[1,-0.5E-3,true,false,null,"é😀"]`, `{"":0,"a":{"b":[{}]},"aa":"\"\\\b\t\n\f\r\u0001\u001f/"}`, `{"\n":1,"\"":2,"a":3}`, deep,
	} {
		if end, err := canonicalEnd([]byte(text), 0); err != nil || end != len(text) {
			t.Errorf("%.60s: %d, %v", text, end, err)
		}
		if form, err := appendJSON(nil, text); err != nil || string(form) != text {
			t.Errorf("%.60s is no canonical form: %.60s, %v", text, form, err)
		}
	}
	for _, text := range []string{
		``, ` 1`, `[ 1]`, `[1 ]`, `[1`, `[1,]`, `[1;2]`, `[tru]`, `[-]`, `{"a" :1}`, `{"a"}`, `{a:1}`, `{"a":1`, `{"a":1;"b":2}`, `{"a":1,}`, `{"a":}`, `{"a":1,"a":2}`,
		`{"b":1,"a":2}`, `{"a":1,"\n":2}`, `{"\u0001":1,"\u0001":2}`, `"`, `"a`, "\"a\nb\"", `"\`, `"\/"`, `"\u00e9"`, `"\u000a"`, `"\u001F"`, `"\u0000"`, `"\u00`,
		`{"\x":1}`, "[" + deep + "]",
	} {
		if end, err := canonicalEnd([]byte(text), 0); err == nil {
			t.Errorf("%.60s: taken up to %d", text, end)
		}
	}
}

func TestReadingAheadEndsAsTheSourceDoes(t *testing.T) {
	broken := errors.New("broken")
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, want := range []error{nil, broken, io.ErrUnexpectedEOF} {
		var src io.Reader = bytes.NewReader(content)
		if want != nil {
			src = io.MultiReader(src, iotest.ErrReader(want))
		}
		a := newAhead(io.NopCloser(src))
		got, err := io.ReadAll(a)
		if !errors.Is(err, want) || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v, want %v", len(got), err, want)
		}
		if n, again := a.Read(make([]byte, 1)); n > 0 || want != nil && !errors.Is(again, want) {
			t.Errorf("after the end: %d bytes, %v", n, again)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 200 { // whether the reader notices before it has used up its pieces is chance
		a := newAhead(io.NopCloser(bytes.NewReader(content)))
		if _, err := io.ReadFull(a, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil { // with most of it unread
			t.Error(err)
		}
	}
}

// A row that is refused ends the reading, and the transaction can be read on.
func TestARefusedRowEndsTheReading(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO settings (name, value, updated_at) VALUES ('a', '', 0), ('b', '', 0)`))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		settings := tables[slices.IndexFunc(tables, func(t Table) bool { return t.Name == "settings" })]
		err = db.Snapshot(ctx, d, func(ctx context.Context, tx *db.Tx) error {
			more, end, err := db.Beside(ctx, tx, 1)
			if err != nil {
				return err
			}
			for range 2 {
				rows := 0
				err := eachRow(ctx, more[0], settings, db.Frag{}, func([]any) error { rows++; return refused })
				if !errors.Is(err, refused) || rows != 1 {
					t.Errorf("%d rows, and then %v", rows, err)
				}
			}
			return end()
		})
		if err != nil {
			t.Error(err)
		}
	})
}
