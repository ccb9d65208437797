package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker collects what is wrong with values that are well-formed one by one.
type checker struct {
	c        *Config
	problems Problems
}

func (c *Config) check() Problems {
	k := &checker{c: c}
	k.server()
	k.storage()
	k.mail()
	k.metrics()
	k.identity()
	k.content()
	k.providers()
	return k.problems
}

func (k *checker) refuse(bad bool, key, what, do string) {
	if bad {
		k.problems = append(k.problems, Problem{key, k.c.sources[key], what, do})
	}
}

func (k *checker) server() {
	c := k.c
	k.refuse(c.Data == "", "data", "is empty", "name the data directory")
	k.refuse(!hostPort(c.Listen), "listen", fmt.Sprintf("%q is not an address with a port", c.Listen), "write it like 127.0.0.1:8080 or :8080")
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		bad := err != nil || !webURL(u) || u.RawQuery != "" || u.Fragment != "" || u.User != nil
		k.refuse(bad, "public_url", fmt.Sprintf("%q is not a web address", c.PublicURL), "write it like https://plan.example.org")
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	for _, p := range c.TrustedProxies {
		k.refuse(p.Bits() == 0, "trusted_proxies", p.String()+" believes the whole internet", "name the networks of your proxies only")
	}
}

func webURL(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func hostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, " /") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

func (k *checker) storage() {
	c := k.c
	if raw := c.Database.URL.Reveal(); raw != "" {
		u, err := url.Parse(raw)
		bad := err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql")
		k.refuse(bad, "database.url", "is not a PostgreSQL address", "write it like postgres://user:password@host/holdfast, or leave it empty for SQLite")
	}
	scheme, _, remote := strings.Cut(c.Blobs, "://")
	k.refuse(remote, "blobs", fmt.Sprintf("cannot keep uploaded files at %s://", scheme), "name a directory; only backups go elsewhere, with backup.repository")
	k.refuse((c.S3.AccessKey == "") != (c.S3.SecretKey == ""), "s3.access_key", "s3.access_key and s3.secret_key belong together", "set both or neither")
	if c.S3.Endpoint != "" {
		u, err := url.Parse(c.S3.Endpoint)
		k.refuse(err != nil || !webURL(u), "s3.endpoint", fmt.Sprintf("%q is not a web address", c.S3.Endpoint), "write it like https://s3.example.org")
	}
}

func (k *checker) mail() {
	m := k.c.Mail
	k.refuse(m.Port < 0 || m.Port > 65535, "mail.port", fmt.Sprintf("%d is not a port", m.Port), "use 1 to 65535, or 0 for the usual one")
	k.refuse(m.Timeout < time.Second, "mail.timeout", "is too short to send anything", "use at least 1s")
	k.refuse(strings.ContainsAny(m.Host, " /:@"), "mail.host", fmt.Sprintf("%q is not a host name", m.Host), "name the host only; the port is mail.port")
	k.refuse(strings.ContainsAny(m.HELO, " \t\r\n"), "mail.helo", "contains blanks", "name a host")
	if m.From != "" {
		_, err := mail.ParseAddress(m.From)
		k.refuse(err != nil, "mail.from", fmt.Sprintf("%q is not a mail address", m.From), "write it like Holdfast <plan@example.org>")
	}
	if !m.Configured() {
		k.refuse(m.User != "" || m.Password != "", "mail.host", "is empty although an account for it is set", "name the mail server, or remove mail.user and mail.password")
		return
	}
	k.refuse(m.From == "", "mail.from", "is empty although mail.host is set", "name the sender, such as Holdfast <plan@example.org>")
	k.refuse((m.User == "") != (m.Password == ""), "mail.user", "mail.user and mail.password belong together", "set both or neither")
	k.refuse(m.TLS == "none" && m.Password != "" && !loopback(m.Host), "mail.tls", "the password would travel unencrypted", "use starttls or tls")
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (k *checker) metrics() {
	m := k.c.Metrics
	k.refuse(m.Listen != "" && !hostPort(m.Listen), "metrics.listen", fmt.Sprintf("%q is not an address with a port", m.Listen), "write it like 127.0.0.1:9090")
	k.refuse(m.Listen != "" && m.Listen == k.c.Listen, "metrics.listen", "is the same as listen", "leave it empty to share the listener")
	k.refuse(m.Enabled && m.Listen == "" && m.Token == "", "metrics.token", "metrics on the main listener would be public", "set metrics.token or metrics.listen")
}

func (k *checker) identity() {
	c := k.c
	k.refuse(c.Session.IdleTimeout < time.Minute, "session.idle_timeout", "signs people out while they read", "use at least 1m")
	k.refuse(c.Session.Lifetime < c.Session.IdleTimeout, "session.lifetime", "is shorter than session.idle_timeout", "make it at least as long")
	k.refuse(c.Password.MinLength < 8 || c.Password.MinLength > 128, "password.min_length", fmt.Sprintf("%d is out of range", c.Password.MinLength), "use 8 to 128")
	k.refuse(c.Login.MaxFailures < 1, "login.max_failures", "would let nobody in", "use 1 or more")
	k.refuse(c.Login.FailureWindow < time.Second, "login.failure_window", "is too short to slow anybody down", "use at least 1s")
}

func (k *checker) content() {
	c := k.c
	k.refuse(c.Attachment.MaxSize < 1, "attachment.max_size", "would refuse every file", "use at least 1KB")
	k.refuse(c.MaxBody < 64<<10, "api.max_body", "is too small for ordinary requests", "use at least 64KB")
	if at := c.Backup.HeartbeatURL.Reveal(); at != "" {
		u, err := url.Parse(at)
		k.refuse(err != nil || !webURL(u), "backup.heartbeat_url", "is not a web address", "write it like https://watch.example.org/ping/...; the value is not shown, as it is a secret")
	}
	k.refuse(c.Backup.DailyLimit < 1, "backup.daily_limit", "would refuse every backup", "use 1 or more; to switch requests off set backup.enabled = false")
	k.refuse(c.Trash.Retention < time.Hour, "trash.retention", "would purge what was deleted by mistake", "use at least 1h")
}

var slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (k *checker) providers() {
	seen := map[string]bool{}
	for _, p := range k.c.OIDC {
		key := "oidc." + p.Slug + "."
		k.refuse(!slugPattern.MatchString(p.Slug), key+"slug", fmt.Sprintf("%q cannot stand in an address", p.Slug), "use a-z, 0-9 and hyphens")
		k.refuse(seen[p.Slug], key+"slug", "two providers have this slug", "give each its own")
		seen[p.Slug] = true
		k.refuse(p.ClientID == "", key+"client_id", "is empty", "set the id the provider gave you")
		u, err := url.Parse(p.Issuer)
		bad := err != nil || !webURL(u) || u.RawQuery != "" || u.Fragment != ""
		k.refuse(bad, key+"issuer", fmt.Sprintf("%q is not a web address", p.Issuer), "copy the issuer from the provider's discovery document")
		k.refuse(!bad && u.Scheme == "http" && !loopback(u.Hostname()), key+"issuer", "is not encrypted", "use https")
		k.refuse(!slices.Contains(p.Scopes, "openid"), key+"scopes", "lack openid", "add openid to the list")
	}
}
