package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestKeysOfOnesOwn(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("ann", true)
	b := &browser{t: t, in: in}
	b.signIn("ann", apptest.Password)
	status, page := b.get("/my/shortcuts")
	want(t, "the form", status, page, 200, `name="key_create"`, `value="g h"`, "Back to the keys of everybody")
	if strings.Contains(page, "For everybody else") || strings.Contains(page, "data-keys-own") {
		t.Error("a choice is shown where there is none")
	}
	status, page = b.post("/my/shortcuts", url.Values{"key_create": {"e"}, "key_home": {"Home"}, "key_search": {"y"}})
	want(t, "refused", status, page, 422, `id="errors"`, `href="#f-key_create"`, `id="f-key_create-error"`, "Cannot be told from the key of “Edit;", `value="Home"`, "Is no key", `value="y"`)
	status, page = b.post("/my/shortcuts", url.Values{"key_create": {"N"}, "key_search": {"y"}, "key_set_status": {"v"}, "key_set_priority": {"g w p"}})
	want(t, "a chord that another begins", status, page, 422, `id="f-key_set_priority-error"`)
	status, to := b.post("/my/shortcuts", url.Values{"key_create": {"N"}, "key_search": {"y"}, "key_set_status": {"s s"}, "key_edit": {""}})
	want(t, "saved", status, to, 303, "/my/shortcuts?done=saved")
	_, page = b.get(to)
	want(t, "to be undone", 200, page, 200, "Undo", "For everybody else: c", `data-keys-own-value="{&#34;/&#34;:&#34;y&#34;,&#34;c&#34;:&#34;N&#34;,&#34;s&#34;:&#34;s s&#34;}"`, `data-key="c"`, "<kbd>Shift N</kbd>", `<kbd aria-hidden="true">y</kbd>`)
	status, page = b.get("/keyboard")
	want(t, "the list", status, page, 200, "<kbd>y</kbd> </dt><dd>Search", "<kbd>Shift</kbd> <kbd>N</kbd> </dt><dd>Create", "<kbd>s</kbd> </dt><dd>Search", "<kbd>Ctrl</kbd> <kbd>K</kbd>")
	if strings.Contains(page, "<dt><kbd>c</kbd> </dt>") {
		t.Error("the list has the key of everybody")
	}
	status, page = b.get("/palette")
	want(t, "the palette", status, page, 200, "<kbd>Shift N</kbd>")

	if status, _ = b.post("/my/shortcuts", url.Values{"key_create": {"s"}, "key_set_status": {"v"}}); status != 303 {
		t.Fatalf("a key that another gave up: %d", status)
	}
	if _, page = b.get("/keyboard"); strings.Contains(page, "<kbd>s</kbd> </dt><dd>Search") {
		t.Error("what a key did before is still told")
	}
	if status, _ = b.post("/my/shortcuts", url.Values{"do": {"reset"}, "key_create": {"z"}}); status != 303 {
		t.Fatalf("reset: %d", status)
	}
	if _, page = b.get("/"); strings.Contains(page, "data-keys-own") {
		t.Error("what was reset is still there")
	}
	b.post("/my/appearance", url.Values{})
	if _, page = b.get("/my/shortcuts"); strings.Contains(page, "<kbd aria-hidden") || !strings.Contains(page, "switched off for you") {
		t.Error("keys that are off are shown")
	}
	status, page = (&browser{t: t, in: in}).get("/my/shortcuts")
	want(t, "a visitor", status, page, 303, "/login")
}
