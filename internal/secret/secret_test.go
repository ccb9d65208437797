package secret

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		token := NewToken(BackupPrefix)
		if !IsToken(BackupPrefix, token) || len(token) != 5+64 || seen[token] {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
	}
	api := NewToken(APIPrefix)
	for _, bad := range []string{"", "hfbk-", api, api[:len(api)-1], strings.ToUpper(api), "hfbk-" + strings.Repeat("g", 64), NewToken("")} {
		if IsToken(BackupPrefix, bad) {
			t.Errorf("%q passes as a backup token", bad)
		}
	}
}

func TestTokenHashes(t *testing.T) {
	k, token := NewKeyring(), NewToken(APIPrefix)
	hash := k.HashToken(TokenPepper, token)
	if len(hash) != 64 || strings.Contains(hash, token[6:]) {
		t.Errorf("hash %q", hash)
	}
	if !k.MatchToken(TokenPepper, token, hash) {
		t.Error("the token does not match its own hash")
	}
	for name, ok := range map[string]bool{
		"other pepper":  k.MatchToken(BackupTokenPepper, token, hash),
		"other keyring": NewKeyring().MatchToken(TokenPepper, token, hash),
		"other token":   k.MatchToken(TokenPepper, NewToken(APIPrefix), hash),
		"empty hash":    k.MatchToken(TokenPepper, token, ""),
	} {
		if ok {
			t.Errorf("%s matches", name)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"", "", true}, {"a", "a", true}, {"a", "b", false}, {"a", "aa", false}, {"", "a", false}} {
		if Equal(c.a, c.b) != c.want {
			t.Errorf("Equal(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
}

func TestSeal(t *testing.T) {
	k, now := NewKeyring(), time.Unix(1_800_000_000, 0)
	sealed := k.Seal("login state", []byte("value"), now.Add(time.Minute))
	if got, err := k.Unseal("login state", sealed, now); err != nil || string(got) != "value" {
		t.Fatalf("%q, %v", got, err)
	}
	if strings.Contains(sealed, "value") || sealed == k.Seal("login state", []byte("value"), now.Add(time.Minute)) {
		t.Error("sealed values must be hidden and differ each time")
	}
	if _, err := k.Unseal("login state", sealed, now.Add(time.Minute)); !errors.Is(err, ErrSealExpired) {
		t.Errorf("at its end: %v", err)
	}
	for name, err := range map[string]error{
		"other purpose": unsealError(k, "other", sealed, now),
		"other keyring": unsealError(NewKeyring(), "login state", sealed, now),
		"empty":         unsealError(k, "login state", "", now),
		"not base64":    unsealError(k, "login state", "%%%", now),
		"cut":           unsealError(k, "login state", sealed[:20], now),
		"other version": unsealError(k, "login state", "Ag"+sealed[2:], now),
	} {
		if !errors.Is(err, ErrSealInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func unsealError(k *Keyring, purpose, sealed string, now time.Time) error {
	_, err := k.Unseal(purpose, sealed, now)
	return err
}

func TestEveryChangedCharacterIsNoticed(t *testing.T) {
	k, now := NewKeyring(), time.Unix(1_800_000_000, 0)
	sealed := k.Seal("p", []byte("v"), now.Add(time.Hour))
	for i := range sealed {
		c := byte('A')
		if sealed[i] == c {
			c = 'B'
		}
		if got, err := k.Unseal("p", sealed[:i]+string(c)+sealed[i+1:], now); err == nil {
			t.Fatalf("change at %d gives %q", i, got)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	k, now := NewKeyring(), time.Unix(1_800_000_000, 0)
	f.Add(k.Seal("p", []byte("v"), now.Add(-time.Hour)))
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := k.Unseal("p", s, now); err == nil {
			t.Errorf("%q opened as %q", s, v)
		}
	})
}
