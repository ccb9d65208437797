package markup

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// FuzzRender asserts on the parsed output what no text may achieve: active elements, handlers,
// attributes that steer scripts and styles, or addresses of another scheme.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "[a](JaVaScRiPt&colon;x)",
		"![a](data:text/html,<script>)", "<a href=\"vbscript:x\">", "`<svg onload=x>`", "| a |\n|---|\n| <iframe> |",
		"<mention data-id=\"1\" data-type=\"user\">\"><script></mention>", "@a\"onclick=x", "# a {#id .class onclick=x}",
		"[x]: javascript:a\n[x]", "<javascript:alert(1)>", "```\"><script>\n```", "- [x] <form action=x>", "\x00<\x00script>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, out := range []HTML{render(raw), Plain(raw)} {
			checkSafe(t, string(out))
		}
	})
}

var (
	allowedTags  = strings.Fields("p br hr h1 h2 h3 h4 h5 h6 em strong del code pre blockquote ul ol li table thead tbody tr th td a img input")
	allowedAttrs = strings.Fields("class align start href title src alt rel type aria-label checked disabled")
)

func checkSafe(t *testing.T, out string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(out))
	for z.Next() != html.ErrorToken {
		tok := z.Token()
		if tok.Type == html.TextToken {
			continue
		}
		if tok.Type == html.CommentToken || tok.Type == html.DoctypeToken || !slices.Contains(allowedTags, tok.Data) {
			t.Fatalf("%v survived in %q", tok, out)
		}
		for _, a := range tok.Attr {
			if !slices.Contains(allowedAttrs, a.Key) {
				t.Fatalf("attribute %s survived in %q", a.Key, out)
			}
			if a.Key == "href" || a.Key == "src" {
				checkAddress(t, a.Val)
			}
		}
	}
}

func checkAddress(t *testing.T, addr string) {
	t.Helper()
	scheme, _, found := strings.Cut(strings.ToLower(strings.TrimSpace(addr)), ":")
	if found && !strings.ContainsAny(scheme, "/?#") && !slices.Contains([]string{"http", "https", "mailto"}, scheme) {
		t.Fatalf("address %q survived", addr)
	}
}
