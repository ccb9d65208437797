package secret

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

var rules = PasswordRules{MinLength: 10, About: []string{"akowalski", "anna.kowalski@example.org", "Anna Kowalski", "Holdfast"}}

func TestWeakPasswords(t *testing.T) {
	for password, want := range map[string]Weakness{
		"Xk7#pq":                     TooShort,
		"":                           TooShort,
		"password123":                Common,
		"P@ssw0rd2026!":              Common,
		"1Passw0rd1!!":               Common,
		"qwertyuiop":                 Common,
		"Iloveyou2024":               Common,
		"Summer2026!!":               Common,
		"michelle1987":               Common,
		"Liverpool1892":              Common,
		"welcomewelcome":             Common,
		"correcthorsebatterystaple":  Common,
		"1234567890":                 Common,
		"19871987":                   Common,
		"akowalski2026":              Personal,
		"Anna.Kowalski!1":            Personal,
		"holdfast-2026":              Personal,
		"aaaaaaaaaaaaaa":             Repetitive,
		"xyx1xyx1xyx1":               Repetitive,
		"abababababab":               Repetitive,
		"mnopqrstuvwx":               Sequential,
		"9876543210zyx":              Sequential,
		"asdfghjklzxcv":              Sequential,
		"qwertz123456":               Sequential,
		strings.Repeat("long ", 300): TooLong,
	} {
		if got := rules.Check(password); !slices.Contains(got, want) {
			t.Errorf("%.40q: %v, want %s", password, got, want)
		}
	}
}

func TestGoodPasswords(t *testing.T) {
	for _, password := range []string{
		"blau kocht gern suppe", "vT9$kLw2#qXz", "the quiet mill turns at dusk", "anna likes tea from kandy",
		"пароль не для всех", "面白いパスワードです本当に", "k3yb0ards-are-4-typing",
	} {
		if got := rules.Check(password); len(got) > 0 {
			t.Errorf("%q: %v", password, got)
		}
	}
}

func TestOddPasswordsDoNotPanic(t *testing.T) {
	for _, password := range []string{"\xff\xfe\xfd", "İİİİİİİİİİİ", "!!!!!!!!!!", "é", "0é0", "\x00"} {
		rules.Check(password)
		PasswordRules{}.Check(password)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("P@ssw0rd", "login")
	f.Add("İ4é", "İ")
	f.Fuzz(func(t *testing.T, password, about string) {
		PasswordRules{MinLength: 10, About: []string{about}}.Check(password)
	})
}

func TestBrokenListIsAnError(t *testing.T) {
	if _, err := readCommon([]byte("not gzip")); err == nil {
		t.Error("no error for something else")
	}
	if _, err := readCommon(bytes.Clone(commonList[:len(commonList)/2])); err == nil {
		t.Error("no error for half a list")
	}
	if len(commonWords()) < 5000 {
		t.Errorf("%d words", len(commonWords()))
	}
}
