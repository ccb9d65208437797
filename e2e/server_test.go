// Package e2e holds the journeys of people through Holdfast: the real binary, a real browser, and
// what a person types, presses and sees.
//
// HOLDFAST_TEST_BINARY names the binary and HOLDFAST_TEST_CHROMIUM the browser; scripts/test sets
// both. Without them the journeys are skipped. No journey sleeps: every step waits for what a
// person would wait for.
//
// With HOLDFAST_TEST_SCREENSHOTS=DIR the pages are also kept there as pictures.
package e2e

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds the wait for anything; it is reached only when something is broken.
const patience = 60 * time.Second

// glance is the time between two looks at a page, which has work to do meanwhile.
const glance = 10 * time.Millisecond

// tool is the path in the environment variable name. Where the whole suite is
// asked for, a missing one fails the journey.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		if os.Getenv("HOLDFAST_TEST_REQUIRE_POSTGRES") == "1" {
			t.Fatalf("%s is not set, and the whole suite was asked for", name)
		}
		t.Skipf("%s is not set; scripts/test sets it", name)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// server is a running holdfast serve.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // what it prints on standard output
	errs  strings.Builder
	once  sync.Once
	url   string
}

// start serves the data directory on a free port, with settings as in
// HOLDFAST_NAME=value, and waits until the server says that it is ready.
func start(t *testing.T, data string, settings ...string) *server {
	t.Helper()
	s := &server{t: t, lines: make(chan string, 64)}
	s.cmd = exec.Command(tool(t, "HOLDFAST_TEST_BINARY"), "serve", "--data", data, "--listen", "127.0.0.1:0")
	s.cmd.Env = append(environment(), settings...)
	s.cmd.Stderr = &s.errs
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read(out)
	t.Cleanup(s.stop)
	const ready = "Holdfast is ready at "
	s.url = strings.TrimPrefix(s.line(ready), ready)
	return s
}

// environment is that of the test without settings of Holdfast.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HOLDFAST_") {
			env = append(env, e)
		}
	}
	return env
}

func (s *server) read(out io.Reader) {
	for in := bufio.NewScanner(out); in.Scan(); {
		s.lines <- in.Text()
	}
	close(s.lines)
}

// line is the next printed line with this text in it.
func (s *server) line(text string) string {
	s.t.Helper()
	late := time.After(patience)
	for {
		select {
		case l, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the server ended before it printed %q", text)
			}
			if strings.Contains(l, text) {
				return strings.TrimSpace(l)
			}
		case <-late:
			s.t.Fatalf("the server did not print %q in %v", text, patience)
		}
	}
}

// setupLink is the link that makes the first administrator, as a path.
func (s *server) setupLink() string {
	s.t.Helper()
	return strings.TrimPrefix(s.line("/setup?token="), s.url)
}

// stop ends the server as an operator does and checks that it ends well.
func (s *server) stop() {
	s.once.Do(func() {
		s.t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			s.t.Errorf("SIGTERM: %v", err)
		}
		dead := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() }) // Wait reports it
		for range s.lines {
			continue // Wait may only be called when everything is read
		}
		if err := s.cmd.Wait(); err != nil {
			s.t.Errorf("holdfast serve after SIGTERM: %v", err)
		}
		dead.Stop()
		if s.t.Failed() {
			s.t.Logf("the server said:\n%s", s.errs.String())
		}
	})
}

// kill ends the server as a power cut would.
func (s *server) kill() {
	s.once.Do(func() {
		s.t.Helper()
		if err := s.cmd.Process.Kill(); err != nil {
			s.t.Errorf("SIGKILL: %v", err)
		}
		for range s.lines {
			continue // Wait may only be called when everything is read
		}
		_ = s.cmd.Wait() // it was killed
	})
}

// command runs holdfast with arguments and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "HOLDFAST_TEST_BINARY"), args...)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("holdfast %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
