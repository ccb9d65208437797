package blob

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const uploaderEnv = "HOLDFAST_TEST_BLOB_UPLOADER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(uploaderEnv); dir != "" {
		fmt.Fprintln(os.Stderr, upload(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// upload stores files for ever and prints the name of each once Put has returned.
func upload(dir string) error {
	d, err := OpenDir(dir)
	if err != nil {
		return err
	}
	for {
		content := make([]byte, rand.IntN(300_000))
		for i := range content {
			content[i] = byte(rand.Uint32())
		}
		ref, err := d.Put(context.Background(), bytes.NewReader(content), 0)
		if err != nil {
			return err
		}
		fmt.Println(ref.SHA256)
	}
}

// TestKilledUploadsLeaveOnlyWholeFiles kills a process that uploads, at random
// moments: what it reported stored is there, whatever is there is whole, and
// what it left half done is swept.
func TestKilledUploadsLeaveOnlyWholeFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	var stored []string
	for range 15 {
		stored = append(stored, uploadUntilKilled(t, dir)...)
	}
	if len(stored) == 0 {
		t.Fatal("no upload was finished in any run")
	}
	d, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	checkAll(t, d, stored...)
	if err := d.Sweep(); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		if sha := strings.ReplaceAll(name, string(filepath.Separator), ""); !Valid(sha) {
			t.Errorf("%s stayed behind", name)
		}
	}
}

func uploadUntilKilled(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), uploaderEnv+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(time.Duration(20+rand.IntN(120))*time.Millisecond, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	var names []string
	for sc := bufio.NewScanner(out); sc.Scan(); {
		if Valid(sc.Text()) { // the last line may be torn
			names = append(names, sc.Text())
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the uploader ended by itself: %v\n%s", err, stderr.String())
	}
	return names
}
