// Package kit is the recovery kit: one page that, with the place of the repository
// and this program, brings an instance back on an empty machine.
package kit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/secret"
)

// Kit is what must have been kept. It opens every backup: whoever has it and can
// read the repository has everything.
type Kit struct {
	Issued     time.Time
	Repository string // its id
	Location   string // where it was when the kit was issued
	Identity   *age.X25519Identity
	// Keys are those of the instance, so that what they sealed still opens.
	Keys *secret.Keyring
	// Snapshot and Head name the newest snapshot the kit has opened, and its record.
	Snapshot, Head string
}

const (
	title     = "HOLDFAST RECOVERY KIT 1"
	checkName = "check"
)

// ErrNoKit: the text is no kit, or was copied wrongly.
var ErrNoKit = errors.New("this is no recovery kit, or it was copied wrongly")

// Text returns the kit as lines, the last of which proves the others.
func (k *Kit) Text() string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%s: %s\n", name, value) }
	b.WriteString(title + "\n")
	line("issued", k.Issued.UTC().Format(time.RFC3339))
	line("repository", k.Repository)
	line("location", k.Location)
	line("identity", k.Identity.String())
	for _, name := range secret.Names() {
		key := k.Keys.Key(name)
		line("key "+string(name), hex.EncodeToString(key[:]))
	}
	line("snapshot", k.Snapshot)
	line("head", k.Head)
	line(checkName, check(b.String()))
	return b.String()
}

// check is a digest short enough to be typed.
func check(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Parse reads a kit. Blank lines, white space at the ends of lines and lines that
// begin with "#" do not matter.
//
// Errors: ErrNoKit, with the line that is wrong where that is known.
func Parse(text []byte) (*Kit, error) {
	lines, err := split(text)
	if err != nil {
		return nil, err
	}
	k := &Kit{Repository: lines["repository"], Location: lines["location"], Snapshot: lines["snapshot"], Head: lines["head"]}
	if k.Issued, err = time.Parse(time.RFC3339, lines["issued"]); err != nil {
		return nil, fmt.Errorf("%w: the line issued", ErrNoKit)
	}
	if k.Identity, err = age.ParseX25519Identity(lines["identity"]); err != nil {
		return nil, fmt.Errorf("%w: the line identity", ErrNoKit)
	}
	keys := map[secret.Name]secret.Key{}
	for _, name := range secret.Names() {
		raw, err := hex.DecodeString(lines["key "+string(name)])
		if err != nil || len(raw) != len(secret.Key{}) {
			return nil, fmt.Errorf("%w: the line key %s", ErrNoKit, name)
		}
		keys[name] = secret.Key(raw)
	}
	k.Keys = secret.RingOf(keys)
	return k, nil
}

// plainText takes the lines out of a kit that was kept as the page to print.
func plainText(text []byte) string {
	if _, rest, ok := strings.Cut(string(text), "<pre>"+title); ok {
		lines, _, _ := strings.Cut(rest, "</pre>")
		return title + html.UnescapeString(lines)
	}
	return string(text)
}

// split checks title, order and digest and returns the lines by name.
func split(text []byte) (map[string]string, error) {
	out, plain := map[string]string{}, ""
	var names []string
	in := bufio.NewScanner(strings.NewReader(plainText(text)))
	for first := true; in.Scan(); {
		l := strings.TrimSpace(in.Text())
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		if first {
			if first = false; l != title {
				return nil, fmt.Errorf("%w: it does not begin with %q", ErrNoKit, title)
			}
			plain = title + "\n"
			continue
		}
		name, value, ok := strings.Cut(l, ": ")
		if !ok && strings.HasSuffix(l, ":") {
			name, ok = strings.TrimSuffix(l, ":"), true
		}
		if !ok || slices.Contains(names, name) || slices.Contains(names, checkName) {
			return nil, fmt.Errorf("%w: the line %q", ErrNoKit, short(l))
		}
		if name == checkName && value != check(plain) {
			return nil, fmt.Errorf("%w: a character differs from what was printed", ErrNoKit)
		}
		names, out[name] = append(names, name), value
		plain += name + ": " + value + "\n"
	}
	if err := in.Err(); err != nil || out[checkName] == "" {
		return nil, fmt.Errorf("%w: its end is missing", ErrNoKit)
	}
	return out, nil
}

// short is the beginning of a line, without what may be a secret.
func short(l string) string {
	if len(l) > 12 {
		return l[:12] + "..."
	}
	return l
}
