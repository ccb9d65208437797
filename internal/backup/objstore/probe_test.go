package objstore_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
	"github.com/holdfast/holdfast/internal/backup/objstore/objstoretest"
	"github.com/holdfast/holdfast/internal/testpeer"
)

type (
	call  = objstoretest.Call
	fault = objstoretest.Fault
)

// failed lists the checks that found something wrong.
func failed(r objstore.Report) string {
	var checks []string
	for _, f := range r.Findings {
		if !f.OK {
			checks = append(checks, f.Check)
		}
		if !strings.HasSuffix(f.Text, ".") {
			checks = append(checks, "no sentence: "+f.Text)
		}
	}
	return strings.Join(checks, ", ")
}

func TestProbeIsContentWithADirectoryAndABucket(t *testing.T) {
	places := map[string]func(t *testing.T) objstore.Store{
		"directory": func(t *testing.T) objstore.Store { return open(t, t.TempDir(), objstore.S3Options{}) },
		"bucket": func(t *testing.T) objstore.Store {
			server := testpeer.S3(t)
			return open(t, "s3://"+server.Bucket(t), options(server))
		},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			s := place(t)
			r, err := objstore.Probe(t.Context(), s)
			if err != nil || failed(r) != "" || len(r.Findings) != 8 || r.SingleWriter || r.AppendOnly || r.Unfit {
				t.Errorf("got %+v, %v", r, err)
			}
			if r.Skew.Abs() > 2*time.Second {
				t.Errorf("the clocks differ by %v", r.Skew)
			}
			if got := objstoretest.Names(t, s, ""); len(got) > 0 {
				t.Errorf("left %q", got)
			}
		})
	}
}

func TestABucketOpenedWithoutConditionsHasASingleWriter(t *testing.T) {
	server := testpeer.S3(t)
	o := options(server)
	o.Unconditional = true
	s := open(t, "s3://"+server.Bucket(t), o)
	r, err := objstore.Probe(t.Context(), s)
	if err != nil || r.Unfit || !r.SingleWriter || failed(r) != objstore.CheckRace {
		t.Errorf("got %+v, %v", r, err)
	}
}

// sim is a place in memory whose clock is right.
func sim(t *testing.T, hook func(call) fault) *objstoretest.Sim {
	t.Helper()
	s := objstoretest.NewSim()
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Since(now))
	s.Hook = hook
	return s
}

func TestProbeFindsWhatAPlaceCannotDo(t *testing.T) {
	on := func(op objstoretest.Op, f fault) func(call) fault {
		return func(c call) fault {
			if c.Op == op {
				return f
			}
			return fault{}
		}
	}
	tests := []struct {
		name, failed                    string
		hook                            func(call) fault
		singleWriter, appendOnly, unfit bool
	}{
		{name: "everything", hook: nil},
		{
			name: "conditions", hook: on(objstoretest.OpPut, fault{IgnoreCondition: true}),
			failed: "put if absent, concurrent writers", singleWriter: true,
		},
		{
			name: "conditions when writers come at once", failed: "concurrent writers", singleWriter: true,
			hook: func(c call) fault { return fault{IgnoreCondition: strings.Contains(c.Name, "-race-")} },
		},
		{
			name: "listing what is new", failed: "list after write, delete", unfit: true,
			hook: on(objstoretest.OpList, fault{Stale: 3}),
		},
		{
			name: "keeping bytes", failed: "read after write, ranges", unfit: true,
			hook: func(c call) fault { return fault{StoreFlipped: c.N == 2, Bit: 8 * 50_100} },
		},
		{
			name: "returning bytes", failed: "read after write", unfit: true,
			hook: func(c call) fault { return fault{ReadFlipped: c.Op == objstoretest.OpGet && c.N < 6} },
		},
		{
			name: "ranges", failed: "ranges", unfit: true, hook: on(objstoretest.OpReadAt, fault{ReadFlipped: true}),
		},
		{
			name: "deleting by right", failed: "delete", appendOnly: true,
			hook: on(objstoretest.OpDelete, fault{Err: objstore.ErrDenied}),
		},
		{name: "telling the time, which it is ahead of", failed: "clock", hook: on(objstoretest.OpNow, fault{Skew: time.Hour})},
		{name: "telling the time", failed: "clock", hook: on(objstoretest.OpNow, fault{Skew: -time.Hour})},
	}
	for _, tt := range tests {
		s := sim(t, tt.hook)
		r, err := objstore.Probe(t.Context(), s)
		if err != nil {
			t.Errorf("cannot do %s: %v", tt.name, err)
		}
		if failed(r) != tt.failed || r.SingleWriter != tt.singleWriter || r.AppendOnly != tt.appendOnly || r.Unfit != tt.unfit {
			t.Errorf("cannot do %s: failed %q, want %q; %+v", tt.name, failed(r), tt.failed, r)
		}
		if got := s.Names(""); len(got) > 0 && !tt.appendOnly {
			t.Errorf("cannot do %s: left %q", tt.name, got)
		}
	}
}

// TestProbeSaysWhenItCannotFindOut fails every single call in turn.
func TestProbeSaysWhenItCannotFindOut(t *testing.T) {
	clean := sim(t, nil)
	if _, err := objstore.Probe(t.Context(), clean); err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{objstore.ErrUnavailable, objstore.ErrFull} {
		for n := 2; n <= len(clean.Calls()); n++ {
			s := sim(t, objstoretest.At(n, fault{Err: want}))
			r, err := objstore.Probe(t.Context(), s)
			if !errors.Is(err, want) && !r.Unfit {
				t.Errorf("call %d of %d fails: got %v and %+v\n%s", n, len(clean.Calls()), err, r, s.Transcript())
			}
		}
	}
}

func TestProbeOfAPlaceThatSwallowsObjects(t *testing.T) {
	r, err := objstore.Probe(t.Context(), sim(t, objstoretest.At(2, fault{Vanish: true})))
	if err != nil || !r.Unfit || !strings.Contains(failed(r), "read after write") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestProbeCleansUpAfterItWasGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := sim(t, func(c call) fault {
		if c.Op == objstoretest.OpList {
			cancel()
		}
		return fault{}
	})
	if _, err := objstore.Probe(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := s.Names(""); len(got) > 0 {
		t.Errorf("left %q", got)
	}
}

func TestProbeOfABucketThatSwallowsObjects(t *testing.T) {
	s, proxy, _ := behind(t, testpeer.S3(t))
	proxy.SetHook(once(method(http.MethodPut), trouble{Swallow: true}))
	r, err := objstore.Probe(t.Context(), s)
	if !errors.Is(err, objstore.ErrDamaged) || !r.Unfit || failed(r) != objstore.CheckWrite {
		t.Errorf("got %+v, %v", r, err)
	}
}
