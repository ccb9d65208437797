package markup

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMentionedFindsWhomRenderShows(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      Mentions
	}{
		{"nobody", "a plain text, 5 # 6", Mentions{}},
		{"a login, once", "@ann and @ann", Mentions{Logins: []string{"ann"}}},
		{"numbers of people and groups", "user#12 and group#3, see #7", Mentions{Users: []int64{12}, Groups: []int64{3}}},
		{"the element of editors", `<mention class="mention" data-type="user" data-id="12">@Ann Adams</mention>`, Mentions{Users: []int64{12}}},
		{"a group in an element", `<mention class="mention" data-id="4" data-type="group" data-text="@All">@All</mention> hi`, Mentions{Groups: []int64{4}}},
		{"a work package is nobody", `<mention class="mention" data-type="work_package" data-id="12">#12</mention>`, Mentions{}},
		{"an address is nobody", "write to ann@example.com", Mentions{}},
		{"code mentions nobody", "`@ann` and\n\n    @rob\n", Mentions{}},
		{"nor does a link", "[@ann](https://example.com)", Mentions{}},
		{"nor what is escaped", `\@ann`, Mentions{}},
	} {
		if diff := cmp.Diff(c.want, Mentioned(c.raw)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestWithoutLeavesWhatIsNew(t *testing.T) {
	got := Mentioned("@ann @rob user#1 user#2").Without(Mentioned("@ann user#2"))
	if diff := cmp.Diff(Mentions{Users: []int64{1}, Logins: []string{"rob"}}, got); diff != "" {
		t.Error(diff)
	}
	if got.Empty() || !got.Without(got).Empty() {
		t.Error("Empty is wrong")
	}
}

func TestMarksMentionWhomTheyAreFor(t *testing.T) {
	for login, want := range map[string]string{"ann": "@ann", "Ann.B-c": "@Ann.B-c", "a@b.example": "@a@b.example", "jörg": "user#12", "with space": "user#12", "": "user#12", ".dot": "user#12"} {
		if got := MentionPerson(12, login); got != want {
			t.Errorf("%q is mentioned as %q, want %q", login, got, want)
		}
	}
	if m := Mentioned(MentionPerson(12, "") + ", " + MentionGroup(7)); len(m.Users) != 1 || m.Users[0] != 12 || len(m.Groups) != 1 || m.Groups[0] != 7 {
		t.Errorf("numbers mention %v", m)
	}
}
