package main

import "testing"

func TestDirective(t *testing.T) {
	tests := []struct{ text, names, reason string }{
		{"//nolint:errcheck // the peer is gone already", "errcheck", "the peer is gone already"},
		{"//nolint:errcheck,bodyclose // both closed by the caller", "errcheck,bodyclose", "both closed by the caller"},
		{"//nolint:errcheck", "errcheck", ""},
		{"//nolint // because", "", "because"},
		{"//nolint", "", ""},
	}
	for _, tt := range tests {
		m := directive.FindStringSubmatch(tt.text)
		if m == nil || m[1] != tt.names || m[2] != tt.reason {
			t.Errorf("%s: got %q, want names %q and reason %q", tt.text, m, tt.names, tt.reason)
		}
	}
}

func TestApplies(t *testing.T) {
	const module = "github.com/holdfast/holdfast/"
	tests := []struct {
		analyser, pkg, file string
		want                bool
	}{
		{"forbidigo", module + "internal/backup", "run.go", true},
		{"forbidigo", module + "internal/backup", "run_test.go", false},
		{"forbidigo", module + "internal/db", "tx.go", false},
		{"forbidigo", module + "internal/db/dbtest", "dbtest.go", false},
		{"forbidigo", module + "internal/dbx", "x.go", true},
		{"forbidigo", module + "cmd/holdfast", "main.go", false},
		{"forbidigo", module + "bench", "main.go", false},
		{"errcheck", module + "internal/db", "tx.go", true},
		{"errcheck", module + "internal/db", "tx_test.go", false},
		{"errorlint", module + "internal/db", "tx_test.go", true},
	}
	for _, tt := range tests {
		if got := applies(tt.analyser, tt.pkg, tt.file); got != tt.want {
			t.Errorf("%s in %s %s: got %v, want %v", tt.analyser, tt.pkg, tt.file, got, tt.want)
		}
	}
}
