package objstore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/testpeer"
)

func TestAFullServer(t *testing.T) {
	server := testpeer.S3(t)
	bucket := server.Bucket(t)
	dir := filepath.Join(server.Dir, bucket)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := open(t, "s3://"+bucket, options(server))
	var err error
	n := 0
	for ; err == nil; n++ {
		err = s.Put(t.Context(), fmt.Sprintf("a/%02d", n), objstoretest.Random(uint64(n), 100_000))
	}
	if !errors.Is(err, objstore.ErrFull) || n < 3 {
		t.Errorf("after %d objects: %v", n, err)
	}
	if got := objstoretest.Names(t, s, ""); len(got) != n-1 {
		t.Errorf("there is %q", got)
	}
}
