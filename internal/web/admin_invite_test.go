package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestInvitingSeveral(t *testing.T) {
	in := apptest.New(t, apptest.Options{Environ: []string{"HOLDFAST_MAIL_HOST=127.0.0.1", "HOLDFAST_MAIL_PORT=1", "HOLDFAST_MAIL_FROM=a@example.org"}}, mount)
	in.User("ada", true)
	in.User("bo", false)
	admin, member := &browser{t: t, in: in}, &browser{t: t, in: in}
	admin.signIn("ada", apptest.Password)
	member.signIn("bo", apptest.Password)
	only(t, member, "/admin/users/invitations")
	status, page := admin.post("/admin/users/invitations", url.Values{"addresses": {" \n,"}})
	want(t, "nobody", status, page, 422, `id="f-addresses-error"`, "Can&#39;t be empty.")
	status, page = admin.post("/admin/users/invitations", url.Values{"addresses": {strings.Repeat("x@example.org\n", 1) + manyAddresses(201)}})
	want(t, "too many", status, page, 422, "at most 200")
	status, page = admin.post("/admin/users/invitations", url.Values{"addresses": {"one@example.org, two@example.org\r\nnobody; one@example.org"}})
	want(t, "one is refused", status, page, 422, "one@example.org", "Invited", "Refused", "\nnobody</textarea>")
	want(t, "the others are there", 200, mustGet(t, admin, "/admin/users?status=invited"), 200, "one@example.org", "two@example.org")
	status, page = admin.post("/admin/users/invitations", url.Values{"addresses": {"two@example.org"}})
	want(t, "twice", status, page, 422, "already been taken")
	status, to := admin.post("/admin/users/invitations", url.Values{"addresses": {"three@example.org"}})
	want(t, "all", status, to, 303, "done=invited_all")
	want(t, "jobs of one state", 200, mustGet(t, admin, "/admin/jobs?state=queued"), 200, `href="/admin/jobs?state=queued" aria-current="page"`, "mail.deliver")
	want(t, "no dead job", 200, mustGet(t, admin, "/admin/jobs?state=dead"), 200, "Nothing is left", "Without “State:")
	want(t, "tiles", 200, mustGet(t, admin, "/admin"), 200, `class="tile"`, "Working days")
}

func manyAddresses(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("a", i+1) + "@example.org\n")
	}
	return b.String()
}

// TestInvitingWithoutMail hands links over: one for each address, and one on the page of a person.
func TestInvitingWithoutMail(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ada", true)
	admin, guest := &browser{t: t, in: in}, &browser{t: t, in: in}
	admin.signIn("ada", apptest.Password)
	want(t, "form", 200, mustGet(t, admin, "/admin/users/invitations"), 200, "This instance sends no mail.", "Make links")
	status, page := admin.post("/admin/users/invitations", url.Values{"addresses": {"one@example.org, two@example.org"}})
	want(t, "links", status, page, 200, "one@example.org", "two@example.org", "/account/activate?token=")
	status, page = admin.post("/admin/users/invitations", url.Values{"addresses": {"three@example.org, nobody"}})
	want(t, "one is refused", status, page, 422, "/account/activate?token=", "Refused", "\nnobody</textarea>", "to be mended")
	links := regexp.MustCompile(`/account/activate\?token=[0-9a-zA-Z_-]+`)

	form := url.Values{"login": {"four"}, "firstName": {"Four"}, "lastName": {"Fold"}, "email": {"four@example.org"}}
	want(t, "new", 200, mustGet(t, admin, "/admin/users/new"), 200, "Leave it empty to get a link")
	status, page = admin.post("/admin/users", form)
	want(t, "a link", status, page, 200, "Link for the invitation", `id="invitation"`, "Make a new link")
	first := links.FindString(page)
	href := regexp.MustCompile(`/admin/users/\d+/invitation`).FindString(page)
	status, page = admin.post(href, nil)
	want(t, "another", status, page, 200, "Link for the invitation")
	second := links.FindString(page)
	if first == "" || second == "" || first == second {
		t.Fatalf("the links are %q and %q", first, second)
	}
	if page := mustGet(t, admin, strings.TrimSuffix(href, "/invitation")); links.MatchString(page) {
		t.Error("the link is shown again")
	}
	status, _ = guest.get(first)
	if status != 403 {
		t.Errorf("the link before answers %d", status)
	}
	want(t, "the newest", 200, mustGet(t, guest, second), 200, "four")
	status, page = admin.post("/admin/users", form)
	want(t, "twice", status, page, 422, "already been taken")
}
