package objstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const writerEnv = "HOLDFAST_TEST_OBJSTORE_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		fmt.Fprintln(os.Stderr, compete(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// compete goes for the same names as other processes, in the same order, and
// prints each that it won once Put has returned. Objects begin with their hash.
func compete(dir string) error {
	d, err := NewDir(dir)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		content := make([]byte, 1+rand.IntN(60_000))
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		sum := sha256.Sum256(content)
		name := fmt.Sprintf("commits/%02d/%06d", i%10, i)
		err := d.Put(context.Background(), name, append(sum[:], content...))
		if err == nil {
			fmt.Printf("%s %x\n", name, sum)
		} else if !errors.Is(err, ErrExists) {
			return err
		}
	}
}

// TestKilledWritersLeaveWholeObjects kills processes that write the same names:
// each name has one winner, what a winner was told is there, and all is whole.
func TestKilledWritersLeaveWholeObjects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	won := map[string]string{}
	for range 8 {
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for _, line := range runUntilKilled(t, dir) {
					name, sum, _ := strings.Cut(line, " ")
					mu.Lock()
					if won[name] != "" {
						t.Errorf("%s was won twice", name)
					}
					won[name] = sum
					mu.Unlock()
				}
			})
		}
		all.Wait()
	}
	if len(won) == 0 {
		t.Fatal("nothing was stored in any run")
	}
	d, err := NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	whole(t, d, won)
}

func whole(t *testing.T, d *Dir, won map[string]string) {
	t.Helper()
	seen := 0
	err := d.List(t.Context(), "", func(i Info) error {
		data, err := d.Get(t.Context(), i.Name, 1<<20)
		if err != nil || len(data) < 33 {
			t.Errorf("%s: %d bytes, %v", i.Name, len(data), err)
			return nil
		}
		sum := sha256.Sum256(data[32:])
		if !bytes.Equal(sum[:], data[:32]) {
			t.Errorf("%s is not whole", i.Name)
		}
		if want := won[i.Name]; want != "" {
			seen++
			if want != fmt.Sprintf("%x", sum) {
				t.Errorf("%s is not what its winner stored", i.Name)
			}
		}
		return nil
	})
	if err != nil || seen != len(won) {
		t.Errorf("%d of %d objects are there, %v", seen, len(won), err)
	}
}

func runUntilKilled(t *testing.T, dir string) []string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	killer := time.AfterFunc(time.Duration(150+rand.IntN(200))*time.Millisecond, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	var lines []string
	for sc := bufio.NewScanner(out); sc.Scan(); {
		if _, sum, _ := strings.Cut(sc.Text(), " "); len(sum) == 64 { // the last line may be torn
			lines = append(lines, sc.Text())
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Errorf("the writer ended by itself: %v\n%s", err, stderr.String())
	}
	return lines
}
