package cli

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/serve"
)

// gaugesOf reads the metrics of the backups as a scraper does.
func gaugesOf(t *testing.T, m *serve.Metrics) map[string]float64 {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler("").ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	out := map[string]float64{}
	for line := range strings.Lines(rec.Body.String()) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if short, is := strings.CutPrefix(name, "holdfast_backup_"); ok && is {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			out[short] = n
		}
	}
	return out
}

func wantGauges(t *testing.T, when string, got map[string]float64, success, verified, proven, attention float64) {
	t.Helper()
	want := map[string]float64{
		"last_success_timestamp_seconds": success, "last_verified_timestamp_seconds": verified,
		"last_proven_timestamp_seconds": proven, "needs_attention": attention,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", when, got, want)
	}
}

func TestGaugesOfBackupsTellHowTheyStand(t *testing.T) {
	apptest.Each(t, apptest.Options{}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		ctx, operator := t.Context(), access.Operator("test")
		m := serve.NewMetrics()
		gauges(m, in.App)
		wantGauges(t, "at the beginning", gaugesOf(t, m), 0, 0, 0, 0)
		b, err := in.Backups.RunInline(ctx, operator, "", backup.InlineOptions{Attachments: true})
		if err != nil {
			t.Fatal(err)
		}
		success := float64(b.FinishedAt.Unix())
		wantGauges(t, "after a backup", gaugesOf(t, m), success, 0, 0, 0)
		if _, err := in.Backups.VerifyRepository(ctx, operator, backup.CheckFull, nil); err != nil {
			t.Fatal(err)
		}
		checks, err := in.Backups.Checks(ctx, operator, 1)
		if err != nil {
			t.Fatal(err)
		}
		verified := float64(checks[0].FinishedAt.Unix())
		wantGauges(t, "after a verification", gaugesOf(t, m), success, verified, 0, 0)
		drill := func(state string, at int64) {
			t.Helper()
			if err := db.Do(ctx, in.DB, func(tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, db.SQL(`INSERT INTO backup_checks (kind, state, snapshot, started_at, finished_at) VALUES ('drill', ?, ?, ?, ?)`,
					state, b.Snapshot, at*1e6, at*1e6))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		drill("ok", 1_800_000_000)
		wantGauges(t, "after a drill", gaugesOf(t, m), success, verified, 1_800_000_000, 0)
		drill("failed", 1_800_000_100)
		wantGauges(t, "after a drill that failed", gaugesOf(t, m), success, verified, 1_800_000_000, 1)
		drill("ok", 1_800_000_200)
		wantGauges(t, "after another", gaugesOf(t, m), success, verified, 1_800_000_200, 0)
	})
}

func TestGaugesSayWhenTheStateIsNotKnown(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, func(chi.Router, *apptest.Instance) {})
	m := serve.NewMetrics()
	gauges(m, in.App)
	if err := db.Do(context.Background(), in.DB, func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, db.SQL(`DROP TABLE backup_checks`))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	wantGauges(t, "on a database that is not whole", gaugesOf(t, m), -1, -1, -1, -1)
}
