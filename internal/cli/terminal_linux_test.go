package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal runs fn with a session at a terminal and returns what the terminal was sent.
func terminal(t *testing.T, fn func(s *session)) string {
	t.Helper()
	main, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	n, err := unix.IoctlGetInt(int(main.Fd()), unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(int(main.Fd()), unix.TIOCSPTLCK, 0)); err != nil {
		t.Skip("no terminals here: ", err)
	}
	side, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	got := make(chan string)
	go func() {
		b, _ := io.ReadAll(main) // ends with an error of the terminal that is gone
		got <- string(b)
	}()
	fn(&session{Env: Env{Stderr: side}, flags: &commands{}})
	if err := side.Close(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = main.Close() }()
	select {
	case text := <-got:
		return text
	case <-time.After(10 * time.Second):
		t.Fatal("the terminal does not end")
		return ""
	}
}

// What is told in the end stands alone on its line, whatever bar or ^C stood there.
func TestTheEndIsToldOnALineOfItsOwn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	for want, end := range map[string]func(s *session) int{
		"holdfast: interrupted": func(s *session) int { stop(); return s.report(ctx, context.Canceled) },
		"holdfast: it broke":    func(s *session) int { return s.report(t.Context(), errors.New("it broke")) },
	} {
		text := terminal(t, func(s *session) {
			s.progress("verify")("reading", 1, 5)
			fmt.Fprint(s.Stderr, "^C")
			if code := end(s); code == 0 {
				t.Errorf("%s: exit code 0", want)
			}
		})
		if !strings.Contains(text, "verify: reading") || !strings.Contains(text, "\r\x1b[K"+want+"\r\n") {
			t.Errorf("the terminal got %q", text)
		}
	}
}

func TestAnExportTellsHowFarItIs(t *testing.T) {
	text := terminal(t, func(s *session) {
		tell := s.exporting()
		tell(50, 100)
		tell(100, 100)
		tell(100, 100)
	})
	if !strings.Contains(text, "export: writing") || !strings.Contains(text, "50%") || strings.Count(text, "reading the archive back") != 1 {
		t.Errorf("the terminal got %q", text)
	}
}
