// Package colour reads the colours of API v3, which are written #RRGGBB.
package colour

import "fmt"

// Parse returns a colour as #RRGGBB with upper-case digits. It reads upper and
// lower case and the short form #RGB.
func Parse(s string) (string, error) {
	if len(s) != 7 && len(s) != 4 || s[0] != '#' {
		return "", malformed(s)
	}
	out := []byte{'#'}
	for _, c := range []byte(s[1:]) {
		switch {
		case c >= 'a' && c <= 'f':
			c -= 'a' - 'A'
		case c >= '0' && c <= '9', c >= 'A' && c <= 'F':
		default:
			return "", malformed(s)
		}
		out = append(out, c)
		if len(s) == 4 {
			out = append(out, c)
		}
	}
	return string(out), nil
}

func malformed(s string) error {
	return fmt.Errorf("%.20q is not a colour; write it as #RRGGBB", s)
}
