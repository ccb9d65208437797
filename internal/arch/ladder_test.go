package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/holdfast/holdfast/"

// rungs is the ladder: a package imports only packages on lower rungs. A new
// package is added here, on the lowest rung that lies above all it imports.
var rungs = map[string]int{
	"id": 0, "fault": 0, "opt": 0, "config": 0, "db": 0, "blob": 0, "hal": 0, "markup": 0,
	"mail": 0, "secret": 0, "zipfile": 0, "plural": 0, "message": 0,
	"filter": 1, "job": 1, "access": 1, "journal": 1, "audit": 1,
	"account": 2, "setting": 2, "outbox": 2,
	"catalog": 3, "customfield": 3, "membership": 3, "project": 3, "attachment": 3, "version": 3, "category": 3,
	"workpackage": 4, "wiki": 4, "news": 4, "backup": 4,
	"retrieve": 5, "timeentry": 5, "query": 5, "notification": 5, "search": 5,
	"seed": 6, "importer": 6, "loadgen": 6,
	"app":   7,
	"serve": 8,
	"apiv3": 9, "web": 9,
	"cli": 10,
}

// foundation are rung-0 packages that others of rung 0 may import, because
// they hold nothing but names. They import only each other.
var foundation = map[string]bool{"id": true, "fault": true, "opt": true}

// apart are packages outside the ladder: this one and test helpers.
func apart(name string) bool {
	return name == "arch" || name == "testpeer" || strings.HasSuffix(name, "test")
}

// clients are the packages below rung 7 that may speak HTTP, as clients only.
var clients = map[string]bool{
	"blob":    true, // S3
	"account": true, // OpenID Connect
	"backup":  true, // S3
}

// drivers are known to db alone, so that the engine is chosen in one place.
var drivers = []string{
	"modernc.org/sqlite", "github.com/ncruces/go-sqlite3", "github.com/jackc/pgx",
	"github.com/mattn/go-sqlite3", "github.com/lib/pq",
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestEveryPackageStandsOnTheLadder(t *testing.T) {
	for _, p := range packages(t) {
		if name := slice(p.ImportPath); name != "" && !apart(name) && !known(name) {
			t.Errorf("internal/%s has no rung: add it to the table in internal/arch/ladder_test.go", name)
		}
	}
}

func TestImportsGoDownTheLadder(t *testing.T) {
	for _, p := range packages(t) {
		for _, problem := range climbs(p) {
			t.Error(problem)
		}
	}
}

func TestOnlyDBKnowsTheDrivers(t *testing.T) {
	for _, p := range packages(t) {
		if slice(p.ImportPath) == "db" || apart(last(p.ImportPath)) {
			continue
		}
		for _, imp := range p.Imports {
			for _, d := range drivers {
				if imp == d || strings.HasPrefix(imp, d+"/") {
					t.Errorf("%s imports the driver %s: only db may", p.ImportPath, imp)
				}
			}
		}
	}
}

func TestSlicesDoNotServeHTTP(t *testing.T) {
	for _, p := range packages(t) {
		name := slice(p.ImportPath)
		if rungs[name] >= rungs["app"] || !known(name) || clients[name] || apart(last(p.ImportPath)) {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "net/http" {
				t.Errorf("%s imports net/http: HTTP belongs to serve, apiv3 and web", p.ImportPath)
			}
		}
	}
}

// TestClimbsFindsViolations shows the rule at work on imports made up for it.
func TestClimbsFindsViolations(t *testing.T) {
	in := module + "internal/"
	tests := []struct {
		name, from, to string
		want           bool
	}{
		{"down is fine", "workpackage", "project", false},
		{"up is refused", "project", "workpackage", true},
		{"sideways is refused", "project", "catalog", true},
		{"the API does not know the pages", "apiv3", "web", true},
		{"the pages do not know the API", "web", "apiv3", true},
		{"inside one slice anything goes", "db", "db/migrations", false},
		{"names may be shared on the lowest rung", "db", "fault", false},
		{"other neighbours on the lowest rung may not", "blob", "db", true},
		{"names know no other neighbours", "fault", "db", true},
		{"code does not use test helpers", "project", "db/dbtest", true},
		{"a test helper may", "app/apptest", "db/dbtest", false},
	}
	for _, tt := range tests {
		got := climbs(pkg{ImportPath: in + tt.from, Imports: []string{in + tt.to}})
		if (len(got) > 0) != tt.want {
			t.Errorf("%s: %s imports %s: got %v", tt.name, tt.from, tt.to, got)
		}
	}
}

// climbs lists the imports of p that break the ladder.
func climbs(p pkg) []string {
	from := slice(p.ImportPath)
	if from == "" || apart(from) || apart(last(p.ImportPath)) {
		return nil
	}
	var problems []string
	for _, imp := range p.Imports {
		to := slice(imp)
		switch {
		case to == "":
		case apart(to) || apart(last(imp)):
			problems = append(problems, p.ImportPath+" imports the test helper "+imp)
		case to == from:
		case rungs[to] < rungs[from]:
		case rungs[from] == 0 && foundation[to]:
		default:
			problems = append(problems, p.ImportPath+" imports "+imp+", which is not on a lower rung"+
				" (pass an id, append an event to the journal, or accept an interface that app fills)")
		}
	}
	return problems
}

func known(name string) bool {
	_, ok := rungs[name]
	return ok
}

// slice is the first element below internal/: "db" for internal/db/dbtest.
func slice(path string) string {
	rest, ok := strings.CutPrefix(path, module+"internal/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// packages asks the go command for every package of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list knows only %d packages", len(all))
	}
	return all
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
