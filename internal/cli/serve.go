package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/serve"
)

type serveCmd struct {
	Listen       string `help:"Address and port. Default: 127.0.0.1:8080, or HOLDFAST_LISTEN." placeholder:"HOST:PORT"`
	Demo         bool   `help:"Fill an empty instance with the demo story and print the demo logins."`
	DemoAnywhere bool   `help:"Allow --demo on an address that others can reach."`
}

// Run implements the command.
func (c *serveCmd) Run(ctx context.Context, s *session) error {
	cfg, err := s.load(map[string]string{"listen": c.Listen})
	if err != nil {
		return err
	}
	if c.Demo && !c.DemoAnywhere && !loopback(cfg.Listen) {
		return usageError{fault.WithHint(fmt.Errorf("--demo makes accounts whose passwords are printed, and %s can be reached by others", cfg.Listen),
			"listen on 127.0.0.1, or add --demo-anywhere if you mean it")}
	}
	log := s.logger(cfg)
	lock, err := app.LockForServing(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // the end of the process releases it, too
	v := newSupervisor(cfg, log, s.Build.Version)
	a, err := v.open(ctx)
	if err != nil {
		return err
	}
	servers, err := c.begin(ctx, s, v, a)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	return v.run(ctx, a, servers)
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// begin settles what was left, listens, and says so.
func (c *serveCmd) begin(ctx context.Context, s *session, v *supervisor, a *app.App) ([]*serve.Server, error) {
	if err := a.SettleOrder(ctx); err != nil {
		return nil, err
	}
	if err := v.show(a); err != nil {
		return nil, err
	}
	servers, err := v.listen(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.welcome(ctx, s, a, servers[0].Addr()); err != nil {
		return nil, err
	}
	giveBack(0)
	return servers, nil
}

// welcome prints where the instance is and how to get in.
func (c *serveCmd) welcome(ctx context.Context, s *session, a *app.App, address string) error {
	base := "http://" + address
	if a.Config.PublicURL != "" {
		base = a.Config.PublicURL
	}
	fmt.Fprintf(s.Stdout, "Holdfast is ready at %s\n", base)
	if c.Demo {
		return c.demo(ctx, s, a)
	}
	need, err := a.Accounts.NeedsSetup(ctx)
	if err != nil || !need {
		return err
	}
	link, err := a.Accounts.SetupLink(ctx, base)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Stdout, "\nThere is no administrator yet. Make the first one with this link; it is valid once, for a day:\n  %s\n", link)
	return err
}

// handler builds everything that answers requests.
func handler(a *app.App) (http.Handler, *serve.Metrics, error) {
	m := serve.NewMetrics()
	gauges(m, a)
	c := a.Config
	edge, err := serve.NewEdge(serve.Options{
		Accounts: a.Accounts, Log: a.Log, TrustedProxies: c.TrustedProxies, Secure: c.SecureCookies(), Metrics: m,
		LoginRequired: func() bool { return c.Login.Required }, Origins: origins(c),
	})
	if err != nil {
		return nil, nil, err
	}
	r := chi.NewRouter()
	r.Get("/health/alive", serve.Alive)
	ready := edge.Ready(map[string]serve.Check{
		"database": func(ctx context.Context) error { return a.DB.Ping(ctx) },
		"files":    func(context.Context) error { return a.Blobs.Writable() },
	})
	r.Get("/health/ready", ready)
	r.Get("/health_checks/default", serve.Alive)
	if c.Metrics.Enabled && c.Metrics.Listen == "" {
		r.Handle("/metrics", m.Handler(c.Metrics.Token.Reveal()))
	}
	if err := mount(r, a, edge); err != nil {
		return nil, nil, err
	}
	return edge.Middleware(r), m, nil
}

func origins(c *config.Config) []string {
	if c.PublicURL == "" {
		return nil
	}
	u := c.BaseURL()
	return []string{u.Scheme + "://" + u.Host}
}

// gauges are the figures of the instance, read when the metrics are.
func gauges(m *serve.Metrics, a *app.App) {
	count := func(pick func(job.Counts) float64) func() float64 {
		return func() float64 {
			c, err := db.Read(context.Background(), a.DB, func(tx *db.Tx) (job.Counts, error) { return job.Count(context.Background(), tx) })
			if err != nil {
				a.Log.Warn("jobs could not be counted", "error", err)
				return -1
			}
			return pick(c)
		}
	}
	m.Gauge("holdfast_jobs_queued", "Jobs that wait; -1 when unknown.", count(func(c job.Counts) float64 { return float64(c.Queued) }))
	m.Gauge("holdfast_jobs_running", "Jobs that run; -1 when unknown.", count(func(c job.Counts) float64 { return float64(c.Running) }))
	m.Gauge("holdfast_jobs_dead", "Jobs that failed for good; -1 when unknown.", count(func(c job.Counts) float64 { return float64(c.Dead) }))
	m.Gauge("holdfast_jobs_oldest_due_seconds", "Age of the oldest job that is due; -1 when unknown.", count(func(c job.Counts) float64 { return c.OldestDue.Seconds() }))
	standing := func(pick func(backup.Standing) float64) func() float64 {
		return func() float64 {
			st, err := a.Backups.Standing(context.Background(), access.System("metrics"))
			if err != nil {
				a.Log.Warn("the state of the backups is not known", "error", err)
				return -1
			}
			return pick(st)
		}
	}
	at := func(t time.Time) float64 {
		if t.IsZero() {
			return 0
		}
		return float64(t.Unix())
	}
	m.Gauge("holdfast_backup_last_success_timestamp_seconds", "When the last good backup was finished; 0 for never, -1 when unknown.", standing(func(st backup.Standing) float64 { return at(st.LastGood) }))
	m.Gauge("holdfast_backup_last_verified_timestamp_seconds", "When the repository was last verified; 0 for never, -1 when unknown.", standing(func(st backup.Standing) float64 { return at(st.LastVerified) }))
	m.Gauge("holdfast_backup_last_proven_timestamp_seconds", "When a backup was last restored for a test; 0 for never, -1 when unknown.", standing(func(st backup.Standing) float64 { return at(st.LastProven) }))
	m.Gauge("holdfast_backup_needs_attention", "1 when a good backup is overdue, or a verification or drill has failed; -1 when unknown.", standing(func(st backup.Standing) float64 {
		if st.Stale || st.Trouble != nil {
			return 1
		}
		return 0
	}))
	m.Gauge("holdfast_database_connections_in_use", "Reading connections in use.", func() float64 { return float64(a.DB.Stats().InUse) })
}
