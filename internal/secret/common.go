package secret

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:generate go run ./gen common.txt.gz
//go:embed common.txt.gz
var commonList []byte

// Weakness says why a new password is refused. The edges make a sentence of it.
type Weakness string

// Weaknesses of a password.
const (
	TooShort   Weakness = "too_short"
	TooLong    Weakness = "too_long"
	Common     Weakness = "too_common"     // known from leaks, or one such word with ornaments
	Personal   Weakness = "too_personal"   // little more than the login, the address or the instance's name
	Repetitive Weakness = "too_uniform"    // few different characters, or one piece repeated
	Sequential Weakness = "too_sequential" // abcdef, 98765, qwertz
)

// PasswordRules is what a new password is checked against.
type PasswordRules struct {
	MinLength int      // in characters
	About     []string // login, mail address, names of the person and of the instance
}

// Check lists everything that is weak about a new password; none means that it is accepted.
//
// There are no rules about kinds of characters: they make passwords worse, length and rarity make them better.
func (r PasswordRules) Check(password string) []Weakness {
	var found []Weakness
	add := func(bad bool, w Weakness) {
		if bad {
			found = append(found, w)
		}
	}
	add(utf8.RuneCountInString(password) < r.MinLength, TooShort)
	add(len(password) > MaxPasswordBytes, TooLong)
	if len(password) > MaxPasswordBytes {
		return found
	}
	folded := strings.ToLower(password)
	add(isCommon(folded), Common)
	add(r.personal(folded), Personal)
	add(repetitive(folded), Repetitive)
	add(sequential(folded), Sequential)
	return found
}

var commonWords = sync.OnceValue(func() map[string]struct{} {
	words, err := readCommon(commonList)
	if err != nil {
		panic("secret: embedded list of common passwords: " + err.Error()) // caught by any test
	}
	return words
})

func readCommon(gz []byte) (map[string]struct{}, error) {
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	words := map[string]struct{}{}
	for _, w := range strings.Fields(string(text)) {
		words[w] = struct{}{}
	}
	return words, nil
}

// isCommon looks up the password as it is, with digits read as letters, without ornaments, and halved.
func isCommon(folded string) bool {
	words := commonWords()
	letters := strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i", "|", "l").Replace(folded)
	for _, form := range []string{folded, letters} {
		bare := strings.TrimFunc(form, func(c rune) bool { return !unicode.IsLetter(c) })
		for _, w := range []string{form, bare, half(form), half(bare), trimOrnaments(folded, form)} {
			if _, ok := words[w]; ok {
				return true
			}
		}
	}
	return false
}

// trimOrnaments cuts from form what is not a letter at either end of the original: "p4ssw0rd123!" → "password".
func trimOrnaments(original, form string) string {
	if len(original) != len(form) {
		return form
	}
	isLetter := func(c rune) bool { return unicode.IsLetter(c) }
	first, last := strings.IndexFunc(original, isLetter), strings.LastIndexFunc(original, isLetter)
	if first < 0 {
		return form
	}
	_, width := utf8.DecodeRuneInString(original[last:])
	return form[first : last+width]
}

// half returns the piece that s is twice, or s.
func half(s string) string {
	if n := len(s) / 2; len(s)%2 == 0 && s[:n] == s[n:] {
		return s[:n]
	}
	return s
}

// personal reports whether, without the words about the person, less than the minimum length remains.
func (r PasswordRules) personal(folded string) bool {
	rest, hit := folded, false
	for _, about := range r.About {
		for _, word := range append(aboutWords(about), strings.ToLower(about)) {
			if utf8.RuneCountInString(word) >= 4 && strings.Contains(rest, word) {
				rest, hit = strings.ReplaceAll(rest, word, ""), true
			}
		}
	}
	return hit && utf8.RuneCountInString(rest) < r.MinLength
}

func aboutWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
}

// repetitive finds fewer than four different characters, or a short piece repeated to the end.
func repetitive(s string) bool {
	distinct := map[rune]bool{}
	for _, c := range s {
		distinct[c] = true
	}
	if len(distinct) < 4 {
		return true
	}
	for n := 1; n <= min(5, len(s)/2); n++ {
		if strings.HasPrefix(s[n:], s[:len(s)-n]) {
			return true
		}
	}
	return false
}

var keyboardRows = []string{"1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm"}

// sequential reports whether at least three quarters of the steps go to a neighbour, in the alphabet or on the keyboard.
func sequential(s string) bool {
	chars := []rune(s)
	steps := 0
	for i := 1; i < len(chars); i++ {
		if d := chars[i] - chars[i-1]; d == 1 || d == -1 || d == 0 || onKeyboard(chars[i-1], chars[i]) {
			steps++
		}
	}
	return len(chars) > 3 && steps*4 >= (len(chars)-1)*3
}

func onKeyboard(a, b rune) bool {
	for _, row := range keyboardRows {
		if strings.Contains(row, string([]rune{a, b})) || strings.Contains(row, string([]rune{b, a})) {
			return true
		}
	}
	return false
}
