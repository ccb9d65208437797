package message_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/message"
)

func BenchmarkTexts(b *testing.B) {
	de := message.In("de")
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			de.T("common.save")
		}
	})
	b.Run("parameters", func(b *testing.B) {
		for b.Loop() {
			de.T("package.created_by", "name", "Ada", "when", "heute")
		}
	})
	b.Run("plural", func(b *testing.B) {
		for b.Loop() {
			de.T("count.files", "n", 1234)
		}
	})
}
