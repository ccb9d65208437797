package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
)

// Row is one line of `config show`. Secrets are redacted already.
type Row struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Secret bool   `json:"secret,omitempty"`
}

// Redacted lists every setting with its effective value and where it came from, secrets hidden.
func (c *Config) Redacted() []Row {
	var rows []Row
	for _, s := range settings() {
		rows = append(rows, Row{s.key, s.bind(c).show(), c.sources[s.key], s.secret})
	}
	for i := range c.OIDC {
		for _, s := range providerSettings() {
			key := "oidc." + c.OIDC[i].Slug + "." + s.key
			rows = append(rows, Row{key, s.bind(&c.OIDC[i]).show(), c.sources[key], s.secret})
		}
	}
	return rows
}

// WriteTable prints Redacted for people.
func (c *Config) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tVALUE\tFROM")
	for _, r := range c.Redacted() {
		value := r.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Key, value, r.Source)
	}
	return t.Flush()
}

// WriteJSON prints Redacted for programs.
func (c *Config) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		File     string `json:"file"`
		Settings []Row  `json:"settings"`
	}{c.file, c.Redacted()})
}

// String names the struct without printing any value, since some are secret.
func (c *Config) String() string { return "config.Config (see Redacted)" }

// databaseURL is a secret that shows everything but the password.
type databaseURL struct{ secretValue }

func (v databaseURL) show() string {
	u, err := url.Parse(v.p.Reveal())
	if err != nil || u.Scheme == "" {
		return v.p.String()
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
