package filter_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/filter"
)

func TestNamesComeInManySpellings(t *testing.T) {
	for in, want := range map[string]string{
		"dueDate": "due_date", "due_date": "due_date", "projectId": "project", "project_id": "project", "project": "project",
		"assigned_to_id": "assignee", "assignee": "assignee", "subjectOrId": "subject_or", "id": "id", "workPackageId": "work_package",
		"readIAN": "read_ian", "entityType": "entity_type", "ID": "id", "Project": "project", "due": "due_date", "start": "start_date",
		"cf_12": "custom_field_12", "cf12": "custom_field_12", "customField12": "custom_field_12", "custom_field_12": "custom_field_12",
		"cf": "cf", "cfx": "cfx", "custom_field": "custom_field", "": "",
	} {
		if got := filter.Name(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := filter.Parse(`[{"status":{"operator":"o","values":null}},{"id":{"operator":"=","values":[1,"2",true]}},{"parent":{"operator":"=","values":2}}]`)
	want := []filter.Condition{{Name: "status", Op: "o"}, {Name: "id", Op: "=", Values: []string{"1", "2", "t"}}, {Name: "parent", Op: "=", Values: []string{"2"}}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{
		``, `{}`, `[`, `[1]`, `[{"a":{"operator":"=","values":[{}]}}]`, `[] []`,
		`[{"a":{"operator":"=","values":["` + strings.Repeat("x", 300<<10) + `"]}}]`, strings.Repeat("[", 20000),
	} {
		if _, err := filter.Parse(bad); fault.Of(err) == nil || fault.Of(err).Code != filter.CodeInvalidQuery {
			t.Errorf("%.40s: got %v, want an invalid query", bad, err)
		}
	}
}

func TestSeveralKeysKeepOneOrder(t *testing.T) {
	const text = `[{"storageUrl":{"operator":"=","values":["https%3A%2F%2Fcloud"]},"userAction":{"operator":"&=","values":["a/b"]},"id":{"operator":"*"}}]`
	want := []filter.Condition{
		{Name: "id", Op: "*"},
		{Name: "storage_url", Op: "=", Values: []string{"https%3A%2F%2Fcloud"}},
		{Name: "user_action", Op: "&=", Values: []string{"a/b"}},
	}
	for range 20 {
		got, err := filter.Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	}
}

func TestLimits(t *testing.T) {
	many := func(n int, element string) string { return "[" + strings.Repeat(element+",", n-1) + element + "]" }
	values := `{"a":{"operator":"=","values":` + many(5000, "1") + `}}`
	for name, c := range map[string]struct {
		filters string
		ok      bool
	}{
		"many filters":     {many(100, `{"a":{"operator":"*"}}`), true},
		"too many filters": {many(101, `{"a":{"operator":"*"}}`), false},
		"many values":      {many(2, values), true},
		"too many values":  {many(3, values), false},
	} {
		if _, err := filter.Parse(c.filters); (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		sort string
		ok   bool
	}{
		"many criteria":     {many(20, `["id"]`), true},
		"too many criteria": {many(21, `["id"]`), false},
		"too long":          {many(1, `["`+strings.Repeat("x", 300<<10)+`"]`), false},
		"no direction":      {`[["id","up"]]`, false},
		"too much":          {`[["id","asc","x"]]`, false},
		"nothing":           {`[[]]`, false},
		"no array":          {`"id"`, false},
	} {
		if _, err := filter.ParseSort(c.sort); (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestParseSort(t *testing.T) {
	got, err := filter.ParseSort(`[["id","asc"],["updatedAt","desc"],["projectId"]]`)
	want := []filter.Sort{{Name: "id"}, {Name: "updated_at", Desc: true}, {Name: "project"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if got, err := filter.ParseSort(""); err != nil || got != nil {
		t.Errorf("nothing: got %v, %v", got, err)
	}
}

func TestPages(t *testing.T) {
	for query, want := range map[string]filter.Page{
		"": {1, 20}, "pageSize=-1": {1, 1000}, "pageSize=0&offset=3": {3, 0}, "pageSize=5000": {1, 1000}, "offset=0": {1, 20},
	} {
		q, _ := url.ParseQuery(query)
		if got, err := filter.ParsePage(q, 20, 1000); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", query, got, err, want)
		}
	}
	for _, bad := range []string{"pageSize=x", "pageSize=-2", "offset=x", "offset=-1"} {
		q, _ := url.ParseQuery(bad)
		if _, err := filter.ParsePage(q, 20, 1000); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

var fields = filter.Fields{
	"status":  {Kind: filter.Ref, Column: "s"},
	"subject": {Kind: filter.Text, Column: "t"},
	"done":    {Kind: filter.Number, Column: "n"},
	"active":  {Kind: filter.Bool, Column: "b", SortBy: "-"},
	"due":     {Kind: filter.Date, Column: "d"},
	"created": {Kind: filter.Instant, Column: "c"},
}

func TestCompile(t *testing.T) {
	e := filter.Env{Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Me: 7}
	cases := []struct {
		c    filter.Condition
		sql  string
		args []any
	}{
		{filter.Condition{Name: "status", Op: "=", Values: []string{"1", "me"}}, "(s IN (?,?))", []any{int64(1), int64(7)}},
		{filter.Condition{Name: "status", Op: "!*"}, "(s IS NULL)", nil},
		{filter.Condition{Name: "subject", Op: "~", Values: []string{"50%"}}, `(t LIKE ? ESCAPE '\')`, []any{`%50\%%`}},
		{filter.Condition{Name: "done", Op: ">=", Values: []string{"50"}}, "(n >= CAST(? AS DOUBLE PRECISION))", []any{50.0}},
		{filter.Condition{Name: "active", Op: "!", Values: []string{"t"}}, "(NOT b)", nil},
		{filter.Condition{Name: "due", Op: "w"}, "((d >= ?) AND (d <= ?))", []any{db.Day("2026-11-23"), db.Day("2026-11-29")}},
		{filter.Condition{Name: "due", Op: "<>d", Values: []string{"", "2026-01-02"}}, "((d <= ?))", []any{db.Day("2026-01-02")}},
		{filter.Condition{Name: "due", Op: "<t-", Values: []string{"1"}}, "((d <= ?))", []any{db.Day("2026-11-21")}},
		{filter.Condition{Name: "created", Op: "t"}, "((c >= ?) AND (c < ?))", []any{
			db.At(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)), db.At(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)),
		}},
	}
	for _, c := range cases {
		got, err := fields.Compile([]filter.Condition{c.c}, e)
		if err != nil {
			t.Errorf("%v: %v", c.c, err)
			continue
		}
		if diff := cmp.Diff(db.Frag{SQL: c.sql, Args: c.args}, got); diff != "" {
			t.Errorf("%v: %s", c.c, diff)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []filter.Condition{
		{Name: "nothing", Op: "="},
		{Name: "status", Op: "~", Values: []string{"1"}},
		{Name: "status", Op: "="},
		{Name: "status", Op: "=", Values: []string{"x"}},
		{Name: "subject", Op: "="},
		{Name: "subject", Op: "t", Values: []string{"x"}},
		{Name: "done", Op: "=", Values: []string{"x"}},
		{Name: "done", Op: ">="},
		{Name: "active", Op: "=", Values: []string{"yes"}},
		{Name: "active", Op: "~"},
		{Name: "due", Op: "=d", Values: []string{"tomorrow"}},
		{Name: "due", Op: "<>d", Values: []string{"2026-01-01"}},
		{Name: "due", Op: "=d"},
		{Name: "due", Op: "=d", Values: []string{""}},
		{Name: "due", Op: "<>d", Values: []string{"x", ""}},
		{Name: "created", Op: "<>d", Values: []string{"", "2026-13-01"}},
		{Name: "status", Op: "&="},
		{Name: "status", Op: "!", Values: []string{""}},
		{Name: "done", Op: "=", Values: []string{"NaN"}},
		{Name: "done", Op: ">=", Values: []string{"1", "2"}},
		{Name: "done", Op: "~", Values: []string{"1"}},
		{Name: "done", Op: "=", Values: []string{"1e999"}},
		{Name: "due", Op: "t-", Values: []string{"100001"}},
		{Name: "due", Op: "t+"},
		{Name: "due", Op: "t-", Values: []string{"-1"}},
		{Name: "due", Op: "?"},
		{Name: "created", Op: "=d", Values: []string{"2026-01-01T99:00:00Z"}},
	} {
		if _, err := fields.Compile([]filter.Condition{c}, filter.Env{Now: time.Now()}); err == nil {
			t.Errorf("%v was accepted", c)
		}
	}
	if _, err := fields.Order([]filter.Sort{{Name: "active"}}); err == nil {
		t.Error("sorting by a field that forbids it was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`[{"status":{"operator":"o","values":[]}}]`)
	f.Add(`[{"id":{"operator":"=","values":[1,"2",true,null]}}]`)
	f.Fuzz(func(t *testing.T, s string) {
		conds, err := filter.Parse(s)
		if err != nil && fault.Of(err) == nil {
			t.Errorf("not a fault: %v", err)
		}
		if _, err := fields.Compile(conds, filter.Env{Now: time.Now()}); err != nil && fault.Of(err) == nil {
			t.Errorf("not a fault: %v", err)
		}
	})
}

func FuzzParseSort(f *testing.F) {
	f.Add(`[["id","asc"],["createdAt","desc"]]`)
	f.Fuzz(func(t *testing.T, s string) {
		_, err := filter.ParseSort(s)
		if err != nil && fault.Of(err) == nil {
			t.Errorf("not a fault: %v", err)
		}
	})
}
