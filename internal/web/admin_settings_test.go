package web_test

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/app/apptest"
)

func TestGeneralSettings(t *testing.T) {
	in, admin, member := managing(t)
	only(t, member, "/admin/settings", "/admin/authentication")
	page := mustGet(t, admin, "/admin/settings")
	want(t, "the form", 200, page, 200, `value="20, 100"`, `value="wiki" checked`)
	role := in.Settings.Get().NewProjectRole
	form := url.Values{
		"app_title": {"Harbour"}, "welcome_text": {"Read the **rules**.\r\n"}, "module": {"work_package_tracking", "news"}, "default_projects_public": {"1"},
		"new_project_user_role_id": {strconv.FormatInt(int64(role), 10)}, "per_page_options": {"10, 50"}, "apiv3_max_page_size": {"500"}, "journal_aggregation_time_minutes": {"0"},
		"attachment_whitelist": {"*.PNG, text/plain\n"},
	}
	for field, bad := range map[string]string{"app_title": "", "per_page_options": "10, many", "apiv3_max_page_size": "9", "journal_aggregation_time_minutes": "x", "new_project_user_role_id": "999", "module": "none", "attachment_whitelist": "pictures"} {
		wrong := url.Values{}
		for k, v := range form {
			wrong[k] = v
		}
		wrong.Set(field, bad)
		status, page := admin.post("/admin/settings", wrong)
		want(t, "refused "+field, status, page, 422, "field-error", "errors-list")
	}
	status, to := admin.post("/admin/settings", form)
	want(t, "saved", status, to, 303, "done=saved")
	v := in.Settings.Get()
	if v.AppTitle != "Harbour" || !v.DefaultPublic || len(v.DefaultModules) != 2 || v.PerPage[1] != 50 || v.MaxPageSize != 500 || v.SelfRegistration || len(v.AttachmentKinds) != 2 || v.AttachmentKinds[0] != "*.png" {
		t.Errorf("saved are %+v", v)
	}
	want(t, "the welcome", 200, mustGet(t, member, "/"), 200, "<strong>rules</strong>")
	status, to = admin.post("/admin/authentication", url.Values{"self_registration": {"1"}})
	want(t, "registration", status, to, 303, "done=saved")
	if !in.Settings.Get().SelfRegistration {
		t.Error("people cannot register")
	}
	want(t, "authentication", 200, mustGet(t, admin, "/admin/authentication"), 200, `name="self_registration" type="checkbox" value="1" checked`, "No provider is configured", "reset-password")
}

func TestProvidersAndTheDiagnosisHaveNoSecret(t *testing.T) {
	secrets := []string{"swordfish-mail", "swordfish-oidc", "swordfish-s3", "swordfish-metrics", "swordfish-beat"}
	in := apptest.New(t, apptest.Options{Environ: []string{
		"HOLDFAST_MAIL_HOST=127.0.0.1", "HOLDFAST_MAIL_PORT=1", "HOLDFAST_MAIL_FROM=a@example.org", "HOLDFAST_MAIL_USER=plan", "HOLDFAST_MAIL_PASSWORD=" + secrets[0],
		"HOLDFAST_OIDC_SLUG=corp", "HOLDFAST_OIDC_ISSUER=https://login.example.org", "HOLDFAST_OIDC_CLIENT_ID=plan", "HOLDFAST_OIDC_CLIENT_SECRET=" + secrets[1],
		"HOLDFAST_S3_ACCESS_KEY=plan", "HOLDFAST_S3_SECRET_KEY=" + secrets[2], "HOLDFAST_METRICS_TOKEN=" + secrets[3], "HOLDFAST_BACKUP_HEARTBEAT_URL=https://beat.example.org/" + secrets[4],
	}}, mount)
	in.User("ada", true)
	in.User("bo", false)
	admin, member := &browser{t: t, in: in}, &browser{t: t, in: in}
	admin.signIn("ada", apptest.Password)
	member.signIn("bo", apptest.Password)
	only(t, member, "/admin/info")
	page := mustGet(t, admin, "/admin/info")
	want(t, "the facts", 200, page, 200, "Free disk space", "Size of the database", `readonly`, "data-copy")
	_, text, _ := strings.Cut(page, "<textarea")
	text, _, _ = strings.Cut(html.UnescapeString(text), "</textarea>")
	want(t, "the diagnosis", 200, text, 200, "database", "Jobs", "ok ")
	providers := mustGet(t, admin, "/admin/authentication")
	want(t, "the provider", 200, providers, 200, "https://login.example.org", "/auth/corp/callback", `href="/auth/corp" target="_blank"`)
	if got := in.Config.Secrets(); len(got) < len(secrets) {
		t.Fatalf("only %d secrets are configured", len(got))
	}
	for _, s := range append(in.Config.Secrets(), secrets...) {
		if strings.Contains(page, s) || strings.Contains(providers, s) {
			t.Errorf("the secret %q is shown", s)
		}
	}
	for _, personal := range []string{"ada@", "bo@"} {
		if strings.Contains(text, personal) {
			t.Errorf("the diagnosis names %s", personal)
		}
	}
}
