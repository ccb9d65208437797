package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestNewUser(t *testing.T) {
	t.Parallel()
	s, b := instance(t)
	b.visit("/admin/users")
	b.follow("New user")
	b.fill("Login", "grace", "First name", "Grace", "Last name", "Hopper", "E-mail address", "grace@example.org", "Password", "short")
	b.load(422, chromedp.Click(button("Create user")))
	b.wrong("Password")
	const given, chosen = "four green lanterns", "nine brass buttons"
	b.fill("Password", given)
	b.press("Create user")
	b.sees("Grace Hopper", "grace@example.org")

	grace := browse(t, s.url)
	grace.visit("/login")
	grace.fill("Login or e-mail", "grace", "Password", given)
	grace.press("Sign in")
	grace.heading("Choose a new password")
	grace.fill("Current password", given, "New password", given)
	grace.load(422, chromedp.Click(button("Change password and sign in")))
	grace.wrong("New password")
	grace.fill("Current password", given, "New password", chosen)
	grace.press("Change password and sign in")
	grace.sees("Grace Hopper")
	if got := grace.path(); got != "/" {
		t.Errorf("the changed password leads to %s", got)
	}
	grace.load(403, chromedp.Navigate(s.url+"/admin/users"))
	grace.signOut()
	grace.fill("Login or e-mail", "grace", "Password", given)
	grace.load(422, chromedp.Click(button("Sign in")))
	grace.signIn("grace", chosen)
	grace.sees("Grace Hopper")
}
