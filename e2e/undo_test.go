package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestUndoInTheAdministration takes a setting and the permissions of a role back from the
// message that follows them: by key, by button, and without scripts.
func TestUndoInTheAdministration(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	change := func(name string) {
		t.Helper()
		b.visit("/admin/settings")
		b.fill("Name of this instance", name)
		b.press("Save")
		b.sees("Saved.")
	}
	is := func(name string) {
		t.Helper()
		if got := b.value("Name of this instance"); got != name {
			t.Errorf("the instance is called %q, want %q", got, name)
		}
	}
	change("Quarry")
	b.picture("undo-setting")
	b.load(200, chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.sees("The change is undone.")
	is("Holdfast")
	b.picture("redo-setting")
	b.load(200, chromedp.KeyEvent("Z", chromedp.KeyModifiers(chromedp.ModifierCtrl|chromedp.ModifierShift)))
	b.sees("The change is made again.")
	is("Quarry")
	b.press("Undo")
	is("Holdfast")

	b.visit("/admin/roles/new")
	b.fill("Name", "Guest")
	b.press("Create role")
	b.sees("Guest")
	b.press("Undo")
	b.heading("Roles")
	b.press("Redo")
	b.follow("Guest")

	b.noScripts()
	change("Mine")
	b.press("Undo")
	is("Holdfast")
	b.press("Redo")
	is("Mine")
}
