// Package plural puts a number and its noun together: 1 file, 2 files. Texts
// that people read, on a page, in a mail or on a terminal, are made with it.
package plural

import "strconv"

// Of returns the number with the noun in the form that fits; many is one with
// an s unless it is given.
func Of[T ~int | ~int64](n T, one string, many ...string) string {
	return strconv.FormatInt(int64(n), 10) + " " + Noun(n, one, many...)
}

// Noun returns the form of the noun that fits the number.
func Noun[T ~int | ~int64](n T, one string, many ...string) string {
	switch {
	case n == 1:
		return one
	case len(many) > 0:
		return many[0]
	}
	return one + "s"
}
