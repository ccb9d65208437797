package cli

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web"
)

// grace is how long requests and mails under way may take before a restore.
const grace = 15 * time.Second

// supervisor is one holdfast serve: listeners that stay, and the instance behind
// them, which a restore closes, replaces and opens again.
type supervisor struct {
	cfg     *config.Config
	log     *slog.Logger
	version string

	pages, metrics *serve.Switch
	orders         chan backup.RestoreOrder
}

func newSupervisor(cfg *config.Config, log *slog.Logger, version string) *supervisor {
	return &supervisor{
		cfg: cfg, log: log, version: version, orders: make(chan backup.RestoreOrder, 1),
		pages: serve.NewSwitch(http.NotFoundHandler()), metrics: serve.NewSwitch(http.NotFoundHandler()),
	}
}

// order takes an order to restore. It is carried out by run.
func (v *supervisor) order(o backup.RestoreOrder) error {
	if err := app.PlaceOrder(v.cfg, o); err != nil {
		return err
	}
	v.orders <- o // there is room: the file is the only one
	return nil
}

func (v *supervisor) open(ctx context.Context) (*app.App, error) {
	return app.Open(ctx, v.cfg, v.log, app.Options{Version: v.version, Restore: v.order})
}

// show lets the instance answer requests.
func (v *supervisor) show(a *app.App) error {
	h, metrics, err := handler(a)
	if err != nil {
		return err
	}
	v.pages.Change(h, grace)
	v.metrics.Change(metrics.Handler(v.cfg.Metrics.Token.Reveal()), grace)
	return nil
}

// listen opens the addresses.
func (v *supervisor) listen(ctx context.Context) ([]*serve.Server, error) {
	srv, err := serve.Listen(ctx, v.cfg.Listen, v.pages, v.log)
	if err != nil {
		return nil, fault.WithHint(err, "another process may use the port; choose one with --listen")
	}
	m := v.cfg.Metrics
	if !m.Enabled || m.Listen == "" {
		return []*serve.Server{srv}, nil
	}
	ms, err := serve.Listen(ctx, m.Listen, v.metrics, v.log)
	if err != nil {
		return nil, fault.WithHint(err, "choose another address with HOLDFAST_METRICS_LISTEN")
	}
	return []*serve.Server{srv, ms}, nil
}

// run serves, carries out jobs and restores until ctx ends or a listener fails.
func (v *supervisor) run(ctx context.Context, a *app.App, servers []*serve.Server) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { keepSmall(ctx, memoryPeriod) })
	errs := make([]error, len(servers))
	for i, srv := range servers {
		wg.Go(func() {
			errs[i] = srv.Run(ctx)
			stop()
		})
	}
	err := v.live(ctx, a)
	stop()
	wg.Wait()
	v.log.Info("stopped")
	return errors.Join(append(errs, err)...)
}

// live carries out the jobs of the instance, and then of the one that a restore has
// put in its place, until ctx ends.
func (v *supervisor) live(ctx context.Context, a *app.App) error {
	for {
		working, rest := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.Run(working)
		}()
		end := func() {
			rest()
			<-done
		}
		select {
		case <-ctx.Done():
			end()
			return a.Close()
		case o := <-v.orders:
			var err error
			if a, err = v.restore(ctx, a, o, end); err != nil {
				return err
			}
		}
	}
}

// restore carries out an order and returns the instance as it is then.
func (v *supervisor) restore(ctx context.Context, a *app.App, o backup.RestoreOrder, end func()) (*app.App, error) {
	v.log.Warn("restoring", "snapshot", o.Snapshot, "kind", o.Kind, "by", o.By)
	var now atomic.Pointer[archive.Progress]
	h, err := maintenance(v, &now)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	v.told(ctx, a, o)
	v.pages.Change(h, grace)
	v.metrics.Change(http.NotFoundHandler(), grace)
	end()
	if err := a.Close(); err != nil {
		v.log.Warn("closing the instance before the restore", "error", err)
	}
	report, cause := app.CarryOut(ctx, v.cfg, v.log, o, v.version, func(p archive.Progress) { now.Store(&p) })
	giveBack(0)
	if a, err = v.open(context.WithoutCancel(ctx)); err != nil {
		return nil, errors.Join(cause, err)
	}
	err = a.EndOrder(context.WithoutCancel(ctx), o, report, cause)
	if err == nil {
		err = v.show(a)
	}
	if err != nil {
		err = errors.Join(err, a.Close())
	}
	return a, err
}

// told waits until the notices about the order have left: the outbox goes with the
// state that is replaced.
func (v *supervisor) told(ctx context.Context, a *app.App, o backup.RestoreOrder) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for {
		gone, err := a.Backups.NoticesGone(ctx, o.Notices)
		if gone || err != nil {
			return
		}
		select {
		case <-ctx.Done():
			v.log.Warn("the notices about the restore have not left yet; the mail server does not take them")
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// maintenance is what answers while nobody may use the instance.
func maintenance(v *supervisor, now *atomic.Pointer[archive.Progress]) (http.Handler, error) {
	pages, err := web.Maintenance(func() archive.Progress {
		if p := now.Load(); p != nil {
			return *p
		}
		return archive.Progress{}
	})
	if err != nil {
		return nil, err
	}
	edge, err := serve.NewEdge(serve.Options{Log: v.log, TrustedProxies: v.cfg.TrustedProxies, Secure: v.cfg.SecureCookies()})
	if err != nil {
		return nil, err
	}
	return edge.Middleware(pages), nil
}
