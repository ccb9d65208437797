package account

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/secret"
)

// Deps is what the service is made of. DB, Keys, Hasher and Audit are needed;
// the rest has defaults that are safe.
type Deps struct {
	DB     *db.DB
	Keys   *secret.Keyring
	Hasher *secret.Hasher
	Audit  *audit.Log
	// Mail queues mails; without it invitations and recoveries are refused.
	Mail Mailer
	// Memberships follows changes of groups and people.
	Memberships MembershipSync
	// BaseURL is the public address, without a slash at its end, for links.
	BaseURL string
	// InstanceName may not be most of a password.
	InstanceName string
	// SessionIdle and SessionLifetime bound sessions; 24 hours and 30 days when zero.
	SessionIdle, SessionLifetime time.Duration
	// MinPassword is the shortest new password; 10 when zero.
	MinPassword int
	// MaxFailures per account and address within FailureWindow; 10 in 15 minutes when zero.
	MaxFailures   int
	FailureWindow time.Duration
	// Providers are the OpenID Connect providers.
	Providers []config.Provider
	// SelfRegistration says whether visitors may make themselves an account; never when nil.
	SelfRegistration func(ctx context.Context, tx *db.Tx) (bool, error)
	// Language of new users; English when empty.
	Language string
	// Pause waits during slow-downs; a timer when nil.
	Pause func(ctx context.Context, d time.Duration) error
	// HTTP speaks to providers; a client with a timeout when nil.
	HTTP *http.Client
}

// Service carries out everything about accounts.
type Service struct {
	deps      Deps
	db        *db.DB
	limits    *limits
	touches   touches
	providers map[string]*provider
}

// New returns the service.
func New(d Deps) *Service {
	d.SessionIdle = orDefault(d.SessionIdle, 24*time.Hour)
	d.SessionLifetime = orDefault(d.SessionLifetime, 30*24*time.Hour)
	d.MinPassword = orDefault(d.MinPassword, 10)
	d.MaxFailures = orDefault(d.MaxFailures, 10)
	d.FailureWindow = orDefault(d.FailureWindow, 15*time.Minute)
	d.Language = orDefault(d.Language, "en")
	if d.Pause == nil {
		d.Pause = pause
	}
	if d.HTTP == nil {
		d.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	return &Service{
		deps: d, db: d.DB, limits: newLimits(d.MaxFailures, d.FailureWindow),
		providers: newProviders(d.Providers), touches: newTouches(),
	}
}

// CanMail says whether links can be mailed, so that pages offer invitations and
// recovery only then.
func (s *Service) CanMail() bool { return s.deps.Mail != nil }

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Run keeps last-seen times and removes what has expired, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		if err := s.Flush(ctx); err != nil {
			continue // kept in memory, written at the next tick
		}
		if n%120 == 0 {
			_ = s.Sweep(ctx) // the next hour tries again; an expired row opens nothing meanwhile
		}
	}
}

// record writes an audit entry about what actor did to object.
func (s *Service) record(ctx context.Context, tx *db.Tx, a access.Actor, action, object string, detail map[string]any) error {
	return s.recordResult(ctx, tx, a, action, object, audit.OK, detail)
}

func (s *Service) recordResult(ctx context.Context, tx *db.Tx, a access.Actor, action, object, result string, detail map[string]any) error {
	act := audit.Act{ActorName: a.Name, IP: a.IP, Action: action, Object: object, Result: result, Detail: detail}
	if a.Kind == access.Person {
		act.ActorID = a.ID
		act.ActorName = a.Login
	}
	return s.deps.Audit.Record(ctx, tx, act)
}

func object(what string, n id.User) string { return fmt.Sprintf("%s %d", what, n) }

func errLink() error {
	return &fault.Fault{
		Kind: fault.KindForbidden, Code: CodeLink,
		Message: "this link is not valid any more; it works once and for a limited time",
	}
}

func errWrong() error {
	return fault.Unauthenticated("the login or the password is wrong")
}
