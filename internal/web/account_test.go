package web_test

import (
	"net/url"
	"regexp"
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

// TestRevokingAKeyIsAskedAbout goes the whole way, and tries keys of others and none.
func TestRevokingAKeyIsAskedAbout(t *testing.T) {
	in := apptest.New(t, apptest.Options{}, mount)
	in.User("ada", true)
	in.User("bert", true)
	ada, bert := &browser{t: t, in: in}, &browser{t: t, in: in}
	ada.signIn("ada", apptest.Password)
	bert.signIn("bert", apptest.Password)
	status, page := ada.post("/my/keys", url.Values{"name": {"<script>"}})
	want(t, "a key", status, page, 200, "Your new API key")
	_, page = ada.get("/my/account")
	found := regexp.MustCompile(`(?s)&lt;script&gt;.*?"(/my/keys/\d+/revocation)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the key is not listed")
	}
	href := found[1]
	status, page = ada.get(href)
	want(t, "asked", status, page, 200, "Revoke “&lt;script&gt;”?", "shut out at once", `action="`+href+`"`)
	status, page = ada.get("/my/account")
	want(t, "still there", status, page, 200, href)
	for _, other := range []string{href, "/my/keys/999999/revocation", "/my/keys/x/revocation"} {
		status, page = bert.get(other)
		want(t, "not his: "+other, status, page, 404)
	}
	status, to := ada.post(href, nil)
	want(t, "revoked", status, to, 303, "/my/account?done=key_revoked")
	status, page = ada.get(href)
	want(t, "gone", status, page, 404)
}
