package app

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/job"
	"github.com/holdfast/holdfast/internal/message"
)

// Fact is one thing that the report says about the instance. Check is its name
// in the catalogue, below "info".
type Fact struct{ Check, Value string }

// Report is what there is to know when something is wrong: what runs here, and
// what the checks found.
type Report struct {
	Facts    []Fact
	Findings []Finding
	secrets  []string
}

// Report describes the instance. `holdfast doctor` prints it, and the page of
// the system shows it: it holds no secret and nothing about persons.
func (a *App) Report(ctx context.Context, say *message.Printer, at *time.Location) Report {
	words := reportWords{say, at}
	r := Report{Findings: a.Diagnose(ctx, words), secrets: a.secrets()}
	bytes := func(n int64, err error) string {
		if err != nil {
			return say.T("info.unknown")
		}
		return say.Bytes(n)
	}
	schema, err := db.SchemaVersion(ctx, a.DB)
	version := strconv.FormatInt(schema, 10)
	if err != nil {
		version = say.T("info.unknown")
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.Facts = []Fact{
		{"version", a.Version},
		{"built_with", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH},
		{"engine", a.DB.Dialect().Product()},
		{"schema", version},
		{"database_size", bytes(db.Size(ctx, a.DB))},
		{"files_size", bytes(a.filesSize(ctx))},
		{"free_disk", bytes(freeSpace(a.Config.Data))},
		{"memory", say.Bytes(int64(memory.Sys))},
		{"queue", a.queue(ctx, say)},
		{"dead_jobs", a.deadKinds(ctx, say)},
	}
	return r
}

// secrets are the configured secrets, and the passwords within addresses.
func (a *App) secrets() []string {
	out := a.Config.Secrets()
	for _, s := range a.Config.Secrets() {
		if u, err := url.Parse(s); err == nil && u.User != nil {
			if p, ok := u.User.Password(); ok && p != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

// reportWords are the reader's language with their time zone.
type reportWords struct {
	*message.Printer
	at *time.Location
}

func (w reportWords) DateTime(t time.Time) string { return w.Printer.DateTime(t.In(w.at)) }

func (a *App) filesSize(ctx context.Context) (int64, error) {
	return db.Read(ctx, a.DB, func(tx *db.Tx) (int64, error) {
		return db.Scalar[int64](ctx, tx, db.SQL(`SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blobs`))
	})
}

func (a *App) queue(ctx context.Context, say *message.Printer) string {
	c, err := db.Read(ctx, a.DB, func(tx *db.Tx) (job.Counts, error) { return job.Count(ctx, tx) })
	if err != nil {
		return say.T("info.unknown")
	}
	return say.T("admin.jobs_counts", "queued", c.Queued, "running", c.Running, "dead", c.Dead)
}

// deadKinds names the kinds of jobs that failed for good, newest first. Their
// errors may name people, so they stay on the page of jobs.
func (a *App) deadKinds(ctx context.Context, say *message.Printer) string {
	list, err := db.Read(ctx, a.DB, func(tx *db.Tx) ([]job.Job, error) { return job.List(ctx, tx, job.Dead, 5) })
	if err != nil {
		return say.T("info.unknown")
	}
	var kinds []string
	for _, j := range list {
		at := j.CreatedAt.Time
		if j.FinishedAt != nil {
			at = j.FinishedAt.Time
		}
		kinds = append(kinds, j.Kind+" ("+at.UTC().Format(time.RFC3339)+")")
	}
	if len(kinds) == 0 {
		return say.T("info.none")
	}
	return strings.Join(kinds, ", ")
}

// Text is the report for people and for whoever helps them.
func (r Report) Text(say *message.Printer) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.Facts {
		fmt.Fprintf(w, "%s\t%s\n", say.T("info."+f.Check), f.Value)
	}
	_ = w.Flush() // a Builder takes everything
	b.WriteByte('\n')
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", f.Hint)
		}
	}
	_ = w.Flush()
	text := b.String()
	for _, s := range r.secrets { // errors of drivers and servers may quote what they were given
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}
