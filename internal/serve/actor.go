package serve

import (
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
)

// SessionCookie is the name of the cookie that carries a session's token.
const SessionCookie = "holdfast_session"

// Codes of Unauthenticated faults, for the challenge that the API sends.
const (
	// CodeBadBasic: credentials came by HTTP Basic and are wrong.
	CodeBadBasic = "bad_basic"
	// CodeBadBearer: a bearer token came and is wrong.
	CodeBadBearer = "bad_bearer"
)

// Actor returns who is asking: by HTTP Basic with the user name apikey, by a
// bearer token, or by the session cookie. No credentials make a visitor; so
// does a session that has ended, which is forgotten by the browser's next
// sign-in. Wrong keys are Unauthenticated.
func (e *Edge) Actor(r *http.Request) (access.Actor, error) {
	ip := ClientIP(r)
	if user, key, ok := r.BasicAuth(); ok {
		a, err := access.Actor{}, wrongKey(CodeBadBasic)
		if user == "apikey" {
			a, err = e.opt.Accounts.AuthenticateKey(r.Context(), key, ip)
		}
		return orVisitor(a, ip, err, CodeBadBasic)
	}
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return access.Anonymous(ip), wrongKey(CodeBadBasic)
		}
		a, err := e.opt.Accounts.AuthenticateKey(r.Context(), strings.TrimSpace(token), ip)
		return orVisitor(a, ip, err, CodeBadBearer)
	}
	c, err := r.Cookie(SessionCookie)
	if err != nil || c.Value == "" {
		return access.Anonymous(ip), nil
	}
	a, err := e.opt.Accounts.Authenticate(r.Context(), c.Value, ip)
	if fault.Is(err, fault.KindUnauthenticated) {
		return access.Anonymous(ip), nil
	}
	return orVisitor(a, ip, err, "")
}

func orVisitor(a access.Actor, ip string, err error, code string) (access.Actor, error) {
	if fault.Is(err, fault.KindUnauthenticated) {
		return access.Anonymous(ip), wrongKey(code)
	}
	if err != nil {
		return access.Anonymous(ip), err
	}
	return a, nil
}

func wrongKey(code string) error {
	return &fault.Fault{Kind: fault.KindUnauthenticated, Code: code, Message: "You did not provide the correct credentials."}
}
