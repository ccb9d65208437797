package ui

import "testing"

func TestStampMarksFormsThatChangeSomething(t *testing.T) {
	const by = `<input type="hidden" name="by" value="7">`
	for in, want := range map[string]string{
		`<p>no form</p>`:                        `<p>no form</p>`,
		`<form method="get" action="/"></form>`: `<form method="get" action="/"></form>`,
		`<form class="a" method="post" action="/b?c=&gt;"><i></i></form><form method="post"></form>`: `<form class="a" method="post" action="/b?c=&gt;">` + by + `<i></i></form><form method="post">` + by + `</form>`,
		`<form broken`: `<form broken`,
	} {
		if got := string(stamp([]byte(in), 7)); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}
