package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/serve"
)

// jar is a browser that keeps all its cookies.
type jar struct {
	t       *testing.T
	in      *apptest.Instance
	cookies map[string]string
}

func newJar(t *testing.T, in *apptest.Instance) *jar {
	return &jar{t, in, map[string]string{}}
}

func (j *jar) send(method, path string, form url.Values, header ...string) (int, string) {
	j.t.Helper()
	var all []string
	for name, value := range j.cookies {
		all = append(all, name+"="+value)
	}
	header = append([]string{"Cookie", strings.Join(all, "; "), "Referer", j.in.URL + "/work_packages/1"}, header...)
	if method == http.MethodPost {
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	}
	res := j.in.Do("", method, path, form.Encode(), header...)
	for _, c := range res.Cookies() {
		if j.cookies[c.Name] = c.Value; c.Value == "" {
			delete(j.cookies, c.Name)
		}
		if c.Value != "" && (!c.HttpOnly || c.SameSite != http.SameSiteLaxMode) {
			j.t.Errorf("the cookie %s is open to scripts or other sites", c.Name)
		}
	}
	if to := res.Header.Get("Location"); to != "" {
		return res.StatusCode, to
	}
	return res.StatusCode, apptest.Body(res)
}

func (j *jar) signIn(login string) {
	j.t.Helper()
	if status, to := j.send("POST", "/login", url.Values{"username": {login}, "password": {apptest.Password}}); status != 303 || to != "/" {
		j.t.Fatalf("sign in as %s: %d %.300s", login, status, to)
	}
}

// endSession is what time does, or signing out in another window.
func (j *jar) endSession() { delete(j.cookies, serve.SessionCookie) }

var keptValue = regexp.MustCompile(`name="kept" value="([A-Za-z0-9_-]+)"`)

// kept sends a form after the session has ended and returns what the sign-in page carries.
func (j *jar) kept(path string, v url.Values, header ...string) string {
	j.t.Helper()
	status, page := j.send("POST", path, v, header...)
	m := keptValue.FindStringSubmatch(page)
	if status != 422 || m == nil || !strings.Contains(page, "Your session has ended") {
		j.t.Fatalf("the form was not kept: %d %.600s", status, page)
	}
	return m[1]
}

func (j *jar) login(login, kept string) (int, string) {
	j.t.Helper()
	return j.send("POST", "/login", url.Values{"username": {login}, "password": {apptest.Password}, "back_url": {"/work_packages/1"}, "kept": {kept}})
}

func keeping(t *testing.T) (*apptest.Instance, *jar) {
	t.Helper()
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	setPassword(t, in, "mara")
	setPassword(t, in, "tomas")
	j := newJar(t, in)
	j.signIn("mara")
	return in, j
}

var comment = url.Values{"comment": {"Typed \"at length\"\r\nin <two> lines"}}

func comments(j *jar) int {
	j.t.Helper()
	_, page := j.send("GET", "/work_packages/1?activity=comments", nil)
	return strings.Count(page, `class="activity-comment"`)
}

func TestAFormComesBackAfterItsSessionEnded(t *testing.T) {
	_, j := keeping(t)
	before := comments(j)
	j.endSession()
	kept := j.kept("/work_packages/1/comments", comment)
	if strings.Contains(kept, "Typed") {
		t.Fatal("it is not sealed")
	}
	status, page := j.send("POST", "/login", url.Values{"username": {"mara"}, "password": {"wrong"}, "kept": {kept}})
	want(t, "a wrong password", status, page, 422, `name="kept" value="`+kept+`"`)
	status, page = j.login("mara", kept)
	want(t, "signed in", status, page, 200, "Typed &#34;at length&#34;\nin &lt;two&gt; lines</textarea>", "You are signed in again", `data-at="/work_packages/1"`, `action="/work_packages/1/comments"`, "</html>")
	if got := comments(j); got != before {
		t.Error("the form was sent by itself")
	}
	if status, to := j.send("POST", "/work_packages/1/comments", comment); status != 303 {
		t.Errorf("sent: %d %.300s", status, to)
	}
	if got := comments(j); got != before+1 {
		t.Errorf("%d comments, want %d", got, before+1)
	}
}

func TestFormsOfManyKindsComeBack(t *testing.T) {
	_, j := keeping(t)
	_, page := j.send("GET", "/work_packages/1/edit", nil)
	lock := lockField.FindStringSubmatch(page)[1]
	j.endSession()
	kept := j.kept("/work_packages/1", url.Values{"subject": {"Another subject"}, "description": {"Anew"}, "priority": {"4"}, "lockVersion": {lock}, "notes": {"why"}}, "Referer", "")
	status, page := j.login("mara", kept)
	want(t, "the form of a work package", status, page, 200, `value="Another subject"`, "Anew</textarea>", "why</textarea>", `<option value="4" selected="">`, `name="lockVersion" value="`+lock+`"`)
	j.endSession()
	kept = j.kept("/work_packages/1/cell/description", url.Values{"description": {"In its place"}, "lockVersion": {"77"}, "back": {"/work_packages/1"}}, "Turbo-Frame", "side-1-description")
	status, page = j.login("mara", kept)
	want(t, "the form of a field", status, page, 200, "In its place</textarea>", `name="lockVersion" value="77"`)
	j.endSession()
	kept = j.kept("/projects/observatory-renewal/work_packages", url.Values{"subject": {"New one"}, "estimatedTime": {"3"}})
	status, page = j.login("mara", kept)
	want(t, "a form that was refused before, without scripts", status, page, 200, `value="New one"`, `value="3"`)
	j.endSession()
	kept = j.kept("/work_packages/1/watching", url.Values{"note": {"Nowhere <b>"}})
	status, page = j.login("mara", kept)
	want(t, "a form that is nowhere", status, page, 200, "What you typed", "Nowhere &lt;b&gt;", `href="/work_packages/1"`)
	j.endSession()
	kept = j.kept("/my/activity", url.Values{"order": {"newest"}, "back": {"/work_packages/1"}})
	if status, to := j.login("mara", kept); status != 303 || to != "/work_packages/1" {
		t.Errorf("a choice that is made again in a moment: %d %.200s", status, to)
	}
}

func TestAFormComesBackToItsPersonAndBrowserOnly(t *testing.T) {
	in, j := keeping(t)
	j.endSession()
	kept := j.kept("/work_packages/1/comments", comment)
	nothing := func(what string, j *jar, login, kept string) {
		t.Helper()
		status, page := j.login(login, kept)
		if status != 303 || page != "/work_packages/1" {
			t.Errorf("%s: %d %.300s", what, status, page)
		}
		j.endSession()
	}
	other := newJar(t, in)
	nothing("another browser that never had anybody", other, "mara", kept)
	other.signIn("mara")
	nothing("another browser of the same person", other, "mara", kept)
	flipped := []byte(kept)
	flipped[len(flipped)/2] ^= 1
	nothing("an altered form", j, "mara", string(flipped))
	nothing("something else", j, "mara", "x")
	text, err := in.Keys.Unseal("kept form", kept, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	nothing("a form whose time is over", j, "mara", in.Keys.Seal("kept form", text, time.Now().Add(-time.Second)))
	nothing("a form sealed for another purpose", j, "mara", in.Keys.Seal("browser", text, time.Now().Add(time.Hour)))
	nothing("somebody else", j, "tomas", kept)
	status, page := j.login("mara", kept)
	want(t, "its person, still", status, page, 200, "Typed")
}

func TestAPageOfSomebodyBeforeIsNotKeptForTheNext(t *testing.T) {
	_, j := keeping(t)
	_, page := j.send("GET", "/work_packages/1", nil)
	by := regexp.MustCompile(`name="by" value="(\d+)"`).FindStringSubmatch(page)[1]
	j.signIn("tomas")
	j.endSession()
	v := url.Values{"comment": {"Of Mara"}, "by": {by}}
	if status, to := j.send("POST", "/work_packages/1/comments", v); status != 303 || !strings.HasPrefix(to, "/login?back_url=") {
		t.Errorf("%d %.300s", status, to)
	}
}

// What a page of Mara's sends after Tomás has signed in is refused, and nothing of it is lost.
func TestAPageOfSomebodyElseDoesNotActForWhoeverIsSignedIn(t *testing.T) {
	_, j := keeping(t)
	_, page := j.send("GET", "/work_packages/1", nil)
	by := regexp.MustCompile(`name="by" value="(\d+)"`).FindStringSubmatch(page)[1]
	if forms, marked := strings.Count(page, `method="post"`), strings.Count(page, `name="by" value="`+by+`"`); forms != marked {
		t.Errorf("%d forms, of which %d say for whom they are", forms, marked)
	}
	v := url.Values{"comment": {"Of Mara, at length"}, "password": {"secret words"}, "by": {by}}
	if status, to := j.send("POST", "/work_packages/1/comments", v); status != 303 {
		t.Fatalf("her own: %d %.300s", status, to)
	}
	j.signIn("tomas")
	status, page := j.send("POST", "/work_packages/1/comments", v)
	want(t, "somebody else's", status, page, 409, "opened by somebody else", "Tomás", "Of Mara, at length", `href="/work_packages/1"`)
	if strings.Contains(page, "secret words") {
		t.Error("a secret is shown")
	}
	if _, page := j.send("GET", "/work_packages/1", nil); strings.Count(page, "Of Mara, at length") != 1 {
		t.Error("it was saved for the wrong person, or not for the right one")
	}
	status, page = j.send("POST", "/work_packages/1/comments", v, "Accept", "application/json")
	want(t, "to a script", status, page, 409, "Nothing was saved")
	v.Del("by")
	if status, to := j.send("POST", "/work_packages/1/comments", v); status != 303 {
		t.Errorf("a program, which does not say: %d %.300s", status, to)
	}
	file := "--x\r\nContent-Disposition: form-data; name=\"by\"\r\n\r\n" + by + "\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello\r\n--x--\r\n"
	res := j.in.Do("", "POST", "/work_packages/1/files", file, "Content-Type", "multipart/form-data; boundary=x", "Cookie", serve.SessionCookie+"="+j.cookies[serve.SessionCookie])
	want(t, "a file", res.StatusCode, apptest.Body(res), 409, "Nothing was saved")
	if status, to := j.send("POST", "/logout", url.Values{"by": {by}}); status != 303 {
		t.Errorf("signing out: %d %.300s", status, to)
	}
}

func TestSigningInInAnotherWindow(t *testing.T) {
	_, j := keeping(t)
	if status, _ := j.send("POST", "/logout", url.Values{}); status != 303 {
		t.Fatal("signing out failed")
	}
	kept := j.kept("/work_packages/1/comments", comment)
	status, page := j.send("POST", "/login/kept", url.Values{"kept": {kept}, "back_url": {"/work_packages/1"}})
	want(t, "too early", status, page, 422, "not signed in yet", `name="kept" value="`+kept+`"`)
	j.signIn("mara")
	status, page = j.send("POST", "/login/kept", url.Values{"kept": {kept}, "back_url": {"/work_packages/1"}})
	want(t, "then", status, page, 200, "Typed &#34;at length&#34;", "You are signed in again")
	j.signIn("tomas")
	if status, to := j.send("POST", "/login/kept", url.Values{"kept": {kept}, "back_url": {"/work_packages/1"}}); status != 303 || to != "/work_packages/1" {
		t.Errorf("somebody else: %d %.200s", status, to)
	}
}

func TestWhatIsNotKept(t *testing.T) {
	in, j := keeping(t)
	j.endSession()
	for path, v := range map[string]url.Values{
		"/my/password": {"current": {"x"}, "note": {"y"}}, "/admin/backups/reset_token": {"note": {"y"}}, "/preview": {"text": {"y"}}, "/work_packages/1/comments": {}, "/work_packages/1/watching": {"undo": {"1"}}, "/work_packages/2/comments": {"comment": {strings.Repeat("a", 513<<10)}},
		"/work_packages/3/comments": {"backup_token": {"hfbk-1"}, "New_Password": {"x"}},
	} {
		if status, to := j.send("POST", path, v); status != 303 || !strings.HasPrefix(to, "/login?back_url=") {
			t.Errorf("%s: %d %.200s", path, status, to)
		}
	}
	kept := j.kept("/work_packages/1/comments", url.Values{"comment": {"text"}, "_password_confirmation": {"p1"}, "backup_token": {"p2"}, "csrf_token": {"p3"}, "OTP": {"p4"}, "passphrase": {"p5"}})
	text, err := in.Keys.Unseal("kept form", kept, time.Now())
	if err != nil || regexp.MustCompile(`p[1-5]"`).Match(text) || !strings.Contains(string(text), `"comment":["text"]`) {
		t.Errorf("kept is %s, %v", text, err)
	}
	long := strings.Repeat("\"\n", 200<<10)
	status, page := j.login("mara", j.kept("/work_packages/1/comments", url.Values{"comment": {long}}))
	want(t, "a long text", status, page, 200, "You are signed in again")
	if !strings.Contains(page, strings.Repeat("&#34;\n", 1000)) {
		t.Error("a long text is lost")
	}
	visitor := newJar(t, in)
	if status, to := visitor.send("POST", "/work_packages/1/comments", comment); status != 303 || !strings.HasPrefix(to, "/login") {
		t.Errorf("somebody who was never here: %d %.200s", status, to)
	}
	forged := newJar(t, in)
	forged.cookies["holdfast_browser"] = "x"
	if status, to := forged.send("POST", "/work_packages/1/comments", comment); status != 303 {
		t.Errorf("a forged cookie: %d %.200s", status, to)
	}
}

func TestAFrameLeadsToSigningInAsAWholePage(t *testing.T) {
	_, j := keeping(t)
	j.endSession()
	status, page := j.send("POST", "/work_packages/1/cell/description", url.Values{"description": {"x"}, "lockVersion": {"0"}}, "Turbo-Frame", "side-1-description")
	want(t, "a form in a frame", status, page, 422, `name="turbo-visit-control" content="reload"`)
	status, page = j.send("POST", "/work_packages/1/comments", comment)
	if status != 422 || strings.Contains(page, "turbo-visit-control") {
		t.Errorf("a form of the page: %d", status)
	}
	status, page = j.send("GET", "/login?back_url=/", nil, "Turbo-Frame", "side-1-description")
	want(t, "a link in a frame", status, page, 200, `name="turbo-visit-control" content="reload"`)
}

func TestAForcedChangeCarriesTheForm(t *testing.T) {
	in := apptest.New(t, apptest.Options{Demo: true}, mount)
	in.User("ada", true)
	admin, j := newJar(t, in), newJar(t, in)
	admin.signIn("ada")
	j.signIn("ada")
	j.endSession()
	kept := j.kept("/projects", url.Values{"name": {"Tower"}}, "Referer", in.URL+"/projects/new")
	first := "a first long password"
	status, page := admin.send("POST", "/admin/users", url.Values{"login": {"bob"}, "firstName": {"Bob"}, "lastName": {"Burns"}, "email": {"bob@example.com"}, "password": {first}})
	want(t, "created", status, page, 303)
	status, page = j.send("POST", "/login", url.Values{"username": {"bob"}, "password": {first}, "kept": {kept}})
	want(t, "has to change it", status, page, 200, "Choose a new password", `name="kept" value="`+kept+`"`)
	status, page = j.send("POST", "/login/password", url.Values{"username": {"bob"}, "current": {first}, "password": {"short"}, "kept": {kept}})
	want(t, "too short", status, page, 422, `name="kept" value="`+kept+`"`)
	status, page = j.send("POST", "/login/password", url.Values{"username": {"bob"}, "current": {first}, "password": {"a second long password"}, "kept": {kept}})
	if status != 303 || strings.Contains(page, "Tower") {
		t.Errorf("somebody else is shown the form: %d %.200s", status, page)
	}
	j.endSession()
	status, page = j.login("ada", kept)
	want(t, "its person", status, page, 200, `value="Tower"`, `data-at="/projects/new"`)
}
