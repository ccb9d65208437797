package kit

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/secret"
)

func sample(t testing.TB) *Kit {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return &Kit{
		Issued: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Repository: "8bf47cddef3af5b7ba576f48d8313c5a", Location: "s3://bucket/prefix",
		Identity: id, Keys: secret.NewKeyring(), Snapshot: "20261123T090000Z-02fbe28e5449", Head: "ef94",
	}
}

func TestAKitComesBackFromItsText(t *testing.T) {
	k := sample(t)
	typed := "\n# copied by hand\n  " + strings.ReplaceAll(k.Text(), "\n", "  \r\n\n")
	got, err := Parse([]byte(typed))
	if err != nil {
		t.Fatal(err)
	}
	if got.Text() != k.Text() {
		t.Errorf("got\n%s\nwant\n%s", got.Text(), k.Text())
	}
	for _, name := range secret.Names() {
		if got.Keys.Key(name) != k.Keys.Key(name) {
			t.Errorf("the key %s is another one", name)
		}
	}
}

func TestEveryWrongCharacterIsNoticed(t *testing.T) {
	text := []byte(sample(t).Text())
	for i, c := range text {
		if c == '\n' {
			continue
		}
		bad := bytes.Clone(text)
		if bad[i] = 'x'; c == 'x' {
			bad[i] = 'y'
		}
		if _, err := Parse(bad); !errors.Is(err, ErrNoKit) {
			t.Fatalf("character %d of %q changed: %v", i, text, err)
		}
	}
	lines := strings.SplitAfter(string(text), "\n")
	for i := range lines[:len(lines)-1] {
		without := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
		twice := strings.Join(append(append([]string{}, lines[:i+1]...), lines[i:]...), "")
		for _, bad := range []string{without, twice} {
			if _, err := Parse([]byte(bad)); !errors.Is(err, ErrNoKit) {
				t.Errorf("line %d missing or twice: %v", i, err)
			}
		}
	}
}

func TestErrorsTellNoSecret(t *testing.T) {
	k := sample(t)
	bad := strings.Replace(k.Text(), "identity: ", "identity ", 1)
	_, err := Parse([]byte(bad))
	if err == nil || strings.Contains(err.Error(), k.Identity.String()[20:]) {
		t.Errorf("got %v", err)
	}
}

func TestThePageHoldsTheTextAndACode(t *testing.T) {
	k := sample(t)
	page, err := k.Page()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{k.Identity.String(), "s3://bucket/prefix", "<svg role=", `h1v1h-1z`} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

func TestThePageKeptAsAFileIsAKit(t *testing.T) {
	k := sample(t)
	k.Location = `/mnt/a & b <c> "d"`
	page, err := k.Page()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(page)
	if err != nil || back.Text() != k.Text() {
		t.Errorf("got %v, want the kit that was printed", err)
	}
	cut, _, _ := bytes.Cut(page, []byte("check: "))
	if _, err := Parse(cut); !errors.Is(err, ErrNoKit) {
		t.Errorf("got %v for a page that was cut off, want ErrNoKit", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample(f).Text()))
	f.Add([]byte(title + "\ncheck: 00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrNoKit) {
				t.Errorf("%v is no ErrNoKit", err)
			}
			return
		}
		if _, err := Parse([]byte(k.Text())); err != nil {
			t.Errorf("a kit that was read does not come back: %v", err)
		}
	})
}

// Lines that say something else, with a digest that fits them, are no kit either.
func TestLinesThatFitTheirDigestAreLookedAtToo(t *testing.T) {
	text := sample(t).Text()
	for name, by := range map[string]string{"issued": "yesterday", "identity": "AGE-SECRET-KEY-1NONSENSE", "key " + string(secret.Names()[0]): "abcd"} {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		plain := ""
		for i, l := range lines {
			if n, _, _ := strings.Cut(l, ": "); n == name {
				lines[i] = name + ": " + by
			} else if n == checkName {
				lines[i] = checkName + ": " + check(plain)
			}
			plain += lines[i] + "\n"
		}
		if _, err := Parse([]byte(strings.Join(lines, "\n"))); !errors.Is(err, ErrNoKit) || !strings.Contains(err.Error(), "the line "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A place with a name that no code can hold gives no page with a code that lacks it.
func TestATextTooLongForItsCodeGivesNoPage(t *testing.T) {
	k := sample(t)
	k.Location = "s3://bucket/" + strings.Repeat("x", 5000)
	if page, err := k.Page(); err == nil || len(page) > 0 {
		t.Errorf("%d bytes, %v", len(page), err)
	}
	if _, err := Parse([]byte(k.Text())); err != nil {
		t.Errorf("its text: %v", err)
	}
}
