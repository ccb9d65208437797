package web_test

import (
	"net/url"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/backup"
)

func TestThePolicyInTheBrowser(t *testing.T) {
	apptest.Each(t, apptest.Options{}, mount, func(t *testing.T, in *apptest.Instance) {
		in.User("ada", true)
		b := &browser{t: t, in: in}
		b.signIn("ada", apptest.Password)
		status, page := b.get("/admin/backups/care")
		want(t, "care", status, page, 200, "There is no complete backup yet.", "daily 02:00", "The next backups:", "Drill now", "Nothing has been verified")
		form := url.Values{
			"schedule": {"daily 02:00,14:00"}, "last": {"3"}, "hourly": {"0"}, "daily": {"14"}, "weekly": {"4"}, "monthly": {"12"}, "yearly": {"1"},
			"within": {"7"}, "drill_days": {"7"},
		}
		status, to := b.post("/admin/backups/policy", form)
		want(t, "stronger", status, to, 303, "/admin/backups/care?done=policy_holds")
		status, to = b.post("/admin/backups/policy", form)
		want(t, "the same", status, to, 303, "done=policy_same")
		status, page = b.get("/admin/backups/care")
		want(t, "stronger holds", status, page, 200, "In force: a backup every day at 02:00, 14:00")
		for field, bad := range map[string]string{"schedule": "whenever", "daily": "many", "within": "0", "drill_days": "-1"} {
			wrong := url.Values{}
			for k, v := range form {
				wrong[k] = v
			}
			wrong.Set(field, bad)
			status, page = b.post("/admin/backups/policy", wrong)
			want(t, "refused "+field, status, page, 422, `value="`+bad+`"`, "field-error")
		}
		form.Set("daily", "1")
		status, to = b.post("/admin/backups/policy", form)
		want(t, "weaker", status, to, 303, "done=policy_waits")
		status, page = b.get("/admin/backups/care")
		want(t, "weaker waits", status, page, 200, "a weaker policy holds", "Keep the policy in force", "In force: a backup every day at 02:00, 14:00")
		form.Set("daily", "14")
		status, to = b.post("/admin/backups/policy", form)
		want(t, "not weaker after all", status, to, 303, "done=policy_kept")
		status, page = b.get(to)
		want(t, "not weaker after all", status, page, 200, "The policy in force stays.")
		status, to = b.post("/admin/backups/checks", url.Values{"kind": {"drill"}})
		want(t, "drill", status, to, 303, "done=check")
		status, page = b.post("/admin/backups/checks", url.Values{"kind": {"drill"}})
		want(t, "drill twice", status, page, 409, "waits or runs already")
		status, page = b.get("/admin/backups/prune")
		want(t, "prune", status, page, 200, "No snapshots yet")
		made, err := in.Backups.RunInline(t.Context(), access.Operator("test"), "", backup.InlineOptions{Attachments: true})
		if err != nil {
			t.Fatal(err)
		}
		snapshot := url.Values{"snapshot": {made.Snapshot}, "reason": {"for <auditors>"}}
		status, to = b.post("/admin/backups/holds", snapshot)
		want(t, "hold", status, to, 303, "/admin/backups/prune?done=held")
		status, page = b.get("/admin/backups/prune")
		want(t, "on hold", status, page, 200, made.Snapshot, "on hold", "for &lt;auditors&gt;", `action="/admin/backups/holds/release"`)
		status, page = b.post("/admin/backups/holds", snapshot)
		want(t, "hold twice", status, page, 409, "on hold already")
		status, to = b.post("/admin/backups/holds/release", snapshot)
		want(t, "release", status, to, 303, "/admin/backups/prune?done=let_off")
		status, page = b.post("/admin/backups/holds/release", snapshot)
		want(t, "release twice", status, page, 404)
	})
}
