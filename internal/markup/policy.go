package markup

import (
	"regexp"

	"github.com/microcosm-cc/bluemonday"
)

// newPolicy lists what may leave the package; whatever is not named here is removed. Classes are
// allowed by exact value only: they are ours, and a page's scripts and styles hang on the others.
func newPolicy() *bluemonday.Policy {
	exactly := func(expr string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + expr + `)$`) }
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "del", "code",
		"pre", "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("class").Matching(exactly("op-uc-p")).OnElements("p")
	p.AllowAttrs("class").Matching(exactly(classPerson + "|" + classPackage)).OnElements("a")
	p.AllowAttrs("class").Matching(exactly(`language-[A-Za-z0-9+#-]{1,32}`)).OnElements("code")
	p.AllowAttrs("align").Matching(exactly("left|right|center")).OnElements("th", "td")
	p.AllowAttrs("start").Matching(exactly(`[0-9]{1,9}`)).OnElements("ol")

	p.AllowAttrs("href", "title").OnElements("a")
	p.AllowAttrs("src", "alt", "title").OnElements("img")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnFullyQualifiedLinks(true)
	p.RequireNoReferrerOnFullyQualifiedLinks(true)

	p.AllowAttrs("type").Matching(exactly("checkbox")).OnElements("input")
	p.AllowAttrs("aria-label").Matching(exactly("done|to do")).OnElements("input")
	p.AllowAttrs("checked", "disabled").Matching(exactly("")).OnElements("input")
	return p
}
