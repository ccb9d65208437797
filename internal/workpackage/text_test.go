package workpackage_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/filter"
	"github.com/holdfast/holdfast/internal/opt"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// Both engines match texts alike, whatever the locale of the server.
func TestTextsMatchWithoutRegardToCaseInEveryScript(t *testing.T) {
	cases := []struct {
		text, needle string
		want         int
	}{
		{"Grüße aus MÜNCHEN", "münchen", 1},
		{"grüße aus münchen", "MÜNCHEN", 1},
		{"ÄÖÜ", "äöü", 1},
		{"Straße", "STRAẞE", 1},
		{"Straße", "strasse", 0},
		{"ПРИВЕТ, Москва", "привет, МОСКВА", 1},
		{"ΟΔΟΣ", "οδος", 1},
		{"DIYARBAKIR", "diyarbakir", 1},
		{"Diyarbakır", "diyarbakir", 0},
		{"Diyarbakır", "DIYARBAKıR", 1},
		{"İzmir", "izmir", 0},
		{"100%_sure", "100%_SURE", 1},
		{"100x ysure", "100%_sure", 0},
	}
	each(t, func(t *testing.T, s *workpackage.Service) {
		ctx := t.Context()
		find := func(name, op, text string) int {
			t.Helper()
			p, err := s.List(ctx, ann, workpackage.ListInput{
				Filters: []filter.Condition{{Name: name, Op: op, Values: []string{text}}}, Page: filter.Page{Number: 1, Size: 50},
			})
			if err != nil {
				t.Fatal(err)
			}
			return p.Total
		}
		for _, c := range cases {
			w := mustCreate(t, s, workpackage.Patch{Project: opt.Of(p1), Subject: opt.Of(c.text), Description: opt.Of("say: " + c.text + ".")})
			for _, name := range []string{"subject", "description"} {
				if got := find(name, "~", c.needle); got != c.want {
					t.Errorf("%s: %q contains %q: got %d, want %d", name, c.text, c.needle, got, c.want)
				}
				if got := find(name, "!~", c.needle); got != 1-c.want {
					t.Errorf("%s: %q does not contain %q: got %d, want %d", name, c.text, c.needle, got, 1-c.want)
				}
			}
			p := at(w)
			p.Subject, p.Description = opt.Of("x"), opt.Of("x")
			if _, err := s.Update(ctx, ann, w.ID, p); err != nil {
				t.Fatal(err)
			}
			if got := find("search", "**", c.needle); got != 0 {
				t.Errorf("%q is found after both texts have changed", c.needle)
			}
			act, err := s.Comment(ctx, ann, w.ID, c.text, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := find("search", "**", c.needle); got != c.want {
				t.Errorf("comment: %q contains %q: got %d, want %d", c.text, c.needle, got, c.want)
			}
			if _, err := s.EditComment(ctx, ann, act.ID, "x"); err != nil {
				t.Fatal(err)
			}
			if got := find("search", "**", c.needle); got != 0 {
				t.Errorf("%q is found after the comment has changed", c.needle)
			}
			if err := s.Delete(ctx, zoe, w.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}
