package arch

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
)

// owners says which package may write a table. Reads may join any table; INSERT, UPDATE and
// DELETE stay with the owner, so that one place checks rights, validates and journals.
var owners = map[string]string{
	"settings":              "setting",
	"non_working_days":      "setting",
	"users":                 "account",
	"user_passwords":        "account",
	"identities":            "account",
	"sessions":              "account",
	"tokens":                "account",
	"group_users":           "account",
	"roles":                 "membership",
	"role_permissions":      "membership",
	"members":               "membership",
	"member_roles":          "membership",
	"projects":              "project",
	"enabled_modules":       "project",
	"projects_types":        "project",
	"types":                 "catalog",
	"statuses":              "catalog",
	"priorities":            "catalog",
	"workflows":             "catalog",
	"attachments":           "attachment",
	"blobs":                 "attachment",
	"blob_pins":             "attachment",
	"work_packages":         "workpackage",
	"versions":              "version",
	"categories":            "category",
	"watchers":              "workpackage",
	"notifications":         "notification",
	"notification_mutes":    "notification",
	"notification_switches": "notification",
	"journals":              "journal",
	"audit_entries":         "audit",
	"jobs":                  "job",
	"job_schedule":          "job",
	"job_statuses":          "job",
	"mails":                 "outbox",
	"backups":               "backup",
	"backup_policy":         "backup",
	"backup_checks":         "backup",
	"backup_holds":          "backup",
	"backup_tokens":         "backup",
	"backup_clock":          "backup",
	"backup_failures":       "backup",
	"favorites":             "project",
}

// alsoWrites are the exceptions, each with its reason.
var alsoWrites = map[string]map[string]string{
	"backup":  everyTable("a restore puts back every row as it was, past rules, journal and notices"),
	"loadgen": everyTable("a hundred thousand rows for a measurement are written in bulk into an empty instance"),
}

func everyTable(reason string) map[string]string {
	reasons := map[string]string{}
	for table := range owners {
		reasons[table] = reason
	}
	return reasons
}

// migrations may touch everything: they are the schema.
const migrations = "internal/db/migrations"

var (
	writes  = regexp.MustCompile(`\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|DELETE\s+FROM)\s+"?([a-z_]\w*)|\bUPDATE\s+"?([a-z_]\w*)"?\s+(?:AS\s+\w+\s+)?SET\b`)
	creates = regexp.MustCompile(`(?i)\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)`)
)

func TestOnlyOwnersWriteTables(t *testing.T) {
	tables := createdTables(t)
	for file, texts := range sqlTexts(t) {
		from, _, _ := strings.Cut(strings.TrimPrefix(file, "internal/"), "/")
		for _, text := range texts {
			for _, table := range written(text) {
				owner, known := owners[table]
				switch {
				case !known && tables[table]:
					t.Errorf("%s writes %s, which has no owner: add it to owners in internal/arch/tables_test.go", file, table)
				case known && owner != from && alsoWrites[from][table] == "":
					t.Errorf("%s writes %s, which belongs to %s: call its service instead", file, table, owner)
				}
			}
		}
	}
}

func TestEveryTableHasAnOwner(t *testing.T) {
	tables := createdTables(t)
	for table := range tables {
		if owners[table] == "" {
			t.Errorf("table %s has no owner: add it to owners in internal/arch/tables_test.go", table)
		}
	}
	for table, owner := range owners {
		if !tables[table] {
			t.Errorf("table %s of %s is in no migration: take it out of owners in internal/arch/tables_test.go", table, owner)
		}
	}
}

func TestMigrationsArePaired(t *testing.T) {
	sqlite, postgres := migrationNames(t, "sqlite"), migrationNames(t, "postgres")
	if !slices.Equal(sqlite, postgres) {
		t.Errorf("migrations differ by name:\nsqlite   %v\npostgres %v", sqlite, postgres)
	}
	numbered := regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)
	seen := map[string]string{}
	for _, name := range sqlite {
		m := numbered.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("migration %s: name it 0007_what_it_does.sql", name)
			continue
		}
		if other, ok := seen[m[1]]; ok {
			t.Errorf("migrations %s and %s have one number", other, name)
		}
		seen[m[1]] = name
	}
}

func TestWrittenTables(t *testing.T) {
	tests := []struct {
		sql  string
		want []string
	}{
		{"INSERT INTO users (login) VALUES (?)", []string{"users"}},
		{"INSERT OR IGNORE INTO users (login) VALUES (?)", []string{"users"}},
		{"UPDATE users SET login = ?", []string{"users"}},
		{"UPDATE users AS u\n\tSET login = ?", []string{"users"}},
		{"DELETE FROM users WHERE id = ?", []string{"users"}},
		{"INSERT INTO a (b) VALUES (?) ON CONFLICT (b) DO UPDATE SET b = excluded.b", []string{"a"}},
		{"SELECT id FROM users", nil},
	}
	for _, tt := range tests {
		if got := written(tt.sql); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.sql, got, tt.want)
		}
	}
}

// written names the tables a piece of SQL changes.
func written(sql string) []string {
	var tables []string
	for _, m := range writes.FindAllStringSubmatch(sql, -1) {
		tables = append(tables, m[1]+m[2])
	}
	return tables
}

// sqlTexts collects the string constants of every file that is not a test, by file.
func sqlTexts(t *testing.T) map[string][]string {
	t.Helper()
	texts := map[string][]string{}
	for _, file := range files(t, "internal", ".go") {
		if strings.HasSuffix(file, "_test.go") || apart(last(filepath.ToSlash(filepath.Dir(file)))) {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if text, ok := constant(n); ok {
				texts[file] = append(texts[file], text)
				return false
			}
			return true
		})
	}
	return texts
}

// constant joins a string literal, or several added up; parts that are no literals become a space.
func constant(n ast.Node) (string, bool) {
	switch e := n.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, okLeft := constant(e.X)
		right, okRight := constant(e.Y)
		if !okLeft && !okRight {
			return "", false
		}
		return joined(left, okLeft) + joined(right, okRight), true
	default:
		return "", false
	}
}

func joined(text string, literal bool) string {
	if literal {
		return text
	}
	return " "
}

func createdTables(t *testing.T) map[string]bool {
	t.Helper()
	tables := map[string]bool{}
	for _, file := range files(t, migrations, ".sql") {
		text, err := os.ReadFile(filepath.Join(root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(strings.ReplaceAll(string(text), "-- +goose Up\n", ""), "+goose"); n > 0 {
			t.Errorf("%s: a file is run whole, other annotations than the first line's do nothing", file)
		}
		for _, m := range creates.FindAllStringSubmatch(string(text), -1) {
			tables[m[1]] = true
		}
	}
	if len(tables) == 0 {
		t.Fatal("the migrations create no table")
	}
	return tables
}

func migrationNames(t *testing.T, engine string) []string {
	t.Helper()
	var names []string
	for _, file := range files(t, migrations+"/"+engine, ".sql") {
		names = append(names, last(file))
	}
	return names
}

// files lists what lies below dir and ends in suffix, as slash paths from the root, sorted.
func files(t *testing.T, dir, suffix string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(root(t)), dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
