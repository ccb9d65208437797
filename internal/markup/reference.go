package markup

import (
	"bytes"
	"html"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// reference is a link made of a name in the text: a work package, a person or a group.
type reference struct {
	ast.BaseInline
	Href, Class, Label string
	// Of and Name are what the reference names: a number, or a login for "login".
	Of, Name string
}

var kindReference = ast.NewNodeKind("Reference")

func (r *reference) Kind() ast.NodeKind { return kindReference }

func (r *reference) Dump(source []byte, level int) {
	ast.DumpHelper(r, source, level, map[string]string{"Href": r.Href, "Label": r.Label}, nil)
}

const (
	classPerson  = "user-mention"
	classPackage = "work-package-link"
)

// referenceForm finds `#12`, `##12`, `###12`, `user#12`, `group#12` and `@login`, none of them inside
// a longer word, an address or behind a backslash.
var referenceForm = regexp.MustCompile(`(?:^|[^\pL\pN_#@/&=.\\])(?:(#{1,3})([1-9][0-9]{0,17})\b|(user|group)#([1-9][0-9]{0,17})\b|` +
	`(@)([A-Za-z0-9](?:[A-Za-z0-9_.+@-]{0,254}[A-Za-z0-9_])?))`)

// references splits the running text of a document at the references in it, the first maxLinks of
// them: a link is ten times as long as what it is made of.
type references struct{}

func (references) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	source, room := reader.Source(), maxLinks
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.Kind() {
		case ast.KindLink, ast.KindImage, ast.KindAutoLink, ast.KindCodeSpan, kindReference:
			return ast.WalkSkipChildren, nil
		}
		if entering && n.FirstChild() != nil && n.FirstChild().Type() == ast.TypeInline {
			for t := n.FirstChild(); t != nil; t = t.NextSibling() {
				if run, is := t.(*ast.Text); is && room > 0 {
					joinText(n, run)
					room -= splitText(n, run, source, room)
				}
			}
		}
		return ast.WalkContinue, nil
	})
}

// joinText takes in the texts that follow t without a gap; brackets and underscores that turned out
// to mean nothing leave such pieces behind.
func joinText(parent ast.Node, t *ast.Text) {
	for !t.SoftLineBreak() && !t.HardLineBreak() {
		next, ok := t.NextSibling().(*ast.Text)
		if !ok || next.Segment.Start != t.Segment.Stop || next.IsRaw() != t.IsRaw() {
			return
		}
		t.Segment.Stop = next.Segment.Stop
		t.SetSoftLineBreak(next.SoftLineBreak())
		t.SetHardLineBreak(next.HardLineBreak())
		parent.RemoveChild(parent, next)
	}
}

// splitText puts the references in t, of which there may be at most room, and the text between them
// before it and leaves in t what follows. It returns how many there were.
func splitText(parent ast.Node, t *ast.Text, source []byte, room int) int {
	whole := t.Segment
	value := whole.Value(source)
	matches := referenceForm.FindAllSubmatchIndex(value, room)
	done := 0
	for _, m := range matches {
		if start := matchStart(m); start > done {
			between := text.NewSegment(whole.Start+done, whole.Start+start)
			parent.InsertBefore(parent, t, ast.NewTextSegment(between))
		}
		parent.InsertBefore(parent, t, readReference(value, m))
		done = m[1]
	}
	t.Segment = whole.WithStart(whole.Start + done)
	return len(matches)
}

// matchStart is where the reference begins, behind whatever had to stand before it.
func matchStart(m []int) int {
	return max(m[2], m[6], m[10]) // one of the three alternatives took part
}

func readReference(value []byte, m []int) *reference {
	group := func(i int) string { return string(value[m[2*i]:m[2*i+1]]) }
	switch {
	case m[2] >= 0:
		return principal("work_package", group(2), string(value[m[2]:m[1]]))
	case m[6] >= 0:
		return principal(group(3), group(4), string(value[m[6]:m[1]]))
	}
	return &reference{Href: "/users/" + group(6), Class: classPerson, Label: group(5) + group(6), Of: "login", Name: group(6)}
}

// principal is the reference to a person or group by number; nil for any other kind.
func principal(kind, number, label string) *reference {
	switch kind {
	case "user":
		return &reference{Href: "/users/" + number, Class: classPerson, Label: label, Of: kind, Name: number}
	case "group":
		return &reference{Href: "/groups/" + number, Class: classPerson, Label: label, Of: kind, Name: number}
	case "work_package":
		return &reference{Href: "/work_packages/" + number, Class: classPackage, Label: label, Of: kind, Name: number}
	}
	return nil
}

var (
	mentionForm = regexp.MustCompile(`^<mention((?:\s+[a-z-]+="[^"<>]{0,255}")*)\s*>([^<>]{0,255})</mention>`)
	mentionAttr = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	numberForm  = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
)

// mentionParser reads the <mention data-id data-type data-text> element of editors.
type mentionParser struct{}

func (mentionParser) Trigger() []byte { return []byte{'<'} }

func (mentionParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	if !bytes.HasPrefix(line, []byte("<mention")) {
		return nil
	}
	m := mentionForm.FindSubmatch(line)
	if m == nil {
		return nil
	}
	ref := readMention(string(m[1]), html.UnescapeString(string(m[2])))
	if ref == nil {
		return nil
	}
	block.Advance(len(m[0]))
	return ref
}

func readMention(attrs, label string) *reference {
	var kind, number, shown string
	for _, m := range mentionAttr.FindAllStringSubmatch(attrs, -1) {
		switch m[1] {
		case "data-id":
			number = m[2]
		case "data-type":
			kind = m[2]
		case "data-text":
			shown = html.UnescapeString(m[2])
		}
	}
	if label == "" {
		label = shown
	}
	if label == "" || !numberForm.MatchString(number) {
		return nil
	}
	if r := principal(kind, number, label); r != nil {
		return r
	}
	return nil // a nil *reference in an ast.Node would not be nil
}
