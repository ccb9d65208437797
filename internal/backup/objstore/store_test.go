package objstore_test

import (
	"testing"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/testpeer"
)

func TestDirKeepsThePromises(t *testing.T) {
	objstoretest.Suite(t, func(t *testing.T) objstore.Store {
		return open(t, "file://"+t.TempDir()+"/repo", objstore.S3Options{})
	})
}

func TestS3KeepsThePromises(t *testing.T) {
	server := testpeer.S3(t)
	for name, prefix := range map[string]string{"whole bucket": "", "prefix": "/back/up/"} {
		t.Run(name, func(t *testing.T) {
			objstoretest.Suite(t, func(t *testing.T) objstore.Store {
				return open(t, "s3://"+server.Bucket(t)+prefix, options(server))
			})
		})
	}
}

func options(s *testpeer.S3Server) objstore.S3Options {
	return objstore.S3Options{Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey}
}

func open(t *testing.T, address string, o objstore.S3Options) objstore.Place {
	t.Helper()
	p, err := objstore.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
