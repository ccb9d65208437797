package message_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/holdfast/holdfast/internal/message"
)

// catalogue is a file as it stands: per key the texts by plural form, "" for a plain one.
type catalogue map[string]map[string]string

func readCatalogues(t *testing.T) map[string]catalogue {
	t.Helper()
	files, err := filepath.Glob("catalogues/*.toml")
	if err != nil || len(files) < 2 {
		t.Fatalf("catalogues: %v, %v", files, err)
	}
	out := map[string]catalogue{}
	for _, f := range files {
		var raw map[string]any
		if _, err := toml.DecodeFile(f, &raw); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		c := catalogue{}
		c.flatten("", raw)
		out[strings.TrimSuffix(filepath.Base(f), ".toml")] = c
	}
	return out
}

func (c catalogue) flatten(prefix string, raw map[string]any) {
	for k, v := range raw {
		switch v := v.(type) {
		case string:
			c[prefix+k] = map[string]string{"": v}
		case map[string]any:
			if _, ok := v["other"].(string); !ok {
				c.flatten(prefix+k+".", v)
				continue
			}
			forms := map[string]string{}
			for form, text := range v {
				forms[form], _ = text.(string)
			}
			c[prefix+k] = forms
		}
	}
}

// parameters are the names in a text, each once, sorted.
func parameters(texts map[string]string) []string {
	seen := map[string]bool{}
	for _, text := range texts {
		for _, m := range regexp.MustCompile(`\{([^}]*)\}`).FindAllStringSubmatch(text, -1) {
			seen[m[1]] = true
		}
	}
	var out []string
	for name := range seen {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// pluralForms are the forms a language has for whole numbers.
func pluralForms(tag string) []string {
	names := map[plural.Form]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}
	seen := map[string]bool{"other": true}
	for n := range 1000 {
		seen[names[plural.Cardinal.MatchPlural(language.Make(tag), n, 0, 0, 0, 0)]] = true
	}
	var out []string
	for name := range seen {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func TestCataloguesAgree(t *testing.T) {
	all := readCatalogues(t)
	for tag, c := range all {
		for _, problem := range compare(tag, c, all[message.English]) {
			t.Error(problem)
		}
	}
}

// compare says in what a catalogue falls short of the English one.
func compare(tag string, c, english catalogue) []string {
	var out []string
	for key, texts := range english {
		mine, ok := c[key]
		if !ok {
			out = append(out, tag+" lacks "+key)
			continue
		}
		if strings.HasPrefix(key, "locale.") {
			continue
		}
		if a, b := parameters(texts), parameters(mine); !slices.Equal(a, b) {
			out = append(out, tag+": "+key+" has the parameters "+strings.Join(b, ", ")+" and not "+strings.Join(a, ", "))
		}
		if _, plain := texts[""]; plain {
			continue
		}
		for _, form := range pluralForms(tag) {
			if mine[form] == "" {
				out = append(out, tag+": "+key+" lacks the plural form "+form)
			}
		}
	}
	for key := range c {
		if english[key] == nil {
			out = append(out, tag+": "+key+" is not in English")
		}
	}
	return out
}

func TestCompareFindsWhatIsWrong(t *testing.T) {
	english := catalogue{
		"a.b": {"": "x {name}"}, "a.c": {"one": "{n} file", "other": "{n} files"}, "a.d": {"": "y"},
	}
	polish := catalogue{"a.b": {"": "x {nome}"}, "a.c": {"one": "{n} plik", "few": "{n} pliki", "other": "{n} pliku"}, "a.e": {"": "z"}}
	got := compare("pl", polish, english)
	slices.Sort(got)
	want := []string{"pl lacks a.d", "pl: a.b has the parameters nome and not name", "pl: a.c lacks the plural form many", "pl: a.e is not in English"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// uses is what the program says: keys in calls, the beginnings of keys that are put
// together, and all other words in quotes.
type uses struct {
	keys, words map[string]string // where
	families    map[string]bool
}

var (
	inTemplate = regexp.MustCompile(`\b(?:t|th) "([^"]+)"`)
	beginning  = regexp.MustCompile(`^[a-z]+\.([a-z_.]+[_.])?$`)
	code       = regexp.MustCompile(`^[a-z_]+$`)
	isDone     = regexp.MustCompile(`done=([a-z_]+)`)
)

func readUses(t *testing.T, root string) uses {
	t.Helper()
	u := uses{map[string]string{}, map[string]string{}, map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case strings.HasSuffix(path, "_test.go"), strings.Contains(path, "testdata"), strings.Contains(path, "/apiv3/"), strings.Contains(path, "/testpeer/"):
			return nil
		case strings.HasSuffix(path, ".go"):
			return u.goFile(path)
		case strings.HasSuffix(path, ".html"):
			return u.template(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (u uses) template(path string) error {
	body, err := os.ReadFile(path)
	for _, m := range inTemplate.FindAllStringSubmatch(string(body), -1) {
		u.keys[m[1]] = path
	}
	return err
}

func (u uses) goFile(path string) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			u.call(path, n)
		case *ast.BasicLit:
			if text := word(n); text != "" {
				u.words[text] = path
				if beginning.MatchString(text) {
					u.families[text] = true
				}
				for _, m := range isDone.FindAllStringSubmatch(text, -1) {
					u.keys["done."+m[1]] = path
				}
			}
		}
		return true
	})
	return nil
}

// call notes the keys that a call says, and the refusals that pages word.
func (u uses) call(path string, n *ast.CallExpr) {
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || len(n.Args) == 0 {
		return
	}
	first := word(n.Args[0])
	switch sel.Sel.Name {
	case "T", "HTML":
		if first != "" {
			u.keys[first] = path
		}
	case "InvalidField":
		if len(n.Args) == 2 && word(n.Args[1]) != "" {
			u.keys["field."+word(n.Args[1])] = path
		}
	case "add":
		if len(n.Args) > 1 && onPages(path) && code.MatchString(word(n.Args[1])) {
			u.keys["field."+word(n.Args[1])] = path
		}
	case "Said":
		if len(n.Args) > 1 && word(n.Args[1]) != "" {
			u.keys[word(n.Args[1])] = path
		}
	case "Forbidden", "Conflict", "Unauthenticated", "Unsupported", "TooLarge", "TooMany":
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "fault" && first != "" && onPages(path) {
			u.keys["fault."+message.Slug(first)] = path
		}
	}
}

// onPages says whether people can meet a refusal of the file on a page.
func onPages(path string) bool {
	for _, dir := range []string{"account", "access", "attachment", "project", "version", "category", "workpackage", "web", "job"} {
		if strings.Contains(path, "/"+dir+"/") {
			return true
		}
	}
	return false
}

func word(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

func TestEveryKeyIsThereAndUsed(t *testing.T) {
	english := readCatalogues(t)[message.English]
	u := readUses(t, "..")
	for key, path := range u.keys {
		if english[key] == nil && !u.families[key] {
			t.Errorf("%s: there is no text %q", path, key)
		}
	}
	for key := range english {
		if !used(key, u) {
			t.Errorf("nobody says %q", key)
		}
	}
}

func used(key string, u uses) bool {
	section, rest, _ := strings.Cut(key, ".")
	if u.keys[key] != "" || u.words[key] != "" || section == "locale" && u.words[rest] != "" || section == "unit" && u.words[rest] != "" {
		return true
	}
	if u.families[section+"."] && u.wordFor(strings.TrimSuffix(rest, "_text")) {
		return true
	}
	if section == "fault" && u.wordFor(strings.TrimSuffix(rest, "_not_found")) {
		return true
	}
	// The audit log has "backup." before the states and checks of a backup.
	if kind, ok := strings.CutPrefix(rest, "backup_"); ok && section == "act" && u.wordFor(kind) {
		return true
	}
	for family := range u.families {
		if len(family) > len(section)+1 && strings.HasPrefix(key, family) {
			return true
		}
	}
	return false
}

// wordFor says whether a text in the program makes the last part of a key.
func (u uses) wordFor(rest string) bool {
	if u.words[rest] != "" {
		return true
	}
	for text := range u.words {
		if message.Slug(text) == rest {
			return true
		}
	}
	return false
}
