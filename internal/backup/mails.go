package backup

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/id"
	"github.com/holdfast/holdfast/internal/message"
)

// recipient is the owner of a token or backup, or an active administrator.
type recipient struct {
	ID        id.User `db:"id"`
	Login     string  `db:"login"`
	Firstname string  `db:"firstname"`
	Lastname  string  `db:"lastname"`
	Mail      string  `db:"mail"`
	Language  string  `db:"language"`
	TimeZone  string  `db:"time_zone"`
	Admin     bool    `db:"is_admin"`

	say message.Local
}

func (r recipient) name() string { return strings.TrimSpace(r.Firstname + " " + r.Lastname) }

// letter is the text of a mail for one recipient.
type letter struct {
	subject string
	lines   []string
	link    string
}

// formerly is how long administrators who were locked, or are none any more, are told
// of what opens or weakens backups: whoever took them out could be the one to be watched.
const formerly = 30 * 24 * time.Hour

// routine are the purposes that former administrators are not told of.
var routine = map[string]bool{"backup.missed": true, "backup.check": true, "backup.restored": true}

// recipients returns the owner, if a person, and every active administrator, each
// once; and with former those who were one lately.
func recipients(ctx context.Context, tx *db.Tx, owner id.User, former bool) ([]recipient, error) {
	q := db.SQL(`SELECT id, COALESCE(login, '') AS login, firstname, lastname, COALESCE(mail, '') AS mail,
		language, time_zone, (admin AND status = ?) AS is_admin FROM users
		WHERE kind = 'User' AND deleted_at IS NULL AND (id = ? OR admin AND status = ?`, account.Active, owner, account.Active)
	if former {
		since := db.At(tx.Now().Add(-formerly))
		q = q.Add(`OR admin AND id IN (SELECT CAST(SUBSTR(object, 6) AS BIGINT) FROM audit_entries WHERE action = 'user.lock' AND at > ?)
			OR id IN (SELECT CAST(SUBSTR(object, 6) AS BIGINT) FROM audit_entries WHERE action = 'user.admin' AND detail LIKE '%false%' AND at > ?)`, since, since)
	}
	return db.All[recipient](ctx, tx, q.Add(`) ORDER BY id`))
}

// mail queues what write says for the owner and all administrators, former ones included
// where it is not routine.
func (s *Service) mail(ctx context.Context, tx *db.Tx, purpose string, owner id.User, write func(to recipient, owner string) letter) (map[id.User]id.Mail, []recipient, error) {
	if s.deps.Mail == nil {
		return nil, nil, nil
	}
	all, err := recipients(ctx, tx, owner, !routine[purpose] && (purpose != "backup.result" || owner != 0))
	if err != nil {
		return nil, nil, err
	}
	who := ""
	for _, r := range all {
		if r.ID == owner {
			who = r.Login
		}
	}
	sent, seen := map[id.User]id.Mail{}, map[string]bool{}
	for _, r := range all {
		if r.Mail == "" || seen[db.Fold(r.Mail)] {
			continue
		}
		seen[db.Fold(r.Mail)] = true
		r.say = message.At(r.Language, r.TimeZone)
		l := write(r, or(who, r.say.T("mail.the_operator")))
		n, err := s.deps.Mail.Queue(ctx, tx, account.Notice{
			Purpose: purpose, UserID: r.ID, Address: r.Mail, Name: r.name(),
			Language: r.Language, Subject: l.subject, Lines: l.lines, Link: l.link,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("queue mail %s: %w", purpose, err)
		}
		sent[r.ID] = n
	}
	return sent, all, nil
}

// mailToken tells of a new token and returns the mails that begin its wait:
// those to administrators other than the owner; where there is none who can be
// reached, the owner's own.
func (s *Service) mailToken(ctx context.Context, tx *db.Tx, a access.Actor, reset bool, r tokenRow, cancel string) ([]id.Mail, error) {
	verb := "created"
	if reset {
		verb = "reset"
	}
	sent, all, err := s.mail(ctx, tx, NoticePurpose, a.ID, func(to recipient, owner string) letter {
		say := to.say
		l := letter{subject: say.T("mail.token_" + verb), link: cancel}
		if to.ID == a.ID {
			l.lines = append(l.lines, say.T("mail.token_yours_"+verb), say.T("mail.token_not_you"))
		} else {
			l.lines = append(l.lines, say.T("mail.token_theirs_"+verb, "owner", owner), say.T("mail.token_not_meant"))
		}
		if r.WaitSeconds > 0 {
			l.lines = append(l.lines, say.T("mail.token_waits", "n", hours(r.wait())))
		}
		l.lines = append(l.lines, say.T("mail.address", "address", a.IP))
		return l
	})
	if err != nil || sent == nil {
		return nil, err
	}
	var others, own []id.Mail // former administrators begin no wait while there are others
	for _, to := range all {
		n, ok := sent[to.ID]
		switch {
		case !ok:
		case to.Admin && to.ID != a.ID:
			others = append(others, n)
		default:
			own = append(own, n)
		}
	}
	if len(others) == 0 {
		return own, nil
	}
	return others, nil
}

// mailTokenGone tells that a token opens nothing any more; how is the last part of the
// key of the sentence that says why.
func (s *Service) mailTokenGone(ctx context.Context, tx *db.Tx, owner id.User, how string) error {
	_, _, err := s.mail(ctx, tx, "backup.token_gone", owner, func(to recipient, login string) letter {
		return letter{subject: to.say.T("mail.token_revoked"), lines: []string{to.say.T("mail.token_gone_"+how, "owner", login)}, link: s.pageLink()}
	})
	return err
}

func (s *Service) mailWaived(ctx context.Context, tx *db.Tx, owner id.User, operator string) error {
	_, _, err := s.mail(ctx, tx, "backup.token_waived", owner, func(to recipient, login string) letter {
		return letter{subject: to.say.T("mail.token_at_once"), link: s.pageLink(), lines: []string{
			to.say.T("mail.token_waived", "owner", login, "operator", operator), to.say.T("mail.token_waived_not_meant"),
		}}
	})
	return err
}

func (s *Service) pageLink() string { return s.deps.BaseURL + "/admin/backups" }

// mailResult tells how a backup ended.
func (s *Service) mailResult(ctx context.Context, tx *db.Tx, b Backup) error {
	_, _, err := s.mail(ctx, tx, "backup.result", b.owner(), func(to recipient, _ string) letter {
		l := resultLetter(to.say, b)
		l.link = s.pageLink()
		return l
	})
	return err
}

func resultLetter(say message.Local, b Backup) letter {
	var l letter
	number := strconv.FormatInt(int64(b.ID), 10)
	switch b.State {
	case Complete:
		l.subject = say.T("mail.backup_ready")
		size := strings.Join([]string{say.T("count.rows", "n", b.RowCount), say.T("count.files", "n", b.FileCount), say.Bytes(b.Size)}, ", ")
		l.lines = []string{say.T("mail.backup_ready_text", "number", number, "who", b.RequestedBy, "size", size)}
	case Incomplete:
		l.subject = say.T("mail.backup_incomplete")
		l.lines = []string{say.T("mail.backup_incomplete_text", "number", number, "who", b.RequestedBy, "n", len(b.MissingFiles()))}
		l.lines = append(l.lines, missingLines(say, b.MissingFiles())...)
	default:
		l.subject = say.T("mail.backup_failed")
		l.lines = []string{say.T("mail.backup_failed_text", "number", number, "who", b.RequestedBy, "error", Why(say, b.Error))}
	}
	if !b.IncludeAttachments && b.State.Good() {
		l.lines = append(l.lines, say.T("mail.without_files"))
	}
	return l
}

// missingLines names the first files; the page and the archive name all.
func missingLines(say message.Local, missing []Missing) []string {
	var out []string
	for i, m := range missing {
		if i == 20 {
			return append(out, say.T("mail.and_more", "n", len(missing)-i))
		}
		out = append(out, m.Name+": "+Why(say, m.Reason))
	}
	return out
}

func (s *Service) mailDownload(ctx context.Context, tx *db.Tx, a access.Actor, b Backup) error {
	_, _, err := s.mail(ctx, tx, "backup.download", b.owner(), func(to recipient, _ string) letter {
		return letter{subject: to.say.T("mail.downloaded"), link: s.pageLink(), lines: []string{
			to.say.T("mail.downloaded_text", "number", strconv.FormatInt(int64(b.ID), 10), "who", a.Login, "address", a.IP), to.say.T("mail.downloaded_not_meant"),
		}}
	})
	return err
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
