package web_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/message"
	"github.com/holdfast/holdfast/internal/outbox"
)

// Every kind of job has words for people.
func TestJobsHaveWords(t *testing.T) {
	kind := regexp.MustCompile(`\) Kind\(\) string \{ return "([a-z_]+\.[a-z_]+)" \}`)
	kinds := []string{outbox.Delivery}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range kind.FindAllStringSubmatch(string(text), -1) {
			kinds = append(kinds, m[1])
		}
		return err
	})
	if err != nil || len(kinds) < 10 {
		t.Fatalf("kinds of jobs: %v, %v", kinds, err)
	}
	for _, k := range kinds {
		if !message.In(message.English).Has("job." + message.Slug(k)) {
			t.Errorf("%s has no words: give it some in the section [job] of the catalogues", k)
		}
	}
}

// What failed is told in the reader's language as far as it is known, with what was said beside it.
func TestJobsTellWhyTheyFailed(t *testing.T) {
	in, b := planner(t)
	for kind, said := range map[string]string{
		"backup.run": "put keys: the place for backups refuses access", "mail.settled": "something <odd>",
		"mail.deliver": "dial tcp 192.0.2.1:25: connection refused",
		"backup.due":   "outgoing mail is held back after a restore; release it under Administration > Mail",
	} {
		err := db.Do(t.Context(), in.DB, func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, db.SQL(`INSERT INTO jobs (kind, args, state, run_at, attempt, max_attempts, last_error, created_at) VALUES (?, '{}', ?, 0, 1, 1, ?, 0)`, kind, job.Dead, said))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	inGerman(t, in, "mara")
	status, page := b.get("/admin/jobs?state=dead")
	want(t, "dead jobs", status, page, 200, "Sichern <", "Der Ort der Sicherungen verweigert den Zugriff", "put keys: the place", "connection refused<", "Der Mailserver hat die E-Mail nicht angenommen.<",
		"Ausgehende E-Mail wird nach einer Wiederherstellung zurückgehalten. ", "something &lt;odd&gt;<")
}
