package config

import "strings"

// setting is one row of the table everything is driven by: parsing, hints, `config show`, documentation.
type setting[T any] struct {
	key    string
	def    string
	help   string
	secret bool
	bind   func(*T) value
}

// Setting documents one setting for help texts.
type Setting struct {
	Key     string `json:"key"`
	Env     string `json:"env"`
	Default string `json:"default"`
	Help    string `json:"help"`
	Secret  bool   `json:"secret,omitempty"`
}

// Settings lists every setting in the order of the table, those of a provider as oidc.*.
func Settings() []Setting {
	var all []Setting
	for _, s := range settings() {
		all = append(all, Setting{s.key, envName(s.key), s.def, s.help, s.secret})
	}
	for _, s := range providerSettings() {
		key := "oidc." + s.key
		all = append(all, Setting{key, envName(key), s.def, s.help, s.secret})
	}
	return all
}

const envPrefix = "HOLDFAST_"

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func flagName(key string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

func settings() []setting[Config] {
	return append(append(serverSettings(), identitySettings()...), contentSettings()...)
}

func serverSettings() []setting[Config] {
	return []setting[Config]{
		{key: "data", def: "./holdfast-data", help: "data directory", bind: func(c *Config) value { return text(&c.Data) }},
		{key: "listen", def: "127.0.0.1:8080", help: "address and port of the web server", bind: func(c *Config) value { return text(&c.Listen) }},
		{key: "public_url", help: "address people use, such as https://plan.example.org", bind: func(c *Config) value { return text(&c.PublicURL) }},
		{key: "trusted_proxies", help: "networks of proxies whose forwarding headers are believed", bind: func(c *Config) value { return prefixes(&c.TrustedProxies) }},
		{key: "log.level", def: "info", help: "debug, info, warn or error", bind: func(c *Config) value { return level(&c.Log.Level) }},
		{key: "log.format", def: "text", help: "text or json", bind: func(c *Config) value { return choice(&c.Log.Format, "text", "json") }},
		{key: "database.url", secret: true, help: "postgres://… ; empty for SQLite in the data directory", bind: func(c *Config) value { return databaseURL{secretValue{&c.Database.URL}} }},
		{key: "blobs", help: "directory for uploaded files; empty for blobs in the data directory", bind: func(c *Config) value { return text(&c.Blobs) }},
		{key: "s3.endpoint", help: "URL of the S3 server; empty for AWS", bind: func(c *Config) value { return text(&c.S3.Endpoint) }},
		{key: "s3.region", def: "us-east-1", help: "S3 region", bind: func(c *Config) value { return text(&c.S3.Region) }},
		{key: "s3.access_key", help: "S3 access key", bind: func(c *Config) value { return text(&c.S3.AccessKey) }},
		{key: "s3.secret_key", secret: true, help: "S3 secret key", bind: func(c *Config) value { return secret(&c.S3.SecretKey) }},
		{key: "mail.host", help: "mail server; empty sends no mail", bind: func(c *Config) value { return text(&c.Mail.Host) }},
		{key: "mail.port", def: "0", help: "0 for 587 with starttls, 465 with tls, 25 with none", bind: func(c *Config) value { return integer(&c.Mail.Port) }},
		{key: "mail.user", help: "user name at the mail server", bind: func(c *Config) value { return text(&c.Mail.User) }},
		{key: "mail.password", secret: true, help: "password at the mail server", bind: func(c *Config) value { return secret(&c.Mail.Password) }},
		{key: "mail.tls", def: "starttls", help: "none, starttls or tls", bind: func(c *Config) value { return choice(&c.Mail.TLS, "none", "starttls", "tls") }},
		{key: "mail.from", help: "sender, such as Holdfast <plan@example.org>", bind: func(c *Config) value { return text(&c.Mail.From) }},
		{key: "mail.helo", help: "name given to the mail server; empty for this host's name", bind: func(c *Config) value { return text(&c.Mail.HELO) }},
		{key: "mail.timeout", def: "30s", help: "longest time for sending one message", bind: func(c *Config) value { return duration(&c.Mail.Timeout) }},
		{key: "metrics.enabled", def: "false", help: "offer Prometheus metrics at /metrics", bind: func(c *Config) value { return boolean(&c.Metrics.Enabled) }},
		{key: "metrics.listen", help: "address and port of its own for metrics", bind: func(c *Config) value { return text(&c.Metrics.Listen) }},
		{key: "metrics.token", secret: true, help: "bearer token that metrics ask for", bind: func(c *Config) value { return secret(&c.Metrics.Token) }},
		{key: "styleguide", def: "false", help: "offer /styleguide, every part of the pages in every state, for who works on them", bind: func(c *Config) value { return boolean(&c.Styleguide) }},
	}
}

func identitySettings() []setting[Config] {
	return []setting[Config]{
		{key: "session.idle_timeout", def: "24h", help: "a session ends after this long without a request", bind: func(c *Config) value { return duration(&c.Session.IdleTimeout) }},
		{key: "session.lifetime", def: "30d", help: "a session ends at this age in any case", bind: func(c *Config) value { return duration(&c.Session.Lifetime) }},
		{key: "password.min_length", def: "10", help: "shortest new password", bind: func(c *Config) value { return integer(&c.Password.MinLength) }},
		{key: "login.required", def: "true", help: "show nothing to people who are not signed in", bind: func(c *Config) value { return boolean(&c.Login.Required) }},
		{key: "login.max_failures", def: "10", help: "failed sign-ins per account and address within the window", bind: func(c *Config) value { return integer(&c.Login.MaxFailures) }},
		{key: "login.failure_window", def: "15m", help: "the window for login.max_failures", bind: func(c *Config) value { return duration(&c.Login.FailureWindow) }},
	}
}

func contentSettings() []setting[Config] {
	return []setting[Config]{
		{key: "language", def: "en", help: "language of new accounts, and of pages for people whose browser wants none of those there are", bind: func(c *Config) value { return text(&c.Language) }},
		{key: "attachment.max_size", def: "5120KB", help: "largest uploaded file", bind: func(c *Config) value { return size(&c.Attachment.MaxSize) }},
		{key: "api.max_body", def: "1MB", help: "largest API request that is not an upload", bind: func(c *Config) value { return size(&c.MaxBody) }},
		{key: "backup.enabled", def: "true", help: "let permitted people request backups", bind: func(c *Config) value { return boolean(&c.Backup.Enabled) }},
		{key: "backup.daily_limit", def: "3", help: "requested backups per day", bind: func(c *Config) value { return integer(&c.Backup.DailyLimit) }},
		{key: "backup.initial_waiting_period", def: "24h", help: "wait before a new backup token is valid where one is due", bind: func(c *Config) value { return duration(&c.Backup.InitialWaitingPeriod) }},
		{key: "backup.attachment_size_max_sum", def: "0", help: "refuse requested backups with more attachments than this; 0 for no limit", bind: func(c *Config) value { return size(&c.Backup.AttachmentSizeMaxSum) }},
		{key: "backup.repository", help: "where backups are kept: a directory, file:///path or s3://bucket/prefix; empty for repository in the data directory", bind: func(c *Config) value { return text(&c.Backup.Repository) }},
		{key: "backup.heartbeat_url", secret: true, help: "called after each scheduled backup that is complete, for a watcher that raises the alarm when the calls stay away", bind: func(c *Config) value { return secret(&c.Backup.HeartbeatURL) }},
		{key: "trash.retention", def: "30d", help: "deleted things can be brought back for this long", bind: func(c *Config) value { return duration(&c.Trash.Retention) }},
	}
}

func providerSettings() []setting[Provider] {
	return []setting[Provider]{
		{key: "slug", def: "oidc", help: "short name in the sign-in address", bind: func(p *Provider) value { return text(&p.Slug) }},
		{key: "display_name", help: "name on the sign-in button; empty for the slug", bind: func(p *Provider) value { return text(&p.DisplayName) }},
		{key: "issuer", help: "issuer URL of the provider", bind: func(p *Provider) value { return text(&p.Issuer) }},
		{key: "client_id", help: "client id registered there", bind: func(p *Provider) value { return text(&p.ClientID) }},
		{key: "client_secret", secret: true, help: "client secret; empty for a public client with PKCE", bind: func(p *Provider) value { return secret(&p.ClientSecret) }},
		{key: "scopes", def: "openid,profile,email", help: "scopes to ask for", bind: func(p *Provider) value { return list(&p.Scopes) }},
		{key: "allow_email_link", def: "false", help: "a verified address may attach to an existing account", bind: func(p *Provider) value { return boolean(&p.AllowEmailLink) }},
		{key: "allow_signup", def: "false", help: "create an account for unknown people", bind: func(p *Provider) value { return boolean(&p.AllowSignup) }},
	}
}
