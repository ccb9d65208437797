package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/config"
)

const manual = "../../docs/manual/configuration.md"

// TestTheManualListsEverySetting keeps the page and the code in step. Set
// HOLDFAST_TEST_UPDATE=1 to write the table anew.
func TestTheManualListsEverySetting(t *testing.T) {
	page, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), "<!-- settings -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- end -->\n")
	if !ok || !ok2 {
		t.Fatal("the page has lost the marks around its table")
	}
	var b strings.Builder
	b.WriteString("| setting | environment | default | what it is |\n| --- | --- | --- | --- |\n")
	for _, s := range config.Settings() {
		def := "`" + s.Default + "`"
		if s.Default == "" {
			def = ""
		}
		help := s.Help
		if s.Secret {
			help += "; a secret, also by file"
		}
		b.WriteString("| `" + s.Key + "` | `" + s.Env + "` | " + def + " | " + help + " |\n")
	}
	want := head + "<!-- settings -->\n" + b.String() + "<!-- end -->\n" + tail
	if os.Getenv("HOLDFAST_TEST_UPDATE") == "1" {
		if err := os.WriteFile(manual, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Error("docs/manual/configuration.md does not match the settings; run the test with HOLDFAST_TEST_UPDATE=1")
	}
}
