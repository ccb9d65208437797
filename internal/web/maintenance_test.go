package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/web"
)

func TestMaintenanceAnswersEveryone(t *testing.T) {
	t.Parallel()
	h, err := web.Maintenance(func() archive.Progress {
		return archive.Progress{Step: "work_packages", Rows: 1500, RowsTotal: 3000, Bytes: 1024, BytesTotal: 4096}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct {
		path, refresh, text string
		status              int
	}{
		{"/work_packages/1", "2; url=/work_packages/1", "Bringing back work packages", http.StatusServiceUnavailable},
		{"/admin/backups/7/restore", "2; url=/admin/backups", "1,500", http.StatusServiceUnavailable},
		{"/setup/restore", "2; url=/login", "Being restored", http.StatusServiceUnavailable},
		{"/api/v3/projects", "", `"_type":"Error"`, http.StatusServiceUnavailable},
		{"/health/ready", "", `"_type":"Error"`, http.StatusServiceUnavailable},
		{"/health/alive", "", "", http.StatusOK},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://plan.test/", http.NoBody)
		r.URL.Path = try.path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Result().Body) // in memory
		text := strings.ReplaceAll(string(body), "\u202f", " ")
		if w.Code != try.status || w.Header().Get("Refresh") != try.refresh || !strings.Contains(text, try.text) {
			t.Errorf("%s: %d, %q\n%s", try.path, w.Code, w.Header().Get("Refresh"), text)
		}
	}
}
