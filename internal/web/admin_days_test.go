package web_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestWorkingDays(t *testing.T) {
	in, admin, member := managing(t)
	only(t, member, "/admin/working_days")
	status, page := admin.get("/admin/working_days")
	want(t, "the page", status, page, 200, `value="5" checked`, "No non-working days", "Start and finish dates stay as they are.")
	if strings.Index(page, ">Monday<") > strings.Index(page, ">Sunday<") {
		t.Error("the week does not begin with Monday")
	}
	status, page = admin.post("/admin/working_days", url.Values{"hours_per_day": {"8"}})
	want(t, "no day", status, page, 422, `href="#week"`, "Can&#39;t be empty.")
	status, page = admin.post("/admin/working_days", url.Values{"day": {"1"}, "hours_per_day": {"many"}})
	want(t, "no number", status, page, 422, `value="many"`, `id="f-hours_per_day-error"`)
	status, page = admin.post("/admin/working_days", url.Values{"day": {"1", "9"}, "hours_per_day": {"25"}})
	want(t, "out of range", status, page, 422, `value="25"`, "Is out of range.")
	status, to := admin.post("/admin/working_days", url.Values{"day": {"4", "1", "2", "3"}, "hours_per_day": {"7"}})
	want(t, "four days", status, to, 303, "done=days_saved")
	if v := in.Settings.Get(); len(v.WorkingDays) != 4 || v.WorkingDays[3] != 4 || v.HoursPerDay != 7 {
		t.Errorf("saved are %v, %d hours", v.WorkingDays, v.HoursPerDay)
	}
	status, page = admin.post("/admin/working_days/days", url.Values{"name": {"Christmas"}})
	want(t, "no date", status, page, 422, `value="Christmas"`, `id="f-date-error"`)
	status, to = admin.post("/admin/working_days/days", url.Values{"name": {"Christmas"}, "date": {"2026-12-25"}})
	want(t, "a holiday", status, to, 303, "done=days_saved")
	want(t, "it is there", 200, mustGet(t, admin, to), 200, "Christmas", "25 Dec 2026", "Friday", "Durations are being counted anew.")
	want(t, "in the calendar", 200, mustGet(t, admin, "/work_packages?view=calendar&at=2026-12-01"), 200, "Christmas")
	only(t, member, "/admin/working_days/days/2026-12-25/deletion")
	status, page = admin.get("/admin/working_days/days/2026-12-25/deletion")
	want(t, "the question", status, page, 200, "Make Christmas, 25 Dec 2026, an ordinary day?")
	status, to = admin.post("/admin/working_days/days/2026-12-25/deletion", nil)
	want(t, "removed", status, to, 303, "done=days_saved")
	if status, _ = admin.get("/admin/working_days/days/2026-12-25/deletion"); status != 404 {
		t.Errorf("it is still there: %d", status)
	}
}
