package objstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/testpeer"
)

func TestOpenRefusesOtherAddresses(t *testing.T) {
	keys := objstore.S3Options{Endpoint: "http://127.0.0.1:1", AccessKey: "a", SecretKey: "b"}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		address string
		o       objstore.S3Options
		want    string
	}{
		{"", keys, "no address"},
		{"ftp://host/path", keys, "s3://bucket/prefix"},
		{"file://host/path", keys, "file:///path"},
		{"file://relative", keys, "file:///path"},
		{"file:///path?x=y", keys, "file:///path"},
		{file, keys, "file"},
		{"s3://", keys, "want s3://bucket"},
		{"s3://user:pass@bucket", keys, "want s3://bucket"},
		{"s3://bucket/a?b", keys, "want s3://bucket"},
		{"s3://bucket/a b", keys, "prefix"},
		{"s3://bucket/../b", keys, "prefix"},
		{"s3://bucket", objstore.S3Options{}, "access key"},
		{"s3://bucket", objstore.S3Options{Endpoint: "ftp://x", AccessKey: "a", SecretKey: "b"}, "no address of an S3 server"},
		{"s3://bucket", objstore.S3Options{Endpoint: "https://x/path", AccessKey: "a", SecretKey: "b"}, "no address of an S3 server"},
		{"s3://b", keys, "Bucket name"},
	} {
		p, err := objstore.Open(t.Context(), tt.address, tt.o)
		if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("open %q: got %v and %v, want an error with %q", tt.address, p, err, tt.want)
		}
	}
}

func TestOpenSaysWhyABucketCannotBeUsed(t *testing.T) {
	server := testpeer.S3(t)
	bucket := server.Bucket(t)
	wrongKey, wrongSecret := options(server), options(server)
	wrongKey.AccessKey, wrongSecret.SecretKey = "nobody", "wrong"
	for _, tt := range []struct {
		address string
		o       objstore.S3Options
		want    error
	}{
		{"s3://no-such-bucket", options(server), objstore.ErrUnavailable},
		{"s3://" + bucket, wrongKey, objstore.ErrDenied},
		{"s3://" + bucket, wrongSecret, objstore.ErrDenied},
	} {
		if p, err := objstore.Open(t.Context(), tt.address, tt.o); p != nil || !errors.Is(err, tt.want) {
			t.Errorf("open %s: got %v, want %v", tt.address, err, tt.want)
		}
	}
	noRegion := options(server)
	noRegion.Region = ""
	if _, err := open(t, "s3://"+bucket, noRegion).Now(t.Context()); err != nil {
		t.Errorf("without a region: %v", err)
	}
}
