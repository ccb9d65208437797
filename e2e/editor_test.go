package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pasteFile gives the area a file as the clipboard does: a picture of one colour under this name.
const pasteFile = `(async () => {
	const canvas = new OffscreenCanvas(240, 120), g = canvas.getContext("2d")
	g.fillStyle = "teal"
	g.fillRect(0, 0, 240, 120)
	const file = new File([await canvas.convertToBlob()], %q, { type: "image/png" })
	const data = new DataTransfer()
	data.items.add(file)
	document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }))
})()`

// colleague makes a second person, signed in, in a browser of their own.
func (b *tab) colleague(t *testing.T) *tab {
	t.Helper()
	b.visit("/admin/users")
	b.follow("New user")
	b.fill("Login", "grace", "First name", "Grace", "Last name", "Hopper", "E-mail address", "grace@example.org", "Password", "four green lanterns")
	b.do(chromedp.Click(b.labelled("Administrator")))
	b.press("Create user")
	grace := browse(t, b.base)
	grace.visit("/login")
	grace.fill("Login or e-mail", "grace", "Password", "four green lanterns")
	grace.press("Sign in")
	grace.fill("Current password", "four green lanterns", "New password", "nine brass buttons")
	grace.press("Change password and sign in")
	return grace
}

// TestWritingAComment mentions somebody by keyboard, pastes a picture, looks at the preview and sends.
func TestWritingAComment(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	page := b.path()
	grace := b.colleague(t)

	b.visit(page)
	area := b.labelled("Comment")
	b.until(`document.querySelector(".editor[data-ready]")`)
	b.do(chromedp.Focus(area))
	b.keys("Please look, @hop")
	b.until(`document.querySelector(".picker:popover-open [role=option][aria-selected=true]")?.textContent.includes("Grace Hopper")`)
	b.until(`document.activeElement.getAttribute("aria-activedescendant") === document.querySelector(".picker [aria-selected=true]").id`)
	b.picture("editor-people")
	b.keys(kb.Enter)
	b.until(`document.querySelector("#f-comment").value === "Please look, @grace "`)
	b.keys("at #mend")
	b.until(`document.querySelector(".picker:popover-open [role=option]")?.textContent.includes("Mend the gate")`)
	b.keys(kb.Tab)
	b.until(`document.querySelector("#f-comment").value === "Please look, @grace at #1 "`)
	b.keys("and #gate")
	b.until(`document.querySelector(".picker:popover-open")`)
	b.keys(kb.Escape)
	b.until(`!document.querySelector(".picker:popover-open")`)
	b.keys(" now.\n\n")
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(pasteFile, "the gate.png"), chromedp.EvalAwaitPromise))
	b.until(`/!\[the gate.png\]\(\/attachments\/1\)/.test(document.querySelector("#f-comment").value)`)
	b.do(chromedp.Click(chromedp.CSS("#f-comment-preview")))
	b.until(`document.querySelector("#f-comment-view .user-mention")`)
	b.until(`document.querySelector("#f-comment-view img")?.naturalWidth === 240`)
	b.picture("editor-preview")
	b.do(chromedp.Click(chromedp.CSS("#f-comment-write")))
	b.load(200, chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.sees("Please look, @grace at #1 and #gate now.")
	b.until(`document.querySelector(".activity img")?.naturalWidth === 240`)
	b.until(`document.querySelector("#f-comment").value === "" && document.querySelector(".editor-draft").hidden`)
	b.until(`!Object.keys(localStorage).some(k => k.startsWith("draft "))`)

	grace.visit("/notifications")
	grace.until(`document.querySelector("#bell .bell-count").textContent.trim() === "1"`)
	grace.visit("/notifications")
	grace.sees("Mend the gate")
}

// TestMarks uses the keys and buttons of the editor on a chosen word.
func TestMarks(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/work_packages/1")
	b.until(`document.querySelector(".editor[data-ready]")`)
	value := func(want string) {
		t.Helper()
		b.until(fmt.Sprintf(`document.querySelector("#f-comment").value === %q`, want))
	}
	all := chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.do(chromedp.Focus(b.labelled("Comment")))
	b.keys("gate")
	b.do(all, chromedp.KeyEvent("b", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	value("**gate**")
	b.do(chromedp.KeyEvent("b", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.KeyEvent("i", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	value("_gate_")
	b.do(all, chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	value("[_gate_](https://)")
	b.do(all)
	b.keys("one")
	b.do(chromedp.Click(chromedp.CSS(`[data-does="numbers"]`)))
	value("1. one")
	b.keys(kb.End + kb.Enter + "two" + kb.Enter)
	value("1. one\n2. two\n3. ")
	b.keys(kb.Enter)
	value("1. one\n2. two\n")
	b.do(all, chromedp.Click(chromedp.CSS(`[data-does="tasks"]`)))
	value("- [ ] one\n- [ ] two\n")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.until(`document.querySelector("#f-comment").value.startsWith("[")`)
}

// TestDraftsComeBack types, leaves without sending, and is offered the text again.
func TestDraftsComeBack(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/work_packages/1")
	b.until(`document.querySelector(".editor[data-ready]")`)
	b.fill("Comment", "Half a thought")
	b.visit("/work_packages/1")
	b.until(`!document.querySelector(".editor-draft").hidden`)
	b.sees("You wrote something here")
	b.picture("editor-draft")
	b.do(chromedp.Click(button("Restore")))
	if got := b.value("Comment"); got != "Half a thought" {
		t.Errorf("restoring brings %q", got)
	}
	b.visit("/work_packages/1")
	b.until(`!document.querySelector(".editor-draft").hidden`)
	b.do(chromedp.Click(button("Discard")))
	b.visit("/work_packages/1")
	b.until(`document.querySelector(".editor[data-ready]")`)
	b.until(`document.querySelector(".editor-draft").hidden && document.querySelector("#f-comment").value === ""`)
	b.fill("Comment", "Not for the next")
	b.do(chromedp.Click(chromedp.CSS(".menu-account summary")))
	b.press("Sign out")
	b.until(`!Object.keys(localStorage).some(k => k.startsWith("draft "))`)
}

// TestFilesBesideAText keeps what is being typed while a file is sent, and refuses a large one before it is.
func TestFilesBesideAText(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.visit("/work_packages/1")
	b.until(`document.querySelector(".editor[data-ready]")`)
	b.fill("Comment", "Half a thought")
	dir := t.TempDir()
	large, small := filepath.Join(dir, "large.bin"), filepath.Join(dir, "plan.png")
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 300, 100))); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{large: make([]byte, 6<<20), small: picture.Bytes()} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.do(chromedp.SetUploadFiles(b.labelled("File"), []string{large}))
	b.until(`document.querySelector("#f-file").validationMessage.includes("too large")`)
	b.do(chromedp.SetUploadFiles(b.labelled("File"), []string{small}))
	b.until(`document.querySelector("#f-file").checkValidity()`)
	b.press("Attach")
	b.sees("plan.png")
	b.until(`document.querySelector(".file-picture img").naturalWidth === 300`)
	if got := b.value("Comment"); got != "Half a thought" {
		t.Errorf("the comment became %q", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const data = new DataTransfer()
		data.items.add(new File([new Uint8Array(6 << 20)], "huge.bin"))
		document.querySelector("#f-comment").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }))
	})()`))
	b.until(`document.querySelector(".editor-said").textContent.includes("huge.bin is too large: a file may have at most 5.0 MiB")`)
	if got := b.value("Comment"); got != "Half a thought" {
		t.Errorf("after a refused file, the comment is %q", got)
	}
	for _, width := range []int64{1280, 360} {
		for _, scheme := range []string{"light", "dark"} {
			b.look(width, scheme)
			b.picture(fmt.Sprintf("files-%d-%s", width, scheme))
		}
	}
}

// endSessions ends every session of the administrator but that of a browser of its own.
func (b *tab) endSessions() {
	b.t.Helper()
	other := browse(b.t, b.base)
	other.signIn(adminLogin, adminPassword)
	other.visit("/my/account")
	other.load(200, chromedp.Click(chromedp.CSS(`form[action$="/end"] button`)))
}

// TestTheSessionEndsWhileSomebodyTypes sends a comment too late, signs in, and finds it in the form.
func TestTheSessionEndsWhileSomebodyTypes(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.project()
	b.packageIn("Mend the gate")
	b.late("Long and \"winding\" <thoughts>")
	b.do(chromedp.Evaluate[chromedp.Void](`if (document.body.dataset.at || location.pathname !== "/work_packages/1") throw location.href`))

	// In a frame, after signing out in another window.
	b.visit("/work_packages/1")
	b.do(chromedp.Click(chromedp.CSS(`.side-text .button-icon`)))
	b.until(`document.querySelector(".cell-form .editor[data-ready]") && document.activeElement.name === "description"`)
	b.fill("Description", "It leaks everywhere")
	b.do(chromedp.Evaluate[chromedp.Void](`fetch("/logout", { method: "POST" })`, chromedp.EvalAwaitPromise))
	b.load(422, chromedp.Click(chromedp.CSS(".cell-form .button-primary")))
	b.sees("Your session has ended")
	b.fill("Login or e-mail", adminLogin, "Password", adminPassword)
	b.press("Sign in")
	b.sees("You are signed in again")
	if got := b.value("Description"); got != "It leaks everywhere" {
		t.Errorf("the form holds %q", got)
	}
	b.press("Save")
	if got := b.path(); got != "/work_packages/1" {
		t.Errorf("saving leads to %s", got)
	}
	b.sees("It leaks everywhere")
}

// TestTheSessionEndsWithoutScripts takes the same way in a browser that runs none.
func TestTheSessionEndsWithoutScripts(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.noScripts()
	b.project()
	b.packageIn("Mend the gate")
	b.late("Long and \"winding\" <thoughts>")
}

// late writes a comment on work package 1, whose session ends meanwhile.
func (b *tab) late(text string) {
	b.t.Helper()
	b.visit("/work_packages/1")
	b.fill("Comment", text)
	b.endSessions()
	b.load(422, chromedp.Click(button("Comment")))
	b.sees("Your session has ended", "what you typed comes back")
	b.picture("session-ended")
	b.fill("Login or e-mail", adminLogin, "Password", "wrong")
	b.load(422, chromedp.Click(button("Sign in")))
	b.fill("Login or e-mail", adminLogin, "Password", adminPassword)
	b.press("Sign in")
	b.sees("You are signed in again", "It has not been sent")
	if got := b.value("Comment"); got != text {
		b.t.Errorf("the form holds %q, want %q", got, text)
	}
	b.picture("session-form-is-back")
	b.press("Comment")
	b.sees(text)
}
