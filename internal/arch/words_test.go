package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// private are traces of somebody's own machine, which mean nothing to a reader.
var private = regexp.MustCompile(`(?:^|[^\w.~-])(/(?:work|home/\w+|Users/\w+)/[\w.-]*|[A-Z]:\\Users\\\w+)`)

// unfinished are words that promise work instead of doing it; an issue number makes them a plan.
var unfinished = regexp.MustCompile(`\b(?:FIXME|XXX|TODO)\b(?:$|[^(]|\([^#])`)

func TestFilesNameNoPrivatePaths(t *testing.T) {
	eachTextFile(t, func(file, text string) {
		if m := private.FindStringSubmatch(text); m != nil {
			t.Errorf("%s names %s, a path of one machine", file, m[1])
		}
	})
}

func TestUnfinishedWorkNamesAnIssue(t *testing.T) {
	eachTextFile(t, func(file, text string) {
		if m := unfinished.FindString(text); m != "" {
			t.Errorf("%s says %q: finish it, or name the issue as in TODO(#12)", file, strings.TrimSpace(m))
		}
	})
}

func TestPatternsOfWords(t *testing.T) {
	tests := []struct {
		text                string
		private, unfinished bool
	}{
		{"see /wo" + "rk/notes.md", true, false},
		{"/ho" + "me/alice/src", true, false},
		{"the path /work_packages/1 and /api/v3/wo" + "rk/", false, false},
		{"/var/lib/holdfast", false, false},
		{"TO" + "DO: later", false, true},
		{"TO" + "DO(#12): later", false, false},
	}
	for _, tt := range tests {
		if got := private.MatchString(tt.text); got != tt.private {
			t.Errorf("%s: private = %v, want %v", tt.text, got, tt.private)
		}
		if got := unfinished.MatchString(tt.text); got != tt.unfinished {
			t.Errorf("%s: unfinished = %v, want %v", tt.text, got, tt.unfinished)
		}
	}
}

// eachTextFile gives do every file of the repository that we wrote and that is text.
func eachTextFile(t *testing.T, do func(file, text string)) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("not a git work tree: %v", err)
	}
	for file := range strings.Lines(string(out)) {
		file = strings.TrimSpace(file)
		if file == "internal/arch/words_test.go" || !ours(file) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), file))
		if err != nil {
			continue // deleted, but not yet committed
		}
		do(file, string(text))
	}
}

var textual = regexp.MustCompile(`(\.(go|md|sql|css|html|txt|toml|yml|yaml|mod)|(^|/)(Makefile|README|NOTICE|test|check|run))$`)

func ours(file string) bool {
	return textual.MatchString(file) && !strings.Contains(file, "/testdata/") && !strings.Contains(file, "/vendor/")
}
