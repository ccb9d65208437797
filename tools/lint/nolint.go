package main

import (
	"go/ast"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// directive is "//nolint:name,name // reason".
var directive = regexp.MustCompile(`^//\s*nolint(?::([\w,]+))?(?:\s*//\s*(\S.*))?\s*$`)

type line struct {
	file string
	n    int
}

// silencedLines are those an analyser must keep quiet about: the lines that end in a directive.
func silencedLines(pass *analysis.Pass, name string) map[line]bool {
	silenced := map[line]bool{}
	eachDirective(pass, func(c *ast.Comment, names []string, reason string) {
		for _, n := range names {
			if n == name && reason != "" {
				at := pass.Fset.Position(c.Pos())
				silenced[line{at.Filename, at.Line}] = true
			}
		}
	})
	return silenced
}

// directives reports every nolint without a known name and a reason.
func directives(known map[string]bool) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: "nolint",
		Doc:  "a nolint directive names an analyser and gives a reason",
		Run: func(pass *analysis.Pass) (any, error) {
			eachDirective(pass, func(c *ast.Comment, names []string, reason string) {
				if len(names) == 0 || reason == "" {
					pass.Reportf(c.Pos(), "nolint: write //nolint:name // reason")
				}
				for _, n := range names {
					if !known[n] {
						pass.Reportf(c.Pos(), "nolint: no analyser is called %s", n)
					}
				}
			})
			return nil, nil
		},
	}
}

func eachDirective(pass *analysis.Pass, do func(c *ast.Comment, names []string, reason string)) {
	for _, f := range pass.Files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if !strings.HasPrefix(strings.TrimLeft(c.Text, "/ "), "nolint") {
					continue
				}
				m := directive.FindStringSubmatch(c.Text)
				if m == nil {
					do(c, nil, "")
					continue
				}
				names := strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' })
				do(c, names, m[2])
			}
		}
	}
}
