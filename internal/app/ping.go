package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// pingPatience is how long the watcher of backups may take to answer.
const pingPatience = 30 * time.Second

// pinger tells a watcher outside that the backups work; when the calls stay away,
// it raises the alarm that a dead server cannot. Redirects are refused: who
// watches is told by the setting. The address is a secret and in no error.
func pinger(url string, patience time.Duration) func(context.Context) error {
	if url == "" {
		return nil
	}
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return errors.New("backup.heartbeat_url is not a web address")
		}
		resp, err := client.Do(req)
		if err != nil {
			return errors.New("the watcher of backups cannot be reached; check backup.heartbeat_url")
		}
		defer func() { _ = resp.Body.Close() }() // nothing in it matters
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			return fmt.Errorf("the watcher of backups answered %s", resp.Status)
		}
		return nil
	}
}
