package web_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestWatchersOfAWorkPackage(t *testing.T) {
	mara, tomas := planners(t)
	_, to := mara.post("/projects/visitor-centre/work_packages", url.Values{"subject": {"Hang the sign"}})
	wp, _, _ := strings.Cut(to, "?")
	status, page := mara.get(wp)
	want(t, "nobody yet", status, page, 200, "Nobody watches this", wp+"/watchers")
	status, page = mara.get(wp + "/watchers")
	want(t, "the page", status, page, 200, "Choose somebody", "Tomás Ferreira")
	number := between(t, page, `<option value="`, `">Tomás Ferreira`)
	status, page = mara.post(wp+"/watchers", url.Values{"user": {""}})
	want(t, "nobody chosen", status, page, 422, `href="#f-user"`)
	status, page = mara.post(wp+"/watchers", url.Values{"user": {"2"}})
	want(t, "somebody who may not see it", status, page, 422, `href="#f-user"`)
	status, to = mara.post(wp+"/watchers", url.Values{"user": {number}})
	want(t, "added", status, to, 303, "done=watcher_added")
	status, page = mara.get(to)
	want(t, "there", status, page, 200, "The person watches this work package now", wp+"/watchers/"+number+"/removal")
	status, page = tomas.get(wp)
	want(t, "for himself", status, page, 200, "Unwatch", "Tomás Ferreira")
	status, to = mara.post(wp+"/watchers/"+number+"/removal", url.Values{})
	want(t, "removed", status, to, 303, "done=watcher_removed")
	status, page = mara.get(wp + "/watchers")
	want(t, "nobody again", status, page, 200, "Nobody watches this")
}
