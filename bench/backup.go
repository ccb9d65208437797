package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The data set of the figures about backups.
const (
	backupRows  = 100_000 // work packages, each with five entries in its history
	backupFiles = 2000
	backupMiB   = 1024
	paced       = 200 // writes a second beside the backup
	lists       = 20  // lists a second beside the backup
)

// backups measures backup, restore and drill of a large instance: first alone, as the
// peers are, and then while others work with the server.
func backups(ctx context.Context, program, dir string, scale float64) error {
	n := func(full int) string { return strconv.Itoa(max(1, int(float64(full)*scale))) }
	data := filepath.Join(dir, "large")
	if _, err := tool(ctx, program, "bench", "--data", data, "--work-packages", n(backupRows), "--journals", "5", "--files", n(backupFiles), "--file-mib", n(backupMiB)); err != nil {
		return err
	}
	if err := withServer(ctx, program, data, func(s *server, c *admin) error { return s.alone(ctx, c, dir) }); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(data, "repository")); err != nil {
		return err
	}
	return withServer(ctx, program, data, func(s *server, c *admin) error { return s.busy(ctx, c) })
}

func withServer(ctx context.Context, program, data string, fn func(*server, *admin) error) error {
	s, err := start(ctx, program, data)
	if err != nil {
		return err
	}
	defer s.stop()
	c, err := s.administrator(ctx, program, data)
	if err != nil {
		return err
	}
	return fn(s, c)
}

// alone measures what has the machine to itself.
func (s *server) alone(ctx context.Context, c *admin, dir string) error {
	program, data := s.cmd.Path, s.cmd.Args[3]
	if _, err := timed(ctx, "sync"); err != nil { // what filled the instance is not on the disk yet
		return err
	}
	first, err := s.measuredBackup(ctx, c, false)
	if err != nil {
		return err
	}
	row("first backup", fmt.Sprintf("%.1f s, %d rows, %d MiB stored", first.took.Seconds(), first.rows, first.added>>20), "")
	row("more memory than before while it runs", fmt.Sprintf("%.1f MiB", first.memory), "<= 64 MiB")
	if err := s.change(ctx, c); err != nil {
		return err
	}
	second, err := s.measuredBackup(ctx, c, false)
	if err != nil {
		return err
	}
	row("second backup, after a change of 1 %", fmt.Sprintf("%.1f s (%.0f %%), %.1f MiB stored (%.1f %%)", second.took.Seconds(), 100*second.took.Seconds()/first.took.Seconds(),
		float64(second.added)/(1<<20), 100*float64(second.added)/float64(first.added)), "15 % of the time, 5 % of the bytes")
	if err := beside(ctx, s, c, data, dir, first.took, second.took); err != nil {
		return err
	}
	return commands(ctx, program, data, dir, first)
}

// busy measures what a first backup costs those who work with the server meanwhile.
func (s *server) busy(ctx context.Context, c *admin) error {
	var calm outcome
	quiet, end := context.WithTimeout(ctx, 15*time.Second)
	calm.load(quiet, c)()
	end()
	o, err := s.measuredBackup(ctx, c, true)
	if err != nil {
		return err
	}
	row("first backup beside the load below", fmt.Sprintf("%.1f s, %.1f MiB more memory", o.took.Seconds(), o.memory), "<= 64 MiB")
	row(fmt.Sprintf("%d writes/s beside it; the same without a backup", paced), fmt.Sprintf("p99 %.1f ms, max %.1f ms, %d failed; p99 %.1f ms", o.p99, o.longest, o.failed, calm.p99), "max < 250 ms, p99 < 25 ms")
	row(fmt.Sprintf("%d lists of 100 a second beside both; the same without a backup", lists),
		fmt.Sprintf("p95 %.1f ms (%+.0f %%); %.1f ms", o.listP95, 100*(o.listP95/calm.listP95-1), calm.listP95), "+10 %")
	return nil
}

// beside measures restic on the same data, changed as much between its backups.
func beside(ctx context.Context, s *server, c *admin, data, dir string, first, second time.Duration) error {
	p, ok, err := restic(ctx, data, dir, func() error { return s.change(ctx, c) })
	if err != nil || !ok {
		return err
	}
	row("restic, first: sqlite3 .backup and the files", fmt.Sprintf("%.1f s; ours takes %.0f %% of it", p.first.Seconds(), 100*first.Seconds()/p.first.Seconds()), "at least as fast")
	row("restic, second", fmt.Sprintf("%.1f s; ours takes %.0f %% of it", p.second.Seconds(), 100*second.Seconds()/p.second.Seconds()), "")
	return nil
}

// change alters one work package in a hundred, which adds as many entries to the
// history.
func (s *server) change(ctx context.Context, c *admin) error {
	for n := 7; ; n += 100 {
		path := fmt.Sprintf("/api/v3/work_packages/%d", n)
		text, err := c.api(ctx, "GET", path, "")
		if err != nil {
			if strings.Contains(err.Error(), "404") {
				return nil
			}
			return err
		}
		lock := regexp.MustCompile(`"lockVersion":(\d+)`).FindStringSubmatch(text)
		if lock == nil {
			return fmt.Errorf("%s has no lock version", path)
		}
		if _, err := c.api(ctx, "PATCH", path, fmt.Sprintf(`{"lockVersion":%s,"subject":"Changed at %d"}`, lock[1], time.Now().UnixNano())); err != nil {
			return err
		}
	}
}

// outcome is what a backup cost.
type outcome struct {
	took         time.Duration
	rows, added  int64
	memory       float64 // MiB above what it was before
	p99, longest float64 // ms
	listP95      float64 // ms
	failed       int
}

// admin is an administrator with a browser, a key and a backup token.
type admin struct {
	http  *http.Client
	base  string
	key   string
	token string
}

func (s *server) administrator(ctx context.Context, program, data string) (*admin, error) {
	password := fmt.Sprintf("seven quiet herons fly %d", time.Now().UnixNano()) // a used one is refused
	cmd := exec.CommandContext(ctx, program, "user", "reset-password", "bench01", "--keep", "--password-stdin", "--data", data)
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("set a password: %w: %s", err, out)
	}
	key, err := tool(ctx, program, "token", "create", "--user", "bench01", "--data", data)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	a := &admin{http: &http.Client{Jar: jar, Timeout: time.Minute}, base: "http://" + s.addr, key: strings.TrimSpace(key)}
	if _, err := a.form(ctx, "/login", url.Values{"username": {"bench01"}, "password": {password}}); err != nil {
		return nil, err
	}
	page, err := a.form(ctx, "/admin/backups/reset_token", url.Values{"_password_confirmation": {password}})
	if err != nil {
		return nil, err
	}
	if a.token = regexp.MustCompile(`hfbk-[0-9a-f]{64}`).FindString(page); a.token == "" {
		return nil, errors.New("no backup token was made")
	}
	return a, nil
}

func (a *admin) form(ctx context.Context, path string, v url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, strings.NewReader(v.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.do(req)
}

func (a *admin) api(ctx context.Context, method, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth("apikey", a.key)
	req.Header.Set("Content-Type", "application/json")
	return a.do(req)
}

func (a *admin) do(req *http.Request) (string, error) {
	resp, err := a.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 400 {
		err = fmt.Errorf("%s %s: %s: %.200s", req.Method, req.URL.Path, resp.Status, b)
	}
	return string(b), err
}

// measuredBackup requests a backup and waits for it, writing meanwhile if asked to.
func (s *server) measuredBackup(ctx context.Context, a *admin, write bool) (outcome, error) {
	var o outcome
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	before := s.rss()
	if write {
		wg.Go(o.load(ctx, a))
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			o.memory = max(o.memory, s.rss()-before)
			time.Sleep(20 * time.Millisecond)
		}
	})
	began := time.Now()
	text, err := a.api(ctx, "POST", "/api/v3/backups", `{"backupToken":"`+a.token+`","attachments":true}`)
	if err != nil {
		return o, err
	}
	var asked struct {
		Status string `json:"jobStatusId"`
	}
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		return o, err
	}
	for {
		text, err := a.api(ctx, "GET", "/api/v3/job_statuses/"+asked.Status, "")
		if err != nil {
			return o, err
		}
		if strings.Contains(text, `"status":"success"`) {
			break
		}
		if !strings.Contains(text, `"status":"in_`) {
			return o, fmt.Errorf("the backup ended as %s", text)
		}
		time.Sleep(50 * time.Millisecond)
	}
	o.took = time.Since(began)
	stop()
	wg.Wait()
	return o, s.listed(context.WithoutCancel(ctx), &o)
}

// load returns a function that writes and lists at a steady pace until ctx ends, and
// keeps how long that took.
func (o *outcome) load(ctx context.Context, a *admin) func() {
	return func() {
		var wg sync.WaitGroup
		var writes, reads []float64
		var failed int
		wg.Go(func() {
			writes, o.failed = pace(ctx, paced, func(n int) error {
				_, err := a.api(ctx, "POST", fmt.Sprintf("/api/v3/work_packages/%d/activities", 1+n%500), `{"comment":{"raw":"Beside a backup."}}`)
				return err
			})
		})
		wg.Go(func() {
			reads, failed = pace(ctx, lists, func(n int) error {
				_, err := a.api(ctx, "GET", fmt.Sprintf("/api/v3/work_packages?pageSize=100&offset=%d", 1+n%20), "")
				return err
			})
		})
		wg.Wait()
		o.failed += failed
		o.p99, o.longest, o.listP95 = quantile(writes, 0.99), quantile(writes, 1), quantile(reads, 0.95)
	}
}

// pace calls do so many times a second, one after the other, until ctx ends, and returns the
// milliseconds each took and how many failed.
func pace(ctx context.Context, perSecond int, do func(n int) error) (times []float64, failed int) {
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		<-tick.C
		began := time.Now()
		err := do(n)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			failed++
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(times)
	return times, failed
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*q))]
}

// listed reads what the newest backup holds from the command.
func (s *server) listed(ctx context.Context, o *outcome) error {
	text, err := tool(ctx, s.cmd.Path, "backup", "list", "--json", "--data", s.cmd.Args[3])
	if err != nil {
		return err
	}
	var list []struct{ Rows, Added int64 }
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) == 0 {
		return fmt.Errorf("the list of backups: %w", err)
	}
	o.rows, o.added = list[0].Rows, list[0].Added
	return nil
}

// ran is what a command took.
type ran struct {
	took time.Duration
	cpu  time.Duration
	peak float64 // resident MiB
}

func (r ran) seconds() float64 { return r.took.Seconds() }

func timed(ctx context.Context, name string, args ...string) (ran, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return ran{}, fmt.Errorf("%s %s: %w: %.300s", name, strings.Join(args, " "), err, out)
	}
	r := ran{took: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peak = float64(u.Maxrss) / 1024
	}
	return r, nil
}

// commands measures what the operator does with the backup, beside gzip, sha256sum and cp
// on the same bytes.
func commands(ctx context.Context, program, data, dir string, first outcome) error {
	in := func(name string) string { return filepath.Join(dir, name) }
	var failed error
	run := func(name string, args ...string) ran {
		if failed != nil {
			return ran{}
		}
		var r ran
		r, failed = timed(ctx, name, args...)
		return r
	}
	idle := run(program, "backup", "list", "--data", data)
	drill := run(program, "backup", "drill", "--data", data)
	verify := run(program, "backup", "verify", "--read-data", "--data", data)
	prune := run(program, "backup", "prune", "--data", data)
	export := run(program, "backup", "export", "latest", "-o", in("archive.zip"), "--data", data)
	rowsOnly := run(program, "backup", "export", "latest", "--no-attachments", "-o", in("rows.zip"), "--data", data)
	rows := run(program, "restore", in("rows.zip"), "--into", in("restored-rows"))
	restore := run(program, "restore", in("archive.zip"), "--into", in("restored"))
	run("sync")
	files := run("sh", "-c", `cp -r "$0" "$1" && sync -f "$1"`, filepath.Join(data, "blobs"), in("copied"))
	if failed != nil {
		return failed
	}
	if err := reread(ctx, filepath.Join(data, "holdfast.db"), dir, first.rows, rows); err != nil {
		return err
	}
	size, err := unpack(in("archive.zip"), in("content"))
	if err != nil {
		return err
	}
	gzip, sum := run("gzip", "-1", "-c", in("content")), run("sha256sum", in("content"))
	if failed != nil {
		return failed
	}
	mb := float64(size) / 1e6
	row("drill (rows, a sample of the files)", fmt.Sprintf("%.1f s", drill.seconds()), "")
	row("verify, every byte", fmt.Sprintf("%.1f s", verify.seconds()), "")
	row("export of the archive, read back", fmt.Sprintf("%.1f s, %.0f MB/s of content", export.seconds(), mb/export.seconds()), "")
	row("restore of an archive of rows alone, compared", fmt.Sprintf("%.1f s, %.0f rows/s, %.0f rows per second of one core", rows.seconds(),
		float64(first.rows)/rows.seconds(), float64(first.rows)/rows.cpu.Seconds()), ">= 100,000 rows/s per core")
	row("restore of the archive, every row and file compared", fmt.Sprintf("%.1f s, so %.1f s for the files; cp -r of them and sync: %.1f s", restore.seconds(),
		restore.seconds()-rows.seconds(), files.seconds()), "files at >= 80 % of the speed of a copy")
	for _, c := range []struct {
		name string
		ran
	}{{"drill", drill}, {"verify", verify}, {"prune", prune}, {"export", export}, {"restore", restore}, {"export of rows", rowsOnly}} {
		row("memory of "+c.name+", above that of `backup list`", fmt.Sprintf("%.1f MiB", c.peak-idle.peak), "<= 64 MiB")
	}
	row("backup of the same bytes", fmt.Sprintf("%.0f rows/s, %.0f MB/s", float64(first.rows)/first.took.Seconds(), mb/first.took.Seconds()), "beside:")
	row("gzip -1 of the same bytes", fmt.Sprintf("%.0f MB/s", mb/gzip.seconds()), "")
	row("sha256sum of the same bytes", fmt.Sprintf("%.0f MB/s", mb/sum.seconds()), "")
	return nil
}

// unpack writes the content of an archive into one file.
func unpack(file, to string) (size int64, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = z.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return 0, errors.Join(err, out.Close())
		}
		n, err := io.Copy(out, r)
		if size += n; err != nil {
			return 0, errors.Join(err, out.Close())
		}
	}
	return size, out.Close()
}

// tool runs the program and returns what it prints.
func tool(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("holdfast %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
