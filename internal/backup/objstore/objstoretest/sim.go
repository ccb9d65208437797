package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// ErrCrashed is what every call gets after the process it simulates has died.
var ErrCrashed = errors.New("the simulated process has died")

// Op names a method of objstore.Store.
type Op string

// The methods of objstore.Store.
const (
	OpPut    Op = "put"
	OpGet    Op = "get"
	OpReadAt Op = "read"
	OpStat   Op = "stat"
	OpList   Op = "list"
	OpDelete Op = "delete"
	OpNow    Op = "now"
)

// Call is one call of a Sim. N counts from 1; Size is that of the bytes given or asked for.
type Call struct {
	N    int
	Op   Op
	Name string
	Size int
}

func (c Call) String() string { return fmt.Sprintf("%d: %s %s (%d)", c.N, c.Op, c.Name, c.Size) }

// Sim is a Store in memory that does what a test tells it to. Several programs
// on one place are several Sims of one state; see Client. Everything that a
// call acknowledged is durable, and without a hook nothing ever fails.
type Sim struct {
	// Hook, when it is set, decides what becomes of each call. It is called
	// without any lock, so it may itself use other clients of the same place.
	Hook func(Call) Fault

	place *place

	mu      sync.Mutex
	calls   []Call
	crashed bool
}

// NewSim returns an empty place whose clock stands at the start of 2026.
func NewSim() *Sim { return &Sim{place: newPlace()} }

// Client returns another program on the same place: own hook, own calls, own crash.
func (s *Sim) Client() *Sim { return &Sim{place: s.place} }

// Clone returns a copy of the place and its clock, for a fresh program. The
// bytes are shared until one side changes, so a clone costs nearly nothing.
func (s *Sim) Clone() *Sim { return &Sim{place: s.place.clone()} }

// Restart lets a program that died begin again, with its calls counted anew.
func (s *Sim) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crashed, s.calls = false, nil
}

// Crashed says whether the program has died.
func (s *Sim) Crashed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crashed
}

// Calls returns the calls since the start, those that failed included.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// begin records a call and asks the hook about it.
func (s *Sim) begin(ctx context.Context, op Op, name string, size int) (Fault, error) {
	if err := ctx.Err(); err != nil {
		return Fault{}, err
	}
	if op != OpList && op != OpNow && !objstore.ValidName(name) {
		return Fault{}, fmt.Errorf("%q is no name of an object", name)
	}
	s.mu.Lock()
	if s.crashed {
		s.mu.Unlock()
		return Fault{}, ErrCrashed
	}
	c := Call{N: len(s.calls) + 1, Op: op, Name: name, Size: size}
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	s.place.tick()
	var f Fault
	if s.Hook != nil {
		f = s.Hook(c)
	}
	return f, s.before(f, c)
}

// before applies the faults that keep a call from having any effect.
func (s *Sim) before(f Fault, c Call) error {
	switch {
	case f.Crash:
		return s.die()
	case s.Crashed(): // of another call, meanwhile
		return ErrCrashed
	case f.Err != nil:
		return fmt.Errorf("%s %s: %w", c.Op, c.Name, f.Err)
	default:
		return nil
	}
}

// after applies the faults of a call that had its effect.
func (s *Sim) after(f Fault, err error) error {
	switch {
	case f.CrashDone:
		return s.die()
	case err == nil && f.Lost != nil:
		return fmt.Errorf("the answer was lost: %w", f.Lost)
	default:
		return err
	}
}

func (s *Sim) die() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crashed = true
	return ErrCrashed
}

// Put implements objstore.Store.
func (s *Sim) Put(ctx context.Context, name string, data []byte) error {
	f, err := s.begin(ctx, OpPut, name, len(data))
	if err != nil {
		return err
	}
	return s.after(f, s.put(name, data, f))
}

func (s *Sim) put(name string, data []byte, f Fault) error {
	stored := f.spoil(bytes.Clone(data), f.StoreFlipped, f.StoreCut)
	if err := s.place.put(name, stored, f); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return nil
}

// Get implements objstore.Store.
func (s *Sim) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	f, err := s.begin(ctx, OpGet, name, 0)
	if err != nil {
		return nil, err
	}
	o, err := s.place.look(name)
	if err == nil && int64(len(o.data)) > limit {
		err = objstore.ErrDamaged
	}
	if err = s.after(f, err); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return f.spoil(bytes.Clone(o.data), f.ReadFlipped, f.ReadCut), nil
}

// ReadAt implements objstore.Store.
func (s *Sim) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	f, err := s.begin(ctx, OpReadAt, name, len(p))
	if err != nil {
		return err
	}
	o, err := s.place.look(name)
	if err == nil && (f.ReadCut || off < 0 || off > int64(len(o.data)) || int64(len(p)) > int64(len(o.data))-off) {
		err = objstore.ErrDamaged
	}
	if err = s.after(f, err); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	copy(p, o.data[off:])
	f.spoil(p, f.ReadFlipped, false)
	return nil
}

// Stat implements objstore.Store.
func (s *Sim) Stat(ctx context.Context, name string) (objstore.Info, error) {
	f, err := s.begin(ctx, OpStat, name, 0)
	if err != nil {
		return objstore.Info{}, err
	}
	o, err := s.place.look(name)
	if err = s.after(f, err); err != nil {
		return objstore.Info{}, fmt.Errorf("look up %s: %w", name, err)
	}
	return o.info(), nil
}

// List implements objstore.Store. It gives the names as they are when it begins.
func (s *Sim) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	f, err := s.begin(ctx, OpList, prefix, 0)
	if err != nil {
		return err
	}
	all := s.place.list(prefix, f.Stale)
	if f.Lost != nil { // it breaks off in the middle
		all = all[:len(all)/2]
	}
	for _, info := range all {
		if err := fn(info); err != nil {
			return err
		}
	}
	return s.after(f, nil)
}

// Delete implements objstore.Store.
func (s *Sim) Delete(ctx context.Context, name string) error {
	f, err := s.begin(ctx, OpDelete, name, 0)
	if err != nil {
		return err
	}
	s.place.remove(name)
	return s.after(f, nil)
}

// Now implements objstore.Store.
func (s *Sim) Now(ctx context.Context) (time.Time, error) {
	f, err := s.begin(ctx, OpNow, "", 0)
	if err != nil {
		return time.Time{}, err
	}
	return s.place.time().Add(f.Skew), s.after(f, nil)
}

// Advance moves the clock of the place, also backwards.
func (s *Sim) Advance(d time.Duration) { s.place.advance(d) }

// SetQuota limits the bytes of all objects together; 0 lifts the limit.
func (s *Sim) SetQuota(n int64) { s.place.setQuota(n) }

// Names lists what is there with a prefix, past hooks and delays.
func (s *Sim) Names(prefix string) []string { return s.place.names(prefix) }

// Bytes returns an object, past hooks and delays, or nil.
func (s *Sim) Bytes(name string) []byte { return s.place.bytes(name) }

// Replace puts data in the place of an object, as damage or an attacker would;
// nil removes it. A name that is not there is made.
func (s *Sim) Replace(name string, data []byte) { s.place.replace(name, bytes.Clone(data)) }

// Transcript is the log of calls as text, to show in a failing test.
func (s *Sim) Transcript() string {
	var b strings.Builder
	for _, c := range s.Calls() {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}
