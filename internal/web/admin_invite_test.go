package web_test

import (
	"net/url"
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
