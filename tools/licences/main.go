// Command licences lists the licence of every module linked into the binary and fails
// when one of them is not permissive, or when a licence cannot be told.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// kinds are told apart by a phrase of their text; the first that matches wins.
var kinds = []struct {
	name, phrase string
	allowed      bool
}{
	{"AGPL", "gnu affero general public license", false},
	{"LGPL", "gnu lesser general public license", false},
	{"GPL", "gnu general public license", false},
	{"MPL-2.0", "mozilla public license", true},
	{"Apache-2.0", "apache license", true},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose", true},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose", true},
	{"MIT", "permission is hereby granted, free of charge", true},
	{"BSD", "redistribution and use in source and binary forms", true},
	{"CC0-1.0", "cc0 1.0 universal", true},
	{"Unlicense", "this is free and unencumbered software", true},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(packages []string) error {
	modules, err := linked(packages)
	if err != nil {
		return err
	}
	refused, count := []string{}, map[string]int{}
	for _, m := range modules {
		name, allowed := classify(m.dir)
		count[name]++
		fmt.Printf("%-12s %s %s\n", name, m.path, m.version)
		if !allowed {
			refused = append(refused, m.path+" ("+name+")")
		}
	}
	fmt.Printf("%d modules: %s\n", len(modules), totals(count))
	if len(refused) > 0 {
		return fmt.Errorf("not permissive or not recognised: %s", strings.Join(refused, ", "))
	}
	return nil
}

type module struct{ path, version, dir string }

// linked asks the go command for the modules behind every dependency of the packages.
func linked(packages []string) ([]module, error) {
	const format = `{{with .Module}}{{if not .Main}}{{.Path}}|{{.Version}}|{{.Dir}}{{end}}{{end}}`
	cmd := exec.Command("go", append([]string{"list", "-deps", "-f", format}, packages...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	seen, modules := map[string]bool{}, []module{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		part := strings.Split(lines.Text(), "|")
		if len(part) == 3 && !seen[part[0]] {
			seen[part[0]] = true
			modules = append(modules, module{part[0], part[1], part[2]})
		}
	}
	sort.Slice(modules, func(i, j int) bool { return modules[i].path < modules[j].path })
	return modules, nil
}

// classify reads the licence file of a module, or of the repository directory above it.
func classify(dir string) (name string, allowed bool) {
	for _, pattern := range []string{"LICEN[CS]E*", "licen[cs]e*", "License*", "COPYING*", "UNLICENSE*"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			plain := strings.Join(strings.Fields(strings.ToLower(string(text))), " ")
			for _, k := range kinds {
				if strings.Contains(head(plain, k.name), k.phrase) {
					return k.name, k.allowed
				}
			}
		}
	}
	return "unknown", false
}

// head shortens the text for licences that others mention by name further down.
func head(text, kind string) string {
	if (strings.HasSuffix(kind, "GPL") || kind == "Apache-2.0") && len(text) > 300 {
		return text[:300]
	}
	return text
}

func totals(count map[string]int) string {
	names := make([]string, 0, len(count))
	for n := range count {
		names = append(names, n)
	}
	sort.Strings(names)
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%d %s", count[n], n)
	}
	return strings.Join(parts, ", ")
}
