// Package testpeer runs real protocol servers for a test: a mail server, an OpenID provider and an S3 server.
//
// Each listens on a free loopback port, ends with its test, and can be told to misbehave. They speak
// the real protocols, so that what passes against them was not proven against a mock of our own code.
package testpeer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// waitLimit bounds Wait; it is far above what a loaded machine needs.
const waitLimit = 20 * time.Second

// SMTPOptions say how a mail server is reached.
type SMTPOptions struct {
	TLS      bool   // speaks TLS from the first byte
	StartTLS bool   // offers STARTTLS
	User     string // accepts mail only after sign-in with User and Password
	Password string
}

// SMTPServer is a mail server that keeps what it accepts.
type SMTPServer struct {
	Host string // 127.0.0.1
	Port int
	CAs  *x509.CertPool // trusts its certificate; nil without TLS

	t        testing.TB
	options  SMTPOptions
	mu       sync.Mutex
	refusal  *smtp.SMTPError
	greylist int
	rejected map[string]bool
	messages []Received
	arrived  chan struct{} // closed and replaced at each arrival
}

// Received is one accepted message, taken apart.
type Received struct {
	From    string   // envelope sender
	To      []string // envelope recipients
	Header  mail.Header
	Subject string // decoded
	Text    string
	HTML    string
	Raw     []byte
	TLS     bool
	User    string // who signed in
}

// SMTP starts a mail server for the test, with at most one SMTPOptions.
func SMTP(t testing.TB, options ...SMTPOptions) *SMTPServer {
	t.Helper()
	s := &SMTPServer{t: t, rejected: map[string]bool{}, arrived: make(chan struct{})}
	if len(options) > 0 {
		s.options = options[0]
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &smtpSession{server: s, conn: c}, nil
	}))
	server.Domain, server.EnableSMTPUTF8, server.AllowInsecureAuth = "testpeer.invalid", true, true
	server.MaxMessageBytes = 32 << 20
	server.ErrorLog = log.New(io.Discard, "", 0)
	s.serve(server)
	return s
}

func (s *SMTPServer) serve(server *smtp.Server) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatalf("testpeer: listen: %v", err)
	}
	addr := listener.Addr().(*net.TCPAddr)
	s.Host, s.Port = addr.IP.String(), addr.Port
	if s.options.TLS || s.options.StartTLS {
		server.TLSConfig, s.CAs = selfSigned(s.t)
	}
	if s.options.TLS {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	s.t.Cleanup(func() {
		server.Close()
		listener.Close() // also when the test ends before Serve has taken the listener over
		if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
			s.t.Errorf("testpeer: mail server: %v", err)
		}
	})
}

// Accept ends every misbehaviour.
func (s *SMTPServer) Accept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal, s.greylist, s.rejected = nil, 0, map[string]bool{}
}

// Refuse answers every message with an SMTP code, such as 550 or 451, until Accept.
func (s *SMTPServer) Refuse(code int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 7, 1}, Message: text}
}

// Greylist turns the next n messages away for now, with code 451.
func (s *SMTPServer) Greylist(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.greylist = n
}

// RejectAddress answers 550 for one recipient for good.
func (s *SMTPServer) RejectAddress(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected[strings.ToLower(address)] = true
}

// Messages returns what was accepted so far, oldest first.
func (s *SMTPServer) Messages() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.messages...)
}

// Wait returns all accepted messages once there are n, and fails the test when that takes too long.
func (s *SMTPServer) Wait(n int) []Received {
	s.t.Helper()
	timeout := time.After(waitLimit)
	for {
		s.mu.Lock()
		got, arrived := append([]Received(nil), s.messages...), s.arrived
		s.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-arrived:
		case <-timeout:
			s.t.Fatalf("testpeer: %d messages arrived in %v, want %d", len(got), waitLimit, n)
		}
	}
}

// refusalFor says how a message to one address is answered.
func (s *SMTPServer) refusalFor(to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refusal != nil:
		return s.refusal
	case s.greylist > 0:
		s.greylist--
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, try again later"}
	case s.rejected[strings.ToLower(to)]:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	return nil
}

func (s *SMTPServer) keep(r Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, r)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

type smtpSession struct {
	server *SMTPServer
	conn   *smtp.Conn
	user   string
	from   string
	to     []string
}

func (s *smtpSession) AuthMechanisms() []string {
	if s.server.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *smtpSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.options.User || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *smtpSession) Reset()        { s.from, s.to = "", nil }
func (s *smtpSession) Logout() error { return nil }

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.User != "" && s.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	}
	s.from = from
	return nil
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.server.refusalFor(to); err != nil {
		return err
	}
	s.to = append(s.to, to)
	return nil
}

func (s *smtpSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	received, err := parseMessage(raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "message cannot be parsed: " + err.Error()}
	}
	received.From, received.To, received.User = s.from, s.to, s.user
	_, received.TLS = s.conn.TLSConnectionState()
	s.server.keep(received)
	return nil
}

// parseMessage takes a message apart into its header and its first text and HTML part.
func parseMessage(raw []byte) (Received, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Received{}, err
	}
	r := Received{Header: m.Header, Raw: raw}
	if r.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return r, fmt.Errorf("subject: %w", err)
	}
	return r, r.readPart(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
}

func (r *Received) readPart(contentType, encoding string, body io.Reader) error {
	if contentType == "" {
		contentType = "text/plain"
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return r.readParts(multipart.NewReader(body, params["boundary"]))
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	switch {
	case kind == "text/plain" && r.Text == "":
		r.Text = strings.ReplaceAll(string(content), "\r\n", "\n")
	case kind == "text/html" && r.HTML == "":
		r.HTML = strings.ReplaceAll(string(content), "\r\n", "\n")
	}
	return err
}

func (r *Received) readParts(parts *multipart.Reader) error {
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("part: %w", err)
		}
		if err := r.readPart(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); err != nil {
			return err
		}
	}
}
