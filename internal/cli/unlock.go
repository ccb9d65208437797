package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/fault"
)

// scryptEffort makes a guess at a passphrase cost about 64 MiB of memory for some time.
const scryptEffort = 16

// unlocking are the flags of commands that read archives that may be encrypted.
type unlocking struct {
	Identity       string `type:"existingfile" placeholder:"FILE" help:"age identity that opens an encrypted archive."`
	PassphraseFile string `type:"existingfile" placeholder:"FILE" help:"File with the passphrase of an encrypted archive in its first line."`
}

func (u unlocking) identities() ([]age.Identity, error) {
	var out []age.Identity
	if u.Identity != "" {
		text, err := os.ReadFile(u.Identity)
		if err != nil {
			return nil, err
		}
		ids, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil {
			return nil, usageError{fault.WithHint(errors.New("the file "+u.Identity+" holds no age identity"), "age-keygen makes one")}
		}
		out = append(out, ids...)
	}
	if u.PassphraseFile != "" {
		phrase, err := passphrase(u.PassphraseFile)
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(phrase)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// passphrase reads the first line of a file.
func passphrase(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if len(line) < 12 {
		return "", usageError{fault.WithHint(errors.New("the passphrase is shorter than 12 characters"), "put a longer one into the first line of "+path)}
	}
	return line, nil
}

// locking are the flags of commands that write archives.
type locking struct {
	Recipient      []string `placeholder:"age1..." help:"Encrypt the archive for this age recipient; may be given several times."`
	PassphraseFile string   `type:"existingfile" placeholder:"FILE" help:"Encrypt the archive with the passphrase in the first line of this file."`
}

// recipients returns who can open the archive, and the identities among them.
func (l locking) recipients() ([]age.Recipient, []age.Identity, error) {
	if len(l.Recipient) > 0 && l.PassphraseFile != "" {
		return nil, nil, usageError{errors.New("give recipients or a passphrase, not both")}
	}
	var out []age.Recipient
	for _, text := range l.Recipient {
		rs, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("%q is no age recipient", text)}
		}
		out = append(out, rs...)
	}
	if l.PassphraseFile == "" {
		return out, nil, nil
	}
	phrase, err := passphrase(l.PassphraseFile)
	if err != nil {
		return nil, nil, err
	}
	r, err := age.NewScryptRecipient(phrase)
	if err != nil {
		return nil, nil, err
	}
	r.SetWorkFactor(scryptEffort)
	id, err := age.NewScryptIdentity(phrase)
	return []age.Recipient{r}, []age.Identity{id}, err
}
