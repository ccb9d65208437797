// Command lint holds Holdfast's analysers in one program for go vet -vettool.
//
// Run that way, go vet gives it export data and keeps its results in the build
// cache, so a second run costs seconds. It adds two things to the analysers it
// is made of: they apply only where scope says, and //nolint:name // reason
// silences one finding while a directive without name or reason is a finding.
package main

import (
	"github.com/ashanbrown/forbidigo/v2/pkg/analyzer"
	"github.com/jingyugao/rowserrcheck/passes/rowserr"
	"github.com/kisielk/errcheck/errcheck"
	"github.com/nishanths/exhaustive/passes/exhaustive"
	"github.com/polyfloyd/go-errorlint/errorlint"
	sqlclose "github.com/ryanrolds/sqlclosecheck/pkg/analyzer"
	"github.com/timakin/bodyclose/passes/bodyclose"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"
)

// forbidden lists what only the packages of scope may say.
var forbidden = []string{
	`{p: "^time\\.Now$", msg: "use tx.Now, or take a clock as an argument"}`,
	`{p: "^fmt\\.Print(|f|ln)$", msg: "log through slog, or return the text to the command"}`,
}

func main() {
	all := []*analysis.Analyzer{
		errcheck.Analyzer,
		errorlint.NewAnalyzer(),
		bodyclose.Analyzer,
		sqlclose.NewDeferOnlyAnalyzer(),
		rowserr.NewAnalyzer(),
		withFlags(exhaustive.Analyzer, "d", "true", "check", "switch"),
		forbid(),
	}
	names := map[string]bool{}
	for _, a := range all {
		names[a.Name] = true
		restrict(a)
	}
	unitchecker.Main(append(all, directives(names))...)
}

func forbid() *analysis.Analyzer {
	a := analyzer.NewAnalyzer()
	withFlags(a, "permit", "false", "analyze_types", "true")
	for _, p := range forbidden {
		withFlags(a, "p", p)
	}
	return a
}

// withFlags sets flags of a, given as name, value, name, value.
func withFlags(a *analysis.Analyzer, flags ...string) *analysis.Analyzer {
	for i := 0; i < len(flags); i += 2 {
		if err := a.Flags.Set(flags[i], flags[i+1]); err != nil {
			panic(a.Name + ": " + err.Error())
		}
	}
	return a
}
