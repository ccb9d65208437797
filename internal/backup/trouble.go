package backup

import (
	"strings"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/db"
)

// troubles are the causes that an administrator can do something about, each with what the engine
// says of it in English and the key of what people read. The first that fits counts, so what is
// nearer to the cause stands first. Errors are kept as text, also in the archives of older
// programs, so it is the text that is looked at.
var troubles = []struct{ said, key string }{
	{reasonInterrupted, "interrupted"},
	{reasonForbidden, "forbidden"},
	{reasonAbandoned, "abandoned"},
	{saidOf(archive.Full(objstore.ErrNoNames)), "no_names"},
	{objstore.ErrNoNames.Error(), "no_names"},
	{"the disk quota is used up", "quota"},
	{"a file would be larger than the system allows", "file_limit"},
	{saidOf(archive.Full(objstore.ErrFull)), "disk_full"},
	{objstore.ErrFull.Error(), "place_full"},
	{"no space left on device", "disk_full"},
	{objstore.ErrDenied.Error(), "place_denied"},
	{objstore.ErrUnavailable.Error(), "place_unavailable"},
	{repo.ErrNoRepository.Error(), "no_repository"},
	{repo.ErrNewer.Error(), "newer"},
	{repo.ErrNoKey.Error(), "no_key"},
	{repo.ErrFenced.Error(), "fenced"},
	{repo.ErrUnsound.Error(), "unsound"},
	{repo.ErrTooMuch.Error(), "too_much"},
	{repo.ErrNoSnapshot.Error(), "no_snapshot"},
	{saidUnproven, "unproven"},
	{healing, "damaged_heals"},
	{objstore.ErrDamaged.Error(), "damaged"},
	{archive.ErrEncrypted.Error(), "encrypted"},
	{archive.ErrBroken.Error(), "archive_broken"},
	{db.ErrWALBudget.Error(), "too_many_writes"},
	{saidNoRoom, "no_room"},
	{saidNotDone, "does_not_work"},
	{saidNoApp, "does_not_work"},
	{"the file is not there", "file_gone"},
	{"the file is damaged", "file_damaged"},
	{blob.ErrCorrupt.Error(), "file_damaged"},
	{"the file cannot be read", "file_unreadable"},
}

// What else the engine says of troubles, without an error of its own.
const (
	saidUnproven = "a drill or a verification has failed, so nothing is let go"
	saidNoRoom   = "the restore needs "
	saidNotDone  = "the restored database does not work"
	saidNoApp    = "the application does not work on the restored database"
)

func saidOf(reason, _ string, _ bool) string { return reason }

// Speaker words a key of the catalogues in a reader's language.
type Speaker interface {
	T(key string, pairs ...any) string
}

// Trouble words the error of a backup, a check or a restore for people. what is a clause in the
// reader's language that names a cause an administrator can act on, "" for any other; detail is
// what the engine said beyond it, in its own English.
func Trouble(say Speaker, said string) (what, detail string) {
	for _, t := range troubles {
		if !strings.Contains(said, t.said) {
			continue
		}
		if said != t.said {
			detail = said
		}
		return say.T("trouble." + t.key), detail
	}
	return "", said
}

// Why is Trouble in one clause, with the detail in brackets.
func Why(say Speaker, said string) string {
	switch what, detail := Trouble(say, said); {
	case what == "":
		return detail
	case detail == "":
		return what
	default:
		return what + " (" + detail + ")"
	}
}
