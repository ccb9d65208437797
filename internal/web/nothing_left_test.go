package web_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

// Whatever list is filtered to nothing says which filter does it, and how many there would be without.
func TestAListFilteredToNothingNamesTheFilter(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	for path, parts := range map[string][]string{
		"/admin/users?q=nobody":                                                  {"Nobody found", "Without “Text: nobody” there are", `href="/admin/users"`},
		"/admin/users?q=mara&status=locked":                                      {"Without “Status: Locked” there is 1", `href="/admin/users?q=mara"`, "Drop all filters"},
		"/admin/audit?q=nobody":                                                  {"Nothing is left", "Without “Person or object: nobody” there", `href="/admin/audit"`},
		"/admin/jobs?state=running":                                              {"Nothing is left", "The filters together leave none."},
		"/notifications?reason=dateAlert&show=all":                               {},
		"/notifications?show=all&reason=mentioned&project=3":                     {"Drop all filters"},
		"/projects?q=nobody":                                                     {"No projects", "Without “Text: nobody” there are 5"},
		"/work_packages?q=nobody":                                                {"Without “Text: nobody” there are"},
		"/search?q=zzzz":                                                         {"zzzz"},
		"/projects/observatory-renewal/settings/members?find=zzzz":               {"zzzz", "Show everybody"},
		"/projects/observatory-renewal/work_packages?q=zz&view=board":            {"Without “Text: zz” there are"},
		"/projects/observatory-renewal/work_packages?q=zz&view=gantt":            {"Without “Text: zz” there are"},
		"/projects/observatory-renewal/work_packages?due=1990-01-01..1990-01-02": {"Without “Finish: 1 Jan 1990"},
	} {
		status, page := b.get(path)
		want(t, path, status, page, 200, parts...)
	}
}
