package e2e

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// planned is what a journey through a project leaves behind.
type planned struct {
	subject, page string // the work package and its address
	comment       string
	file          string
	content       []byte
}

func TestWork(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.plan()
}

// TestWorkWithoutScripts takes the same way in a browser that runs no
// JavaScript: nothing on it may depend on one.
func TestWorkWithoutScripts(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.noScripts()
	b.plan()
}

// plan makes a project and a work package in it, changes it, comments and
// attaches a file, as the person signed in.
func (b *tab) plan() planned {
	b.t.Helper()
	p := planned{subject: "Mend the north wall", comment: "The mason comes on Tuesday."}
	b.project()
	b.packageIn(p.subject)
	p.page = b.path()
	b.edit(p.page, p.subject)
	b.refusedEdit(p.page)
	b.fill("Comment", p.comment)
	b.press("Comment")
	b.sees(p.comment)
	b.attach(&p)
	return p
}

func (b *tab) project() {
	b.t.Helper()
	b.visit("/projects")
	b.follow("New project")
	b.fill("Name", "Castle", "Identifier", "not an identifier")
	b.load(422, chromedp.Click(button("Create project")))
	b.wrong("Identifier")
	if got := b.value("Name"); got != "Castle" {
		b.t.Fatalf("the refused form holds %q as name", got)
	}
	b.fill("Identifier", "castle", "Description", "Keep it **dry**.")
	b.press("Create project")
	if got := b.path(); got != "/projects/castle" {
		b.t.Fatalf("the new project is at %s", got)
	}
	b.heading("Castle")
	b.sees("Keep it dry.")
}

func (b *tab) packageIn(subject string) {
	b.t.Helper()
	b.follow("New work package")
	b.fill("Subject", subject, "Description", "It leaks where the *ivy* was.", "Work in hours", "12")
	b.choose("Start", "2026-12-01")
	b.choose("Finish", "2026-12-04")
	b.press("Create")
	b.heading(subject)
	b.sees("It leaks where the ivy was.", "12 h", "4 working days")
}

func (b *tab) edit(page, subject string) {
	b.t.Helper()
	b.follow("Edit")
	if got := b.value("Subject"); got != subject {
		b.t.Fatalf("the form holds %q as subject", got)
	}
	b.choose("Finish", "2026-12-08")
	b.press("Save")
	if got := b.path(); got != page {
		b.t.Fatalf("saving leads to %s", got)
	}
	b.sees("6 working days")
}

// refusedEdit sends a form that breaks two rules and leaves it again.
func (b *tab) refusedEdit(page string) {
	b.t.Helper()
	b.follow("Edit")
	b.fill("Subject", "Mend all walls", "Parent", "4711", "Comment", "typed for nothing")
	b.choose("Finish", "2026-11-02")
	b.load(422, chromedp.Click(button("Save")))
	b.wrong("Parent")
	b.wrong("Finish")
	for label, want := range map[string]string{
		"Subject": "Mend all walls", "Parent": "4711", "Comment": "typed for nothing", "Finish": "2026-11-02", "Start": "2026-12-01", "Work in hours": "12",
	} {
		if got := b.value(label); got != want {
			b.t.Errorf("the refused form holds %q as %s, want %q", got, label, want)
		}
	}
	b.follow("Cancel")
	if got := b.path(); got != page {
		b.t.Fatalf("leaving the form leads to %s", got)
	}
	b.sees("6 working days")
}

// wrong checks that the field says what is wrong with it, next to it and for
// those who do not see it, and that the summary on top leads there.
func (b *tab) wrong(label string) {
	b.t.Helper()
	id := string(b.labelled(label))
	if got := get(b, chromedp.AttributeValue(chromedp.ID(id), "aria-invalid")); got.Value != "true" {
		b.t.Errorf("%s is not marked as wrong", label)
	}
	if got := get(b, chromedp.Text(chromedp.ID(id+"-error"))); got == "" {
		b.t.Errorf("nothing says what is wrong with %s", label)
	}
	b.do(chromedp.WaitVisible(chromedp.CSS(`#errors a[href="#` + id + `"]`)))
}

func (b *tab) attach(p *planned) {
	b.t.Helper()
	p.file, p.content = "Plan (north) ü.bin", make([]byte, 300_000)
	_, _ = rand.Read(p.content) // never fails
	path := filepath.Join(b.t.TempDir(), p.file)
	if err := os.WriteFile(path, p.content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(b.labelled("File"), []string{path}))
	b.press("Attach")
	b.holds(*p)
}

// holds checks, on the page of the work package, that what was planned is there.
func (b *tab) holds(p planned) {
	b.t.Helper()
	b.heading(p.subject)
	b.sees(p.comment, p.file)
	path, name := b.download(link(p.file))
	if name != p.file {
		b.t.Errorf("the file is offered as %q, want %q", name, p.file)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if !bytes.Equal(got, p.content) {
		b.t.Errorf("the file came back with %d other bytes", len(got))
	}
}
