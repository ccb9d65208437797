package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

const commandsPage = "../../docs/manual/commands.md"

// TestTheManualListsEveryCommand keeps the page and the commands in step. Set
// HOLDFAST_TEST_UPDATE=1 to write it anew.
func TestTheManualListsEveryCommand(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("holdfast"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Commands\n\nThis page is made from the program's own help: `holdfast COMMAND --help`.\n\n")
	b.WriteString("Results go to standard output, progress and hints to standard error. " +
		strings.Join(strings.Fields(strings.SplitN(description, "\n\n", 2)[1]), " ") + "\n\n")
	b.WriteString("These flags go with every command:\n\n")
	flags(&b, parser.Model.Flags)
	for _, n := range parser.Model.Children {
		describe(&b, "holdfast", n)
	}
	if os.Getenv("HOLDFAST_TEST_UPDATE") == "1" {
		if err := os.WriteFile(commandsPage, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Error("docs/manual/commands.md does not match the commands; run the test with HOLDFAST_TEST_UPDATE=1")
	}
}

// describe writes a command and those below it.
func describe(b *strings.Builder, path string, n *kong.Node) {
	if n.Hidden {
		return
	}
	path += " " + n.Name
	if len(n.Children) == 0 {
		fmt.Fprintf(b, "## %s\n\n%s\n\n", path, n.Help)
		if n.Detail != "" {
			fmt.Fprintf(b, "%s\n\n", n.Detail)
		}
		for _, p := range n.Positional {
			fmt.Fprintf(b, "* `%s`: %s\n", p.Summary(), p.Help)
		}
		flags(b, n.Flags)
	}
	for _, c := range n.Children {
		describe(b, path, c)
	}
}

func flags(b *strings.Builder, all []*kong.Flag) {
	for _, f := range all {
		if f.Hidden || f.Name == "help" {
			continue
		}
		name := "--" + f.Name
		if f.Short != 0 {
			name = fmt.Sprintf("-%c, %s", f.Short, name)
		}
		if !f.IsBool() {
			name += "=" + f.FormatPlaceHolder()
		}
		fmt.Fprintf(b, "* `%s`: %s\n", name, f.Help)
	}
	b.WriteString("\n")
}
