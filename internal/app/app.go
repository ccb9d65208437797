// Package app builds every service once and runs the work that goes on behind
// requests: jobs, the schedule, housekeeping. It knows no HTTP.
package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/blob"
	"github.com/holdfast/holdfast/internal/catalog"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/journal"
	"github.com/holdfast/holdfast/internal/mail"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/notification"
	"github.com/holdfast/holdfast/internal/outbox"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/retrieve"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/seed"
	"github.com/holdfast/holdfast/internal/setting"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// App holds the services of one instance.
type App struct {
	Config  *config.Config
	Version string
	Log     *slog.Logger
	DB      *db.DB
	Blobs   *blob.Dir
	Keys    *secret.Keyring

	Audit         *audit.Log
	AuditFile     *audit.File
	Settings      *setting.Service
	Outbox        *outbox.Outbox
	Accounts      *account.Service
	Catalog       *catalog.Service
	Memberships   *membership.Service
	Projects      *project.Service
	Attachments   *attachment.Service
	WorkPackages  *workpackage.Service
	Notifications *notification.Service
	Versions      *version.Service
	Categories    *category.Service
	Backups       *backup.Service
	Repository    *backup.Place
	Retrieve      *retrieve.Service
	Jobs          *job.Runner
	Journal       *journal.Service

	lock      *Lock
	restore   func(backup.RestoreOrder) error
	passwords secret.Cost
}

// Options adjust Open.
type Options struct {
	// Restore takes an order to restore the instance; nil where nobody can carry it
	// out, as in commands.
	Restore func(backup.RestoreOrder) error
	// Version of the program, for the manifests of backups.
	Version string
	// Passwords is what hashing one costs, secret.Recommended when zero.
	Passwords secret.Cost
	// MustExist refuses to make a new instance; commands other than serve use it.
	MustExist bool
}

// Open opens the data directory and the database, migrates (an older database
// in a file is copied first), and builds the services. A new instance gets its keys and identity.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger, o Options) (*App, error) {
	if o.MustExist {
		if err := mustExist(cfg); err != nil {
			return nil, err
		}
	}
	lock, err := lockDir(cfg.Data, useLock, syscall.LOCK_SH, restoring)
	if err != nil {
		return nil, err
	}
	err = settleRestore(ctx, cfg, log)
	if err == nil && o.MustExist {
		err = mustExist(cfg) // a restore into nothing has left nothing
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d, err := db.Open(ctx, dbOptions(cfg, log))
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	a := &App{Config: cfg, Version: o.Version, Log: log, DB: d, lock: lock, restore: o.Restore, passwords: o.Passwords}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// mustExist refuses where there is no instance, and leaves nothing there. In
// the middle of a restore, which Open settles, the database has another name.
func mustExist(cfg *config.Config) error {
	if cfg.Database.URL.Reveal() != "" || archive.Interrupted(cfg.Data) {
		return nil
	}
	if _, err := os.Stat(cfg.DatabasePath()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return fault.WithHint(&fault.Fault{Kind: fault.KindNotFound, What: "instance", Message: "there is no instance in " + cfg.Data},
		"name the data directory with --data, or make an instance with holdfast serve")
}

func dbOptions(cfg *config.Config, log *slog.Logger) db.Options {
	opt := db.Options{URL: cfg.Database.URL.Reveal(), Log: log, Readers: max(4, runtime.NumCPU())}
	if opt.URL == "" {
		opt.Path = cfg.DatabasePath()
	}
	return opt
}

func (a *App) open(ctx context.Context) error {
	schema, err := db.SchemaVersion(ctx, a.DB)
	if err != nil {
		return err
	}
	if a.Keys, err = secret.OpenKeyring(a.Config.KeysDir(), schema > 0); err != nil {
		return err
	}
	before := safety{db: a.DB, dir: a.backupsDir(), log: a.Log, free: freeSpace}
	if err := db.Migrate(ctx, a.DB, db.MigrateOptions{BeforeUpgrade: before.copy}); err != nil {
		return err
	}
	if a.Blobs, err = blob.OpenDir(a.Config.BlobsLocation()); err != nil {
		return fault.WithHint(err, "check that the directory of HOLDFAST_BLOBS can be written")
	}
	sender, err := newSender(a.Config.Mail)
	if err != nil {
		return err
	}
	a.build(sender)
	if err := a.Settings.Load(ctx); err != nil {
		return err
	}
	if err := a.Settings.Install(ctx); err != nil {
		return err
	}
	_, err = seed.Base(ctx, seed.BaseServices{DB: a.DB, Catalog: a.Catalog, Membership: a.Memberships, Settings: a.Settings})
	if err == nil {
		a.copyAudit(ctx)
	}
	return err
}

// copyAudit brings the audit file up to date. Where it cannot be written, nothing
// else is held up: the next turn does it.
func (a *App) copyAudit(ctx context.Context) {
	if _, err := a.AuditFile.Copy(ctx, a.DB); err != nil {
		a.Log.Warn("the audit log could not be copied to its file", "error", err)
	}
}

func newSender(m config.Mail) (*mail.Sender, error) {
	if !m.Configured() {
		return nil, nil // no sender is the normal state of an instance without mail
	}
	return mail.NewSender(mail.Options{
		Host: m.Host, Port: m.EffectivePort(), User: m.User, Password: m.Password.Reveal(),
		TLS: m.TLS, From: m.From, HELO: m.HELO, Timeout: m.Timeout,
	})
}

// build wires the services.
func (a *App) build(sender *mail.Sender) {
	c := a.Config
	key := a.Keys.Key(secret.Audit)
	a.Audit = audit.New(key[:])
	a.AuditFile = audit.NewFile(filepath.Join(c.Data, "audit"), a.Audit)
	a.Settings = setting.New(a.DB, a.Audit)
	a.Outbox = outbox.New(a.DB, a.Keys, sender, func() bool { return a.Settings.Get().MailQuarantine })
	links := &links{}
	a.Accounts = account.New(account.Deps{
		DB: a.DB, Keys: a.Keys, Hasher: secret.NewHasher(runtime.NumCPU(), a.passwords), Audit: a.Audit,
		Mail: mailer(a.Outbox), Memberships: links, BaseURL: c.BaseURL().String(), InstanceName: "holdfast",
		SessionIdle: c.Session.IdleTimeout, SessionLifetime: c.Session.Lifetime, MinPassword: c.Password.MinLength,
		MaxFailures: c.Login.MaxFailures, FailureWindow: c.Login.FailureWindow, Providers: c.OIDC, Language: c.Language,
		SelfRegistration: func(context.Context, *db.Tx) (bool, error) { return a.Settings.Get().SelfRegistration, nil },
	})
	a.Catalog = catalog.New(a.DB)
	a.Journal = journal.New(a.DB)
	a.Memberships = membership.New(membership.Deps{DB: a.DB, Audit: a.Audit, Rights: rights{a.Accounts}})
	links.Service = a.Memberships
	a.Attachments = attachment.New(attachment.Deps{
		DB: a.DB, Blobs: a.Blobs, Log: a.Log, MaxSize: func() int64 { return c.Attachment.MaxSize.Bytes() },
		Kinds: func() []string { return a.Settings.Get().AttachmentKinds },
	})
	a.WorkPackages = workpackage.New(workpackage.Deps{DB: a.DB, Settings: rules{a.Settings}, Attachments: a.Attachments})
	a.Attachments.Register("WorkPackage", a.WorkPackages)
	a.Versions = version.New(a.DB, a.WorkPackages)
	a.Categories = category.New(a.DB, a.WorkPackages)
	a.Projects = project.New(project.Deps{
		DB: a.DB, Audit: a.Audit, Settings: rules{a.Settings}, Creators: a.Memberships, Contents: a.WorkPackages,
	})
	a.Jobs = job.NewRunner(a.DB, a.Log, workers)
	a.Outbox.Register(a.Jobs)
	a.Notifications = notification.New(a.DB)
	a.Notifications.Register(a.Jobs)
	a.Repository = newPlace(c, a.Log)
	a.Backups = a.newBackups()
	a.Retrieve = retrieve.New(retrieve.Deps{
		DB: a.DB, Place: a.Repository, Keys: a.Keys, Audit: a.Audit,
		WorkPackages: a.WorkPackages, Projects: a.Projects, Attachments: a.Attachments, Memberships: a.Memberships,
		Versions: a.Versions, Categories: a.Categories,
	})
	a.register()
}

// workers is the number of jobs that run at a time.
const workers = 3

// Run carries out jobs and housekeeping until ctx ends, then returns when what
// is under way has been given back.
func (a *App) Run(ctx context.Context) {
	if err := a.Backups.Recover(ctx, true); err != nil {
		a.Log.Error("end what an interrupted backup left", "error", err)
	}
	var wg sync.WaitGroup
	wg.Add(3)
	go func() {
		defer wg.Done()
		a.Jobs.Run(ctx)
	}()
	go func() {
		defer wg.Done()
		a.Backups.KeepTime(ctx)
	}()
	go func() {
		defer wg.Done()
		if err := a.Accounts.Run(ctx); err != nil {
			a.Log.Warn("account housekeeping ended", "error", err)
		}
	}()
	wg.Wait()
}

// Close closes the database and the file store. What a command has done is in the
// audit file before it ends, as far as that can be written.
func (a *App) Close() error {
	var errs []error
	if a.AuditFile != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		a.copyAudit(ctx)
	}
	if a.Blobs != nil {
		errs = append(errs, a.Blobs.Close())
	}
	if a.Repository != nil {
		errs = append(errs, a.Repository.Close())
	}
	return errors.Join(append(errs, a.DB.Close(), a.lock.Close())...)
}

// closeTime bounds what is done at the end.
const closeTime = 5 * time.Second

// jobTime bounds housekeeping jobs.
const jobTime = 30 * time.Minute
