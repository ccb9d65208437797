package web_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestTheStyleGuideIsForDevelopment(t *testing.T) {
	b := &browser{t: t, in: apptest.New(t, apptest.Options{}, mount)}
	status, page := b.get("/styleguide")
	want(t, "as installed", status, page, 404)
	b = &browser{t: t, in: apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_STYLEGUIDE=true"}}, mount)}
	status, page = b.get("/styleguide")
	want(t, "switched on", status, page, 200, "Every part in every state", `href="/styleguide/package"`, "toast")
	status, page = b.get("/styleguide/login?theme=dark&density=roomy&contrast=more")
	want(t, "a page in other looks", status, page, 200, `data-theme="dark"`, `data-density="roomy"`, `data-contrast="more"`)
	status, page = b.get("/styleguide/list?theme=pink")
	want(t, "a look that is none", status, page, 200)
	status, page = b.get("/styleguide/nothing")
	want(t, "a page that is none", status, page, 404)
}
