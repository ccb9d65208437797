package testpeer

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Server is a versitygw process that keeps buckets as directories.
type S3Server struct {
	Endpoint             string // http://127.0.0.1:port
	Region               string
	AccessKey, SecretKey string
	// Dir holds a directory per bucket, with a file per object.
	Dir string

	t       testing.TB
	buckets atomic.Int64
	locked  bool
}

// S3 starts versitygw, which HOLDFAST_TEST_VERSITYGW names, and stops it with
// the test. Without it the test is skipped, or fails where the full set of
// servers is required.
func S3(t testing.TB) *S3Server {
	t.Helper()
	return s3(t, false)
}

// S3Locked is S3 with buckets that keep every version, and lock each for a day: nobody
// removes one before, whatever his credentials.
func S3Locked(t testing.TB) *S3Server {
	t.Helper()
	return s3(t, true)
}

func s3(t testing.TB, locked bool) *S3Server {
	t.Helper()
	binary := os.Getenv("HOLDFAST_TEST_VERSITYGW")
	if binary == "" {
		if os.Getenv("HOLDFAST_TEST_REQUIRE_POSTGRES") == "1" {
			t.Fatal("HOLDFAST_TEST_VERSITYGW is not set: scripts/test builds that S3 server")
		}
		t.Skip("HOLDFAST_TEST_VERSITYGW is not set")
	}
	s := &S3Server{Region: "us-east-1", AccessKey: "holdfast", SecretKey: "holdfast-test-secret", Dir: t.TempDir(), t: t, locked: locked}
	for range 5 { // a free port may be taken before the server has it
		if s.start(binary) {
			return s
		}
	}
	t.Fatalf("testpeer: %s did not start; see its output above", binary)
	return nil
}

// start runs the server on a free port and says whether it answers there.
func (s *S3Server) start(binary string) bool {
	s.t.Helper()
	address := freeAddress(s.t)
	log, err := os.Create(filepath.Join(s.t.TempDir(), "versitygw.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	args := []string{"--port", address, "--region", s.Region, "--quiet", "--keep-alive", "posix", "--sidecar", s.t.TempDir()}
	if s.locked {
		args = append(args, "--versioning-dir", s.t.TempDir())
	}
	cmd := exec.Command(binary, append(args, s.Dir)...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	cmd.Stdout, cmd.Stderr = log, log
	ended := run(s.t, cmd)
	s.Endpoint = "http://" + address
	if answers(address, ended) {
		return true
	}
	out, _ := os.ReadFile(log.Name())
	s.t.Logf("versitygw on %s: %s", address, out)
	return false
}

// run starts a command that ends with the test, or with this process when that
// is killed. The thread that starts it stays, because its end counts as ours.
func run(t testing.TB, cmd *exec.Cmd) <-chan struct{} {
	t.Helper()
	endWithUs(cmd)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("testpeer: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	return ended
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answers waits until a server accepts connections, or has ended.
func answers(address string, ended <-chan struct{}) bool {
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}

// Client speaks to the server with all that S3 knows.
func (s *S3Server) Client(t testing.TB) *minio.Client {
	t.Helper()
	client, err := minio.New(s.Endpoint[len("http://"):], &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: s.Region,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Bucket makes a new bucket and returns its name.
func (s *S3Server) Bucket(t testing.TB) string {
	t.Helper()
	client := s.Client(t)
	name := fmt.Sprintf("bucket-%d", s.buckets.Add(1))
	if err := client.MakeBucket(context.Background(), name, minio.MakeBucketOptions{Region: s.Region, ObjectLocking: s.locked}); err != nil {
		t.Fatalf("testpeer: make bucket: %v", err)
	}
	if s.locked {
		if err := client.SetObjectLockConfig(context.Background(), name, new(minio.Compliance), new(uint(1)), new(minio.Days)); err != nil {
			t.Fatalf("testpeer: lock bucket: %v", err)
		}
	}
	return name
}
