package backup_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/message"
)

// TestTroublesAreWordedForPeople goes through the causes that the engine names: each has a clause of
// its own in both languages, and what the engine said stays as the detail.
func TestTroublesAreWordedForPeople(t *testing.T) {
	english, german := message.At("en", ""), message.At("de", "")
	for said, want := range backup.Troubles() {
		what, detail := backup.Trouble(german, "drill: "+said+": 0123abcd")
		if what != german.T("trouble."+want) || detail != "drill: "+said+": 0123abcd" {
			t.Errorf("%q reads %q (%q)", said, what, detail)
		}
		if what == english.T("trouble."+want) || strings.HasPrefix(what, "trouble.") || strings.HasSuffix(what, ".") {
			t.Errorf("%q is no clause in German: %q", said, what)
		}
		if what, detail := backup.Trouble(english, said); what == "" || detail != "" {
			t.Errorf("%q alone reads %q (%q)", said, what, detail)
		}
	}
}

// TestTheEnginesErrorsAreKnown holds the texts to what the engine really says.
func TestTheEnginesErrorsAreKnown(t *testing.T) {
	say := message.At("de", "")
	for err, want := range map[error]string{
		syscall.ENOSPC: "disk_full", syscall.EDQUOT: "quota", syscall.EFBIG: "file_limit",
		objstore.ErrNoNames: "no_names", objstore.ErrUnavailable: "place_unavailable", objstore.ErrDenied: "place_denied",
		repo.ErrNoKey: "no_key", repo.ErrNewer: "newer", repo.ErrDamaged: "damaged",
	} {
		said := fmt.Errorf("the backup repository in /srv: %w", err).Error()
		if why, _, full := archive.Full(err); full {
			said = why
		}
		if got, _ := backup.Trouble(say, said); got != say.T("trouble."+want) {
			t.Errorf("%q reads %q, want %s", said, got, want)
		}
	}
	odd := errors.New("table users: row 7 differs").Error()
	if what, detail := backup.Trouble(say, odd); what != "" || detail != odd || backup.Why(say, odd) != odd {
		t.Errorf("what nobody knows reads %q (%q)", what, detail)
	}
	if got, want := backup.Why(say, "put: "+objstore.ErrFull.Error()), say.T("trouble.place_full")+" (put: "+objstore.ErrFull.Error()+")"; got != want {
		t.Errorf("in one clause it reads %q, want %q", got, want)
	}
	if what, detail := backup.Trouble(say, ""); what != "" || detail != "" {
		t.Errorf("nothing reads %q (%q)", what, detail)
	}
}
