package app

import (
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/archive"
)

func TestADrillIsHeardToItsReport(t *testing.T) {
	for text, want := range map[string]string{
		`{"progress":{"Step":"users"}}` + "\n" + `{"report":{"rows":7}}`: "",
		`{"progress":{"Step":"users"}}`:                                  "without a report: EOF",
		"panic: no":                                                      "without a report: invalid character",
	} {
		var steps []string
		r, err := hear(strings.NewReader(text), func(p archive.Progress) { steps = append(steps, p.Step) })
		if want == "" && (err != nil || r.Rows != 7 || len(steps) != 1 || steps[0] != "users") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %+v, %v, %v", text, r, steps, err)
		}
	}
}
