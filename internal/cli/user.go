package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app"
	"github.com/holdfast/holdfast/internal/fault"
)

type userCmd struct {
	Create        userCreateCmd `cmd:"" help:"Create an active user. Exit code 2 for refused input."`
	List          userListCmd   `cmd:"" help:"List users."`
	ResetPassword userResetCmd  `cmd:"" name:"reset-password" help:"Set a new password; all sessions of the user end. Exit code 3 for an unknown login."`
	Lock          userLockCmd   `cmd:"" help:"Lock a user; sessions end at once. Exit code 3 for an unknown login."`
	Unlock        userUnlockCmd `cmd:"" help:"Unlock a user."`
}

type userCreateCmd struct {
	Login         string `required:"" help:"Login name."`
	Mail          string `required:"" help:"E-mail address."`
	Firstname     string `help:"First name. Default: the login."`
	Lastname      string `help:"Last name."`
	Admin         bool   `help:"Make an administrator."`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
}

// userResult is the machine-readable form of a user.
type userResult struct {
	ID     int64  `json:"id"`
	Login  string `json:"login"`
	Name   string `json:"name"`
	Mail   string `json:"mail"`
	Admin  bool   `json:"admin"`
	Status string `json:"status"`
}

func resultOf(u account.User) userResult {
	return userResult{int64(u.ID), u.Login, u.Name(), u.Mail, u.Admin, u.Status.String()}
}

// Run implements the command.
func (c *userCreateCmd) Run(ctx context.Context, s *session) error {
	password, err := s.password()
	if err != nil {
		return err
	}
	if c.Firstname == "" {
		c.Firstname = c.Login
	}
	if c.Lastname == "" {
		c.Lastname = "-"
	}
	return s.withApp(ctx, func(a *app.App) error {
		u, err := a.Accounts.Create(ctx, s.operator(), account.CreateInput{
			Login: c.Login, Mail: c.Mail, Firstname: c.Firstname, Lastname: c.Lastname, Admin: c.Admin,
			Password: password, Status: account.Active,
		})
		if err != nil {
			return err
		}
		return s.print(resultOf(u), "created user %s with id %d\n", u.Login, u.ID)
	})
}

// password reads the first line of standard input.
func (s *session) password() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(s.Stdin, 4096)).ReadString('\n')
	if err != nil && err != io.EOF { //nolint:errorlint // a reader returns io.EOF itself
		return "", fmt.Errorf("read the password: %w", err)
	}
	p := strings.TrimRight(line, "\r\n")
	if p == "" {
		return "", fault.WithHint(fault.InvalidField("password", "blank"), "pipe the password: printf '%s\\n' \"$PASSWORD\" | holdfast user ...")
	}
	return p, nil
}

type userListCmd struct{}

// Run implements the command.
func (c *userListCmd) Run(ctx context.Context, s *session) error {
	return s.withApp(ctx, func(a *app.App) error {
		var all []userResult
		for {
			page, total, err := a.Accounts.List(ctx, s.operator(), account.Filter{Offset: len(all), Limit: 1000})
			if err != nil {
				return err
			}
			for _, u := range page {
				all = append(all, resultOf(u))
			}
			if len(all) >= total || len(page) == 0 {
				break
			}
		}
		if s.flags.JSON {
			return s.print(all, "")
		}
		w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tLOGIN\tNAME\tMAIL\tSTATUS\tADMIN")
		for _, u := range all {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%v\n", u.ID, u.Login, u.Name, u.Mail, u.Status, u.Admin)
		}
		return w.Flush()
	})
}

type userResetCmd struct {
	Login         string `arg:"" help:"Login name."`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
	Keep          bool   `help:"Do not ask the user to change it at the next sign-in."`
}

// Run implements the command.
func (c *userResetCmd) Run(ctx context.Context, s *session) error {
	password, err := s.password()
	if err != nil {
		return err
	}
	return s.withApp(ctx, func(a *app.App) error {
		u, err := a.Accounts.FindByLogin(ctx, s.operator(), c.Login)
		if err != nil {
			return err
		}
		if err := a.Accounts.SetPassword(ctx, s.operator(), u.ID, password, c.Keep); err != nil {
			return err
		}
		return s.print(resultOf(u), "the password of %s is set; all sessions have ended\n", u.Login)
	})
}

type userLockCmd struct {
	Login string `arg:"" help:"Login name."`
}

// Run implements the command.
func (c *userLockCmd) Run(ctx context.Context, s *session) error {
	return s.lock(ctx, c.Login, "locked", (*account.Service).Lock)
}

type userUnlockCmd struct {
	Login string `arg:"" help:"Login name."`
}

// Run implements the command.
func (c *userUnlockCmd) Run(ctx context.Context, s *session) error {
	return s.lock(ctx, c.Login, "unlocked", (*account.Service).Unlock)
}
