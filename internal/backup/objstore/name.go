package objstore

import (
	"fmt"
	"strings"
)

// maxName keeps names within what every file system and bucket takes.
const maxName = 255

// ValidName says whether name can name an object. No element begins with a dot,
// so that none means a directory above and a directory can keep files of its own.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element[0] == '.' {
			return false
		}
	}
	return strings.IndexFunc(name, foreign) < 0
}

// foreign says whether r is outside the alphabet of names.
func foreign(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	default:
		return !strings.ContainsRune("._-/", r)
	}
}

// check refuses what is not a name.
func check(name string) error {
	if !ValidName(name) {
		return fmt.Errorf("%q is no name of an object", name)
	}
	return nil
}
