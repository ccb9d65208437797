package secret

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func TestHashAndVerify(t *testing.T) {
	h, ctx := NewHasher(2, Cost{}), context.Background()
	hash, err := h.Hash(ctx, "größe und mut")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || h.NeedsRehash(hash) {
		t.Errorf("hash %s", hash)
	}
	for password, want := range map[string]bool{"größe und mut": true, "größe und mut ": false, "": false, strings.Repeat("x", 2000): false} {
		if ok, err := h.Verify(ctx, password, hash); err != nil || ok != want {
			t.Errorf("%.20q: %v, %v", password, ok, err)
		}
	}
	second, err := h.Hash(ctx, "größe und mut")
	if err != nil || second == hash {
		t.Errorf("the same password must hash differently each time: %v", err)
	}
	if _, err := h.Hash(ctx, strings.Repeat("x", MaxPasswordBytes+1)); !errors.Is(err, ErrPasswordTooLong) {
		t.Errorf("too long: %v", err)
	}
}

func TestKnownArgonHash(t *testing.T) {
	// made by the reference implementation: argon2 somesalt -id -t 2 -m 16 -p 1 -l 32, password "password"
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, err := NewHasher(1, Cost{}).Verify(context.Background(), "password", hash)
	if err != nil || !ok {
		t.Errorf("%v, %v", ok, err)
	}
	if !NewHasher(1, Cost{}).NeedsRehash(hash) {
		t.Error("its salt of 8 bytes asks for a new hash")
	}
}

func TestImportedBcrypt(t *testing.T) {
	raw, err := bcrypt.GenerateFromPassword([]byte("from the old system"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hash := string(raw)
	for _, prefix := range []string{"$2a$", "$2b$", "$2y$"} {
		h := prefix + hash[4:]
		if ok, err := NewHasher(1, Cost{}).Verify(context.Background(), "from the old system", h); err != nil || !ok {
			t.Errorf("%s: %v, %v", prefix, ok, err)
		}
		if ok, err := NewHasher(1, Cost{}).Verify(context.Background(), "wrong", h); err != nil || ok {
			t.Errorf("%s wrong: %v, %v", prefix, ok, err)
		}
		if !NewHasher(1, Cost{}).NeedsRehash(h) {
			t.Error("bcrypt must be replaced at the next sign-in")
		}
	}
}

func TestUnknownHashes(t *testing.T) {
	good := hashArgon("x", NewHasher(1, Cost{}).cost)
	for _, hash := range []string{
		"", "x", "$2a$", "$2a$99$" + strings.Repeat("a", 53), "$2a$10$short", "$1$abc$def", good[:40],
		strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=99999999", 1), strings.Replace(good, "t=2", "t=0", 1),
		strings.Replace(good, "p=1", "p=255", 1), strings.Replace(good, "t=2,", "", 1), good + "=", good + "$",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
	} {
		if ok, err := NewHasher(1, Cost{}).Verify(context.Background(), "x", hash); !errors.Is(err, ErrHashUnknown) || ok {
			t.Errorf("%q: %v, %v", hash, ok, err)
		}
		if !NewHasher(1, Cost{}).NeedsRehash(hash) {
			t.Errorf("%q needs no rehash", hash)
		}
	}
}

func TestWeakerParametersNeedRehash(t *testing.T) {
	for _, p := range []argonParams{{8, 1, 1}, {19 * 1024, 1, 1}, {18 * 1024, 2, 1}} {
		hash := hashArgon("x", p)
		if ok, err := NewHasher(1, Cost{}).Verify(context.Background(), "x", hash); err != nil || !ok || !NewHasher(1, Cost{}).NeedsRehash(hash) {
			t.Errorf("%+v: %v, %v", p, ok, err)
		}
	}
}

func TestVerifyNobodyTakesAsLongAsAWrongPassword(t *testing.T) {
	h, ctx := NewHasher(1, Cost{}), context.Background()
	hash := hashArgon("right", h.cost)
	quickest := func(f func() error) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			if err := f(); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	somebody := quickest(func() error { _, err := h.Verify(ctx, "wrong", hash); return err })
	nobody := quickest(func() error { return h.VerifyNobody(ctx, "wrong") })
	if nobody < somebody/3 || nobody > somebody*3 {
		t.Errorf("nobody takes %v, somebody %v", nobody, somebody)
	}
	if err := h.VerifyNobody(ctx, strings.Repeat("x", 5000)); err != nil {
		t.Errorf("a long password: %v", err)
	}
}

func TestHashingIsBounded(t *testing.T) {
	h := NewHasher(2, Cost{})
	var running, most atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			err := h.inSlot(context.Background(), func() {
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Millisecond)
				running.Add(-1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 2 {
		t.Errorf("%d at once, want 2", most.Load())
	}
}

func TestWaitingForASlotEndsWithTheContext(t *testing.T) {
	h := NewHasher(0, Cost{}) // counts as one
	synctest.Test(t, func(t *testing.T) {
		h.slots = make(chan struct{}, 1)
		h.slots <- struct{}{}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := h.Verify(ctx, "x", h.dummy); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		<-h.slots
		if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a context that ended before: %v", err)
		}
	})
}
