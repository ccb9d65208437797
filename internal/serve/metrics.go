package serve

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts and times what the server does, for Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewMetrics returns metrics with the Go runtime's own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_http_requests_total", Help: "Requests answered, by area, method and status.",
		}, []string{"area", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_http_request_duration_seconds", Help: "Time to answer a request, by area.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"area"}),
	}
	m.registry.MustRegister(m.requests, m.duration, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge registers a value that is read when the metrics are.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// observe counts a request. The area is the first part of the path, of a
// fixed set, so that strangers cannot make labels.
func (m *Metrics) observe(r *http.Request, status int, took time.Duration) {
	area := area(r.URL.Path)
	m.requests.WithLabelValues(area, method(r.Method), strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(area).Observe(took.Seconds())
}

func area(path string) string {
	for _, a := range []string{"/api/v3/work_packages", "/api/v3/projects", "/api/v3", "/assets", "/admin", "/work_packages", "/projects", "/health"} {
		if strings.HasPrefix(path, a) {
			return strings.TrimPrefix(a, "/")
		}
	}
	return "other"
}

func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// Handler serves the metrics. A token, when given, must come as bearer token.
func (m *Metrics) Handler(token string) http.Handler {
	h := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token != "" && subtle.ConstantTimeCompare([]byte(sent), []byte(token)) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="Holdfast metrics"`)
			http.Error(w, "The metrics need the bearer token of the setting metrics.token.", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}
