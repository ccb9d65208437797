package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// load reads settings from a TOML text and variables; extra arguments are flags as key=value.
func load(t *testing.T, toml string, env []string, flags ...string) (*Config, error) {
	t.Helper()
	o := Options{Environ: env, Flags: map[string]string{}}
	if toml != "" {
		o.File = write(t, "holdfast.toml", toml)
	}
	for _, f := range flags {
		k, v, _ := strings.Cut(f, "=")
		o.Flags[k] = v
	}
	return Load(o)
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, toml string, env []string, flags ...string) *Config {
	t.Helper()
	c, err := load(t, toml, env, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, "", nil)
	if c.Data != "./holdfast-data" || c.Listen != "127.0.0.1:8080" || !c.Login.Required || !c.Backup.Enabled {
		t.Errorf("defaults: %+v", c)
	}
	if c.Attachment.MaxSize != 5120<<10 || c.Backup.InitialWaitingPeriod != 24*time.Hour || c.Backup.DailyLimit != 3 {
		t.Errorf("limits: %+v %+v", c.Attachment, c.Backup)
	}
	if c.Trash.Retention != 30*24*time.Hour || c.Password.MinLength != 10 || c.Log.Level != slog.LevelInfo {
		t.Errorf("retention %v, min length %d, level %v", c.Trash.Retention, c.Password.MinLength, c.Log.Level)
	}
	if got := c.BlobsLocation(); got != filepath.Join("holdfast-data", "blobs") {
		t.Errorf("blobs location = %q", got)
	}
	if c.BaseURL().String() != "http://127.0.0.1:8080" || c.SecureCookies() || c.File() != "" {
		t.Errorf("base URL %v, secure %v, file %q", c.BaseURL(), c.SecureCookies(), c.File())
	}
}

func TestPrecedence(t *testing.T) {
	toml := "listen = \":1\"\npublic_url = \"https://a.example/\"\n[backup]\ndaily_limit = 7\ninitial_waiting_period = 3600\n"
	c := mustLoad(t, toml, []string{"HOLDFAST_LISTEN=:2", "HOLDFAST_BACKUP_DAILY_LIMIT=8", "PATH=/bin"}, "listen=:3")
	if c.Listen != ":3" || c.Source("listen") != "flag --listen" {
		t.Errorf("flag over env over file: %q from %q", c.Listen, c.Source("listen"))
	}
	if c.Backup.DailyLimit != 8 || c.Source("backup.daily_limit") != "env HOLDFAST_BACKUP_DAILY_LIMIT" {
		t.Errorf("env over file: %d from %q", c.Backup.DailyLimit, c.Source("backup.daily_limit"))
	}
	if c.Backup.InitialWaitingPeriod != time.Hour || !strings.HasPrefix(c.Source("backup.initial_waiting_period"), "file ") {
		t.Errorf("file over default, plain seconds: %v", c.Backup.InitialWaitingPeriod)
	}
	if c.PublicURL != "https://a.example" || !c.SecureCookies() {
		t.Errorf("public URL %q", c.PublicURL)
	}
}

func TestEmptyVariableCountsAsNotSet(t *testing.T) {
	c := mustLoad(t, "[backup]\ndaily_limit = 7", []string{"HOLDFAST_BACKUP_DAILY_LIMIT=", "HOLDFAST_MAIL_PASSWORD_FILE="})
	if c.Backup.DailyLimit != 7 {
		t.Errorf("daily limit %d", c.Backup.DailyLimit)
	}
}

func TestFileInDataDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holdfast.toml"), []byte("listen = \":9\""), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"flag": {Flags: map[string]string{"data": dir}},
		"env":  {Environ: []string{"HOLDFAST_DATA=" + dir}},
	} {
		c, err := Load(o)
		if err != nil || c.Listen != ":9" || c.Data != dir || c.KeysDir() != filepath.Join(dir, "keys") || c.DatabasePath() != filepath.Join(dir, "holdfast.db") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	other := write(t, "other.toml", "listen = \":10\"")
	c, err := Load(Options{Environ: []string{"HOLDFAST_CONFIG=" + other, "HOLDFAST_DATA=" + dir}})
	if err != nil || c.Listen != ":10" || c.File() != other {
		t.Errorf("HOLDFAST_CONFIG: %v %v", c, err)
	}
}

func TestEverySettingFromTOML(t *testing.T) {
	c := mustLoad(t, `
listen = "[::]:8080"
trusted_proxies = ["10.0.0.0/8", "::1"]
blobs = "/srv/files"
[log]
level = "debug"
format = "json"
[database]
url = "postgres://u:secret@db/holdfast?sslmode=require"
[s3]
endpoint = "http://127.0.0.1:9000"
access_key = "a"
secret_key = "b"
[mail]
host = "smtp.example.org"
user = "u"
password = "p"
tls = "tls"
from = "Holdfast <plan@example.org>"
timeout = "10s"
[metrics]
enabled = true
token = "t"
[attachment]
max_size = 1048576
[backup]
enabled = false
attachment_size_max_sum = "2GB"
[[oidc]]
slug = "corp"
issuer = "https://id.example.org"
client_id = "holdfast"
client_secret = "x"
scopes = ["openid", "email"]
allow_signup = true
`, nil)
	if len(c.TrustedProxies) != 2 || c.TrustedProxies[1].String() != "::1/128" || c.Log.Level != slog.LevelDebug || c.Log.Format != "json" {
		t.Errorf("%+v %+v", c.TrustedProxies, c.Log)
	}
	if c.BaseURL().Host != "localhost:8080" || c.BlobsLocation() != "/srv/files" || c.Mail.EffectivePort() != 465 {
		t.Errorf("%v %v %v", c.BaseURL(), c.BlobsLocation(), c.Mail.EffectivePort())
	}
	if c.Backup.Enabled || c.Backup.AttachmentSizeMaxSum != 2<<30 || c.Attachment.MaxSize.Bytes() != 1<<20 {
		t.Errorf("%+v %+v", c.Backup, c.Attachment)
	}
	p := c.OIDC[0]
	if p.Slug != "corp" || !p.AllowSignup || p.AllowEmailLink || len(p.Scopes) != 2 || p.ClientSecret.Reveal() != "x" {
		t.Errorf("%+v", p)
	}
}

func TestEffectivePort(t *testing.T) {
	for mail, want := range map[Mail]int{{TLS: "none"}: 25, {TLS: "starttls"}: 587, {TLS: "tls"}: 465, {TLS: "tls", Port: 2525}: 2525} {
		if got := mail.EffectivePort(); got != want {
			t.Errorf("%+v: port %d, want %d", mail, got, want)
		}
	}
}

func TestSecretsByFile(t *testing.T) {
	secretFile := write(t, "secret", "hush\n")
	toml := fmt.Sprintf("[mail]\nhost=\"m\"\nuser=\"u\"\nfrom=\"a@b.example\"\npassword_file=%q\n[[oidc]]\nslug=\"x\"\nissuer=\"https://i\"\nclient_id=\"c\"\nclient_secret_file=%q\n", secretFile, secretFile)
	c := mustLoad(t, toml, []string{"HOLDFAST_METRICS_TOKEN_FILE=" + secretFile, "HOLDFAST_DATABASE_URL_FILE=" + write(t, "dsn", "postgres://h/db")})
	for name, s := range map[string]Secret{"mail": c.Mail.Password, "oidc": c.OIDC[0].ClientSecret, "metrics": c.Metrics.Token} {
		if s.Reveal() != "hush" {
			t.Errorf("%s: %q", name, s.Reveal())
		}
	}
	if c.Source("database.url") != "env HOLDFAST_DATABASE_URL_FILE" {
		t.Errorf("source %q", c.Source("database.url"))
	}
}

func TestProviderFromEnvironment(t *testing.T) {
	env := []string{"HOLDFAST_OIDC_ISSUER=https://i", "HOLDFAST_OIDC_CLIENT_ID=c", "HOLDFAST_OIDC_SCOPES=openid email", "HOLDFAST_OIDC_ALLOW_EMAIL_LINK=true"}
	c := mustLoad(t, "", env)
	if p := c.OIDC[0]; p.Slug != "oidc" || !p.AllowEmailLink || len(p.Scopes) != 2 {
		t.Errorf("%+v", p)
	}
	toml := "[[oidc]]\nslug=\"corp\"\nissuer=\"https://old\"\nclient_id=\"kept\""
	c = mustLoad(t, toml, []string{"HOLDFAST_OIDC_SLUG=corp", "HOLDFAST_OIDC_ISSUER=https://new"})
	if p := c.OIDC[0]; len(c.OIDC) != 1 || p.Issuer != "https://new" || p.ClientID != "kept" {
		t.Errorf("%+v", c.OIDC)
	}
}

func TestRefusals(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	twoLines := write(t, "two", "a\nb\n")
	provider := "[[oidc]]\nslug=\"x\"\nissuer=\"https://i\"\nclient_id=\"c\"\n"
	for _, c := range []struct {
		name, toml, env, flag string
		want                  []string
	}{
		{name: "unknown key, near", toml: "[backup]\ndayly_limit = 3", want: []string{"backup.dayly_limit", "did you mean backup.daily_limit?"}},
		{name: "unknown key, far", toml: "[zzzzzzzzzz]\nqqqqqqqqq = 3", want: []string{"zzzzzzzzzz.qqqqqqqqq", "holdfast config show"}},
		{name: "unknown empty table", toml: "[backup.extra]", want: []string{"backup.extra", "there is no such setting"}},
		{name: "unknown variable", env: "HOLDFAST_LISTNE=:1", want: []string{"HOLDFAST_LISTNE", "did you mean HOLDFAST_LISTEN?"}},
		{name: "unknown flag", flag: "lisen=:1", want: []string{"flag --lisen", "did you mean listen?"}},
		{name: "unknown provider key", toml: provider + "isuer=\"x\"", want: []string{"oidc.x.isuer", "did you mean issuer?"}},
		{name: "broken TOML", toml: "a = [", want: []string{"line 1", "not valid TOML"}},
		{name: "number for a text", toml: "listen = 5", want: []string{"listen", "wrong type", "a text in quotes"}},
		{name: "boolean as text", toml: "[backup]\nenabled = \"true\"", want: []string{"backup.enabled", "true or false"}},
		{name: "boolean as yes", env: "HOLDFAST_BACKUP_ENABLED=yes", want: []string{`"yes"`, "true or false"}},
		{name: "integer", env: "HOLDFAST_BACKUP_DAILY_LIMIT=3.5", want: []string{"whole number"}},
		{name: "integer as text", toml: "[backup]\ndaily_limit=\"3\"", want: []string{"wrong type", "whole number"}},
		{name: "duration", env: "HOLDFAST_TRASH_RETENTION=1 month", want: []string{"trash.retention", "duration such as"}},
		{name: "negative duration", env: "HOLDFAST_TRASH_RETENTION=-5h", want: []string{"trash.retention"}},
		{name: "size", env: "HOLDFAST_ATTACHMENT_MAX_SIZE=5XB", want: []string{"attachment.max_size", "a size such as"}},
		{name: "list of numbers", toml: "trusted_proxies=[1]", want: []string{"wrong type", "networks"}},
		{name: "choice", env: "HOLDFAST_MAIL_TLS=maybe", want: []string{"none, starttls, tls"}},
		{name: "level", env: "HOLDFAST_LOG_LEVEL=loud", want: []string{"debug, info, warn, error"}},
		{name: "proxy with host bits", env: "HOLDFAST_TRUSTED_PROXIES=10.0.0.1/8", want: []string{"trusted_proxies"}},
		{name: "proxy of everything", env: "HOLDFAST_TRUSTED_PROXIES=0.0.0.0/0", want: []string{"whole internet"}},
		{name: "secret twice", env: "HOLDFAST_METRICS_TOKEN=a HOLDFAST_METRICS_TOKEN_FILE=/x", want: []string{"both set"}},
		{name: "secret twice in file", toml: "[metrics]\ntoken=\"a\"\ntoken_file=\"/x\"", want: []string{"both set"}},
		{name: "secret file missing", env: "HOLDFAST_METRICS_TOKEN_FILE=" + missing, want: []string{"cannot be read"}},
		{name: "secret file of two lines", env: "HOLDFAST_METRICS_TOKEN_FILE=" + twoLines, want: []string{"one line"}},
		{name: "provider table", toml: "[oidc]\nslug=\"x\"", want: []string{"[[oidc]]"}},
		{name: "listen", env: "HOLDFAST_LISTEN=8080", want: []string{"not an address with a port", "127.0.0.1:8080"}},
		{name: "empty data", flag: "data=", want: []string{"data", "name the data directory"}},
		{name: "heartbeat URL", env: "HOLDFAST_BACKUP_HEARTBEAT_URL=watch.example/ping", want: []string{"backup.heartbeat_url", "https://watch"}},
		{name: "public URL", env: "HOLDFAST_PUBLIC_URL=plan.example.org", want: []string{"public_url", "https://plan"}},
		{name: "database", env: "HOLDFAST_DATABASE_URL=mysql://x:geheim@y", want: []string{"database.url", "postgres://"}},
		{name: "blobs scheme", env: "HOLDFAST_BLOBS=ftp://x", want: []string{"ftp://"}},
		{name: "blobs in a bucket", env: "HOLDFAST_BLOBS=s3://bucket/x", want: []string{"uploaded files at s3://", "name a directory"}},
		{name: "half an S3 key", env: "HOLDFAST_S3_ACCESS_KEY=x", want: []string{"set both or neither"}},
		{name: "S3 endpoint", env: "HOLDFAST_S3_ENDPOINT=minio:9000", want: []string{"s3.endpoint"}},
		{name: "mail port", env: "HOLDFAST_MAIL_PORT=70000", want: []string{"mail.port"}},
		{name: "mail timeout", env: "HOLDFAST_MAIL_TIMEOUT=1ms", want: []string{"mail.timeout"}},
		{name: "mail host with port", env: "HOLDFAST_MAIL_HOST=m:25 HOLDFAST_MAIL_FROM=a@b.c", want: []string{"mail.host"}},
		{name: "mail without sender", env: "HOLDFAST_MAIL_HOST=m", want: []string{"mail.from"}},
		{name: "mail sender", env: "HOLDFAST_MAIL_FROM=nobody", want: []string{"mail.from", "not a mail address"}},
		{name: "mail account without host", env: "HOLDFAST_MAIL_USER=u", want: []string{"mail.host"}},
		{name: "mail user without password", env: "HOLDFAST_MAIL_HOST=m HOLDFAST_MAIL_FROM=a@b.c HOLDFAST_MAIL_USER=u", want: []string{"mail.user"}},
		{name: "mail password in clear", env: "HOLDFAST_MAIL_HOST=m HOLDFAST_MAIL_FROM=a@b.c HOLDFAST_MAIL_USER=u HOLDFAST_MAIL_PASSWORD=geheim HOLDFAST_MAIL_TLS=none", want: []string{"unencrypted"}},
		{name: "public metrics", env: "HOLDFAST_METRICS_ENABLED=true", want: []string{"metrics.token"}},
		{name: "metrics listener", env: "HOLDFAST_METRICS_LISTEN=x", want: []string{"metrics.listen"}},
		{name: "metrics on the same port", env: "HOLDFAST_METRICS_LISTEN=127.0.0.1:8080", want: []string{"same as listen"}},
		{name: "session", env: "HOLDFAST_SESSION_IDLE_TIMEOUT=1s", want: []string{"session.idle_timeout"}},
		{name: "session lifetime", env: "HOLDFAST_SESSION_LIFETIME=1h", want: []string{"session.lifetime"}},
		{name: "short passwords", env: "HOLDFAST_PASSWORD_MIN_LENGTH=4", want: []string{"password.min_length"}},
		{name: "no failures", env: "HOLDFAST_LOGIN_MAX_FAILURES=0", want: []string{"login.max_failures"}},
		{name: "no window", env: "HOLDFAST_LOGIN_FAILURE_WINDOW=0", want: []string{"login.failure_window"}},
		{name: "no attachments", env: "HOLDFAST_ATTACHMENT_MAX_SIZE=0", want: []string{"attachment.max_size"}},
		{name: "tiny bodies", env: "HOLDFAST_API_MAX_BODY=1KB", want: []string{"api.max_body"}},
		{name: "no backups", env: "HOLDFAST_BACKUP_DAILY_LIMIT=0", want: []string{"backup.enabled = false"}},
		{name: "no trash", env: "HOLDFAST_TRASH_RETENTION=5s", want: []string{"trash.retention"}},
		{name: "provider slug", env: "HOLDFAST_OIDC_SLUG=A/B", want: []string{"a-z, 0-9"}},
		{name: "provider without client", env: "HOLDFAST_OIDC_ISSUER=https://x", want: []string{"oidc.oidc.client_id"}},
		{name: "provider issuer", env: "HOLDFAST_OIDC_ISSUER=x", want: []string{"not a web address"}},
		{name: "provider without TLS", env: "HOLDFAST_OIDC_ISSUER=http://id.example.org", want: []string{"not encrypted"}},
		{name: "provider scopes", toml: provider + "scopes=[\"email\"]", want: []string{"lack openid"}},
		{name: "provider twice", toml: provider + provider, want: []string{"two providers"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var flags []string
			if c.flag != "" {
				flags = append(flags, c.flag)
			}
			_, err := load(t, c.toml, variables(c.env), flags...)
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v", err)
			}
			for _, want := range append(c.want, "; ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("message lacks %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("message shows a secret: %v", err)
			}
		})
	}
}

// variables splits at blanks that begin a new variable, so that values may contain blanks.
func variables(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(s, " HOLDFAST_", "\x00HOLDFAST_"), "\x00")
}

func TestFileProblems(t *testing.T) {
	if _, err := Load(Options{File: filepath.Join(t.TempDir(), "missing.toml")}); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("a named file that is missing: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holdfast.toml"), []byte("data = \"/elsewhere\""), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Options{Flags: map[string]string{"data": dir}}); err == nil || !strings.Contains(err.Error(), "cannot say where that directory is") {
		t.Errorf("data inside the data directory: %v", err)
	}
	if c := mustLoad(t, "data = \"/elsewhere\"", nil); c.Data != "/elsewhere" {
		t.Errorf("data in a named file: %q", c.Data)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := load(t, "nonsense = 1\n[backup]\nenabled = 1", []string{"HOLDFAST_NONSENSE=1", "HOLDFAST_LOG_LEVEL=x"})
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 4 {
		t.Fatalf("problems: %v", err)
	}
	if !strings.HasPrefix(err.Error(), "configuration has 4 problems:\n  - ") {
		t.Errorf("message: %v", err)
	}
	_, err = load(t, "", []string{"HOLDFAST_LISTEN=x", "HOLDFAST_TRASH_RETENTION=1", "HOLDFAST_MAIL_PORT=-1"})
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("problems of the whole: %v", err)
	}
}

func TestTestVariablesAreAllowed(t *testing.T) {
	mustLoad(t, "", []string{"HOLDFAST_TEST_POSTGRES=postgres://x", "HOLDFAST_SHARED=/x", "NOEQUALSIGN"})
}

func TestRedaction(t *testing.T) {
	c := mustLoad(t, "[[oidc]]\nslug=\"x\"\nissuer=\"https://i\"\nclient_id=\"c\"\nclient_secret=\"geheim\"", []string{
		"HOLDFAST_DATABASE_URL=postgres://u:geheim@h/d?password=geheim", "HOLDFAST_METRICS_TOKEN=geheim",
		"HOLDFAST_MAIL_HOST=m", "HOLDFAST_MAIL_FROM=a@b.c", "HOLDFAST_MAIL_USER=u", "HOLDFAST_MAIL_PASSWORD=geheim",
	})
	var table, js, log bytes.Buffer
	if err := errors.Join(c.WriteTable(&table), c.WriteJSON(&js)); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "mail", c.Mail, "secret", c.Metrics.Token)
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"table": table.String(), "json": js.String(), "log": log.String(), "marshalled": string(raw),
		"%v": fmt.Sprintf("%v %+v", *c, c), "%#v": fmt.Sprintf("%#v", c.Mail),
	} {
		if strings.Contains(s, "geheim") {
			t.Errorf("%s shows a secret:\n%s", name, s)
		}
	}
	for _, want := range []string{"oidc.x.client_secret", "[redacted]", "postgres://u:xxxxx@h/d?password=xxxxx", "env HOLDFAST_METRICS_TOKEN", "backup.daily_limit"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, table.String())
		}
	}
	var shown struct{ Settings []Row }
	if err := json.Unmarshal(js.Bytes(), &shown); err != nil || len(shown.Settings) != len(c.Redacted()) {
		t.Errorf("JSON: %v, %d rows", err, len(shown.Settings))
	}
}

func TestEveryDefaultIsValidAndShown(t *testing.T) {
	c := mustLoad(t, "", nil)
	for _, r := range c.Redacted() {
		if r.Source != "default" {
			t.Errorf("%s comes from %q", r.Key, r.Source)
		}
	}
	names := map[string]bool{}
	for _, s := range Settings() {
		if s.Help == "" || names[s.Env] {
			t.Errorf("%s: help %q, variable %s seen before: %v", s.Key, s.Help, s.Env, names[s.Env])
		}
		names[s.Env] = true
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]Size{"0": 0, "5": 5, "5B": 5, "5120KB": 5120 << 10, "1 MiB": 1 << 20, "3gb": 3 << 30, "2TiB": 2 << 40} {
		got, err := ParseSize(in)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
		if back, err := ParseSize(got.String()); err != nil || back != got {
			t.Errorf("%q prints as %q, which reads as %d, %v", in, got, back, err)
		}
	}
	for _, in := range []string{"", "KB", "-1", "1.5GB", "99999999999TB", "1XB", "+5"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("%q was read as %d", in, got)
		}
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "90": 90 * time.Second, "30d": 720 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "d", "-1", "-1h", "1.5", "4000000d", "1y"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("listen = \":1\"\n[[oidc]]\nslug=\"a\"", "HOLDFAST_LISTEN=:2")
	f.Add("[backup]\nenabled = 3\n[backup.x]", "HOLDFAST_OIDC_SCOPES=a,b")
	f.Fuzz(func(t *testing.T, toml, env string) {
		path := write(t, "x.toml", toml)
		c, err := Load(Options{File: path, Environ: []string{env}})
		if (c == nil) == (err == nil) {
			t.Errorf("config %v with error %v", c, err)
		}
	})
}
