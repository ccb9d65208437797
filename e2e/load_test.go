package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// limited runs a command that, with all the processes it starts, may use so much
// memory, caches of files included; the kernel kills what needs more.
func limited(t *testing.T, mib int, args ...string) result {
	t.Helper()
	group, limit := fmt.Sprintf("/sys/fs/cgroup/memory/holdfast-test-%d", os.Getpid()), "memory.limit_in_bytes"
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		group, limit = fmt.Sprintf("/sys/fs/cgroup/holdfast-test-%d", os.Getpid()), "memory.max"
	}
	err := os.Mkdir(group, 0o755)
	if err == nil {
		t.Cleanup(func() { _ = os.Remove(group) }) // empty by then
		err = os.WriteFile(filepath.Join(group, limit), fmt.Appendf(nil, "%d", mib<<20), 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		t.Skipf("memory cannot be limited here: %v", err)
	}
	if err := os.WriteFile(filepath.Join(group, limit), fmt.Appendf(nil, "%d", mib<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return shell(t, `echo $$ >"$0/cgroup.procs" && exec "$@"`, append([]string{group, tool(t, "HOLDFAST_TEST_BINARY")}, args...)...)
}

// shell runs a line of the shell with arguments from $0 on.
func shell(t *testing.T, line string, args ...string) result {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", line}, args...)...)
	cmd.Env = environment()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{code: cmd.ProcessState.ExitCode(), out: out.String(), errs: errs.String()}
}

// TestLittleMemory lets the kernel limit the memory of everything that is done with
// backups, to much less than the files have.
func TestLittleMemory(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	prepared(t, data, "--work-packages", "5000", "--files", "20", "--file-mib", "150")
	for _, c := range []struct {
		mib  int
		args []string
	}{
		{64, []string{"backup", "create"}},
		{64, []string{"backup", "create"}},
		{64, []string{"backup", "verify", "--read-data"}},
		{64, []string{"backup", "prune"}},
		{64, []string{"backup", "export", "latest", "-o", filepath.Join(t.TempDir(), "copy.zip")}},
		{64, []string{"restore", "latest", "--replace"}},
		{96, []string{"backup", "drill"}}, // two processes
	} {
		if r := limited(t, c.mib, append(c.args, "--data", data)...); r.code != 0 {
			t.Errorf("%s with %d MiB: %d %s", strings.Join(c.args, " "), c.mib, r.code, r.errs)
		}
	}
	sound(t, data)
}

// TestPlacesThatRefuseFiles: a disk without room for another name, and a system that
// lets no file grow, fail a backup with their own reasons; nothing half is left, and
// with room it goes on.
func TestPlacesThatRefuseFiles(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64m,nr_inodes=40"); err != nil {
		t.Skipf("no small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	data := filepath.Join(t.TempDir(), "data")
	prepared(t, data, "--work-packages", "100", "--files", "10", "--file-mib", "20")
	into := "HOLDFAST_BACKUP_REPOSITORY=" + filepath.Join(disk, "repository")
	binary := tool(t, "HOLDFAST_TEST_BINARY")
	var fillers []string
	command(t, "backup", "create", "--data", data)
	for n := 0; ; n++ {
		name := filepath.Join(disk, fmt.Sprint("filler-", n))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			break
		}
		fillers = append(fillers, name)
	}
	for _, name := range fillers[:2] { // the directory and one file
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	r := shell(t, `exec env "$0" "$@"`, into, binary, "backup", "create", "--data", data)
	if r.code != 1 || !strings.Contains(r.errs, "hint: free space") || !strings.Contains(r.errs, "names of files") {
		t.Errorf("without inodes: %d %s", r.code, r.errs)
	}
	for _, name := range fillers[2:] {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if r := shell(t, `exec env "$0" "$@"`, into, binary, "backup", "create", "--data", data); r.code != 0 {
		t.Errorf("with names again: %d %s", r.code, r.errs)
	}
	target := filepath.Join(t.TempDir(), "large.zip")
	r = shell(t, `ulimit -f 8192; trap '' XFSZ; exec "$0" "$@"`, binary, "backup", "export", "latest", "-o", target, "--data", data)
	if r.code != 1 || !strings.Contains(r.errs, "file too large") || !strings.Contains(r.errs, "hint: ") {
		t.Errorf("a file that may not grow: %d %s", r.code, r.errs)
	}
	if got := left(t, filepath.Dir(target), "*"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	sound(t, data)
}

// pace creates work packages at a rate until stop is closed, and returns how long each
// took; one that is not acknowledged is an error.
func (s *server) pace(key string, every time.Duration, stop <-chan struct{}) (took []time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			slices.Sort(took)
			return took
		case <-tick.C:
		}
		begin := time.Now()
		if made, status := s.create(key, fmt.Sprintf("paced %d", n)); made == 0 {
			s.t.Errorf("work package %d: %d", n, status)
		}
		took = append(took, time.Since(begin))
	}
}

// TestWritersGoOnDuringBackups: while backups are made, no write fails and none waits
// for a backup to end. (How long they take on a quiet machine is for make bench-backup.)
func TestWritersGoOnDuringBackups(t *testing.T) { eachEngine(t, writersGoOn) }

func writersGoOn(t *testing.T, data string, _ int) {
	key := prepared(t, data, "--work-packages", "8000", "--files", "10", "--file-mib", "40")
	s := start(t, data)
	stop, done := make(chan struct{}), make(chan []time.Duration)
	go func() { done <- s.pace(key, 20*time.Millisecond, stop) }()
	var backups time.Duration
	for range 2 {
		backups += took(func() { command(t, "backup", "create", "--data", data) })
	}
	close(stop)
	times := <-done
	if len(times) < 20 {
		t.Fatalf("%d writes in %v", len(times), backups)
	}
	longest := times[len(times)-1]
	t.Logf("%d writes during %v of backups: median %v, 99 %% %v, longest %v", len(times), backups, times[len(times)/2], times[len(times)*99/100], longest)
	if longest > max(2*time.Second, backups/4) {
		t.Errorf("a write took %v during backups of %v", longest, backups)
	}
	if wal, err := os.Stat(filepath.Join(data, "holdfast.db-wal")); err == nil && wal.Size() > 64<<20 {
		t.Errorf("the log of SQLite has grown to %d MiB", wal.Size()>>20)
	}
	s.stop()
	sound(t, data)
}

// TestASlowDownloadHoldsNothing: an archive is fetched slowly while others write. The
// log of the database does not grow with it, nor does the server, and what arrives is
// the archive.
func TestASlowDownloadHoldsNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := prepared(t, data, "--work-packages", "4000", "--files", "5", "--file-mib", "10")
	s := start(t, data)
	p := s.signedIn()
	p.backup()
	content := "/api/v3/attachments/1000000001/content"
	status, fast := s.ask(key, "GET", content, "", http.NoBody)
	if status != http.StatusOK {
		t.Fatalf("download: %d", status)
	}
	stop, done := make(chan struct{}), make(chan []time.Duration)
	go func() { done <- s.pace(key, 5*time.Millisecond, stop) }()
	r, err := http.NewRequest(http.MethodGet, s.url+content, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("apikey", key)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }() // was only read
	var slow bytes.Buffer
	wal, memory, before := int64(0), 0, s.memory()
	for step := int64(len(fast)/100 + 1); err == nil; {
		_, err = io.CopyN(&slow, w.Body, step)
		time.Sleep(200 * time.Millisecond)
		if info, err := os.Stat(filepath.Join(data, "holdfast.db-wal")); err == nil {
			wal = max(wal, info.Size())
		}
		memory = max(memory, s.memory())
	}
	close(stop)
	writes := len(<-done)
	if !errors.Is(err, io.EOF) || !bytes.Equal(slow.Bytes(), fast) {
		t.Errorf("%d bytes, %v, want %d", slow.Len(), err, len(fast))
	}
	t.Logf("%d writes, the log of the database at most %d KiB, the server %d KiB, then at most %d", writes, wal>>10, before, memory)
	if wal > 24<<20 || // it is truncated at 16
		memory > before+64<<10 || writes < 100 {
		t.Errorf("during the download: %d writes, log %d bytes, the server grew from %d to %d KiB", writes, wal, before, memory)
	}
}

// memory is what the server uses, in KiB.
func (s *server) memory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	n := 0
	if _, err := fmt.Sscan(rest, &n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// TestFilesComeAndGoDuringBackups: files are uploaded, replaced and deleted without a
// pause while snapshots are taken. In each of them every file that a row names is
// there, whole.
func TestFilesComeAndGoDuringBackups(t *testing.T) { eachEngine(t, filesComeAndGo) }

func filesComeAndGo(t *testing.T, data string, _ int) {
	key := prepared(t, data, "--work-packages", "500", "--files", "10", "--file-mib", "10")
	s := start(t, data)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() {
			var mine []string
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				status, answer := s.attach(key, fmt.Sprintf("%d-%d.bin", n, i), noise(1+rand.N(300_000)))
				if status >= 300 {
					t.Errorf("upload: %d %s", status, answer)
					return
				}
				_, rest, _ := strings.Cut(string(answer), `"self":{"href":"`)
				self, _, _ := strings.Cut(rest, `"`)
				if mine = append(mine, self); len(mine) > 3 {
					if status, answer := s.ask(key, "DELETE", mine[0], "", http.NoBody); status >= 300 {
						t.Errorf("delete %s: %d %s", mine[0], status, answer)
					}
					mine = mine[1:]
				}
			}
		})
	}
	for range 4 {
		command(t, "backup", "create", "--data", data)
	}
	close(stop)
	all.Wait()
	s.stop()
	snapshots := rows(t, data, `SELECT snapshot FROM backups WHERE state = 'complete' ORDER BY id`)
	if len(snapshots) != 4 {
		t.Fatalf("complete are %v", snapshots)
	}
	dir := t.TempDir()
	for i, snapshot := range snapshots {
		path := filepath.Join(dir, fmt.Sprint(i, ".zip"))
		command(t, "backup", "export", snapshot, "-o", path, "--data", data)
		command(t, "backup", "verify", "--data", data, path) // every row and file, against the manifest
		other := filepath.Join(dir, fmt.Sprint("restored-", i))
		command(t, "restore", path, "--data", other)
		sound(t, other)
	}
}

// flipByte changes a byte in the middle of a file.
func flipByte(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 4
	if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}
