package objstore

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct {
		address, host string
		secure, ok    bool
	}{
		{"", "s3.amazonaws.com", true, true},
		{"s3.example.org", "s3.example.org", true, true},
		{"s3.example.org:9000", "s3.example.org:9000", true, true},
		{"https://s3.example.org/", "s3.example.org", true, true},
		{"http://127.0.0.1:7070", "127.0.0.1:7070", false, true},
		{"https://user:secret@host", "", false, false},
		{"https://", "", false, false},
		{"https://host/path", "", false, false},
		{"ftp://host", "", false, false},
		{"https://host:port:port", "", false, false},
	} {
		host, secure, err := endpoint(tt.address)
		if host != tt.host || secure != tt.secure || (err == nil) != tt.ok {
			t.Errorf("%q: got %q, %v, %v", tt.address, host, secure, err)
		}
	}
}

// odd opens a bucket on a server that answers everything with fixed text.
func odd(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *S3 {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(server.Close)
	s, err := newS3("s3://bucket/p", S3Options{Endpoint: server.URL, Region: "us-east-1", AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.retry = retry{tries: 2, first: time.Millisecond, most: time.Millisecond, patience: time.Second}
	return s
}

func TestAServerThatListsOutOfOrderIsRefused(t *testing.T) {
	s := odd(t, func(w http.ResponseWriter, _ *http.Request) {
		var b strings.Builder
		for _, key := range []string{"p/b", "p/a"} {
			fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>", key)
		}
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>false</IsTruncated>%s</ListBucketResult>", b.String())
	})
	err := s.List(t.Context(), "", func(Info) error { return nil })
	if err == nil || errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), `"p/a" behind "p/b"`) {
		t.Errorf("got %v", err)
	}
}

func TestAnswersOfServers(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		want   error
	}{
		{404, "NoSuchKey", ErrNotFound},
		{404, "NoSuchBucket", ErrUnavailable},
		{403, "RequestTimeTooSkewed", ErrDenied},
		{403, "QuotaExceeded", ErrFull},
		{400, "BadDigest", ErrDamaged},
		{400, "RequestTimeout", ErrUnavailable},
		{409, "ConditionalRequestConflict", ErrUnavailable},
		{412, "PreconditionFailed", ErrExists},
		{507, "XMinioStorageFull", ErrFull},
	} {
		s := odd(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(tt.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no luck</Message></Error>", tt.code)
		})
		if _, err := s.Get(t.Context(), "a", 10); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "no luck") {
			t.Errorf("%d %s: got %v, want %v", tt.status, tt.code, err, tt.want)
		}
	}
}

func TestAnAnswerWithoutALengthIsNotTrusted(t *testing.T) {
	s := odd(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.Header().Set("ETag", `"x"`)
		_ = http.NewResponseController(w).Flush() // from here on it is chunked
		fmt.Fprint(w, "content")
	})
	if data, err := s.Get(t.Context(), "a", 100); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %q, %v", data, err)
	}
}
