// Package serve is the edge that every request passes: listeners, request ids,
// logs, limits, cross-site protection, and who is asking.
//
// Handlers are functions that return an error (HandlerFunc). Each edge, API or
// pages, brings its own writer of errors; this package finds the actor, calls
// the handler and hands its error over. A panic becomes an internal error.
package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/holdfast/holdfast/internal/access"
)

// Accounts is what this package asks of package account.
type Accounts interface {
	// Authenticate returns the person a session's token belongs to.
	Authenticate(ctx context.Context, token, ip string) (access.Actor, error)
	// AuthenticateKey returns the person an API key belongs to.
	AuthenticateKey(ctx context.Context, key, ip string) (access.Actor, error)
}

// Options are what a server is built from.
type Options struct {
	Accounts Accounts
	Log      *slog.Logger
	// TrustedProxies are the peers whose X-Forwarded-For and -Proto are believed.
	TrustedProxies []netip.Prefix
	// LoginRequired says whether visitors see nothing but the way in.
	LoginRequired func() bool
	// Secure marks cookies for https only and sends HSTS.
	Secure bool
	// Origins are further origins that may send forms, such as the public URL
	// behind a proxy that rewrites the host.
	Origins []string
	// Metrics observes requests; nil observes nothing.
	Metrics *Metrics
}

// Edge turns handlers into http.Handlers.
type Edge struct {
	opt   Options
	cross *http.CrossOriginProtection
}

// NewEdge returns the edge. It fails when an origin is no origin.
func NewEdge(o Options) (*Edge, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.LoginRequired == nil {
		o.LoginRequired = func() bool { return true }
	}
	c := http.NewCrossOriginProtection()
	for _, origin := range o.Origins {
		if err := c.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return &Edge{opt: o, cross: c}, nil
}

// HandlerFunc answers a request on behalf of an actor, or returns an error.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, a access.Actor) error

// ErrorWriter answers with an error. It decides the status by the kind of
// fault; ref is the reference number of an internal error, found in the log.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, a access.Actor, err error, ref string)

// Handle adapts h. The actor is the one of the session or key; bad
// credentials are an error, none are a visitor.
func (e *Edge) Handle(h HandlerFunc, fail ErrorWriter) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := e.Actor(r)
		if err == nil {
			noteActor(r, a)
			err = h(w, r, a)
		}
		if err != nil {
			fail(w, r, a, err, e.logError(r, a, err))
		}
	}
}

// Bare adapts a handler that nobody signs in for, such as the sign-in page.
func (e *Edge) Bare(h func(w http.ResponseWriter, r *http.Request) error, fail ErrorWriter) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a := access.Anonymous(ClientIP(r))
			fail(w, r, a, err, e.logError(r, a, err))
		}
	}
}

// LoginRequired says whether visitors are kept out.
func (e *Edge) LoginRequired() bool { return e.opt.LoginRequired() }

// Secure says whether cookies are for https only.
func (e *Edge) Secure() bool { return e.opt.Secure }

// Server is a listening server with a graceful end.
type Server struct {
	http *http.Server
	ln   net.Listener
	log  *slog.Logger
}

// shutdownTime is how long requests under way may take to finish at the end.
const shutdownTime = 20 * time.Second

// Listen opens the address. Requests are answered once Run is called.
func Listen(ctx context.Context, address string, h http.Handler, log *slog.Logger) (*Server, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{ln: ln, log: log, http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	if sw, ok := h.(*Switch); ok {
		s.http.RegisterOnShutdown(sw.Leave)
	}
	return s, nil
}

// Addr returns the address that is listened on.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Run answers requests until ctx ends, then lets those under way finish.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.log.Info("shutting down", "address", s.Addr())
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := s.http.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(errors.New("requests under way were cut off"), s.http.Close())
	}
	return err
}
