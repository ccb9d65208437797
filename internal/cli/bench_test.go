package cli

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/config"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/loadgen"
)

// instance is a filled instance with the API key of an ordinary member.
type instance struct {
	handler http.Handler
	key     string
}

func newInstance(tb testing.TB, packages int) *instance {
	tb.Helper()
	cfg, err := config.Load(config.Options{Flags: map[string]string{"data": tb.TempDir()}})
	if err != nil {
		tb.Fatal(err)
	}
	ctx := tb.Context()
	a, err := app.Open(ctx, cfg, slog.New(slog.NewTextHandler(io.Discard, nil)), app.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = a.Close() })
	p := loadgen.DefaultPlan()
	p.WorkPackages = packages
	if _, err := loadgen.Fill(ctx, a.DB, a.Blobs, p); err != nil {
		tb.Fatal(err)
	}
	in := &instance{}
	if _, in.key, err = a.Accounts.CreateKeyFor(ctx, access.Operator("bench"), loadgen.Login(2), "bench"); err != nil {
		tb.Fatal(err)
	}
	if in.handler, _, err = handler(a); err != nil {
		tb.Fatal(err)
	}
	return in
}

// ask sends one request and checks that it was answered well.
func (in *instance) ask(tb testing.TB, ctx context.Context, method, path, body string) {
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.SetBasicAuth("apikey", in.key)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, r)
	if w.Code >= 300 {
		tb.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

const (
	listPath = "/api/v3/work_packages?pageSize=100"
	newBody  = `{"subject":"Made by a benchmark","_links":{"project":{"href":"/api/v3/projects/1"},"type":{"href":"/api/v3/types/1"}}}`
)

// The number of statements of a list does not depend on the number of rows.
func TestStatementsPerRequest(t *testing.T) {
	in := newInstance(t, 1000)
	tests := []struct {
		name, method, path, body string
		most                     int64
	}{
		{"a list of 100", "GET", listPath, "", 12},
		{"a list of 10", "GET", "/api/v3/work_packages?pageSize=10", "", 12},
		{"one work package", "GET", "/api/v3/work_packages/7", "", 10},
		{"a new work package", "POST", "/api/v3/work_packages", newBody, 30},
	}
	for _, tt := range tests {
		var n atomic.Int64
		in.ask(t, db.CountStatements(t.Context(), &n), tt.method, tt.path, tt.body)
		t.Logf("%s: %d statements", tt.name, n.Load())
		if n.Load() > tt.most {
			t.Errorf("%s takes %d statements, more than %d", tt.name, n.Load(), tt.most)
		}
	}
}

func BenchmarkAPI(b *testing.B) {
	for _, bm := range []struct{ name, method, path, body string }{
		{"List", "GET", listPath, ""},
		{"Show", "GET", "/api/v3/work_packages/7", ""},
		{"Create", "POST", "/api/v3/work_packages", newBody},
	} {
		b.Run(bm.name, func(b *testing.B) {
			in := newInstance(b, 10_000)
			b.ReportAllocs()
			b.SetParallelism(4)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					in.ask(b, b.Context(), bm.method, bm.path, bm.body)
				}
			})
		})
	}
}
