package zipfile

import "math"

// NoLimit as a limit means none.
const NoLimit = -1

// Limits bound what a Reader accepts, before it allocates anything for it.
// Zero stands for the default.
type Limits struct {
	// Entries is how many there may be; ten million by default.
	Entries int64
	// NameLength is the longest name in bytes; 1024 by default, 65535 at most.
	NameLength int64
	// EntrySize bounds each entry, unpacked; 1 TiB by default.
	EntrySize int64
	// TotalSize bounds the sum of all entries, unpacked; 4 TiB by default.
	TotalSize int64
	// Ratio is how many bytes one byte of an entry larger than RatioFloor may
	// unpack to; 250 by default. Deflate cannot exceed 1032, which honest
	// files of zeros reach too: whoever wrote the archive himself sets NoLimit.
	Ratio int64
}

// RatioFloor is the size up to which an entry may unpack at any ratio.
const RatioFloor = 1 << 20

func (l Limits) withDefaults() Limits {
	set := func(v *int64, usual int64) {
		switch {
		case *v == 0:
			*v = usual
		case *v < 0:
			*v = math.MaxInt64
		}
	}
	set(&l.Entries, 10_000_000)
	set(&l.NameLength, 1024)
	set(&l.EntrySize, 1<<40)
	set(&l.TotalSize, 1<<42)
	set(&l.Ratio, 250)
	return l
}

// Options say how strict a Reader is. The zero value fits archives that Writer wrote.
type Options struct {
	Limits Limits
	// Foreign accepts what other programs write and what still has one
	// meaning: entries for directories, and UTF-8 names without the mark for it.
	Foreign bool
}
