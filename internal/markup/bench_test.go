package markup

import (
	"strings"
	"testing"
)

var sample = strings.Repeat("## Goal\n\nShip the **release** with @ana and #42 on time, see https://example.org/plan.\n\n- [x] draft\n- [ ] review\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n", 5)

func BenchmarkRenderFresh(b *testing.B) {
	b.SetBytes(int64(len(sample)))
	b.ReportAllocs()
	for b.Loop() {
		render(sample)
	}
}

func BenchmarkRenderCached(b *testing.B) {
	b.SetBytes(int64(len(sample)))
	b.ReportAllocs()
	for b.Loop() {
		Render(sample)
	}
}
