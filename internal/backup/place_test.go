package backup_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/kit"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/fault"
)

func TestAPlaceIsMadeOnceAndOpenedWithItsKeyOnly(t *testing.T) {
	dir := t.TempDir()
	place := func(keys string) *backup.Place {
		return &backup.Place{Location: filepath.Join(dir, "repository"), KeysDir: filepath.Join(dir, keys)}
	}
	must(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	must(t, os.Mkdir(filepath.Join(dir, "other"), 0o700))
	p := place("keys")
	if _, err := p.Existing(t.Context()); !errors.Is(err, repo.ErrNoRepository) {
		t.Errorf("before there is one: %v", err)
	}
	must(t, p.Close()) // of what was never opened
	made, err := p.Open(t.Context())
	must(t, err)
	again, err := p.Open(t.Context())
	must(t, err)
	if made != again || p.Address() != filepath.Join(dir, "repository") {
		t.Errorf("it was opened twice, or lies at %s", p.Address())
	}
	must(t, p.Close())
	second := place("keys")
	same, err := second.Existing(t.Context())
	must(t, err)
	if same.ID() != made.ID() {
		t.Error("another repository")
	}
	must(t, second.Close())
	for name, try := range map[string]*backup.Place{"without a key": place("other"), "with another's key": place("strange")} {
		if name == "with another's key" {
			must(t, os.Mkdir(filepath.Join(dir, "strange"), 0o700))
			id, err := age.GenerateX25519Identity()
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "strange", "repository.age"), []byte(id.String()+"\n"), 0o600))
		}
		_, err := try.Open(t.Context())
		if !errors.Is(err, repo.ErrNoKey) || fault.Of(err) == nil || !strings.Contains(fault.Of(err).Hint, "put the key back") {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "other", "repository.age"), []byte("no key\n"), 0o600))
	if _, err := place("other").Open(t.Context()); !errors.Is(err, repo.ErrNoKey) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("with a file that is no key: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	if _, err := (&backup.Place{Location: filepath.Join(dir, "file"), KeysDir: dir}).Open(t.Context()); err == nil {
		t.Error("a file is a repository")
	}
	if _, err := (&backup.Place{Location: "ftp://x/y", KeysDir: dir}).Open(t.Context()); err == nil || !strings.Contains(fault.Of(err).Hint, "backup.repository") {
		t.Errorf("a scheme that is none: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "repository", "format"), nil, 0o600))
	if _, err := place("keys").Open(t.Context()); !errors.Is(err, repo.ErrDamaged) {
		t.Errorf("a format that was emptied: %v", err)
	}
}

func TestAKitOpensThePlaceOnAnotherMachine(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.store()
		_, err := w.IssueKit(t.Context(), w.root, false)
		wantKind(t, err, fault.KindForbidden)
		_, err = w.IssueKit(t.Context(), operator, false)
		wantKind(t, err, fault.KindNotFound)
		if at, err := w.KitIssued(t.Context(), w.root); err != nil || !at.IsZero() {
			t.Errorf("none was issued, but %v, %v", at, err)
		}
		b, err := w.RunInline(t.Context(), operator, "", backup.InlineOptions{Attachments: true})
		must(t, err)
		first, err := w.IssueKit(t.Context(), operator, false)
		must(t, err)
		w.mail.wantTo(t, "backup.kit", "root second")
		if at, err := w.KitIssued(t.Context(), w.root); err != nil || w.clock.Now().Sub(at).Abs() > time.Second {
			t.Errorf("issued %v, %v", at, err)
		}
		_, err = w.KitIssued(t.Context(), w.holder)
		wantKind(t, err, fault.KindForbidden)
		read, err := kit.Parse([]byte(first.Text()))
		must(t, err)
		adopt := func(k *kit.Kit) (*repo.Repository, error) {
			p := &backup.Place{Location: k.Location, KeysDir: t.TempDir()}
			t.Cleanup(func() { must(t, p.Close()) })
			if _, err := p.Adopt(t.Context(), k.Identity); err != nil {
				return nil, err
			}
			must(t, p.Close())
			return p.Existing(t.Context()) // with the key it got
		}
		r, err := adopt(read)
		must(t, err)
		if s, err := r.Snapshot(t.Context(), "latest"); err != nil || s.ID != b.Snapshot || read.Snapshot != b.Snapshot {
			t.Errorf("%s, %v, want %s", s.ID, err, b.Snapshot)
		}
		newer, err := w.IssueKit(t.Context(), operator, true)
		must(t, err)
		if _, err := adopt(read); !errors.Is(err, repo.ErrNoKey) {
			t.Errorf("a kit that was ended: %v", err)
		}
		_, err = adopt(newer)
		must(t, err)
	}, real)
}
