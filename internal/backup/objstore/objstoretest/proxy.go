package objstoretest

import (
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Trouble is what becomes of one request on its way to an S3 server; the zero
// Trouble lets it pass.
type Trouble struct {
	// Delay holds the request back.
	Delay time.Duration
	// Status is answered without the server being asked.
	Status int
	// RetryAfter, in seconds, goes with Status.
	RetryAfter string
	// Location goes with a Status that redirects.
	Location string
	// Reset breaks the connection without the server being asked; Lost does it
	// after the server has done what was asked; Hang never answers until the
	// client gives up.
	Reset, Lost, Hang bool
	// Cut ends the answer after half of its body.
	Cut bool
	// Swallow answers 200 although the server is not asked.
	Swallow bool
	// After is called when the server has done its part, before it is answered.
	After func()
	// Edit changes the header of the answer.
	Edit func(http.Header)
}

// Proxy stands between a client and an S3 server and makes trouble.
type Proxy struct {
	URL string

	ended  chan struct{}
	mu     sync.Mutex
	hook   func(*http.Request) Trouble
	counts map[string]int
}

// NewProxy starts a proxy before the server at target. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{ended: make(chan struct{}), counts: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.serve(w, r, to)
	}))
	t.Cleanup(func() {
		close(p.ended)
		server.CloseClientConnections()
		server.Close()
	})
	p.URL = server.URL
	return p
}

// SetHook decides from now on what becomes of each request; nil lets all pass.
func (p *Proxy) SetHook(hook func(*http.Request) Trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

// Count tells how many requests of a method have come.
func (p *Proxy) Count(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[method]
}

func (p *Proxy) decide(r *http.Request) Trouble {
	p.mu.Lock()
	p.counts[r.Method]++
	hook := p.hook
	p.mu.Unlock()
	if hook == nil {
		return Trouble{}
	}
	return hook(r)
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, to *url.URL) {
	t := p.decide(r)
	pause := time.NewTimer(t.Delay)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-p.ended:
	}
	switch {
	case t.Hang:
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the client would not be noticed
		select {
		case <-r.Context().Done():
		case <-p.ended:
		}
	case t.Reset:
		panic(http.ErrAbortHandler)
	case t.Status != 0:
		for name, value := range map[string]string{"Retry-After": t.RetryAfter, "Location": t.Location} {
			if value != "" {
				w.Header().Set(name, value)
			}
		}
		w.WriteHeader(t.Status)
	case t.Swallow:
		w.WriteHeader(http.StatusOK)
	default:
		forward(w, r, to, t)
	}
}

// forward keeps the Host of the client, which is part of its signature.
func forward(w http.ResponseWriter, r *http.Request, to *url.URL, t Trouble) {
	proxy := httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(resp *http.Response) error {
			if t.After != nil {
				t.After()
			}
			if t.Edit != nil {
				t.Edit(resp.Header)
			}
			return nil
		},
		ErrorLog: log.New(discard{}, "", 0),
	}
	if t.Cut || t.Lost {
		cut := &cutter{ResponseWriter: w, lost: t.Lost}
		proxy.ServeHTTP(cut, r)
		panic(http.ErrAbortHandler)
	}
	proxy.ServeHTTP(w, r)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// cutter passes on half of each write, or nothing at all, and then breaks off.
type cutter struct {
	http.ResponseWriter
	lost bool
}

func (c *cutter) WriteHeader(status int) {
	if !c.lost {
		c.ResponseWriter.WriteHeader(status)
	}
}

func (c *cutter) Write(p []byte) (int, error) {
	if !c.lost {
		_, _ = c.ResponseWriter.Write(p[:len(p)/2])
		_ = http.NewResponseController(c.ResponseWriter).Flush() // what matters is that it ends now
	}
	panic(http.ErrAbortHandler)
}

// Weather are probabilities of trouble on the way to a server.
type Weather struct {
	Refused float64 // 500, 503 or 429
	Reset   float64
	Lost    float64
	Cut     float64
	Slow    float64
	Delay   time.Duration // of a slow request
}

// Stormy returns a hook whose trouble follows from the seed, as far as requests
// come in the same order.
func Stormy(seed uint64, w Weather) func(*http.Request) Trouble {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0x9e3779b9))
	return func(*http.Request) Trouble {
		mu.Lock()
		defer mu.Unlock()
		var t Trouble
		if status := []int{500, 503, 429}[r.IntN(3)]; r.Float64() < w.Refused {
			t.Status = status
		}
		t.Reset, t.Lost, t.Cut = r.Float64() < w.Reset, r.Float64() < w.Lost, r.Float64() < w.Cut
		if r.Float64() < w.Slow {
			t.Delay = w.Delay
		}
		return t
	}
}
