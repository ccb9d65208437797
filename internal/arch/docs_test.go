package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tracked returns the files of the repository whose names end in suffix.
func tracked(t *testing.T, suffix string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "*"+suffix)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("not in a clone: %v", err)
	}
	return strings.Fields(string(out))
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLinksOfDocumentsLeadSomewhere follows the relative links of every page.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)
	for _, page := range tracked(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(content(t, page), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root(t), filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
}

// TestTheTestsNamedInDocumentsExist keeps docs/backup-testing.md true.
func TestTheTestsNamedInDocumentsExist(t *testing.T) {
	var all strings.Builder
	for _, f := range tracked(t, "_test.go") {
		all.WriteString(content(t, f))
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(content(t, "docs/backup-testing.md"), -1)
	if len(named) < 68 {
		t.Fatalf("the page names %d tests", len(named))
	}
	for _, m := range named {
		if !strings.Contains(all.String(), "\nfunc "+m[1]+"(t *testing.T)") {
			t.Errorf("docs/backup-testing.md names %s, and there is no such test", m[1])
		}
	}
}
