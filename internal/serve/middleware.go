package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
)

// request is what the middleware notes of a request for its log line.
type request struct {
	id    string
	ip    string
	actor access.Actor
}

type requestKey struct{}

func noted(r *http.Request) *request {
	if n, ok := r.Context().Value(requestKey{}).(*request); ok {
		return n
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return &request{ip: host}
}

// ClientIP returns the address the request came from.
func ClientIP(r *http.Request) string { return noted(r).ip }

// RequestID returns the id under which the request stands in the log.
func RequestID(r *http.Request) string { return noted(r).id }

func noteActor(r *http.Request, a access.Actor) { noted(r).actor = a }

// Middleware wraps the whole application.
func (e *Edge) Middleware(next http.Handler) http.Handler {
	protected := e.cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		n := &request{id: newRequestID(), ip: e.clientIP(r)}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, n))
		rec := &recorder{ResponseWriter: w}
		e.headers(rec.Header(), n.id)
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && err == http.ErrAbortHandler { //nolint:errorlint // the very value is the signal
					panic(p)
				}
				e.opt.Log.Error("panic", "request_id", n.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if rec.status == 0 {
					http.Error(rec, "Internal error, reference "+n.id, http.StatusInternalServerError)
				}
			}
			e.done(r, rec, n, time.Since(began))
		}()
		protected.ServeHTTP(rec, r)
	})
}

func (e *Edge) done(r *http.Request, rec *recorder, n *request, took time.Duration) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	if e.opt.Metrics != nil {
		e.opt.Metrics.observe(r, rec.status, took)
	}
	e.opt.Log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("request_id", n.id), slog.String("method", r.Method),
		slog.String("path", r.URL.Path), slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes),
		slog.Duration("took", took), slog.Int64("actor_id", int64(n.actor.ID)))
}

// csp allows what the pages need: style sheets, scripts and images of our own.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (e *Edge) headers(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", csp)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	if e.opt.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// clientIP follows X-Forwarded-For from its end for as long as the peers are
// trusted proxies.
func (e *Edge) clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && e.trusted(host); i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		host = hop
	}
	return host
}

func (e *Edge) trusted(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	for _, p := range e.opt.TrustedProxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// logError writes internal errors and full disks to the log and returns their
// reference, which is the request's id. Refusals are the client's to know.
func (e *Edge) logError(r *http.Request, a access.Actor, err error) string {
	if kind := fault.KindOf(err); kind != fault.KindInternal && kind != fault.KindNoSpace {
		return ""
	}
	n := noted(r)
	if r.Context().Err() != nil {
		return n.id // the client has gone; nothing failed here
	}
	e.opt.Log.Error("request failed", "request_id", n.id, "method", r.Method, "path", r.URL.Path, "actor_id", int64(a.ID), "error", err)
	return n.id
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
