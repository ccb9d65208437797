// Package backup lets permitted people make a backup of the whole instance.
//
// On top of a session or an API key every request needs the requester's own
// backup token: shown once, kept only as a keyed hash, made with the password
// and, where there is none or where the account changed lately, valid only
// after a waiting period that begins once an administrator was told. Every
// step is audited and mailed to all administrators; a link in those mails lets
// anyone cancel the token.
//
// Promises: at most one backup runs at a time; exactly the daily limit is
// accepted within any 24 hours; nothing is left out silently; a backup counts
// as complete only after its file was read again and verified; the last good
// one is never removed before a newer one is.
package backup

import (
	"context"
	"log/slog"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// Codes of faults, for edges that word them themselves.
const (
	// CodeTokenInvalid: unknown, empty, foreign, revoked or tampered with; not told apart.
	CodeTokenInvalid = "backup_token_invalid"
	// CodeTokenWaiting: RetryAfter says how long, 0 while the wait has not begun.
	CodeTokenWaiting = "backup_token_waiting"
	// CodePending: another backup is queued or running.
	CodePending = "backup_pending"
	// CodeDailyLimit: RetryAfter says when the next request is accepted.
	CodeDailyLimit = "backup_daily_limit"
	// CodeLocked: too many wrong tokens; RetryAfter says for how long.
	CodeLocked = "backup_locked"
	// CodeTooLarge: the attachments exceed the operator's cap; the message names both sizes.
	CodeTooLarge = "backup_too_large"
)

// Source says through which door a backup was requested.
type Source string

// Sources.
const (
	SourcePage     Source = "page"
	SourceAPI      Source = "api"
	SourceCommand  Source = "command"
	SourceSchedule Source = "schedule"
	SourceSafety   Source = "safety"
)

// State is how far a backup is.
type State string

// States; the last four are final.
const (
	Queued     State = "queued"
	Running    State = "running"
	Complete   State = "complete"
	Incomplete State = "incomplete"
	Failed     State = "failed"
	Cancelled  State = "cancelled"
)

// Final says that nothing will change any more.
func (s State) Final() bool { return s != Queued && s != Running }

// Good says that there is an archive.
func (s State) Good() bool { return s == Complete || s == Incomplete }

// Mailer queues a mail in the transaction and returns its id.
type Mailer interface {
	Queue(ctx context.Context, tx *db.Tx, n account.Notice) (id.Mail, error)
}

// Progress is how far a running backup is.
type Progress struct {
	Phase      string `json:"phase"`
	Rows       int64  `json:"rows"`
	RowsTotal  int64  `json:"rowsTotal"`
	Files      int64  `json:"files"`
	FilesTotal int64  `json:"filesTotal"`
	Bytes      int64  `json:"bytes"`
	BytesTotal int64  `json:"bytesTotal"`
}

// Missing is a file that could not be read. The engine knows its hash; the
// service adds the name of an attachment that has it.
type Missing struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Reason string `json:"reason"`
}

// Deps is what the service is made of. Mail is nil where no mail is
// configured; Free and Log have defaults.
type Deps struct {
	DB       *db.DB
	Keys     *secret.Keyring
	Audit    *audit.Log
	Accounts *account.Service
	Mail     Mailer
	Engine   Engine
	// Place is the repository; Drill restores a snapshot of it for a test.
	Place *Place
	Drill func(ctx context.Context, snapshot string, progress func(archive.Progress)) (archive.DrillReport, error)
	// Restore hands an order to the server, which refuses a second one; nil where no
	// server runs. Kept tells of the newest restore that can be undone, and until when.
	Restore func(RestoreOrder) error
	Kept    func(ctx context.Context) (at, until time.Time, err error)
	// Ping tells a watcher outside that scheduled backups work; nil when there is none.
	Ping func(ctx context.Context) error
	// Dir is where running backups leave a sign of life, and the disk whose free
	// space is told.
	Dir string
	// BaseURL is the public address, without a slash at its end.
	BaseURL string
	// Enabled is the operator's switch.
	Enabled              bool
	DailyLimit           int
	InitialWaitingPeriod time.Duration
	// AttachmentSizeMaxSum is the size cap in bytes, 0 for none.
	AttachmentSizeMaxSum int64
	// InstalledAt tells when the instance was made, where that is known better
	// than from its oldest account.
	InstalledAt func(ctx context.Context, tx *db.Tx) (time.Time, bool, error)
	// Free returns the free bytes of the disk a directory is on.
	Free func(dir string) (int64, error)
	Log  *slog.Logger
	// Beat is how often a running backup saves its progress; a second when zero.
	Beat time.Duration
	// Passed returns how much time has passed since some instant, by a clock that nobody
	// can set; the monotonic clock of the machine when nil.
	Passed func() time.Duration
}

// Service carries out everything about requested backups.
type Service struct {
	deps    Deps
	db      *db.DB
	mac     secret.Key
	elapsed *elapsed
}

// New returns the service.
func New(d Deps) *Service {
	if d.Free == nil {
		d.Free = freeSpace
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	if d.Beat <= 0 {
		d.Beat = time.Second
	}
	if d.Passed == nil {
		began := time.Now() //nolint:forbidigo // only for what passes from here on, by the monotonic clock
		d.Passed = func() time.Duration { return time.Since(began) }
	}
	return &Service{
		deps: d, db: d.DB, mac: d.Keys.Derive(secret.Instance, "backup token rows"),
		elapsed: &elapsed{key: d.Keys.Derive(secret.Instance, "backup clock"), mono: d.Passed},
	}
}

// Enabled says whether people may request backups at all.
func (s *Service) Enabled() bool { return s.deps.Enabled }
