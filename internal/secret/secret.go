// Package secret keeps what must not be known: keys, tokens, passwords and sealed values.
//
// A Keyring holds named 32-byte keys read from files outside the database, so that a copy of the
// database alone opens nothing. Tokens are random and stored only as an HMAC under a pepper from the
// keyring. Passwords are stored as argon2id hashes whose parameters travel inside the hash. Sealed
// values are encrypted for one purpose and a limited time.
//
// Promises: comparisons take constant time; a key is never replaced silently; no error message
// contains a key, a token or a password.
package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"
)

// Prefixes of tokens. API keys carry OpenProject's, so that secret scanners recognise them.
const (
	APIPrefix    = "opapi-"
	BackupPrefix = "hfbk-"
)

// NewToken returns prefix followed by 64 hexadecimal digits of randomness.
func NewToken(prefix string) string {
	var b [32]byte
	rand.Read(b[:]) // never fails: the runtime stops the program when there is no randomness
	return prefix + hex.EncodeToString(b[:])
}

var tokenDigits = regexp.MustCompile(`^[0-9a-f]{64}$`)

// IsToken reports whether s has the form NewToken(prefix) gives.
func IsToken(prefix, s string) bool {
	return len(s) > len(prefix) && s[:len(prefix)] == prefix && tokenDigits.MatchString(s[len(prefix):])
}

// HashToken returns the HMAC-SHA256 of token under the named key, in hexadecimal: what is stored.
func (k *Keyring) HashToken(pepper Name, token string) string {
	key := k.Key(pepper)
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte(token))
	return hex.EncodeToString(m.Sum(nil))
}

// MatchToken reports whether hash is HashToken(pepper, token), in constant time.
func (k *Keyring) MatchToken(pepper Name, token, hash string) bool {
	return Equal(k.HashToken(pepper, token), hash)
}

// Equal compares in a time that tells nothing about where a and b differ, nor how long they are.
func Equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
