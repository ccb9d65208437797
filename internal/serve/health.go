package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"sort"
	"time"
)

// Check answers whether a part works; the error says why not.
type Check func(ctx context.Context) error

// checkTime bounds one check, so that a hanging part reads as a broken one.
const checkTime = 5 * time.Second

// Alive answers that the process runs.
func Alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("alive\n")) // a client that has gone needs no answer
}

// Ready answers whether every check passes: 200, or 503 with the names of
// those that do not. Reasons go to the log only, where strangers cannot read them.
func (e *Edge) Ready(checks map[string]Check) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTime)
		defer cancel()
		out := struct {
			Status string            `json:"status"`
			Checks map[string]string `json:"checks"`
		}{"ready", map[string]string{}}
		names := make([]string, 0, len(checks))
		for name := range checks {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			out.Checks[name] = "ok"
			if err := checks[name](ctx); err != nil {
				out.Status, out.Checks[name] = "not ready", "failed"
				e.opt.Log.Warn("health check failed", "check", name, "error", err)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if out.Status != "ready" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(out) // a client that has gone needs no answer
	}
}
