package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T, dir string, exists bool) *Keyring {
	t.Helper()
	k, err := OpenKeyring(dir, exists)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFirstStartMakesKeysThatStay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "keys")
	first := open(t, dir, false)
	again := open(t, dir, true)
	seen := map[Key]bool{}
	for _, name := range Names() {
		if first.Key(name) != again.Key(name) || seen[first.Key(name)] {
			t.Errorf("%s changed, or is not its own", name)
		}
		seen[first.Key(name)] = true
		info, err := os.Stat(filepath.Join(dir, string(name)))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(Names()) {
		t.Errorf("%d files for %d keys: %v", len(entries), len(Names()), err)
	}
}

func TestInterruptedFirstStartIsCompleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	before := open(t, dir, false)
	if err := os.Remove(filepath.Join(dir, string(Audit))); err != nil {
		t.Fatal(err)
	}
	after := open(t, dir, false)
	if after.Key(Audit) == before.Key(Audit) || after.Key(Cookie) != before.Key(Cookie) {
		t.Error("the missing key must be new, the others must stay")
	}
}

func TestTwoProcessesStartAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	rings, errs := make([]*Keyring, 8), make([]error, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() { rings[i], errs[i] = OpenKeyring(dir, false) })
	}
	wg.Wait()
	for i := range rings {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if rings[i].Key(Cookie) != rings[0].Key(Cookie) {
			t.Error("two starts use different keys")
		}
	}
}

func TestOpenKeyringRefuses(t *testing.T) {
	file := func(name Name) func(t *testing.T, dir string) string {
		return func(t *testing.T, dir string) string { return filepath.Join(dir, string(name)) }
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string) error
		want  error
		hint  string
	}{
		{"a readable directory", func(t *testing.T, dir string) error { return os.Chmod(dir, 0o750) }, ErrKeyExposed, "chmod 700"},
		{"a readable key", func(t *testing.T, dir string) error { return os.Chmod(file(Cookie)(t, dir), 0o604) }, ErrKeyExposed, "chmod 600"},
		{"a missing key", func(t *testing.T, dir string) error { return os.Remove(file(TokenPepper)(t, dir)) }, ErrKeyMissing, "holdfast recover"},
		{"a missing directory", func(t *testing.T, dir string) error { return os.RemoveAll(dir) }, ErrKeyMissing, "holdfast recover"},
		{"an empty key", func(t *testing.T, dir string) error { return os.Truncate(file(Audit)(t, dir), 0) }, ErrKeyDamaged, "64 hexadecimal digits"},
		{"a short key", func(t *testing.T, dir string) error { return os.Truncate(file(Audit)(t, dir), 32) }, ErrKeyDamaged, "copy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			open(t, dir, false)
			if err := c.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			_, err := OpenKeyring(dir, true)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.hint)
			}
		})
	}
}

func TestDirectoryThatIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, exists := range []bool{false, true} {
		if _, err := OpenKeyring(path, exists); err == nil {
			t.Errorf("existing=%v: a file passed as key directory", exists)
		}
	}
	if err := createKey(filepath.Join(path, "x"), newKey()); err == nil {
		t.Error("a key was created below a file")
	}
	if err := syncDir(filepath.Join(path, "x")); err == nil {
		t.Error("a directory that is not there was synced")
	}
}

func TestCreateKeyNeverReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := createKey(path, newKey()); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the key became %q", got)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	k := NewKeyring().Key(Cookie)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
		if strings.Trim(s, "[key] ") != "" {
			t.Errorf("printed %q", s)
		}
	}
}

func TestDerivedKeysDifferByPurposeAndKey(t *testing.T) {
	k := NewKeyring()
	a, b, c := k.Derive(Instance, "a"), k.Derive(Instance, "b"), k.Derive(Cookie, "a")
	if a == b || a == c || a != k.Derive(Instance, "a") {
		t.Error("derived keys must differ by purpose and by key, and be repeatable")
	}
}

func TestUnknownKeyNamePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewKeyring().Key("nonsense")
}

func TestSavedKeysAreThoseOfTheRingAndReplaceNone(t *testing.T) {
	dir, k := filepath.Join(t.TempDir(), "keys"), NewKeyring()
	if err := k.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := OpenKeyring(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		if got.Key(name) != k.Key(name) {
			t.Errorf("the key %s is another one", name)
		}
	}
	if err := NewKeyring().Save(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("keys are replaced: %v", err)
	}
}

// A crash leaves all of a new keyring or nothing of it, also while it is given up.
func TestKeysAreSavedAndDiscardedAsAWhole(t *testing.T) {
	dir, k := filepath.Join(t.TempDir(), "data", "keys"), NewKeyring()
	half := filepath.Join(dir+unfinished, string(Cookie)) // what a crash left of an earlier try
	if err := errors.Join(os.MkdirAll(filepath.Dir(half), 0o700), os.WriteFile(half, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := k.Save(dir); err != nil {
		t.Fatal(err)
	}
	if !open(t, dir, true).Equal(k) || NewKeyring().Equal(k) {
		t.Error("the saved keys are others")
	}
	if err := Discard(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 0 {
		t.Errorf("discarded keys leave %v, %v", left, err)
	}
	if err := Discard(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("discarding nothing: %v", err)
	}
}
