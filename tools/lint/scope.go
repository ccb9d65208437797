package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// restrict makes a report only where it applies and where no directive silences it.
func restrict(a *analysis.Analyzer) {
	run, name := a.Run, a.Name
	a.Run = func(pass *analysis.Pass) (any, error) {
		report, silenced := pass.Report, silencedLines(pass, name)
		quiet := *pass
		quiet.Report = func(d analysis.Diagnostic) {
			at := pass.Fset.Position(d.Pos)
			switch {
			case !applies(name, pass.Pkg.Path(), at.Filename):
			case silenced[line{at.Filename, at.Line}]:
			case name == "errcheck" && harmless(pass, d.Pos):
			default:
				d.Message = name + ": " + d.Message
				report(d)
			}
		}
		return run(&quiet)
	}
}

// clocks are the packages that may read the clock and print.
var clocks = regexp.MustCompile(`/internal/(db|job|serve|cli)(/|$)|/cmd/|/(e2e|bench)(/|$)`)

// applies says whether the analyser has a say in a file. Tests may ignore an
// error that cannot matter to them and may read the clock.
func applies(name, pkg, file string) bool {
	test := strings.HasSuffix(file, "_test.go") || strings.Contains(pkg, "test")
	switch name {
	case "forbidigo":
		return !test && !clocks.MatchString(pkg)
	case "errcheck", "bodyclose", "sqlclosecheck", "rowserrcheck", "exhaustive":
		return !test
	default:
		return true
	}
}

// harmless accepts two ignored errors: a deferred Close, Rollback, Stop or Remove, which
// follows the call that matters, and fmt.Fprint, whose writer fails again at its
// Flush or Close.
func harmless(pass *analysis.Pass, pos token.Pos) bool {
	for _, f := range pass.Files {
		if f.FileStart <= pos && pos <= f.FileEnd {
			found := false
			ast.Inspect(f, func(n ast.Node) bool {
				if n == nil || pos < n.Pos() || pos > n.End() || found {
					return false
				}
				found = harmlessNode(n)
				return true
			})
			return found
		}
	}
	return false
}

var late = map[string]bool{"Close": true, "Rollback": true, "Stop": true, "Remove": true, "RemoveAll": true}

func harmlessNode(n ast.Node) bool {
	switch s := n.(type) {
	case *ast.DeferStmt:
		return late[selector(s.Call)]
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		return ok && strings.HasPrefix(selector(call), "Fprint")
	default:
		return false
	}
}

func selector(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	return ""
}
