package markup

import (
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Mentions are the people and groups that a text names, each once and in the order of the text.
type Mentions struct {
	Users, Groups []int64
	Logins        []string
}

// Empty reports whether the text names nobody.
func (m Mentions) Empty() bool { return len(m.Users)+len(m.Groups)+len(m.Logins) == 0 }

// Without returns the mentions that other does not have.
func (m Mentions) Without(other Mentions) Mentions {
	return Mentions{Users: minus(m.Users, other.Users), Groups: minus(m.Groups, other.Groups), Logins: minus(m.Logins, other.Logins)}
}

func minus[T comparable](from, what []T) []T {
	return slices.DeleteFunc(slices.Clone(from), func(v T) bool { return slices.Contains(what, v) })
}

// Mentioned finds whom a text mentions: exactly those that Render shows as mentioned, so nobody
// inside code, in a link, or in a text that is shown as written. Whether they exist is not asked.
func Mentioned(raw string) Mentions {
	var m Mentions
	if !strings.ContainsAny(raw, "@#<") || shownAsWritten(raw) {
		return m
	}
	doc := engine().Parser().Parse(text.NewReader([]byte(tidy(raw))))
	if tooDeep(doc) {
		return m
	}
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if r, ok := n.(*reference); ok && entering {
			m.add(r)
		}
		return ast.WalkContinue, nil
	})
	return m
}

func (m *Mentions) add(r *reference) {
	if r.Of == "login" {
		if !slices.Contains(m.Logins, r.Name) {
			m.Logins = append(m.Logins, r.Name)
		}
		return
	}
	n, err := strconv.ParseInt(r.Name, 10, 64)
	switch {
	case err != nil:
	case r.Of == "user" && !slices.Contains(m.Users, n):
		m.Users = append(m.Users, n)
	case r.Of == "group" && !slices.Contains(m.Groups, n):
		m.Groups = append(m.Groups, n)
	}
}

// MentionPerson is the text that mentions a person: by the login, if a text can name
// it, else by number.
func MentionPerson(number int64, login string) string {
	if login != "" {
		if m := Mentioned("@" + login); len(m.Logins) == 1 && m.Logins[0] == login {
			return "@" + login
		}
	}
	return "user#" + strconv.FormatInt(number, 10)
}

// MentionGroup is the text that mentions the people of a group.
func MentionGroup(number int64) string { return "group#" + strconv.FormatInt(number, 10) }
