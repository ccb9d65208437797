package web_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/message"
)

// recorded finds the actions in lines that write to the audit log.
var (
	recorded = regexp.MustCompile(`"((?:api_key|backup|backup_token|clock|group|identity|job|membership|password|project|role|session|setting|setup|user)\.[a-z_]+)"`)
	noAct    = regexp.MustCompile(`s\.mail\(|Kind\(\) string|Purpose|purpose|routine|^\s*//`)
)

// actions returns every action of the source, and those made of a word that is known when it runs.
func actions(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, made := range []string{"complete", "incomplete", "failed", "cancelled", "structure", "share", "full", "drill", "prune", "restore", "undo"} {
		found["backup."+made] = true
	}
	for _, pkg := range []string{"account", "app", "audit", "backup", "membership", "project", "retrieve", "setting"} {
		err := filepath.WalkDir(filepath.Join("..", pkg), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for line := range strings.Lines(string(text)) {
				if noAct.MatchString(line) {
					continue
				}
				for _, m := range recorded.FindAllStringSubmatch(line, -1) {
					found[m[1]] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Whatever is written to the audit log has words for people.
func TestActionsOfTheAuditLogHaveWords(t *testing.T) {
	all, say := actions(t), message.In(message.English)
	if len(all) < 60 {
		t.Fatalf("only %d actions were found", len(all))
	}
	for action := range all {
		if !say.Has("act." + message.Slug(action)) {
			t.Errorf("%s has no words: give it some in the section [act] of the catalogues", action)
		}
	}
}

func TestTheAuditLogInWords(t *testing.T) {
	in, b := planner(t)
	ctx := t.Context()
	for _, act := range []audit.Act{
		{ActorName: "Operator", Action: "backup_token.allow_now", Object: "user 5", Detail: map[string]any{"why": "<b>in person</b>", "days_left": 3, "nothing": nil, "roles": []any{4, "x"}, "limits": map[string]any{"kept": 7, "days": true}}},
		{ActorName: "Somebody", Action: "future.act", Object: "thing 1", Result: audit.Refused},
	} {
		if err := db.Do(ctx, in.DB, func(tx *db.Tx) error { return in.Audit.Record(ctx, tx, act) }); err != nil {
			t.Fatal(err)
		}
	}
	status, page := b.get("/admin/audit")
	want(t, "the log", status, page, 200, "Wait of a backup token waived<br>", "user 5 · days left: 3 · limits: days=true, kept=7 · roles: 4, x · why: &lt;b&gt;in person&lt;/b&gt; <code>backup_token.allow_now</code>",
		"Future.act<br>", "<code>future.act</code>", "Signed in<br>")
	if strings.Contains(page, "nothing:") {
		t.Error("what is not there is shown")
	}
}
