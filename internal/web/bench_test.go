package web_test

import (
	"net/http"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/loadgen"
)

// BenchmarkPages asks a server with 10,000 work packages for pages as an ordinary member: one after the
// other, uncompressed, as `make bench` does.
func BenchmarkPages(b *testing.B) {
	in := apptest.New(b, apptest.Options{}, mount)
	if _, err := loadgen.Fill(b.Context(), in.DB, in.Blobs, loadgen.DefaultPlan()); err != nil {
		b.Fatal(err)
	}
	key := in.Key(loadgen.Login(2))
	for _, bm := range []struct{ name, path string }{
		{"Table", "/work_packages"},
		{"Board", "/work_packages?view=board"},
		{"Gantt", "/work_packages?view=gantt"},
		{"WorkPackage", "/work_packages/7"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if res := in.Do(key, http.MethodGet, bm.path, "", "Accept-Encoding", "identity"); res.StatusCode != http.StatusOK {
					b.Fatalf("%s: %d", bm.path, res.StatusCode)
				}
			}
		})
	}
}
