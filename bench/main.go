// Command bench measures a real server on the figures Holdfast promises.
//
// It starts the given holdfast program on loopback with SQLite, drives it with
// 8 connections of one ordinary member, and prints a table. Only ratios of one
// run mean something: the disk's fsync rate is measured beside the writes.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const connections = 8

func main() {
	program := flag.String("program", "bin/holdfast", "the holdfast program")
	seconds := flag.Float64("seconds", 4, "duration of each load")
	packages := flag.Int("work-packages", 10_000, "size of the data")
	large := flag.Float64("backup", 0, "measure backups instead, of this share of 100,000 work packages and 1 GiB of files")
	dir := flag.String("dir", "", "where to put the data; a temporary directory when empty")
	flag.Parse()
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Minute)
	defer stop()
	if err := run(ctx, *program, *dir, *packages, time.Duration(*seconds*float64(time.Second)), *large); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, dir string, packages int, d time.Duration, large float64) error {
	tmp, err := os.MkdirTemp(dir, "holdfast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	fmt.Printf("| figure | measured | to reach |\n|---|--:|--:|\n")
	if large > 0 {
		return backups(ctx, program, tmp, large)
	}
	if err := demo(ctx, program, filepath.Join(tmp, "demo")); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	data := filepath.Join(tmp, "data")
	if out, err := exec.CommandContext(ctx, program, "bench", "--data", data, "--work-packages", strconv.Itoa(packages)).CombinedOutput(); err != nil {
		return fmt.Errorf("fill: %w: %s", err, out)
	}
	key, err := exec.CommandContext(ctx, program, "token", "create", "--data", data, "--user", "bench02").Output()
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	s, err := start(ctx, program, data)
	if err != nil {
		return err
	}
	defer s.stop()
	row("start to first answered request", fmt.Sprintf("%d ms", s.took.Milliseconds()), "<= 300 ms")
	if err := s.figures(strings.TrimSpace(string(key)), tmp, d); err != nil {
		return err
	}
	return s.paint(ctx, strings.TrimSpace(string(key)))
}

func row(name, measured, goal string) { fmt.Printf("| %s | %s | %s |\n", name, measured, goal) }

// demo measures the memory of a server that has just made the demo story.
func demo(ctx context.Context, program, data string) error {
	s, err := start(ctx, program, data, "--demo")
	if err != nil {
		return err
	}
	defer s.stop()
	time.Sleep(5 * time.Second) // until the story is there
	row("resident memory, idle after the demo seed", s.memory(), "<= 64 MiB")
	return nil
}

// server is a running holdfast.
type server struct {
	cmd  *exec.Cmd
	addr string
	took time.Duration
}

// start starts a server and waits for its first answer.
func start(ctx context.Context, program, data string, more ...string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		return nil, err
	}
	s := &server{addr: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, program, append([]string{"serve", "--data", data, "--listen", s.addr}, more...)...)
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for time.Since(began) < 20*time.Second {
		if resp, err := http.Get("http://" + s.addr + "/api/v3"); err == nil {
			_ = resp.Body.Close()
			s.took = time.Since(began)
			return s, nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("the server in %s did not answer", data)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

func (s *server) memory() string { return fmt.Sprintf("%.1f MiB", s.rss()) }

// rss is the resident memory in MiB as Linux tells it, 0 where it is not Linux.
func (s *server) rss() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), "VmRSS:")
	kib, _ := strconv.Atoi(strings.Fields(after)[0])
	return float64(kib) / 1024
}

func (s *server) figures(key, dir string, d time.Duration) error {
	list := request("GET", "/api/v3/work_packages?pageSize=100", key, "")
	show := request("GET", "/api/v3/work_packages/7", key, "")
	create := request("POST", "/api/v3/work_packages", key,
		`{"subject":"Made by a benchmark","_links":{"project":{"href":"/api/v3/projects/1"},"type":{"href":"/api/v3/types/1"}}}`)
	for _, m := range []struct {
		name, goal string
		request    []byte
		clients    int
	}{
		{"list of 100, one client", "p95 <= 10 ms", list, 1},
		{"list of 100, 8 clients", ">= 300/s", list, connections},
		{"one work package, 8 clients", ">= 2,500/s", show, connections},
		{"page with a table of 100, one client", "p95 <= 30 ms", request("GET", "/work_packages", key, ""), 1},
		{"page of a work package, one client", "p95 <= 20 ms", request("GET", "/work_packages/7", key, ""), 1},
		{"new work package, 8 clients", ">= 1,000/s or 70 % of fsync", create, connections},
	} {
		if _, err := s.load(m.request, m.clients, d/4); err != nil { // warm up
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r, err := s.load(m.request, m.clients, d)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		row(m.name, r.String(), m.goal)
	}
	rate, err := fsyncRate(dir, d/2)
	if err != nil {
		return err
	}
	row("fsync of 4 KiB by this disk, one after the other", fmt.Sprintf("%.0f/s", rate), "")
	row("resident memory after the load", s.memory(), "")
	return nil
}

func request(method, path, key, body string) []byte {
	var b bytes.Buffer
	r, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		panic(err) // the addresses above are well formed
	}
	r.SetBasicAuth("apikey", key)
	r.Header.Set("Content-Type", "application/json")
	_ = r.Write(&b) // a buffer takes everything
	return b.Bytes()
}

type result struct {
	rate     float64
	p50, p95 time.Duration
}

func (r result) String() string {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return fmt.Sprintf("%.0f/s, p50 %.1f ms, p95 %.1f ms", r.rate, ms(r.p50), ms(r.p95))
}

// load sends the request again and again over a number of connections.
func (s *server) load(request []byte, clients int, d time.Duration) (result, error) {
	times := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range clients {
		wg.Go(func() { times[i], errs[i] = s.client(request, began.Add(d)) })
	}
	wg.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return result{}, err
		}
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	return result{float64(len(all)) / took.Seconds(), all[len(all)/2], all[len(all)*95/100]}, nil
}

func (s *server) client(request []byte, until time.Time) (times []time.Duration, err error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 64<<10)
	for began := time.Now(); began.Before(until); {
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode >= 300 {
			return nil, fmt.Errorf("status %s, %w", resp.Status, err)
		}
		now := time.Now()
		times, began = append(times, now.Sub(began)), now
	}
	return times, nil
}

// fsyncRate is how many small appends a second the disk makes durable.
func fsyncRate(dir string, d time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 4096)
	n, began := 0, time.Now()
	for time.Since(began) < d {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
