// Package markup turns the text people write into HTML that is safe to show.
//
// Text is CommonMark with the GitHub tables, task lists, strikethrough and bare links, plus
// references: `#123` is a work package, `@login` and `user#12` are people, and the
// `<mention …>` element that editors of API clients write is understood. References are linked by
// form alone; nobody looks up whether the target exists, so a rendered text tells a reader nothing
// about what they may not see.
//
// Two fences stand between text and page. The renderer never copies HTML out of the text: a tag
// somebody typed is shown as typed. Its output then passes an allow-list that started empty, so
// no identifier, style, data attribute, script or foreign URL scheme survives a mistake in the first.
//
// Rendered text is cached by the hash of its source within a fixed amount of memory, and both
// functions are safe for concurrent use.
package markup

import (
	"bytes"
	"html"
	"html/template"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// HTML is rendered text, safe to put into a page as it stands.
type HTML = template.HTML

// MaxSource is the length in bytes above which text is shown as written, without formatting.
const MaxSource = 256 << 10

// maxDepth bounds nesting; deeper text is shown as written.
const maxDepth = 100

// maxLinks bounds the links, and separately the references, in one text. The parser reads to the end
// of the text for each link that never closes.
const maxLinks = 2000

// cacheBytes is the memory the cache of rendered texts may use.
const cacheBytes = 8 << 20

var (
	shared = sync.OnceValue(func() *cache { return newCache(cacheBytes) })
	engine = sync.OnceValue(newEngine)
	fence  = sync.OnceValue(newPolicy)
)

// Render returns raw as HTML. It never fails: text that is too long or nested too deeply to be
// formatted comes back as Plain would return it.
func Render(raw string) HTML {
	if raw == "" {
		return ""
	}
	key := keyOf(raw)
	if out, ok := shared().find(key); ok {
		return out
	}
	out := render(raw)
	shared().keep(key, out)
	return out
}

// Plain returns raw with nothing interpreted: paragraphs at blank lines, breaks at line ends.
func Plain(raw string) HTML {
	raw = strings.TrimSpace(strings.ReplaceAll(tidy(raw), "\r\n", "\n"))
	if raw == "" {
		return ""
	}
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/8 + 32)
	for part := range strings.SplitSeq(raw, "\n\n") {
		if part = strings.Trim(part, "\n"); part == "" {
			continue
		}
		b.WriteString(`<p class="op-uc-p">`)
		b.WriteString(strings.ReplaceAll(html.EscapeString(part), "\n", "<br>\n"))
		b.WriteString("</p>\n")
	}
	return HTML(b.String()) // escaped above
}

func render(raw string) HTML {
	if shownAsWritten(raw) {
		return Plain(raw)
	}
	source := []byte(tidy(raw))
	e := engine()
	doc := e.Parser().Parse(text.NewReader(source))
	if tooDeep(doc) {
		return Plain(raw)
	}
	var buf bytes.Buffer
	buf.Grow(len(source) + len(source)/4)
	if err := e.Renderer().Render(&buf, source, doc); err != nil {
		return Plain(raw) // writing to memory does not fail; formatting that does is not worth a page
	}
	return HTML(fence().SanitizeBytes(buf.Bytes())) // the one place where text becomes trusted
}

// shownAsWritten reports whether the text is beyond what is formatted, as far as that shows before parsing.
func shownAsWritten(raw string) bool {
	return len(raw) > MaxSource || tooManyLinks(raw) || tooDeepPrefix(raw)
}

// tooManyLinks counts what may begin a link or define one.
func tooManyLinks(raw string) bool {
	return strings.Count(raw, "](") > maxLinks || strings.Count(raw, "]:") > maxLinks
}

// tidy removes what no text needs and parsers dislike: NUL bytes and broken UTF-8.
func tidy(raw string) string {
	if !utf8.ValidString(raw) {
		raw = strings.ToValidUTF8(raw, "\uFFFD")
	}
	return strings.ReplaceAll(raw, "\x00", "\uFFFD")
}

// tooDeepPrefix reports whether a line opens more containers than maxDepth. It runs before the
// parser, whose work per line grows with the containers that are open.
func tooDeepPrefix(raw string) bool {
	for line := range strings.Lines(raw) {
		marks := 0
		for i := 0; i < len(line); i++ {
			switch line[i] {
			case '>', '-', '+', '*', '.', ')':
				marks++
			case ' ', '\t', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
				continue
			default:
				i = len(line)
			}
		}
		if marks > maxDepth && strings.ContainsAny(line, " >") {
			return true
		}
	}
	return false
}

// tooDeep walks without recursion, because the depth is what is in doubt.
func tooDeep(doc ast.Node) bool {
	depth, n := 0, doc
	for n != nil {
		if c := n.FirstChild(); c != nil {
			if depth++; depth > maxDepth {
				return true
			}
			n = c
			continue
		}
		for n != nil && n.NextSibling() == nil {
			n = n.Parent()
			depth--
		}
		if n != nil {
			n = n.NextSibling()
		}
	}
	return false
}

func newEngine() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough,
			extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:", "mailto:"})),
			extension.TaskList,
		),
		goldmark.WithParserOptions(parser.WithInlineParsers(
			util.Prioritized(mentionParser{}, 150),
		), parser.WithASTTransformers(
			util.Prioritized(references{}, 2000),
		)),
		goldmark.WithRendererOptions(
			gmhtml.WithHardWraps(),
			renderer.WithNodeRenderers(util.Prioritized(nodes{}, 100)),
		),
	)
}
