package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

const (
	adminLogin    = "ada"
	adminPassword = "seven quiet herons"
)

// instance is a new instance and a browser in which its first administrator is signed in.
func instance(t *testing.T) (*server, *tab) {
	t.Helper()
	s := start(t, t.TempDir())
	b := browse(t, s.url)
	b.visit(s.setupLink())
	b.fill("Login", adminLogin, "First name", "Ada", "Last name", "Byron", "E-mail address", "ada@example.org", "New password", adminPassword)
	b.press("Create the administrator")
	return s, b
}

func (b *tab) signIn(login, password string) {
	b.t.Helper()
	b.visit("/login")
	b.fill("Login or e-mail", login, "Password", password)
	b.press("Sign in")
}

func (b *tab) signOut() {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(".menu-account summary")))
	b.press("Sign out")
	if got := b.path(); got != "/login" {
		b.t.Fatalf("signing out leads to %s", got)
	}
}

func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	b := browse(t, s.url)
	setup := s.setupLink()
	b.visit("/login")
	b.sees("This instance has no administrator yet")
	b.visit(setup)
	b.heading("Welcome to Holdfast")
	b.fill("Login", adminLogin, "First name", "Ada", "Last name", "Byron", "E-mail address", "ada@example.org", "New password", "short")
	b.load(422, chromedp.Click(button("Create the administrator")))
	b.sees("One thing needs your attention")
	if got := b.value("First name"); got != "Ada" {
		t.Errorf("the refused form holds %q as first name", got)
	}
	b.fill("New password", adminPassword)
	b.press("Create the administrator")
	if got := b.path(); got != "/" {
		t.Errorf("the first administrator is led to %s", got)
	}
	b.sees("Ada Byron", "No projects yet", "Create a project")
	b.load(403, chromedp.Navigate(b.base+setup))
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	_, b := instance(t)
	b.signOut()
	b.fill("Login or e-mail", adminLogin, "Password", "seven loud herons")
	b.load(422, chromedp.Click(button("Sign in")))
	if got := b.value("Login or e-mail"); got != adminLogin {
		t.Errorf("the refused form holds %q as login", got)
	}
	b.fill("Password", adminPassword)
	b.press("Sign in")
	b.sees("Ada Byron")
	b.signOut()
	b.load(200, chromedp.Navigate(b.base+"/my/account"))
	b.heading("Sign in")
	b.fill("Login or e-mail", adminLogin, "Password", adminPassword)
	b.press("Sign in")
	if got := b.path(); got != "/my/account" {
		t.Errorf("signing in led to %s and not to the page that was asked for", got)
	}
}
