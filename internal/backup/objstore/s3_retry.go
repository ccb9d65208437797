package objstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/minio/minio-go/v7"
)

// retry says how often and how patiently requests are tried.
type retry struct {
	tries       int
	first, most time.Duration // pause after the first try, and the longest
	patience    time.Duration // for an answer, beyond the time that the bytes may take
}

var defaultRetry = retry{tries: 6, first: 250 * time.Millisecond, most: 8 * time.Second, patience: time.Minute}

// slowest is the rate, in bytes per second, below which a transfer counts as stuck.
const slowest = 128 << 10

// attempt is one try: its time limit, and what the answer said in passing.
type attempt struct {
	timer    *time.Timer
	patience time.Duration
	date     time.Time
	after    time.Duration // what Retry-After asks for
}

// expect gives the try the time for n more bytes from now on.
func (t *attempt) expect(n int64) {
	t.timer.Reset(t.patience + time.Duration(max(n, 0))*time.Second/slowest)
}

type attemptKey struct{}

var errStuck = fmt.Errorf("%w: no answer in time", ErrUnavailable)

// do calls f until it succeeds, fails for good, or has failed often enough, and
// returns an error of this package. It pauses longer after each failure, by a
// random part so that many clients do not come back together.
func (r retry) do(ctx context.Context, f func(context.Context, *attempt) error) error {
	for n := 1; ; n++ {
		t, err := r.once(ctx, f)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil || n == r.tries || !passing(err) {
			return err
		}
		pause := min(r.first<<(n-1), r.most)
		pause = max(pause/2+rand.N(pause/2+1), min(t.after, r.most))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (r retry) once(ctx context.Context, f func(context.Context, *attempt) error) (*attempt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &attempt{patience: r.patience}
	t.timer = time.AfterFunc(r.patience, func() { cancel(errStuck) })
	defer t.timer.Stop()
	err := f(context.WithValue(ctx, attemptKey{}, t), t)
	if err != nil && errors.Is(context.Cause(ctx), errStuck) {
		return t, errStuck
	}
	return t, classifyS3(err)
}

// noting keeps the date of each answer and the pause it asks for.
type noting struct{ next http.RoundTripper }

func (n noting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := n.next.RoundTrip(req)
	if t, ok := req.Context().Value(attemptKey{}).(*attempt); ok && err == nil {
		t.date, _ = http.ParseTime(resp.Header.Get("Date")) // zero when there is none
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		t.after = time.Duration(max(seconds, 0)) * time.Second
	}
	return resp, err
}

// CloseIdleConnections is what http.Client looks for.
func (n noting) CloseIdleConnections() {
	if c, ok := n.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

var (
	errNoBucket = fmt.Errorf("%w: there is no such bucket", ErrUnavailable)
	errRedirect = fmt.Errorf("%w: the server answers with a redirect, which is not followed; check endpoint and region", ErrUnavailable)
	errSpoiled  = fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	errOdd      = errors.New("the server does not keep to the rules of S3")
	// errNoCondition: some servers refuse the header, others ignore it.
	errNoCondition = fmt.Errorf("%w: it refuses to write only where nothing is (If-None-Match)", errOdd)
	errCut         = fmt.Errorf("%w: fewer bytes came than announced", ErrUnavailable)
)

// passing says whether an error may go away by itself.
func passing(err error) bool {
	if errors.Is(err, errNoBucket) || errors.Is(err, errRedirect) {
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, errSpoiled)
}

// maybeDone says whether a request that failed may have had its effect.
func maybeDone(err error) bool {
	status := minio.ToErrorResponse(err).StatusCode
	return status == 0 || status >= 500
}

// codes of S3 and what they mean here; status codes decide about the others.
var codes = map[string]error{
	"NoSuchKey":                  ErrNotFound,
	"NoSuchBucket":               errNoBucket,
	"PreconditionFailed":         ErrExists,
	"QuotaExceeded":              ErrFull,
	"XMinioStorageFull":          ErrFull,
	"InsufficientStorage":        ErrFull,
	"EntityTooLarge":             ErrFull,
	"AccessDenied":               ErrDenied,
	"ExpiredToken":               ErrDenied,
	"InvalidAccessKeyId":         ErrDenied,
	"SignatureDoesNotMatch":      ErrDenied,
	"XAdminUserNotFound":         ErrDenied, // versitygw's word for InvalidAccessKeyId
	"RequestTimeTooSkewed":       ErrDenied,
	"BadDigest":                  errSpoiled,
	"RequestTimeout":             ErrUnavailable,
	"OperationAborted":           ErrUnavailable,
	"IncompleteBody":             ErrUnavailable,
	"PermanentRedirect":          errRedirect,
	"ConditionalRequestConflict": ErrUnavailable, // another conditional request for that name is under way
	"XAmzContentSHA256Mismatch":  errSpoiled,
}

// classifyS3 puts an error under the errors of this package.
func classifyS3(err error) error {
	for _, known := range []error{ErrNotFound, ErrExists, ErrFull, ErrDenied, ErrUnavailable, ErrDamaged, errOdd} {
		if err == nil || errors.Is(err, known) {
			return err
		}
	}
	resp := minio.ToErrorResponse(err)
	if kind, ok := codes[resp.Code]; ok {
		return fmt.Errorf("%w: %s", kind, resp.Message)
	}
	switch status := resp.StatusCode; {
	case status == 0 && resp.Code == "":
		return classifyNet(err)
	case status >= 300 && status < 400:
		return errRedirect
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: %s", ErrDenied, resp.Message)
	case status == http.StatusInsufficientStorage:
		return fmt.Errorf("%w: %s", ErrFull, resp.Message)
	case status == http.StatusNotImplemented:
		return fmt.Errorf("the server does not offer this: %s: %s", resp.Code, resp.Message)
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return fmt.Errorf("%w: %s (%d)", ErrUnavailable, resp.Message, status)
	default:
		return fmt.Errorf("the server refuses: %s: %s", resp.Code, resp.Message)
	}
}

// classifyNet is for errors that are no answer of the server.
func classifyNet(err error) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
