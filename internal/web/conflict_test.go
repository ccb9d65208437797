package web_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var noteInputs = regexp.MustCompile(`<input type="hidden" name="(lockVersion|was)" value="([^"]*)">`)

// filled is what the form of a page sends when nothing is typed, less what the test does not need.
func filled(page string) url.Values {
	v := url.Values{}
	for _, m := range noteInputs.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

func with(v url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, x := range v {
		out[k] = x
	}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// TestTwoPeopleChangeOneWorkPackage: what only one of them changed is kept without a
// question, and what both changed is asked about with both values.
func TestTwoPeopleChangeOneWorkPackage(t *testing.T) {
	mara, tomas := planners(t)
	_, to := mara.post("/projects/visitor-centre/work_packages", url.Values{"subject": {"Paint the door"}, "description": {"Red.\n\nTwo coats."}, "estimatedTime": {"3"}})
	wp, _, _ := strings.Cut(to, "?")
	_, page := tomas.get(wp + "/edit")
	his := filled(page)
	_, page = mara.get(wp + "/edit")
	hers := filled(page)

	status, to := mara.post(wp, with(hers, "subject", "Paint the door red", "description", "Red.\r\n\r\nTwo coats.", "estimatedTime", "4"))
	want(t, "the first of the two", status, to, 303, "done=saved")
	same := with(his, "subject", "Paint the door", "description", "Red.\r\n\r\nThree coats.", "estimatedTime", "3")
	status, to = tomas.post(wp, same)
	want(t, "other fields", status, to, 303, "done=merged")
	_, page = tomas.get(wp + "?done=merged")
	want(t, "both changes", 200, page, 200, "Paint the door red", "Three coats.", "together with what others changed")

	status, page = tomas.post(wp, with(his, "subject", "Varnish the door", "description", "Red.\r\n\r\nThree coats.", "estimatedTime", "3", "notes", "As told."))
	want(t, "the same field", status, page, 409, "A field that you changed was changed meanwhile", "Keep that of Mara", "Paint the door red", "Varnish the door", "As told.", "Three coats.")
	if strings.Contains(page, `name="keep.estimatedTime"`) || strings.Contains(page, `name="keep.description"`) {
		t.Error("what only one of the two changed is asked about")
	}
	again := filled(page)
	status, to = tomas.post(wp, with(again, "keep.subject", "theirs", "subject", "Varnish the door", "description", "Red.\r\n\r\nFour coats."))
	want(t, "with the choice", status, to, 303, "done=saved")
	_, page = tomas.get(wp)
	want(t, "hers and his", 200, page, 200, "Paint the door red", "Four coats.")

	status, page = mara.post(wp, with(hers, "description", "Blue."))
	want(t, "a text", status, page, 409, `class="diff"`, "Keep that of Tom", "Blue.")
	status, to = mara.post(wp, with(filled(page), "keep.description", "mine", "description", "Blue."))
	want(t, "mine", status, to, 303, "done=saved")
	status, page = mara.post(wp, url.Values{"lockVersion": {"0"}, "subject": {"Sand the door"}})
	want(t, "a form that does not say what it was filled with", status, page, 409, "Sand the door", "Keep the other value")
	if strings.Contains(page, "Keep that of") {
		t.Error("what she changed herself in another window is said to be of somebody else")
	}
}

// TestTwoPeopleChangeOneCell is the same in a table.
func TestTwoPeopleChangeOneCell(t *testing.T) {
	mara, tomas := planners(t)
	_, to := mara.post("/projects/visitor-centre/work_packages", url.Values{"subject": {"Hang the door"}})
	wp, _, _ := strings.Cut(to, "?")
	_, page := tomas.get(wp + "/cell/subject")
	subject := filled(page)
	_, page = tomas.get(wp + "/cell/dueDate")
	due := filled(page)
	status, to := mara.post(wp+"/cell/subject", with(subject, "subject", "Hang both doors", "back", wp))
	want(t, "her cell", status, to, 303, "done=saved")
	status, to = tomas.post(wp+"/cell/dueDate", with(due, "dueDate", "2026-12-01", "back", wp))
	want(t, "another cell", status, to, 303, "done=saved")
	status, page = tomas.post(wp+"/cell/subject", with(subject, "subject", "Hang three doors", "back", wp))
	want(t, "the same cell", status, page, 409, "Mara", "set this to “Hang both doors” meanwhile", `value="Hang three doors"`)
	status, to = tomas.post(wp+"/cell/subject", with(filled(page), "subject", "Hang three doors", "back", wp))
	want(t, "saved on purpose", status, to, 303, "done=saved")
}
