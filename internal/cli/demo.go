package cli

import (
	"context"
	"fmt"

	"github.com/holdfast/holdfast/internal/app"
)

// demo fills an empty instance and prints its logins.
func (c *serveCmd) demo(ctx context.Context, s *session, a *app.App) error {
	logins, err := a.SeedDemo(ctx)
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		_, err = fmt.Fprintln(s.Stdout, "The instance is in use already: its demo logins were printed when it was made. To set a password: holdfast user reset-password")
		return err
	}
	fmt.Fprintln(s.Stdout, "\nDemo logins, shown this once:")
	for _, l := range logins {
		fmt.Fprintf(s.Stdout, "  %-10s %-26s %s\n", l.Login, l.Password, l.Name+", "+l.Role)
	}
	return nil
}
