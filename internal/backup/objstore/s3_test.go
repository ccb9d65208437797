package objstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/testpeer"
)

type trouble = objstoretest.Trouble

// behind opens a bucket behind a proxy that makes trouble, and names the
// directory in which the server keeps the objects.
func behind(t *testing.T, server *testpeer.S3Server) (objstore.Place, *objstoretest.Proxy, string) {
	t.Helper()
	proxy := objstoretest.NewProxy(t, server.Endpoint)
	o, bucket := options(server), server.Bucket(t)
	o.Endpoint = proxy.URL
	s := open(t, "s3://"+bucket, o)
	objstore.Hurry(s, 4, 5*time.Second)
	return s, proxy, filepath.Join(server.Dir, bucket)
}

// once makes trouble for the first request that fits.
func once(fits func(*http.Request) bool, what trouble) func(*http.Request) trouble {
	var done atomic.Bool
	return func(r *http.Request) trouble {
		if fits(r) && done.CompareAndSwap(false, true) {
			return what
		}
		return trouble{}
	}
}

func method(want string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == want && strings.Count(r.URL.Path, "/") > 1 }
}

func always(what trouble) func(*http.Request) trouble {
	return func(*http.Request) trouble { return what }
}

func TestS3OutlivesWhatPasses(t *testing.T) {
	server := testpeer.S3(t)
	data := objstoretest.Random(1, 200_000)
	for name, what := range map[string]trouble{
		"500": {Status: 500}, "502": {Status: 502}, "503 with Retry-After": {Status: 503, RetryAfter: "1"}, "429": {Status: 429},
		"a reset connection": {Reset: true}, "a lost answer": {Lost: true}, "a cut answer": {Cut: true}, "no answer": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy, _ := behind(t, server)
			objstore.Hurry(s, 4, 300*time.Millisecond)
			outlives(t, s, proxy, what, data)
		})
	}
}

// outlives makes trouble once for each kind of call, and expects none to notice.
func outlives(t *testing.T, s objstore.Place, proxy *objstoretest.Proxy, what trouble, data []byte) {
	t.Helper()
	calls := []struct {
		fits func(*http.Request) bool
		call func() error
	}{
		{method(http.MethodPut), func() error { return s.Put(t.Context(), "a/1", data) }},
		{method(http.MethodHead), func() error { return s.Put(t.Context(), "a/2", data) }},
		{method(http.MethodGet), func() error {
			got, err := s.Get(t.Context(), "a/1", 200_000)
			if err == nil && !bytes.Equal(got, data) {
				err = errors.New("other bytes")
			}
			return err
		}},
		{method(http.MethodGet), func() error {
			p := make([]byte, 1000)
			err := s.ReadAt(t.Context(), "a/1", p, 70_000)
			if err == nil && !bytes.Equal(p, data[70_000:71_000]) {
				err = errors.New("other bytes")
			}
			return err
		}},
		{func(*http.Request) bool { return true }, func() error {
			if got := objstoretest.Names(t, s, ""); !slices.Equal(got, []string{"a/1", "a/2"}) {
				return fmt.Errorf("listed %q", got)
			}
			return nil
		}},
		{method(http.MethodHead), func() error { _, err := s.Stat(t.Context(), "a/1"); return err }},
		{func(*http.Request) bool { return true }, func() error { _, err := s.Now(t.Context()); return err }},
		{method(http.MethodDelete), func() error { return s.Delete(t.Context(), "a/1") }},
	}
	for i, c := range calls {
		proxy.SetHook(once(c.fits, what))
		if err := c.call(); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func TestS3GivesUpInTheEnd(t *testing.T) {
	server := testpeer.S3(t)
	for name, tt := range map[string]struct {
		what  trouble
		want  error
		tries int
	}{
		"out of service":        {trouble{Status: 503}, objstore.ErrUnavailable, 3},
		"never reached":         {trouble{Reset: true}, objstore.ErrUnavailable, 3},
		"never answering":       {trouble{Hang: true}, objstore.ErrUnavailable, 3},
		"full":                  {trouble{Status: 507}, objstore.ErrFull, 1},
		"forbidden":             {trouble{Status: 403}, objstore.ErrDenied, 1},
		"unknown here":          {trouble{Status: 401}, objstore.ErrDenied, 1},
		"elsewhere":             {trouble{Status: 307, Location: "http://127.0.0.1:1/"}, objstore.ErrUnavailable, 1},
		"elsewhere for ever":    {trouble{Status: 301, Location: "http://127.0.0.1:1/"}, objstore.ErrUnavailable, 1},
		"not offering anything": {trouble{Status: 501}, nil, 1},
		"odd":                   {trouble{Status: 418}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy, _ := behind(t, server)
			objstore.Hurry(s, 3, 100*time.Millisecond)
			before := proxy.Count(http.MethodGet)
			proxy.SetHook(always(tt.what))
			_, getErr := s.Get(t.Context(), "a", 10)
			if got := proxy.Count(http.MethodGet) - before; got < tt.tries || got > 2*tt.tries { // more when old connections break
				t.Errorf("it was tried %d times, want %d", got, tt.tries)
			}
			_, statErr := s.Stat(t.Context(), "a")
			_, nowErr := s.Now(t.Context())
			for op, err := range map[string]error{
				"get": getErr, "stat": statErr, "now": nowErr, "put": s.Put(t.Context(), "a", []byte("x")),
				"read": s.ReadAt(t.Context(), "a", make([]byte, 1), 0), "delete": s.Delete(t.Context(), "a"),
				"list": s.List(t.Context(), "", func(objstore.Info) error { return nil }),
			} {
				if err == nil || errors.Is(err, objstore.ErrNotFound) || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("%s: got %v, want %v", op, err, tt.want)
				}
			}
		})
	}
}

// TestAPutWhoseAnswerWasLostKnowsItsOwn is T16.
func TestAPutWhoseAnswerWasLostKnowsItsOwn(t *testing.T) {
	server := testpeer.S3(t)
	s, proxy, dir := behind(t, server)
	proxy.SetHook(once(method(http.MethodPut), trouble{Lost: true}))
	if err := s.Put(t.Context(), "commits/1", []byte("mine")); err != nil {
		t.Errorf("its own: %v", err)
	}
	proxy.SetHook(func(r *http.Request) trouble { return trouble{Lost: r.Method == http.MethodPut} })
	if err := s.Put(t.Context(), "commits/2", []byte("mine")); err != nil {
		t.Errorf("its own, when no try is answered: %v", err)
	}
	other := open(t, "s3://"+filepath.Base(dir), options(server))
	proxy.SetHook(func(r *http.Request) trouble {
		if r.Method != http.MethodPut {
			return trouble{}
		}
		if err := other.Put(t.Context(), "commits/3", []byte("theirs")); err != nil && !errors.Is(err, objstore.ErrExists) {
			t.Error(err)
		}
		return trouble{Lost: true}
	})
	if err := s.Put(t.Context(), "commits/3", []byte("mine")); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("another's: %v", err)
	}
	proxy.SetHook(func(r *http.Request) trouble { return trouble{Reset: r.Method == http.MethodPut} })
	if err := s.Put(t.Context(), "commits/4", []byte("mine")); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("when nothing was stored: %v", err)
	}
	proxy.SetHook(always(trouble{Lost: true}))
	if err := s.Put(t.Context(), "commits/5", []byte("mine")); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("when there is no looking: %v", err)
	}
	proxy.SetHook(nil)
	if got := objstoretest.Names(t, s, "commits/"); len(got) != 4 || slices.Contains(got, "commits/4") {
		t.Errorf("there is %q", got)
	}
}

// TestWhatWasAcceptedIsProven is T15: the server said 200.
func TestWhatWasAcceptedIsProven(t *testing.T) {
	server := testpeer.S3(t)
	s, proxy, dir := behind(t, server)
	spoil := func(name string, change func([]byte) []byte) func() {
		return func() {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, change(data), 0o600)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	for name, what := range map[string]trouble{
		"swallowed": {Swallow: true},
		"cut":       {After: spoil("cut", func(d []byte) []byte { return d[:10] })},
		"flipped": {
			After: spoil("flipped", func(d []byte) []byte { d[77] ^= 4; return d }),
			Edit:  func(h http.Header) { h.Set("ETag", `"0123456789abcdef0123456789abcdef"`) },
		},
	} {
		proxy.SetHook(once(method(http.MethodPut), what))
		err := s.Put(t.Context(), name, objstoretest.Random(1, 1000))
		if !errors.Is(err, objstore.ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
	}
	if got := objstoretest.Names(t, s, ""); len(got) > 0 {
		t.Errorf("left %q", got)
	}
}

func TestS3NoticesDamage(t *testing.T) {
	server := testpeer.S3(t)
	s, proxy, dir := behind(t, server)
	for _, name := range []string{"flipped", "cut"} {
		if err := s.Put(t.Context(), name, objstoretest.Random(1, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	data := objstoretest.Random(1, 1000)
	data[500] ^= 1
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "flipped"), data, 0o600), os.Truncate(filepath.Join(dir, "cut"), 999),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flipped", "cut"} {
		if _, err := s.Get(t.Context(), name, 1000); !errors.Is(err, objstore.ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
	}
	if err := s.ReadAt(t.Context(), "cut", make([]byte, 500), 500); !errors.Is(err, objstore.ErrDamaged) {
		t.Errorf("a part that is cut: got %v, want ErrDamaged", err)
	}
	proxy.SetHook(always(trouble{Edit: func(h http.Header) { h.Del("Content-Range") }}))
	if err := s.ReadAt(t.Context(), "flipped", make([]byte, 5), 5); err == nil || !strings.Contains(err.Error(), "ignores ranges") {
		t.Errorf("a server that ignores ranges: %v", err)
	}
	proxy.SetHook(always(trouble{Edit: func(h http.Header) { h.Set("Date", "today") }}))
	if _, err := s.Now(t.Context()); err == nil || !strings.Contains(err.Error(), "no Date") {
		t.Errorf("a server without a clock: %v", err)
	}
	proxy.SetHook(always(trouble{Edit: func(h http.Header) { h.Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT") }}))
	if now, err := s.Now(t.Context()); err != nil || now.Year() != 2006 {
		t.Errorf("a server of 2006 has %v, %v", now, err)
	}
}

// TestOpaqueTags: an encrypted bucket has tags that are no MD5.
func TestOpaqueTags(t *testing.T) {
	s, proxy, _ := behind(t, testpeer.S3(t))
	proxy.SetHook(always(trouble{Edit: func(h http.Header) {
		if h.Get("ETag") != "" {
			h.Set("ETag", `"0123456789abcdef0123456789abcdef"`)
		}
	}}))
	before := proxy.Count(http.MethodGet)
	for i := range 3 {
		if err := s.Put(t.Context(), fmt.Sprint(i), objstoretest.Random(uint64(i), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if got := proxy.Count(http.MethodGet) - before; got != 1 {
		t.Errorf("%d objects were read back, want the first only", got)
	}
}

func TestAServerThatRefusesConditions(t *testing.T) {
	server := testpeer.S3(t)
	s, proxy, dir := behind(t, server)
	hook := func(r *http.Request) trouble {
		if r.Header.Get("If-None-Match") != "" {
			return trouble{Status: 501}
		}
		return trouble{}
	}
	proxy.SetHook(hook)
	r, err := objstore.Probe(t.Context(), s)
	if err == nil || !r.SingleWriter || failed(r) != objstore.CheckAbsent {
		t.Errorf("got %+v, %v", r, err)
	}
	o := options(server)
	o.Endpoint, o.Unconditional = proxy.URL, true
	s = open(t, "s3://"+filepath.Base(dir), o)
	if err := s.Put(t.Context(), "a", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := s.Put(t.Context(), "a", []byte("y")); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("a taken name: %v", err)
	}
	objstore.Hurry(s, 1, time.Second)
	proxy.SetHook(always(trouble{Status: 503}))
	if err := s.Put(t.Context(), "b", nil); !errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, objstore.ErrExists) {
		t.Errorf("when there is no looking: %v", err)
	}
}

func TestS3StopsWhenTheCallerGivesUp(t *testing.T) {
	s, proxy, _ := behind(t, testpeer.S3(t))
	for name, what := range map[string]trouble{"while waiting": {Hang: true}, "between tries": {Status: 503, RetryAfter: "9"}} {
		proxy.SetHook(always(what))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		began := time.Now()
		_, err := s.Get(ctx, "a", 1)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, objstore.ErrUnavailable) || time.Since(began) > 3*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
	}
}

// TestS3InAStorm is the part of T14 that a store answers for.
func TestS3InAStorm(t *testing.T) {
	s, proxy, _ := behind(t, testpeer.S3(t))
	objstore.Hurry(s, 6, 5*time.Second)
	work := func() {
		for i := range 30 {
			name, data := fmt.Sprintf("packs/%02d", i), objstoretest.Random(uint64(i), 20_000)
			if err := s.Put(t.Context(), name, data); err != nil {
				t.Errorf("put %s: %v", name, err)
			}
			if got, err := s.Get(t.Context(), name, 20_000); err != nil || !bytes.Equal(got, data) {
				t.Errorf("get %s: %v", name, err)
			}
		}
		if got := objstoretest.Names(t, s, ""); len(got) != 30 {
			t.Errorf("listed %d names, want 30", len(got))
		}
		for i := range 30 {
			if err := s.Delete(t.Context(), fmt.Sprintf("packs/%02d", i)); err != nil {
				t.Error(err)
			}
		}
	}
	before := requests(proxy)
	work()
	calm := requests(proxy) - before
	for seed := range uint64(2) {
		before := requests(proxy)
		proxy.SetHook(objstoretest.Stormy(seed, objstoretest.Weather{
			Refused: 0.05, Reset: 0.05, Lost: 0.05, Cut: 0.05, Slow: 0.10, Delay: 20 * time.Millisecond,
		}))
		work()
		if stormy := requests(proxy) - before; stormy > 2*calm || stormy <= calm {
			t.Errorf("seed %d: %d requests in the storm, %d without", seed, stormy, calm)
		}
	}
}

func requests(p *objstoretest.Proxy) int {
	n := 0
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		n += p.Count(m)
	}
	return n
}

func TestForeignObjectsInABucket(t *testing.T) {
	server := testpeer.S3(t)
	bucket := server.Bucket(t)
	dir := filepath.Join(server.Dir, bucket)
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "repo", "packs"), 0o700),
		os.WriteFile(filepath.Join(dir, "repo", "packs", "1"), []byte("put there by hand"), 0o600),
		os.WriteFile(filepath.Join(dir, "repo", "a b"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, "repository"), nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, "s3://"+bucket+"/repo", options(server))
	if got := objstoretest.Names(t, s, ""); !slices.Equal(got, []string{"packs/1"}) {
		t.Errorf("listed %q", got)
	}
	if data, err := s.Get(t.Context(), "packs/1", 100); err != nil || string(data) != "put there by hand" {
		t.Errorf("got %q, %v", data, err)
	}
}
