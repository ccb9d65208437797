package apiv3_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/apiv3"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/setting"
)

func TestDays(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ann", false)
	key := in.Key("ann")
	if err := in.Settings.AddNonWorkingDay(t.Context(), access.System("test"), setting.NonWorkingDay{Date: "2026-12-26", Name: "Boxing Day"}); err != nil {
		t.Fatal(err)
	}
	quoted := strings.NewReplacer("[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", `"`, "%22", "<", "%3C", ">", "%3E")
	for _, c := range []struct {
		path   string
		status int
		parts  []string
	}{
		{"/days/2026-12-26", 200, []string{`"name":"Saturday (Boxing Day)"`, `"working":false`, `"nonWorkingReasons":[{"href":"/api/v3/days/week/6","title":"Saturday"},{"href":"/api/v3/days/non_working/2026-12-26","title":"Boxing Day"}]`}},
		{"/days/2026-12-24", 200, []string{`"name":"Thursday"`, `"working":true`, `"weekDay":{"href":"/api/v3/days/week/4","title":"Thursday"}`}},
		{"/days/2026-02-30", 404, nil},
		{"/days/week", 200, []string{`"total":7`, `"day":7,"name":"Sunday","working":false`}},
		{"/days/week/5", 200, []string{`"name":"Friday","working":true`}},
		{"/days/week/8", 404, nil},
		{"/days/week/x", 404, nil},
		{"/days/non_working/2026-12-26", 200, []string{`"name":"Boxing Day"`}},
		{"/days/non_working/2026-12-24", 404, nil},
		{`/days/non_working?filters=[{"date":{"operator":"<>d","values":["2026-12-01","2026-12-31"]}}]`, 200, []string{`"total":1`, `"date":"2026-12-26"`}},
		{`/days/non_working?filters=[{"date":{"operator":"<>d","values":["2027-12-01","2027-12-31"]}}]`, 200, []string{`"total":0`}},
		{`/days?filters=[{"date":{"operator":"<>d","values":["2026-12-21","2026-12-27"]}},{"working":{"operator":"=","values":["t"]}}]`, 200, []string{`"total":5`}},
		{`/days?filters=[{"date":{"operator":"<>d","values":["1026-12-21","2026-12-27"]}}]`, 400, nil},
		{`/days?filters=[{"date":{"operator":"<>d","values":["2026-12-21"]}}]`, 400, nil},
		{`/days?filters=[{"date":{"operator":"=","values":["2026-12-21"]}}]`, 400, nil},
		{`/days?filters=[{"name":{"operator":"=","values":["x"]}}]`, 400, nil},
		{"/days", 200, []string{`"_type":"Collection"`}},
	} {
		res := in.Do(key, http.MethodGet, apiv3.Root+quoted.Replace(c.path), "")
		body := apptest.Body(res)
		if res.StatusCode != c.status {
			t.Errorf("%s: %d %.300s", c.path, res.StatusCode, body)
		}
		for _, p := range c.parts {
			if !strings.Contains(body, p) {
				t.Errorf("%s lacks %s: %s", c.path, p, body)
			}
		}
	}
}
