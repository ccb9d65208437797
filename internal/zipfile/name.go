package zipfile

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// badName says what is wrong with the name of a file, "" when nothing is. The
// name of a directory is given without its last slash.
func badName(name string) string {
	switch {
	case name == "":
		return "it has no name"
	case !utf8.ValidString(name):
		return "its name is not valid UTF-8"
	case strings.ContainsRune(name, 0):
		return "its name contains a NUL character"
	case strings.Contains(name, `\`):
		return "its name contains a backslash, which some systems take for a separator"
	case name[0] == '/':
		return "its name is an absolute path"
	case len(name) > 1 && name[1] == ':' && isLetter(name[0]):
		return "its name begins with a drive letter"
	}
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "..":
			return "its name leads out of its directory"
		case "", ".":
			return "its name is not in its shortest form"
		}
	}
	return ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// folder maps names to a form that is equal for names which some file system
// takes for the same: letters without case, accents composed.
type folder struct {
	fold cases.Caser
	buf  []byte
}

func newFolder() *folder { return &folder{fold: cases.Fold()} }

// folded is valid until the next call.
func (f *folder) folded(name []byte) []byte {
	f.buf = f.buf[:0]
	for _, c := range name {
		if c >= utf8.RuneSelf {
			f.buf = norm.NFC.Append(f.buf[:0], f.fold.Bytes(norm.NFD.Bytes(name))...)
			return f.buf
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		f.buf = append(f.buf, c)
	}
	return f.buf
}

// parent is the directory of a name, empty at the top.
func parent(name []byte) []byte {
	i := bytes.LastIndexByte(name, '/')
	return name[:max(i, 0)]
}
