package markup

import (
	"bytes"
	"html"
	"regexp"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// nodes renders what differs from plain CommonMark output.
type nodes struct{}

func (nodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(kindReference, renderReference)
	r.Register(ast.KindParagraph, renderParagraph)
	r.Register(ast.KindRawHTML, renderRaw)
	r.Register(ast.KindHTMLBlock, renderBlock)
	r.Register(extast.KindTaskCheckBox, renderTask)
}

func renderReference(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	r := n.(*reference)
	if insideLink(n) {
		_, err := w.WriteString(html.EscapeString(r.Label))
		return ast.WalkSkipChildren, err
	}
	_, err := w.WriteString(`<a class="` + r.Class + `" href="` + html.EscapeString(r.Href) + `">` +
		html.EscapeString(r.Label) + `</a>`)
	return ast.WalkSkipChildren, err
}

func insideLink(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == ast.KindLink || p.Kind() == ast.KindImage {
			return true
		}
	}
	return false
}

// renderParagraph gives paragraphs the class that clients of the API select them by.
func renderParagraph(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	tag := "</p>\n"
	if entering {
		tag = `<p class="op-uc-p">`
	}
	_, err := w.WriteString(tag)
	return ast.WalkContinue, err
}

var lineBreak = regexp.MustCompile(`(?i)^<br\s*/?>$`)

// renderRaw shows a typed tag as typed, so that nothing somebody wrote disappears. Comments do, and
// <br> breaks the line, because table cells have no other way to.
func renderRaw(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkSkipChildren, nil
	}
	var tag []byte
	segments := n.(*ast.RawHTML).Segments
	for i := range segments.Len() {
		s := segments.At(i)
		tag = append(tag, s.Value(source)...)
	}
	return ast.WalkSkipChildren, writeTyped(w, tag)
}

func renderBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := n.(*ast.HTMLBlock)
	var typed []byte
	for i := range block.Lines().Len() {
		line := block.Lines().At(i)
		typed = append(typed, line.Value(source)...)
	}
	if block.HasClosure() {
		typed = append(typed, block.ClosureLine.Value(source)...)
	}
	typed = bytes.TrimSpace(typed)
	if isComment(typed) {
		return ast.WalkContinue, nil
	}
	if _, err := w.WriteString(`<p class="op-uc-p">`); err != nil {
		return ast.WalkStop, err
	}
	if err := writeTyped(w, typed); err != nil {
		return ast.WalkStop, err
	}
	_, err := w.WriteString("</p>\n")
	return ast.WalkContinue, err
}

func writeTyped(w util.BufWriter, typed []byte) error {
	if isComment(typed) {
		return nil
	}
	shown := "<br>"
	if !lineBreak.Match(typed) {
		shown = html.EscapeString(string(typed))
	}
	_, err := w.WriteString(shown)
	return err
}

// isComment reports whether typed is one comment and nothing else.
func isComment(typed []byte) bool {
	return bytes.HasPrefix(typed, []byte("<!--")) && bytes.Index(typed, []byte("-->")) == len(typed)-3
}

func renderTask(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	box := `<input type="checkbox" aria-label="to do" disabled> `
	if n.(*extast.TaskCheckBox).IsChecked {
		box = `<input type="checkbox" aria-label="done" checked disabled> `
	}
	_, err := w.WriteString(box)
	return ast.WalkContinue, err
}
