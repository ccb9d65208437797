package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast/holdfast/internal/fault"
)

// Exit codes, the same for every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitForbidden   = 5
	exitInterrupted = 130
)

// usageError is a mistake in flags or configuration.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// exitError ends a command with a code of its own; what there was to say has
// been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// report prints an error with what to do about it and returns the exit code.
func (s *session) report(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	var code exitError
	if errors.As(err, &code) {
		return int(code)
	}
	if s.interactive() {
		fmt.Fprint(s.Stderr, "\r\x1b[K") // the ^C that was typed, or a bar that ended half-way
	}
	stopped := ctx.Err() != nil && errors.Is(err, context.Canceled)
	if stopped {
		fmt.Fprintln(s.Stderr, "holdfast: interrupted")
	} else {
		fmt.Fprintln(s.Stderr, "holdfast:", strings.TrimSpace(message(err)))
	}
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintln(s.Stderr, "hint:", hint)
	}
	if stopped {
		return exitInterrupted
	}
	return codeOf(err)
}

// interrupted says what an interrupted command leaves, where err is that.
func interrupted(ctx context.Context, err error, leaves string) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return fault.WithHint(err, leaves)
}

func codeOf(err error) int {
	var u usageError
	if errors.As(err, &u) {
		return exitUsage
	}
	switch fault.KindOf(err) {
	case fault.KindInvalid, fault.KindTooLarge, fault.KindUnsupported:
		return exitUsage
	case fault.KindNotFound:
		return exitNotFound
	case fault.KindConflict, fault.KindTooMany:
		return exitConflict
	case fault.KindForbidden, fault.KindUnauthenticated:
		return exitForbidden
	case fault.KindInternal, fault.KindNoSpace:
	}
	return exitFailed
}

// message words an error for an operator; refused fields get a line each.
func message(err error) string {
	fields := fault.Fields(err)
	if len(fields) == 0 {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString("the input was refused:")
	for _, f := range fields {
		fmt.Fprintf(&b, "\n  %s: %s", f.Name, strings.ReplaceAll(f.Code, "_", " "))
		for k, v := range f.Params {
			fmt.Fprintf(&b, " (%s %v)", k, v)
		}
	}
	return b.String()
}
