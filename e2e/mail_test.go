package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/testpeer"
)

// form posts a form as a browser without scripts and returns the status and the page.
func form(t *testing.T, c *http.Client, address string, fields url.Values) (int, string) {
	t.Helper()
	w, err := c.PostForm(address, fields)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }() // was only read
	page, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(page)
}

// relay passes connections on to a mail server, from an address of its own.
func relay(t *testing.T, address string, to *testpeer.SMTPServer) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			out, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(to.Port)))
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
}

// TestMailServerDown: people go on working, nothing is lost while the mail
// server is away, and everything arrives when it is back, also after a restart.
func TestMailServerDown(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	prepared(t, data, "--work-packages", "5")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(address)
	settings := []string{"HOLDFAST_MAIL_HOST=" + host, "HOLDFAST_MAIL_PORT=" + port, "HOLDFAST_MAIL_FROM=holdfast@example.org", "HOLDFAST_MAIL_TLS=none"}
	s := start(t, data, settings...)
	s.token()
	tried := `SELECT subject FROM mails WHERE attempts > 0 AND sent_at IS NULL AND failed_at IS NULL`
	eventually(t, "the mail is tried", func() bool { return len(rows(t, data, tried)) > 0 })
	s.kill()

	peer := testpeer.SMTP(t)
	relay(t, address, peer)
	look(t, data, func(ctx context.Context, d *db.DB) error { // do not wait for the next attempt
		return db.Do(ctx, d, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, db.SQL(`UPDATE jobs SET run_at = 0, state = 'queued', lease_until = NULL WHERE kind LIKE 'mail%' AND state IN ('queued', 'running')`))
			return err
		})
	})
	again := start(t, data, settings...)
	got := peer.Wait(1)
	if !strings.Contains(got[0].Subject, "Backup token") {
		t.Errorf("the mail is %q", got[0].Subject)
	}
	eventually(t, "all mails are sent", func() bool { return len(rows(t, data, `SELECT subject FROM mails WHERE sent_at IS NULL`)) == 0 })
	again.stop()
	sound(t, data)
}
