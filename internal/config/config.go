// Package config holds every setting of an instance in one checked struct.
//
// A setting has a dotted key ("backup.daily_limit"). Its value comes from, in falling precedence, a
// command-line flag, the environment (HOLDFAST_BACKUP_DAILY_LIMIT), the TOML file, the default.
// Secrets may also be named by file: HOLDFAST_MAIL_PASSWORD_FILE, or mail.password_file in TOML.
//
// Promises: a name nobody knows is refused, never ignored; every problem is reported in one go, each
// with the key, what is wrong and what to do; a secret never prints itself.
package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Config is the effective configuration. Constructors elsewhere receive the values they need from it.
type Config struct {
	Data           string         // data directory
	Listen         string         // host:port of the web server
	PublicURL      string         // address people type, without trailing slash; see BaseURL
	TrustedProxies []netip.Prefix // peers whose forwarding headers are believed
	Blobs          string         // "" = <data>/blobs, or a directory; see BlobsLocation
	Language       string         // of new accounts, and where nobody's wish is known
	Styleguide     bool           // offer /styleguide, for who works on the pages
	MaxBody        Size           // largest API request body that is not a file upload

	Log        Log
	Database   Database
	S3         S3
	Mail       Mail
	Session    Session
	Password   Password
	Login      Login
	Attachment Attachment
	Backup     Backup
	Trash      Trash
	Metrics    Metrics
	OIDC       []Provider

	file    string            // the TOML file that was read, "" for none
	sources map[string]string // key → where its value came from
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // text or json
}

// Database names the database server; an empty URL means SQLite in the data directory.
type Database struct {
	URL Secret
}

// S3 holds the access data for an s3:// location.
type S3 struct {
	Endpoint  string
	Region    string
	AccessKey string
	SecretKey Secret
}

// Mail describes the outgoing mail server; an empty Host means that no mail is sent.
type Mail struct {
	Host     string
	Port     int // 0 = the usual port of the TLS mode; see EffectivePort
	User     string
	Password Secret
	TLS      string // none, starttls or tls
	From     string
	HELO     string
	Timeout  time.Duration
}

// Session bounds how long a sign-in lasts.
type Session struct {
	IdleTimeout time.Duration
	Lifetime    time.Duration
}

// Password holds the rules for new passwords.
type Password struct {
	MinLength int
}

// Login holds the rules of signing in.
type Login struct {
	Required      bool          // anonymous visitors see nothing but the sign-in page
	MaxFailures   int           // failed attempts per account and address within FailureWindow
	FailureWindow time.Duration // the period MaxFailures counts in
}

// Attachment bounds uploaded files.
type Attachment struct {
	MaxSize Size
}

// Backup holds the operator's switches for backups requested by people.
type Backup struct {
	Enabled              bool
	DailyLimit           int
	InitialWaitingPeriod time.Duration
	AttachmentSizeMaxSum Size   // 0 = no limit
	Repository           string // "" = <data>/repository; see RepositoryLocation
	HeartbeatURL         Secret // "" = nobody watches
}

// Trash says how long deleted things can be brought back.
type Trash struct {
	Retention time.Duration
}

// Metrics controls the Prometheus endpoint.
type Metrics struct {
	Enabled bool
	Listen  string // "" = on the main listener, which then needs Token
	Token   Secret
}

// Provider is one OpenID Connect provider people may sign in with.
type Provider struct {
	Slug           string
	DisplayName    string
	Issuer         string
	ClientID       string
	ClientSecret   Secret
	Scopes         []string
	AllowEmailLink bool // a verified e-mail address may attach to an existing account
	AllowSignup    bool // unknown people get an account at their first sign-in
}

// File returns the path of the configuration file that was read, or "".
func (c *Config) File() string { return c.file }

// Source says where the value of key came from: "default", "file …", "env …" or "flag …".
func (c *Config) Source(key string) string { return c.sources[key] }

// BaseURL returns the public address, derived from the listen address when none is set.
func (c *Config) BaseURL() *url.URL {
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err == nil {
			return u
		}
	}
	host := c.Listen
	for _, any := range []string{"0.0.0.0:", "[::]:", ":"} {
		if rest, ok := strings.CutPrefix(host, any); ok {
			host = "localhost:" + rest
			break
		}
	}
	return &url.URL{Scheme: "http", Host: host}
}

// SecureCookies reports whether cookies must be restricted to HTTPS.
func (c *Config) SecureCookies() bool { return c.BaseURL().Scheme == "https" }

// DatabasePath returns the SQLite file used when no database URL is set.
func (c *Config) DatabasePath() string { return filepath.Join(c.Data, "holdfast.db") }

// KeysDir returns the directory of the secret keys that must never be in the database.
func (c *Config) KeysDir() string { return filepath.Join(c.Data, "keys") }

// RepositoryLocation returns the directory or URL where backups are kept.
func (c *Config) RepositoryLocation() string {
	if c.Backup.Repository == "" {
		return filepath.Join(c.Data, "repository")
	}
	return c.Backup.Repository
}

// BlobsLocation returns the directory where files are kept.
func (c *Config) BlobsLocation() string {
	if c.Blobs == "" {
		return filepath.Join(c.Data, "blobs")
	}
	return c.Blobs
}

// Configured reports whether mail can be sent at all.
func (m Mail) Configured() bool { return m.Host != "" }

// EffectivePort returns Port, or the usual port of the TLS mode.
func (m Mail) EffectivePort() int {
	switch {
	case m.Port != 0:
		return m.Port
	case m.TLS == "tls":
		return 465
	case m.TLS == "starttls":
		return 587
	}
	return 25
}
