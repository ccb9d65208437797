package ui

import (
	"time"

	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/plural"
)

// Bytes is a size in English, for texts that are not in the catalogues.
func Bytes(n int64) string { return message.In().Bytes(n) }

// Duration is a span in English.
func Duration(d time.Duration) string { return message.In().Duration(d) }

// Count is a number in English.
func Count(n any) string { return message.In().Count(n) }

// Counted is a number with its noun: 1 file, 2 files.
func Counted(n int64, one string, many ...string) string {
	return Count(n) + " " + plural.Noun(n, one, many...)
}
