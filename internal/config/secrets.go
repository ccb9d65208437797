package config

// Secrets returns the configured secrets, so that whoever shows a text to
// others can make sure that none is in it.
func (c *Config) Secrets() []string {
	all := []Secret{c.Database.URL, c.S3.SecretKey, c.Mail.Password, c.Backup.HeartbeatURL, c.Metrics.Token}
	for _, p := range c.OIDC {
		all = append(all, p.ClientSecret)
	}
	var out []string
	for _, s := range all {
		if v := s.Reveal(); v != "" {
			out = append(out, v)
		}
	}
	return out
}
