package web_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/web"
)

func TestDevicesInWords(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                                   "Chrome 140 on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0":                                                        "Firefox 143 on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari 18 on iOS (iPhone)",
		"curl/8.14.1":       "curl/8.14.1",
		"something unknown": "something unknown",
		"":                  "",
	} {
		if got := web.Device(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestSuggestedTimeZonesExist(t *testing.T) {
	for _, name := range web.Zones {
		if _, err := time.LoadLocation(name); err != nil {
			t.Error(err)
		}
	}
}

func TestAllOtherSessionsAreSignedOutAtOnce(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	var browsers []*browser
	for range 3 {
		b := &browser{t: t, in: in}
		b.signIn("mara", apptest.Password)
		browsers = append(browsers, b)
	}
	status, page := browsers[0].get("/my/account")
	want(t, "three sessions", status, page, 200, "Sign out the other 2 sessions", `list="f-timeZone-list"`)
	status, to := browsers[0].post("/my/sessions/end_others", url.Values{})
	want(t, "ended", status, to, 303, "/my/account?done=sessions")
	status, page = browsers[0].get(to)
	want(t, "one is left", status, page, 200, "All other sessions have been signed out")
	for _, b := range browsers[1:] {
		if status, to := b.get("/my/account"); status == 200 {
			t.Errorf("another session still works: %.80s", to)
		}
	}
}
