package markup

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRender(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"nothing stays nothing", "", ""},
		{"a paragraph carries the class clients know", "Hello *world*", `<p class="op-uc-p">Hello <em>world</em></p>`},
		{"a line end is a line break", "one\ntwo", "<p class=\"op-uc-p\">one<br>\ntwo</p>"},
		{"struck text", "~~gone~~", `<p class="op-uc-p"><del>gone</del></p>`},
		{"a number sign and number is a work package", "see #12.", `<p class="op-uc-p">see <a class="work-package-link" href="/work_packages/12">#12</a>.</p>`},
		{"more number signs mean the same", "(###7)", `<p class="op-uc-p">(<a class="work-package-link" href="/work_packages/7">###7</a>)</p>`},
		{"a fragment is not a work package", "a#12 #12a #0 &#35;", `<p class="op-uc-p">a#12 #12a #0 #</p>`},
		{"a person by login", "ask @ana.k, now", `<p class="op-uc-p">ask <a class="user-mention" href="/users/ana.k">@ana.k</a>, now</p>`},
		{"a person by number", "user#12 and superuser#12", `<p class="op-uc-p"><a class="user-mention" href="/users/12">user#12</a> and superuser#12</p>`},
		{"a group by number", "group#3", `<p class="op-uc-p"><a class="user-mention" href="/groups/3">group#3</a></p>`},
		{
			"the element of editors", `Hi <mention class="mention" data-id="4" data-type="user" data-text="@Ana &amp; co">@Ana &amp; co</mention>!`,
			`<p class="op-uc-p">Hi <a class="user-mention" href="/users/4">@Ana &amp; co</a>!</p>`,
		},
		{
			"a malformed element is shown as typed", `<mention data-id="4" data-type="gizmo">x</mention>`,
			`<p class="op-uc-p">&lt;mention data-id=&#34;4&#34; data-type=&#34;gizmo&#34;&gt;x&lt;/mention&gt;</p>`,
		},
		{"a reference in a link stays text", "[see #12 @ana](/wiki)", `<p class="op-uc-p"><a href="/wiki">see #12 @ana</a></p>`},
		{"an address is a mail link, not a mention", "a@example.org", `<p class="op-uc-p"><a href="mailto:a@example.org">a@example.org</a></p>`},
		{"a bare link leads out without credit", "https://example.org/x", `<p class="op-uc-p"><a href="https://example.org/x" rel="nofollow noreferrer">https://example.org/x</a></p>`},
		{"code is not searched for references", "`#12 @ana`", `<p class="op-uc-p"><code>#12 @ana</code></p>`},
		{"a typed tag is shown", "a <b onclick=x>bold</b>", `<p class="op-uc-p">a &lt;b onclick=x&gt;bold&lt;/b&gt;</p>`},
		{"a typed block is shown", "<script>alert(1)</script>", `<p class="op-uc-p">&lt;script&gt;alert(1)&lt;/script&gt;</p>`},
		{"comments vanish", "a<!-- b -->c", `<p class="op-uc-p">ac</p>`},
		{"a break tag breaks", "a<br/>b", `<p class="op-uc-p">a<br>b</p>`},
		{"a script address is no link", "[x](javascript:alert(1))", `<p class="op-uc-p">x</p>`},
		{"signs inside words and behind a backslash mean nothing", `snake_#1 \#12 [#13] @ana_k_ c@d`, `<p class="op-uc-p">snake_#1 #12 [<a class="work-package-link" href="/work_packages/13">#13</a>] <a class="user-mention" href="/users/ana_k_">@ana_k_</a> c@d</p>`},
		{"references do not follow one another without a gap", "#1#2 #3", `<p class="op-uc-p"><a class="work-package-link" href="/work_packages/1">#1</a>#2 <a class="work-package-link" href="/work_packages/3">#3</a></p>`},
		{"a data address is no image", "![x](data:image/png;base64,AAAA)", `<p class="op-uc-p"><img alt="x"></p>`},
		{"a heading has no identifier", "# Plan", "<h1>Plan</h1>"},
		{"code keeps its language", "```go\nx\n```", "<pre><code class=\"language-go\">x\n</code></pre>"},
		{"broken bytes are replaced", "a\xff\x00b", "<p class=\"op-uc-p\">a\uFFFD\uFFFDb</p>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.TrimSpace(string(Render(c.raw))); got != c.want {
				t.Errorf("Render(%q)\n got %s\nwant %s", c.raw, got, c.want)
			}
		})
	}
}

func TestRenderTableAndTasks(t *testing.T) {
	out := string(Render("| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] open\n"))
	for _, want := range []string{
		`<th align="right">b</th>`, `<td>1</td>`,
		`<input type="checkbox" aria-label="done" checked="" disabled="">`, `<input type="checkbox" aria-label="to do" disabled="">`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func TestPlainInterpretsNothing(t *testing.T) {
	got := string(Plain("a <b>\r\n*c* #1\n\n\n\nd"))
	want := "<p class=\"op-uc-p\">a &lt;b&gt;<br>\n*c* #1</p>\n<p class=\"op-uc-p\">d</p>\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Plain(" \n "); got != "" {
		t.Errorf("blank text gave %q", got)
	}
}

// Each source is as long as may be formatted and built to make parsers slow or deep.
func TestRenderStaysBoundedOnHostileText(t *testing.T) {
	for _, unit := range []string{">", "> ", "- ", "* ", "1. ", "[", "![", "*a ", "**a _b ", "`", "<", "<a ", "(", "|", "| a ", "\n>", "[a](", "&", "@a", "#1", "#1 ", "~~a ", "<mention ", "https://", "a\n", "  - a\n", "[a]: b\n", "\\", "***"} {
		raw := strings.Repeat(unit, MaxSource/len(unit))
		start := time.Now()
		out := render(raw)
		took := time.Since(start)
		t.Logf("%-12q %8v %d bytes", unit, took.Round(time.Millisecond), len(out))
		if took > slowdown*8*time.Second {
			t.Errorf("%q took %v", unit, took)
		}
	}
}

func TestRenderFallsBackToPlain(t *testing.T) {
	long := strings.Repeat("**x** ", MaxSource/6+1)
	deep := strings.Repeat("> ", maxDepth+5) + "x"
	nested := strings.Repeat("[", 1) + strings.Repeat("*a **b ", maxDepth) + "c" + strings.Repeat("** d*", maxDepth)
	for name, raw := range map[string]string{"too long": long, "too deep a quote": deep, "too deep an emphasis": nested} {
		if got, want := render(raw), Plain(raw); got != want {
			t.Errorf("%s: not shown as written: %.80s", name, got)
		}
	}
}

func TestCacheForgetsTheOldestWithinItsLimit(t *testing.T) {
	c := newCache(10 * (entryCost + 10))
	for i := range 100 {
		c.keep(keyOf(fmt.Sprint(i)), HTML(fmt.Sprintf("%010d", i)))
		if _, ok := c.find(keyOf("0")); !ok {
			t.Fatalf("an entry in use was forgotten after %d", i)
		}
	}
	if c.used > c.limit || len(c.byKey) != 10 || c.order.Len() != 10 {
		t.Errorf("holds %d bytes in %d entries, limit %d", c.used, len(c.byKey), c.limit)
	}
	if _, ok := c.find(keyOf("1")); ok {
		t.Error("an entry out of use was kept")
	}
	c.keep(keyOf("big"), HTML(strings.Repeat("x", c.limit)))
	if _, ok := c.find(keyOf("big")); ok {
		t.Error("one text took the whole cache")
	}
}

func TestRenderConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				raw := fmt.Sprintf("text *%d* by @p%d", i, i)
				if out := string(Render(raw)); !strings.Contains(out, fmt.Sprintf("<em>%d</em>", i)) {
					t.Errorf("goroutine %d got %s for %s", g, out, raw)
				}
			}
		})
	}
	wg.Wait()
}
