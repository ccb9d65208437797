package objstoretest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// Rates are probabilities of what a Flaky does to a call.
type Rates struct {
	Fail  float64 // it has no effect and is ErrUnavailable
	Lost  float64 // it has its effect and is ErrUnavailable; a List breaks off
	Cut   float64 // what is read comes back damaged, as ErrDamaged
	Slow  float64 // it takes Delay
	Delay time.Duration
}

// BadNetwork is what a store still lets through of a bad network, 5 % of each,
// and 10 % of calls that take their time.
var BadNetwork = Rates{Fail: 0.05, Lost: 0.05, Cut: 0.05, Slow: 0.10, Delay: 2 * time.Millisecond}

// FlakyStore is any store, on a bad day.
type FlakyStore struct {
	objstore.Store

	mu     sync.Mutex
	rates  Rates
	r      *rand.Rand
	faults int
	failed map[string]int // how often the same call failed in a row
	worst  int
}

// Flaky makes a store fail as seed and rates say, as far as calls come in the
// same order.
func Flaky(s objstore.Store, seed uint64, rates Rates) *FlakyStore {
	return &FlakyStore{Store: s, rates: rates, r: rand.New(rand.NewPCG(seed, 0xc2b2ae35)), failed: map[string]int{}}
}

// Calm ends the bad day.
func (f *FlakyStore) Calm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates = Rates{}
}

// Faults tells how many calls were made to fail.
func (f *FlakyStore) Faults() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults
}

// Persistence tells how often one call was repeated in a row after it had
// failed. Who uses a store must not try for ever, since a store has tried already.
func (f *FlakyStore) Persistence() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.worst
}

type mishap struct {
	fail, lost, cut bool
	delay           time.Duration
}

func (f *FlakyStore) draw(call string) mishap {
	f.mu.Lock()
	defer f.mu.Unlock()
	if again := f.failed[call]; again > f.worst {
		f.worst = again
	}
	m := mishap{fail: f.r.Float64() < f.rates.Fail, lost: f.r.Float64() < f.rates.Lost, cut: f.r.Float64() < f.rates.Cut}
	if f.r.Float64() < f.rates.Slow {
		m.delay = f.rates.Delay
	}
	return m
}

// around makes a call with whatever goes wrong. Only reading can come back cut.
func (f *FlakyStore) around(ctx context.Context, op Op, name string, reads bool, call func() error) error {
	key := string(op) + " " + name
	m := f.draw(key)
	m.cut = m.cut && reads
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(m.delay):
	}
	if m.fail {
		return f.fault(key, objstore.ErrUnavailable)
	}
	err := call()
	switch {
	case err != nil:
		return err
	case m.lost:
		return f.fault(key, objstore.ErrUnavailable)
	case m.cut:
		return f.fault(key, objstore.ErrDamaged)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.failed, key)
	return nil
}

func (f *FlakyStore) fault(key string, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults++
	f.failed[key]++
	return fmt.Errorf("%s: %w", key, err)
}

// Put implements objstore.Store.
func (f *FlakyStore) Put(ctx context.Context, name string, data []byte) error {
	return f.around(ctx, OpPut, name, false, func() error { return f.Store.Put(ctx, name, data) })
}

// Get implements objstore.Store.
func (f *FlakyStore) Get(ctx context.Context, name string, limit int64) (data []byte, err error) {
	err = f.around(ctx, OpGet, name, true, func() error {
		data, err = f.Store.Get(ctx, name, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ReadAt implements objstore.Store.
func (f *FlakyStore) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	return f.around(ctx, OpReadAt, name, true, func() error { return f.Store.ReadAt(ctx, name, p, off) })
}

// Stat implements objstore.Store.
func (f *FlakyStore) Stat(ctx context.Context, name string) (info objstore.Info, err error) {
	err = f.around(ctx, OpStat, name, false, func() error {
		info, err = f.Store.Stat(ctx, name)
		return err
	})
	return info, err
}

// List implements objstore.Store.
func (f *FlakyStore) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	return f.around(ctx, OpList, prefix, false, func() error { return f.Store.List(ctx, prefix, fn) })
}

// Delete implements objstore.Store.
func (f *FlakyStore) Delete(ctx context.Context, name string) error {
	return f.around(ctx, OpDelete, name, false, func() error { return f.Store.Delete(ctx, name) })
}

// Now implements objstore.Store.
func (f *FlakyStore) Now(ctx context.Context) (now time.Time, err error) {
	err = f.around(ctx, OpNow, "", false, func() error {
		now, err = f.Store.Now(ctx)
		return err
	})
	return now, err
}
