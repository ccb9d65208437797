package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Options describe the mail server. The zero Timeout means 30 seconds.
type Options struct {
	Host     string
	Port     int
	User     string // empty sends without sign-in
	Password string
	TLS      string // none, starttls or tls
	From     string // address with or without a name
	HELO     string // empty for the name of this machine
	Timeout  time.Duration
	RootCAs  *x509.CertPool // nil for those of the system
}

// Sender hands messages to one mail server. It is safe for concurrent use and keeps no connection.
type Sender struct {
	o    Options
	from *Address
}

// NewSender checks the options. It does not talk to the server yet.
func NewSender(o Options) (*Sender, error) {
	from, err := mail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("mail sender %q: %w", o.From, err)
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	s := &Sender{o: o, from: from}
	if _, err := s.client(context.Background()); err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	return s, nil
}

// From returns the address messages come from.
func (s *Sender) From() Address { return *s.from }

// Send delivers m to the server, all within the timeout. Every error it returns is an *Error.
func (s *Sender) Send(ctx context.Context, m Message) error {
	msg, err := m.build(s.from)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	client, err := s.client(ctx)
	if err != nil {
		return &Error{Temporary: true, Err: err}
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return classify(err)
}

// client returns a client for one delivery that ends with ctx.
func (s *Sender) client(ctx context.Context) (*gomail.Client, error) {
	config := &tls.Config{ServerName: s.o.Host, RootCAs: s.o.RootCAs, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.o.Port), gomail.WithTimeout(s.o.Timeout), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(s.dial(ctx, config)),
	}
	switch s.o.TLS {
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "tls":
		options = append(options, gomail.WithSSL())
	default:
		return nil, fmt.Errorf("TLS mode %q is not none, starttls or tls", s.o.TLS)
	}
	if s.o.HELO != "" {
		options = append(options, gomail.WithHELO(s.o.HELO))
	}
	if s.o.User != "" {
		options = append(options, gomail.WithUsername(s.o.User), gomail.WithPassword(s.o.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(s.o.Host, options...)
}

// dial connects so that the end of the whole delivery also ends a read or write that hangs.
func (s *Sender) dial(whole context.Context, config *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(whole, func() { _ = conn.Close() }) // ends what hangs
		if s.o.TLS != "tls" {
			return conn, nil
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake's error says more
			return nil, fmt.Errorf("TLS with mail server: %w", err)
		}
		return secure, nil
	}
}

// classify decides whether trying again makes sense. Only a 5xx answer about this very message is final; a
// server that is away, unwilling to talk or misconfigured may be mended while the message waits.
func classify(err error) *Error {
	e := &Error{Temporary: true, Err: err}
	var sending *gomail.SendError
	var reply *textproto.Error
	switch {
	case errors.As(err, &sending):
		e.Code, e.Enhanced = sending.ErrorCode(), sending.EnhancedStatusCode()
		e.Temporary = e.Code < 500 || aboutUs(e.Code)
		if e.Code == 0 {
			e.Temporary = !aboutMessage(sending.Reason)
		}
	case errors.As(err, &reply):
		e.Code = reply.Code
	}
	return e
}

// aboutUs lists refusals of the client rather than of the message: sign-in or encryption is asked for.
func aboutUs(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

func aboutMessage(r gomail.SendErrReason) bool {
	return r == gomail.ErrGetSender || r == gomail.ErrGetRcpts || r == gomail.ErrNoUnencoded
}
