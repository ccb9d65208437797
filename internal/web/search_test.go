package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestSearchFindsWhatMayBeSeen(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("stranger", false)
	setPassword(t, in, "mara")
	mara, stranger := &browser{t: t, in: in}, &browser{t: t, in: in}
	mara.signIn("mara", apptest.Password)
	stranger.signIn("stranger", apptest.Password)
	status, page := mara.get("/search?q=observatory")
	want(t, "a project by its name", status, page, 200, `href="/projects/observatory-renewal"`, "Projects <span")
	status, page = mara.get("/search?q=%231")
	want(t, "a work package by its number", status, page, 200, `href="/work_packages/1"`, "Work packages <span")
	status, page = mara.get("/search?q=audit")
	want(t, "a page of the administration", status, page, 200, `href="/admin/audit"`)
	status, page = mara.get("/search?q=%3Cb%3Enothing%00%FF")
	want(t, "nothing", status, page, 200, "Nothing found", "&lt;b&gt;nothing")
	status, page = mara.get("/search")
	want(t, "no words", status, page, 200, "Find anything", "autofocus")
	for _, q := range []string{"observatory", "1", "audit"} {
		for _, path := range []string{"/search?q=", "/palette?q="} {
			status, page = stranger.get(path + q)
			want(t, "a stranger", status, page, 200)
			if strings.Contains(page, "Observatory") || strings.Contains(page, "/work_packages/1\"") || strings.Contains(page, "/admin") {
				t.Errorf("a stranger finds with %s%s: %s", path, q, page)
			}
		}
	}
}

func TestThePaletteOffersAndFinds(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	b := &browser{t: t, in: in}
	b.signIn("mara", apptest.Password)
	status, page := b.get("/palette")
	want(t, "before anything is typed", status, page, 200, "<dialog", `role="combobox"`, "Go to", `href="/work_packages/new"`, `href="/keyboard"`, `id="option-1"`)
	if strings.Contains(page, "<html") {
		t.Error("the palette is a whole page")
	}
	ids := regexp.MustCompile(`id="option-\d+"`).FindAllString(page, -1)
	if seen := map[string]bool{}; true {
		for _, id := range ids {
			if seen[id] {
				t.Errorf("%s twice", id)
			}
			seen[id] = true
		}
	}
	status, page = b.get("/palette?q=OBSERV")
	want(t, "a project", status, page, 200, `href="/projects/observatory-renewal"`, `role="status">`)
	status, page = b.get("/palette?q=zzzz")
	want(t, "nothing", status, page, 200, `role="status">0 results`, "Nothing found. Enter searches everywhere.")
	if strings.Contains(page, "hidden>Nothing found") {
		t.Error("nothing found is not said")
	}
	began := time.Now()
	for range 10 {
		b.get("/palette?q=ob")
	}
	if took := time.Since(began) / 10; took > 50*time.Millisecond {
		t.Errorf("an answer takes %v, budget 50 ms", took)
	}
}

func TestAppearanceIsKept(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ann", true)
	b := &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	status, page := b.post("/my/appearance", url.Values{"theme": {"pink"}, "density": {"compact"}})
	want(t, "no such theme", status, page, 422, `id="f-theme-error"`)
	status, page = b.post("/my/appearance", url.Values{"theme": {"dark"}, "density": {"compact"}})
	want(t, "saved", status, page, 303)
	status, page = b.get("/projects")
	want(t, "dark, compact, without single keys", status, page, 200, `data-theme="dark"`, `data-density="compact"`, `data-keys-off-value="true"`)
	status, page = b.get("/keyboard")
	want(t, "the keys", status, page, 200, "are switched off for you")
	status, page = b.post("/my/appearance", url.Values{"theme": {"contrast"}, "density": {""}, "singleKeys": {"1"}})
	want(t, "saved again", status, page, 303)
	status, page = b.get("/projects")
	want(t, "high contrast", status, page, 200, `data-contrast="more"`)
	if strings.Contains(page, "data-theme=") || strings.Contains(page, "data-density=") || strings.Contains(page, "data-keys-off") {
		t.Errorf("what was chosen before is still there: %.300s", page)
	}
}

func TestProjectPagesShowWhatIsAllowed(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "aiko")
	in.User("ann", true)
	member, admin := &browser{t: t, in: in}, &browser{t: t, in: in}
	member.signIn("aiko", apptest.Password)
	admin.signIn("ann", apptest.Password)
	const base = "/projects/observatory-renewal"
	status, page := admin.get(base)
	want(t, "an administrator", status, page, 200, `href="`+base+`/members"`, `href="`+base+`/settings"`, `href="`+base+`/work_packages/new" data-key="c"`, `aria-current="page"`)
	status, page = member.get(base)
	want(t, "a member", status, page, 200, `href="`+base+`/work_packages"`)
	if strings.Contains(page, base+"/settings") {
		t.Error("a member is led to the settings")
	}
	status, page = member.get(base + "/members")
	want(t, "the members", status, page, 200, "Roles", "Tomás")
	status, page = member.get("/work_packages/new")
	if status != 303 {
		want(t, "where to create", status, page, 200, "<title>New work package · In which project?", "/work_packages/new")
	}
	status, page = member.get(base + "/work_packages?status=all&page=1")
	want(t, "the list", status, page, 200, "Finish")
}
