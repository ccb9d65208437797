package objstoretest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

func TestACalmFlakyKeepsThePromises(t *testing.T) {
	Suite(t, func(*testing.T) objstore.Store { return Flaky(NewSim(), 1, Rates{Slow: 0.1, Delay: time.Microsecond}) })
}

func TestFlakyFailsAsItsSeedSays(t *testing.T) {
	run := func(seed uint64) (string, *FlakyStore) {
		f := Flaky(NewSim(), seed, Rates{Fail: 0.1, Lost: 0.1, Cut: 0.1})
		log := ""
		for i := range 200 {
			name := fmt.Sprintf("a/%d", i)
			log += errString(f.Put(t.Context(), name, []byte("x")))
			_, err := f.Get(t.Context(), name, 1)
			log += errString(err)
		}
		return log, f
	}
	one, f := run(1)
	again, _ := run(1)
	two, _ := run(2)
	if one != again || one == two {
		t.Error("the seed does not decide")
	}
	if f.Faults() < 40 || f.Faults() > 160 {
		t.Errorf("%d of 400 calls failed", f.Faults())
	}
	f.Calm()
	before := f.Faults()
	for range 50 {
		if _, err := f.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if f.Faults() != before {
		t.Error("it failed although it was calm")
	}
}

func TestEachCallOfFlakyFails(t *testing.T) {
	for name, call := range everyCall(t.Context()) {
		for _, rates := range []Rates{{Fail: 1}, {Lost: 1}} {
			s := NewSim()
			put(t, s, "there", []byte("content"))
			wantErr(t, name, call(Flaky(s, 1, rates)), objstore.ErrUnavailable)
		}
	}
	s := NewSim()
	put(t, s, "there", []byte("content"))
	f := Flaky(s, 1, Rates{Cut: 1})
	data, err := f.Get(t.Context(), "there", 10)
	if !errors.Is(err, objstore.ErrDamaged) || data != nil {
		t.Errorf("get: %q, %v", data, err)
	}
	wantErr(t, "read", f.ReadAt(t.Context(), "there", make([]byte, 1), 0), objstore.ErrDamaged)
}

func TestPersistenceIsCounted(t *testing.T) {
	f := Flaky(NewSim(), 1, Rates{Fail: 1})
	for range 4 {
		wantErr(t, "put", f.Put(t.Context(), "a", nil), objstore.ErrUnavailable)
	}
	wantErr(t, "put", f.Put(t.Context(), "b", nil), objstore.ErrUnavailable)
	if got := f.Persistence(); got != 3 {
		t.Errorf("it was repeated %d times, want 3", got)
	}
}
