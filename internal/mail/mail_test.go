package mail_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/mail"
	"github.com/holdfast/holdfast/internal/testpeer"
)

var anna = mail.Address{Name: "Anna Größe", Address: "anna@example.org"}

func message() mail.Message {
	return mail.Message{To: anna, Subject: "Übersicht", Text: "Grüße\nund mehr\n", HTML: "<p>Grüße</p>\n"}
}

func sender(t *testing.T, p *testpeer.SMTPServer, change func(*mail.Options)) *mail.Sender {
	t.Helper()
	o := mail.Options{Host: p.Host, Port: p.Port, TLS: "none", From: "Holdfast <plan@example.org>", HELO: "plan.example.org", Timeout: 10 * time.Second, RootCAs: p.CAs}
	if change != nil {
		change(&o)
	}
	s, err := mail.NewSender(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMessageArrivesWhole(t *testing.T) {
	p := testpeer.SMTP(t)
	m := message()
	m.Headers = map[string]string{"message-id": "<one@example.org>", "In-Reply-To": "<zero@example.org>", "X-Holdfast-Reason": "mentioned"}
	if err := sender(t, p, nil).Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	got := p.Wait(1)[0]
	if got.From != "plan@example.org" || len(got.To) != 1 || got.To[0] != anna.Address || got.TLS {
		t.Errorf("envelope %q %q, TLS %v", got.From, got.To, got.TLS)
	}
	if got.Subject != m.Subject || got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("%q %q %q", got.Subject, got.Text, got.HTML)
	}
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 1 || *to[0] != anna {
		t.Errorf("To: %v, %v", to, err)
	}
	for header, want := range map[string]string{
		"Message-ID": "<one@example.org>", "In-Reply-To": "<zero@example.org>", "Auto-Submitted": "auto-generated",
		"X-Holdfast-Reason": "mentioned", "From": `"Holdfast" <plan@example.org>`, "User-Agent": "", "X-Mailer": "",
	} {
		if got := got.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if date, err := got.Header.Date(); err != nil || time.Since(date) > time.Hour {
		t.Errorf("Date: %v, %v", date, err)
	}
}

func TestMessageIDsAreNewAndOurs(t *testing.T) {
	p := testpeer.SMTP(t)
	s := sender(t, p, nil)
	for range 2 {
		if err := s.Send(context.Background(), message()); err != nil {
			t.Fatal(err)
		}
	}
	got := p.Wait(2)
	a, b := got[0].Header.Get("Message-ID"), got[1].Header.Get("Message-ID")
	if a == b || !strings.HasSuffix(a, "@example.org>") {
		t.Errorf("%q and %q", a, b)
	}
	if from := s.From(); from.Name != "Holdfast" {
		t.Errorf("from %v", from)
	}
	if id := mail.NewMessageID("nonsense"); !strings.HasSuffix(id, "@localhost>") {
		t.Errorf("%q", id)
	}
}

func TestEncryptionModes(t *testing.T) {
	for _, c := range []struct {
		mode string
		peer testpeer.SMTPOptions
	}{
		{"starttls", testpeer.SMTPOptions{StartTLS: true}},
		{"tls", testpeer.SMTPOptions{TLS: true}},
		{"starttls", testpeer.SMTPOptions{StartTLS: true, User: "u", Password: "p"}},
		{"tls", testpeer.SMTPOptions{TLS: true, User: "u", Password: "p"}},
	} {
		p := testpeer.SMTP(t, c.peer)
		s := sender(t, p, func(o *mail.Options) { o.TLS, o.User, o.Password = c.mode, c.peer.User, c.peer.Password })
		if err := s.Send(context.Background(), message()); err != nil {
			t.Fatalf("%s %+v: %v", c.mode, c.peer, err)
		}
		if got := p.Wait(1)[0]; !got.TLS || got.User != c.peer.User {
			t.Errorf("%s: TLS %v, user %q", c.mode, got.TLS, got.User)
		}
	}
}

func TestServerMustBeTheRightOne(t *testing.T) {
	for mode, o := range map[string]testpeer.SMTPOptions{"tls": {TLS: true}, "starttls": {StartTLS: true}} {
		p := testpeer.SMTP(t, o)
		s := sender(t, p, func(o *mail.Options) { o.TLS, o.RootCAs = mode, nil })
		if err := s.Send(context.Background(), message()); !mail.Temporary(err) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	plain := testpeer.SMTP(t)
	s := sender(t, plain, func(o *mail.Options) { o.TLS = "starttls" })
	if err := s.Send(context.Background(), message()); !mail.Temporary(err) || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without STARTTLS: %v", err)
	}
	if len(plain.Messages()) != 0 {
		t.Error("the message went out unencrypted")
	}
}

func TestRefusalsAreSorted(t *testing.T) {
	account := testpeer.SMTPOptions{StartTLS: true, User: "u", Password: "p"}
	for _, c := range []struct {
		name      string
		peer      testpeer.SMTPOptions
		behave    func(*testpeer.SMTPServer)
		change    func(*mail.Options)
		temporary bool
		code      int
	}{
		{name: "refused for good", behave: func(p *testpeer.SMTPServer) { p.Refuse(550, "no") }, code: 550},
		{name: "refused for now", behave: func(p *testpeer.SMTPServer) { p.Refuse(452, "full") }, temporary: true, code: 452},
		{name: "greylisted", behave: func(p *testpeer.SMTPServer) { p.Greylist(1) }, temporary: true, code: 451},
		{name: "no such mailbox", behave: func(p *testpeer.SMTPServer) { p.RejectAddress("Anna@example.org") }, code: 550},
		{name: "sign-in asked for", peer: account, change: func(o *mail.Options) { o.TLS = "starttls" }, temporary: true, code: 530},
		{name: "wrong password", peer: account, change: func(o *mail.Options) { o.TLS, o.User, o.Password = "starttls", "u", "geheim" }, temporary: true, code: 535},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testpeer.SMTP(t, c.peer)
			if c.behave != nil {
				c.behave(p)
			}
			err := sender(t, p, c.change).Send(context.Background(), message())
			var e *mail.Error
			if !errors.As(err, &e) || e.Temporary != c.temporary || mail.Temporary(err) != c.temporary || e.Code != c.code {
				t.Fatalf("%+v", err)
			}
			if strings.Contains(err.Error(), "geheim") || e.Unwrap() == nil {
				t.Errorf("%v", err)
			}
			if len(p.Messages()) != 0 {
				t.Error("the message arrived all the same")
			}
		})
	}
}

func TestGreylistedMessageArrivesLater(t *testing.T) {
	p := testpeer.SMTP(t)
	p.Greylist(2)
	s, attempts := sender(t, p, nil), 1
	for ; attempts < 5; attempts++ {
		err := s.Send(context.Background(), message())
		if err == nil {
			break
		}
		var e *mail.Error
		if !errors.As(err, &e) || e.Enhanced != "4.7.1" || !e.Temporary {
			t.Fatal(err)
		}
	}
	if attempts != 3 || len(p.Wait(1)) != 1 {
		t.Errorf("accepted at attempt %d", attempts)
	}
}

// talker is a server that says the given lines, one after each line it hears, and then falls silent or hangs up.
func talker(t *testing.T, hangUp bool, lines ...string) *testpeer.SMTPServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		heard := bufio.NewScanner(conn)
		for _, line := range lines {
			conn.Write([]byte(line + "\r\n"))
			for heard.Scan() && line == "354 go on" && heard.Text() != "." {
			}
		}
		if hangUp {
			conn.Close()
			return
		}
		for heard.Scan() {
		}
	}()
	addr := l.Addr().(*net.TCPAddr)
	return &testpeer.SMTPServer{Host: addr.IP.String(), Port: addr.Port}
}

func TestUnwillingServers(t *testing.T) {
	closed := talker(t, true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := &testpeer.SMTPServer{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	for name, c := range map[string]struct {
		peer *testpeer.SMTPServer
		code int
	}{
		"nobody listens":           {gone, 0},
		"hangs up":                 {closed, 0},
		"no service":               {talker(t, true, "554 go away"), 554},
		"hangs up after the hello": {talker(t, true, "220 hi", "250 hi"), 0},
		"silent":                   {talker(t, false), 0},
		"silent after the hello":   {talker(t, false, "220 hi", "250 hi"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sender(t, c.peer, func(o *mail.Options) { o.Timeout = 300 * time.Millisecond })
			start := time.Now()
			err := s.Send(context.Background(), message())
			var e *mail.Error
			if !errors.As(err, &e) || !e.Temporary || e.Code != c.code {
				t.Errorf("%v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestAcceptedMessageIsNotSentTwiceForABadGoodbye(t *testing.T) {
	p := talker(t, true, "220 hi", "250 hi", "250 noop", "250 from", "250 to", "354 go on", "250 taken")
	if err := sender(t, p, nil).Send(context.Background(), message()); err != nil {
		t.Errorf("the server took the message, yet: %v", err)
	}
}

func TestSendingEndsWithTheContext(t *testing.T) {
	p := talker(t, false, "220 hi")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := sender(t, p, nil).Send(ctx, message())
	if !errors.Is(err, context.DeadlineExceeded) || !mail.Temporary(err) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestInvalidMessagesAreRefusedBeforeSending(t *testing.T) {
	p := testpeer.SMTP(t)
	s := sender(t, p, nil)
	for name, spoil := range map[string]func(*mail.Message){
		"no address":                func(m *mail.Message) { m.To.Address = "" },
		"no domain":                 func(m *mail.Message) { m.To.Address = "anna" },
		"two addresses":             func(m *mail.Message) { m.To.Address = "a@example.org, b@example.org" },
		"address with name":         func(m *mail.Message) { m.To.Address = "A <a@example.org>" },
		"line break in address":     func(m *mail.Message) { m.To.Address = "a@example.org\r\nRCPT TO:<b@example.org>" },
		"line break in name":        func(m *mail.Message) { m.To.Name = "Anna\r\nBcc: b@example.org" },
		"line break in subject":     func(m *mail.Message) { m.Subject = "Hi\nBcc: b@example.org" },
		"NUL in subject":            func(m *mail.Message) { m.Subject = "Hi\x00" },
		"broken UTF-8 in subject":   func(m *mail.Message) { m.Subject = "Hi\xff" },
		"no subject":                func(m *mail.Message) { m.Subject = "" },
		"no text":                   func(m *mail.Message) { m.Text = "" },
		"line break in header":      func(m *mail.Message) { m.Headers = map[string]string{"X-A": "b\r\nBcc: c@example.org"} },
		"line break in header name": func(m *mail.Message) { m.Headers = map[string]string{"X-A: b\r\nBcc": "c@example.org"} },
		"empty header":              func(m *mail.Message) { m.Headers = map[string]string{"X-A": ""} },
		"more recipients":           func(m *mail.Message) { m.Headers = map[string]string{"bcc": "c@example.org"} },
		"other encoding":            func(m *mail.Message) { m.Headers = map[string]string{"content-type": "text/html"} },
		"strange Message-ID":        func(m *mail.Message) { m.Headers = map[string]string{"Message-ID": "<a> <b>"} },
	} {
		m := message()
		spoil(&m)
		if err := s.Send(context.Background(), m); !errors.Is(err, mail.ErrInvalid) || mail.Temporary(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(p.Messages()); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

func TestNewSenderRefuses(t *testing.T) {
	good := mail.Options{Host: "h", Port: 25, TLS: "none", From: "a@example.org"}
	for name, spoil := range map[string]func(*mail.Options){
		"no sender": func(o *mail.Options) { o.From = "" },
		"no host":   func(o *mail.Options) { o.Host = "" },
		"no port":   func(o *mail.Options) { o.Port = 0 },
		"TLS mode":  func(o *mail.Options) { o.TLS = "maybe" },
	} {
		o := good
		spoil(&o)
		if _, err := mail.NewSender(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if mail.Temporary(errors.New("x")) || mail.Temporary(nil) {
		t.Error("other errors are not temporary")
	}
}

func TestLetter(t *testing.T) {
	l := mail.Letter{
		Language: "de", Title: "Sicherung <fertig>", Paragraphs: []string{"Hallo & guten Tag", "Zweiter"},
		Facts:  []mail.Fact{{Label: "Größe", Value: "5 < 6"}},
		Action: &mail.Link{Label: "Öffnen", URL: "https://plan.example.org/admin/backups?a=1&b=2"},
		Links:  []mail.Link{{Label: "Hilfe", URL: "https://example.org/help"}},
		Footer: []string{"Weil Sie Administrator sind."},
	}
	m, err := l.Message(anna, "Fertig")
	if err != nil {
		t.Fatal(err)
	}
	p := testpeer.SMTP(t)
	if err := sender(t, p, nil).Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	got := p.Wait(1)[0]
	contains(t, "text", got.Text, "Sicherung <fertig>\n\nHallo & guten Tag\n\nZweiter\n", "Größe: 5 < 6", "Öffnen:\nhttps://plan.example.org/admin/backups?a=1&b=2\n", "Hilfe: https://example.org/help", "-- \nWeil Sie")
	contains(t, "html", got.HTML, `lang="de"`, "Sicherung &lt;fertig&gt;", "Hallo &amp; guten Tag", `href="https://plan.example.org/admin/backups?a=1&amp;b=2"`, "Hilfe", "5 &lt; 6", "Weil Sie", "prefers-color-scheme: dark")
	if strings.Contains(got.HTML, "<fertig>") || strings.Contains(got.HTML, "ZgotmplZ") {
		t.Errorf("unsafe HTML:\n%s", got.HTML)
	}
}

func contains(t *testing.T, what, s string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(s, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, s)
		}
	}
}

func TestSmallLetter(t *testing.T) {
	m, err := mail.Letter{Title: "T", Paragraphs: []string{"P"}}.Message(anna, "S")
	if err != nil || m.Text != "T\n\nP\n" || m.Check() != nil {
		t.Errorf("%q, %v", m.Text, err)
	}
	contains(t, "html", m.HTML, `lang="en"`)
}

func TestLetterRefuses(t *testing.T) {
	for name, l := range map[string]mail.Letter{
		"script":        {Title: "T", Paragraphs: []string{"P"}, Action: &mail.Link{Label: "x", URL: "javascript:alert(1)"}},
		"relative link": {Title: "T", Paragraphs: []string{"P"}, Links: []mail.Link{{Label: "x", URL: "/admin"}}},
		"broken link":   {Title: "T", Paragraphs: []string{"P"}, Links: []mail.Link{{Label: "x", URL: "http://%zz"}}},
		"no title":      {Paragraphs: []string{"P"}},
		"no paragraph":  {Title: "T"},
	} {
		if _, err := l.Message(anna, "S"); !errors.Is(err, mail.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzMessageCheck(f *testing.F) {
	f.Add("a@example.org", "Anna", "Subject", "X-A", "b")
	f.Add("a@b\r\n", "\x00", "\n", "Bcc", "\r")
	f.Fuzz(func(t *testing.T, address, name, subject, header, value string) {
		m := mail.Message{To: mail.Address{Name: name, Address: address}, Subject: subject, Text: "t", Headers: map[string]string{header: value}}
		if m.Check() == nil && strings.ContainsAny(address+name+subject+header+value, "\r\n\x00") {
			t.Errorf("accepted %q", []string{address, name, subject, header, value})
		}
	})
}
