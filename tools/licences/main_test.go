package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		file, text, want string
		allowed          bool
	}{
		{"LICENSE", "MIT License\n\nPermission is hereby granted, free of\ncharge, to any person", "MIT", true},
		{"LICENSE.txt", "Redistribution and use in source and binary forms, with or without", "BSD", true},
		{"COPYING", "GNU GENERAL PUBLIC LICENSE\nVersion 3", "GPL", false},
		{"LICENSE", "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3", "AGPL", false},
		{"LICENCE", "Apache License\nVersion 2.0, January 2004", "Apache-2.0", true},
		{"README", "Apache License", "unknown", false},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, allowed := classify(dir); got != tt.want || allowed != tt.allowed {
			t.Errorf("%s %.20q: got %s %v, want %s %v", tt.file, tt.text, got, allowed, tt.want, tt.allowed)
		}
	}
}
