package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that keeps the configuration from being used.
type Problem struct {
	Key    string // dotted key, variable or file
	Source string // where the offending value came from, "" when there is no single place
	What   string // what is wrong
	Do     string // what to do about it
}

// Error puts the problem into one line.
func (p Problem) Error() string {
	line := p.Key
	if p.Source != "" && p.Source != "default" {
		line += " (" + p.Source + ")"
	}
	return line + ": " + p.What + "; " + p.Do
}

// Problems is everything that is wrong, as one error.
type Problems []Problem

// Error lists all problems, one per line.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "configuration: " + p[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration has %d problems:", len(p))
	for _, one := range p {
		b.WriteString("\n  - " + one.Error())
	}
	return b.String()
}

// didYouMean proposes the known name nearest to name, or fallback when none is near.
func didYouMean(name string, known []string, fallback string) string {
	best, distance := "", len(name)/3+2
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return fallback
	}
	return "did you mean " + best + "?"
}

// editDistance counts the insertions, deletions and replacements that turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
