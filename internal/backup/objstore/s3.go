package objstore

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// S3Options say how to reach a bucket.
type S3Options struct {
	// Endpoint is the server, as https://host:port; empty is Amazon's. Without a
	// scheme it is https.
	Endpoint string
	// Region of the bucket; empty asks the server.
	Region               string
	AccessKey, SecretKey string
	// Unconditional is for a place that does not honour If-None-Match, as Probe
	// finds out: Put then looks before it writes, which protects against a second
	// writer only as long as there is none at the same moment.
	Unconditional bool
}

// S3 is a store in a bucket, with an object per object. The SHA-256 of each is
// part of the signature it is uploaded with and kept beside it, and compared
// whenever it is read whole. Failures that may pass are tried again a bounded
// number of times. Redirects are not followed.
type S3 struct {
	core          *minio.Core
	bucket        string
	prefix        string // empty, or ends in a slash
	unconditional bool
	retry         retry
	// opaque: the ETags of this place are not the MD5 of the content, as an
	// encrypted bucket has it.
	opaque atomic.Bool
}

// sumKey names the metadata that holds the SHA-256 of an object.
const sumKey = "Sha256"

// listPage is how many names are asked for, and held, at a time.
const listPage = 1000

// OpenS3 opens the store at s3://bucket/prefix, and fails when the bucket cannot
// be reached with these credentials.
func OpenS3(ctx context.Context, address string, o S3Options) (*S3, error) {
	s, err := newS3(address, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	if _, err := s.Now(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return s, nil
}

func newS3(address string, o S3Options) (*S3, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("want s3://bucket or s3://bucket/prefix")
	}
	if err := s3utils.CheckValidBucketNameStrict(u.Host); err != nil {
		return nil, err
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" && !ValidName(prefix) {
		return nil, fmt.Errorf("the prefix %q has characters that names of objects cannot have", prefix)
	}
	if o.AccessKey == "" || o.SecretKey == "" {
		return nil, errors.New("the access key or the secret key is missing")
	}
	host, secure, err := endpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	core, err := minio.NewCore(host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: secure, Region: o.Region,
		Transport: noting{newTransport()}, MaxRetries: 1,
	})
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		prefix += "/"
	}
	return &S3{core: core, bucket: u.Host, prefix: prefix, unconditional: o.Unconditional, retry: defaultRetry}, nil
}

// endpoint splits the address of a server.
func endpoint(address string) (host string, secure bool, err error) {
	if address == "" {
		return "s3.amazonaws.com", true, nil
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return "", false, fmt.Errorf("%q is no address of an S3 server: want https://host or https://host:port", address)
	}
	return u.Host, u.Scheme == "https", nil
}

// newTransport never decompresses, so that lengths are those of the objects.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       time.Minute,
		ExpectContinueTimeout: 10 * time.Second,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
}

// Close drops idle connections.
func (s *S3) Close() error {
	s.core.CredContext().Client.CloseIdleConnections()
	return nil
}

func (s *S3) key(name string) string { return s.prefix + name }

// Put implements Store.
func (s *S3) Put(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return err
	}
	if s.unconditional {
		_, _, err := s.stat(ctx, name)
		if err == nil {
			err = ErrExists
		}
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("store %s: %w", name, err)
		}
	}
	etag, unsure, err := s.upload(ctx, name, data)
	if err == nil {
		err = s.prove(ctx, name, data, etag)
	} else if unsure && (errors.Is(err, ErrExists) || errors.Is(err, ErrUnavailable)) {
		err = s.compare(ctx, name, data, err)
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return nil
}

// upload stores data. It is unsure when an earlier try may have stored it.
func (s *S3) upload(ctx context.Context, name string, data []byte) (etag string, unsure bool, err error) {
	sum, sum5 := sha256.Sum256(data), md5.Sum(data)
	hexSum := hex.EncodeToString(sum[:])
	opts := minio.PutObjectOptions{
		ContentType: "application/octet-stream", UserMetadata: map[string]string{sumKey: hexSum},
		DisableContentSha256: true, // that is, of chunks: the whole is signed with its own
	}
	if !s.unconditional {
		opts.SetMatchETagExcept("*") // If-None-Match
	}
	err = s.retry.do(ctx, func(ctx context.Context, t *attempt) error {
		t.expect(int64(len(data)))
		info, err := s.core.PutObject(ctx, s.bucket, s.key(name), bytes.NewReader(data), int64(len(data)),
			base64.StdEncoding.EncodeToString(sum5[:]), hexSum, opts)
		if minio.ToErrorResponse(err).StatusCode == http.StatusNotImplemented && !s.unconditional {
			return fmt.Errorf("%w: %w", errNoCondition, err)
		}
		unsure = unsure || err != nil && maybeDone(err)
		etag = info.ETag
		return err
	})
	return etag, unsure, err
}

// compare answers for a Put whose outcome is not known: the same bytes there are
// its own, others are somebody else's, and nothing is what the error says.
func (s *S3) compare(ctx context.Context, name string, data []byte, unsure error) error {
	there, err := s.get(ctx, name, int64(len(data)))
	switch {
	case err == nil && string(there) == string(data):
		return nil
	case err == nil, errors.Is(err, ErrDamaged):
		return ErrExists
	default:
		return unsure
	}
}

// prove looks whether what was acknowledged is there and is what was sent. An
// ETag is usually the MD5 of the content; where it is not, the first object is
// read back, and later ones are only measured.
func (s *S3) prove(ctx context.Context, name string, data []byte, etag string) error {
	info, tag, err := s.stat(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: it was accepted and is not there", ErrDamaged)
	}
	if err != nil {
		return err
	}
	sum5 := md5.Sum(data)
	sound := info.Size == int64(len(data)) && tag == etag
	if sound && (tag == hex.EncodeToString(sum5[:]) || s.opaque.Load()) {
		return nil
	}
	there, err := s.get(ctx, name, int64(len(data)))
	if err == nil && string(there) == string(data) {
		s.opaque.Store(true)
		return nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
		return err
	}
	err = fmt.Errorf("%w: other bytes are there than were sent", ErrDamaged)
	if s.unconditional { // it may be another writer's
		return err
	}
	return errors.Join(err, s.Delete(ctx, name))
}

// Get implements Store.
func (s *S3) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return nil, err
	}
	data, err := s.get(ctx, name, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

func (s *S3) get(ctx context.Context, name string, limit int64) (data []byte, err error) {
	err = s.retry.do(ctx, func(ctx context.Context, t *attempt) error {
		body, info, _, err := s.core.GetObject(ctx, s.bucket, s.key(name), minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer body.Close()
		if info.Size > limit {
			return fmt.Errorf("%w: %d bytes, at most %d are expected", ErrDamaged, info.Size, limit)
		}
		t.expect(info.Size)
		data = make([]byte, max(info.Size, 0))
		if _, err := io.ReadFull(body, data); err != nil || info.Size < 0 {
			return fmt.Errorf("the answer broke off: %w", errors.Join(err, errCut))
		}
		sum := sha256.Sum256(data)
		if want := info.UserMetadata[sumKey]; want != "" && want != hex.EncodeToString(sum[:]) {
			return errSpoiled
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ReadAt implements Store.
func (s *S3) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return err
	}
	if off < 0 {
		return fmt.Errorf("read %s: from %d", name, off)
	}
	if len(p) == 0 {
		info, err := s.Stat(ctx, name)
		if err == nil && info.Size < off {
			err = short(name, 0, off)
		}
		return err
	}
	err := s.retry.do(ctx, func(ctx context.Context, t *attempt) error {
		t.expect(int64(len(p)))
		return s.readRange(ctx, name, p, off)
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func (s *S3) readRange(ctx context.Context, name string, p []byte, off int64) error {
	opts := minio.GetObjectOptions{}
	if err := opts.SetRange(off, off+int64(len(p))-1); err != nil {
		return err
	}
	body, info, header, err := s.core.GetObject(ctx, s.bucket, s.key(name), opts)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return short(name, len(p), off)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if want := "bytes " + strconv.FormatInt(off, 10) + "-"; !strings.HasPrefix(header.Get("Content-Range"), want) {
		return fmt.Errorf("%w: it ignores ranges", errOdd)
	}
	if info.Size >= 0 && info.Size < int64(len(p)) {
		return short(name, len(p), off)
	}
	if _, err = io.ReadFull(body, p); err != nil {
		return fmt.Errorf("the answer broke off: %w", errors.Join(err, errCut))
	}
	return nil
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, name string) (Info, error) {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return Info{}, err
	}
	info, _, err := s.stat(ctx, name)
	if err != nil {
		return Info{}, fmt.Errorf("look up %s: %w", name, err)
	}
	return info, nil
}

func (s *S3) stat(ctx context.Context, name string) (info Info, etag string, err error) {
	err = s.retry.do(ctx, func(ctx context.Context, _ *attempt) error {
		o, err := s.core.StatObject(ctx, s.bucket, s.key(name), minio.StatObjectOptions{})
		if err == nil {
			info, etag = Info{Name: name, Size: o.Size, Modified: o.LastModified.UTC()}, o.ETag
		}
		return err
	})
	return info, etag, err
}

// List implements Store.
func (s *S3) List(ctx context.Context, prefix string, fn func(Info) error) error {
	for last := ""; ; {
		page, next, err := s.page(ctx, prefix, last)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, info := range page {
			if err := fn(info); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		last = next
	}
}

// page returns the objects behind a key, and the key to go on behind, empty at
// the end. A place that lists out of order would make names disappear from
// merges above, so it is refused.
func (s *S3) page(ctx context.Context, prefix, after string) (page []Info, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	err = s.retry.do(ctx, func(ctx context.Context, t *attempt) error {
		page, next = page[:0], ""
		last, seen := after, 0
		opts := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, StartAfter: after, MaxKeys: listPage}
		for o := range s.core.ListObjectsIter(ctx, s.bucket, opts) {
			if o.Err != nil {
				return o.Err
			}
			if o.Key <= last {
				return fmt.Errorf("%w: it lists %q behind %q", errOdd, o.Key, last)
			}
			last, seen = o.Key, seen+1
			if name := strings.TrimPrefix(o.Key, s.prefix); ValidName(name) {
				page = append(page, Info{Name: name, Size: o.Size, Modified: o.LastModified.UTC()})
			}
			if seen == listPage {
				next = last
				break
			}
			t.expect(0)
		}
		return ctx.Err()
	})
	return page, next, err
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := errors.Join(check(name), ctx.Err()); err != nil {
		return err
	}
	err := s.retry.do(ctx, func(ctx context.Context, _ *attempt) error {
		return s.core.RemoveObject(ctx, s.bucket, s.key(name), minio.RemoveObjectOptions{})
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// Now implements Store: the Date header of an answer, in whole seconds. It asks
// for a list, because the answer to that says why it is refused.
func (s *S3) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	var now time.Time
	err := s.retry.do(ctx, func(ctx context.Context, t *attempt) error {
		opts := minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true, MaxKeys: 1}
		for o := range s.core.ListObjectsIter(ctx, s.bucket, opts) {
			if o.Err != nil {
				return o.Err
			}
			break
		}
		now = t.date
		return ctx.Err()
	})
	if err == nil && now.IsZero() {
		err = fmt.Errorf("%w: its answers have no Date", errOdd)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the clock of %s: %w", s.bucket, err)
	}
	return now.UTC(), nil
}
