package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

func TestSimKeepsThePromises(t *testing.T) {
	Suite(t, func(*testing.T) objstore.Store { return NewSim() })
}

func TestCrashes(t *testing.T) {
	tests := []struct {
		name string
		hook func(Call) Fault
		want []string
	}{
		{"between two calls the later has no effect", CrashAfter(1), []string{"a"}},
		{"in a call its effect stays", CrashIn(2), []string{"a", "b"}},
		{"before the first nothing is there", CrashAfter(0), nil},
	}
	for _, tt := range tests {
		s := NewSim()
		s.Hook = tt.hook
		var last error
		for _, name := range []string{"a", "b", "c"} {
			last = s.Put(t.Context(), name, []byte(name))
		}
		wantErr(t, tt.name, last, ErrCrashed)
		if got := s.Names(""); !slices.Equal(got, tt.want) || !s.Crashed() {
			t.Errorf("%s: there is %q, want %q", tt.name, got, tt.want)
		}
		s.Hook = nil
		wantErr(t, tt.name+": still dead", s.Delete(t.Context(), "a"), ErrCrashed)
		s.Restart()
		put(t, s, "d", nil)
		if calls := s.Calls(); len(calls) != 1 || calls[0].N != 1 || !strings.Contains(s.Transcript(), "1: put d (0)") {
			t.Errorf("%s: after the restart: %q", tt.name, s.Transcript())
		}
	}
}

func TestEachErrorCanBeHad(t *testing.T) {
	for _, want := range []error{
		objstore.ErrNotFound, objstore.ErrExists, objstore.ErrFull, objstore.ErrDenied, objstore.ErrUnavailable, objstore.ErrDamaged,
	} {
		for n, call := range everyCall(t.Context()) {
			for _, f := range []Fault{{Err: want}, {Lost: want}} {
				s := NewSim()
				put(t, s, "there", []byte("content"))
				s.Restart()
				s.Hook = At(1, f)
				wantErr(t, n, call(s), want)
			}
		}
	}
}

func everyCall(ctx context.Context) map[string]func(objstore.Store) error {
	return map[string]func(objstore.Store) error{
		"put":    func(s objstore.Store) error { return s.Put(ctx, "new", []byte("x")) },
		"get":    func(s objstore.Store) error { _, err := s.Get(ctx, "there", 10); return err },
		"read":   func(s objstore.Store) error { return s.ReadAt(ctx, "there", make([]byte, 2), 1) },
		"stat":   func(s objstore.Store) error { _, err := s.Stat(ctx, "there"); return err },
		"list":   func(s objstore.Store) error { return s.List(ctx, "", func(objstore.Info) error { return nil }) },
		"delete": func(s objstore.Store) error { return s.Delete(ctx, "there") },
		"now":    func(s objstore.Store) error { _, err := s.Now(ctx); return err },
	}
}

func TestALostAnswerHasItsEffect(t *testing.T) {
	s := NewSim()
	s.Hook = First(At(1, Fault{Lost: objstore.ErrUnavailable}), At(2, Fault{Err: objstore.ErrUnavailable}))
	wantErr(t, "put", s.Put(t.Context(), "a", []byte("x")), objstore.ErrUnavailable)
	wantErr(t, "put", s.Put(t.Context(), "b", []byte("x")), objstore.ErrUnavailable)
	if got := Names(t, s, ""); !slices.Equal(got, []string{"a"}) {
		t.Errorf("there is %q", got)
	}
}

func TestDamage(t *testing.T) {
	content := Random(1, 1000)
	tests := []struct {
		name string
		at   int
		f    Fault
		same bool
		size int
	}{
		{"a bit flipped on the way back", 2, Fault{ReadFlipped: true, Bit: 77}, false, 1000},
		{"cut on the way back", 2, Fault{ReadCut: true}, false, 500},
		{"a bit flipped in the place", 1, Fault{StoreFlipped: true, Bit: 1 << 60}, false, 1000},
		{"cut in the place", 1, Fault{StoreCut: true}, false, 500},
		{"no damage", 1, Fault{}, true, 1000},
	}
	for _, tt := range tests {
		s := NewSim()
		s.Hook = At(tt.at, tt.f)
		put(t, s, "a", content)
		got := get(t, s, "a")
		if len(got) != tt.size || bytes.Equal(got, content) != tt.same {
			t.Errorf("%s: got %d bytes", tt.name, len(got))
		}
		again := get(t, s, "a")
		if bytes.Equal(again, content) != (tt.at == 2 || tt.same) {
			t.Errorf("%s: reading again", tt.name)
		}
	}
	s := NewSim()
	put(t, s, "a", content)
	s.Hook = First(At(2, Fault{ReadCut: true}), At(3, Fault{ReadFlipped: true}))
	p := make([]byte, 10)
	wantErr(t, "a short read", s.ReadAt(t.Context(), "a", p, 5), objstore.ErrDamaged)
	if err := s.ReadAt(t.Context(), "a", p, 5); err != nil || bytes.Equal(p, content[5:15]) {
		t.Errorf("a flipped read: %v", err)
	}
}

func TestAPutThatVanishes(t *testing.T) {
	s := NewSim()
	s.Hook = At(1, Fault{Vanish: true})
	put(t, s, "a", []byte("x"))
	_, err := s.Stat(t.Context(), "a")
	wantErr(t, "stat", err, objstore.ErrNotFound)
}

func TestIgnoredCondition(t *testing.T) {
	s := NewSim()
	s.Hook = func(Call) Fault { return Fault{IgnoreCondition: true} }
	put(t, s, "a", []byte("one"))
	put(t, s, "a", []byte("two"))
	if got := get(t, s, "a"); string(got) != "two" {
		t.Errorf("got %q", got)
	}
	if got := Names(t, s, ""); !slices.Equal(got, []string{"a"}) {
		t.Errorf("there is %q", got)
	}
}

func TestStaleList(t *testing.T) {
	s := NewSim()
	put(t, s, "a", nil)
	put(t, s, "b", nil)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", []byte("new"))
	for stale, want := range [][]string{{"a", "b"}, {"b"}, {"a", "b"}, {"a"}, nil, nil} {
		s.Hook = func(Call) Fault { return Fault{Stale: stale} }
		if got := Names(t, s, ""); !slices.Equal(got, want) {
			t.Errorf("%d changes ago: got %q, want %q", stale, got, want)
		}
	}
}

func TestDelayedVisibility(t *testing.T) {
	s := NewSim()
	s.Hook = At(1, Fault{Hide: 3})
	put(t, s, "a", []byte("x"))
	_, err := s.Stat(t.Context(), "a")
	wantErr(t, "stat", err, objstore.ErrNotFound)
	wantErr(t, "put", s.Put(t.Context(), "a", nil), objstore.ErrExists)
	if got := Names(t, s, ""); len(got) > 0 {
		t.Errorf("the list has %q", got)
	}
	if got := get(t, s, "a"); string(got) != "x" {
		t.Errorf("got %q", got)
	}
}

func TestQuota(t *testing.T) {
	s := NewSim()
	s.SetQuota(10)
	put(t, s, "a", make([]byte, 6))
	wantErr(t, "put", s.Put(t.Context(), "b", make([]byte, 5)), objstore.ErrFull)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "b", make([]byte, 10))
	s.SetQuota(0)
	put(t, s, "c", make([]byte, 10))
}

func TestClockOfThePlace(t *testing.T) {
	s := NewSim()
	start, _ := s.Now(t.Context())
	s.Advance(-48 * time.Hour)
	put(t, s, "a", nil)
	info, err := s.Stat(t.Context(), "a")
	if err != nil || !info.Modified.Before(start.Add(-47*time.Hour)) {
		t.Errorf("stored at %v, %v", info.Modified, err)
	}
	s.Hook = func(Call) Fault { return Fault{Skew: time.Hour} }
	if now, err := s.Now(t.Context()); err != nil || now.Before(start.Add(-47*time.Hour)) || now.After(start) {
		t.Errorf("a clock that is an hour ahead of %v says %v, %v", start.Add(-48*time.Hour), now, err)
	}
}

func TestClonesGoTheirOwnWays(t *testing.T) {
	s := NewSim()
	put(t, s, "a", []byte("a"))
	s.Hook = CrashAfter(1)
	clone := s.Clone()
	put(t, clone, "b", []byte("b"))
	clone.Replace("a", []byte("changed"))
	again := s.Clone()
	again.Replace("a", nil)
	if got := s.Names(""); !slices.Equal(got, []string{"a"}) || string(s.Bytes("a")) != "a" {
		t.Errorf("the original has %q, %q", got, s.Bytes("a"))
	}
	if got := clone.Names(""); !slices.Equal(got, []string{"a", "b"}) || string(clone.Bytes("a")) != "changed" {
		t.Errorf("the first clone has %q", got)
	}
	if got := again.Names(""); len(got) > 0 || again.Bytes("a") != nil {
		t.Errorf("the second clone has %q", got)
	}
	wantErr(t, "the original is dead", s.Put(t.Context(), "b", nil), ErrCrashed)
}

func TestClientsShareThePlace(t *testing.T) {
	s := NewSim()
	other := s.Client()
	s.Hook = func(c Call) Fault { // another program gets in between
		if c.Op == OpPut {
			put(t, other, c.Name, []byte("fence"))
		}
		return Fault{}
	}
	wantErr(t, "put", s.Put(t.Context(), "commits/1", []byte("commit")), objstore.ErrExists)
	if len(other.Calls()) != 1 || len(s.Calls()) != 1 {
		t.Errorf("calls: %v and %v", s.Calls(), other.Calls())
	}
}

func TestSeedsDecide(t *testing.T) {
	run := func(seed uint64) string {
		s := NewSim()
		s.Hook = Seeded(seed, Chances{
			Fail: .1, Lost: .1, Refused: .1, ReadFlipped: .2, ReadCut: .1, StoreFlipped: .1, Vanish: .1,
			IgnoreCondition: .1, Hide: .2, Stale: .2, Skew: .3, Crash: .02,
		})
		var log strings.Builder
		for i := range 60 {
			name := string(rune('a' + i%7))
			log.WriteString(errString(s.Put(t.Context(), name, []byte(name))))
			data, err := s.Get(t.Context(), name, 10)
			log.Write(append(data, errString(err)...))
			now, _ := s.Now(t.Context())
			log.WriteString(now.String())
			err = s.List(t.Context(), "", func(i objstore.Info) error { log.WriteString(i.Name); return nil })
			log.WriteString(errString(err))
		}
		return log.String()
	}
	one := run(1)
	if again := run(1); again != one {
		t.Error("the same seed went two ways")
	}
	if run(2) == one {
		t.Error("two seeds went the same way")
	}
}

func errString(err error) string {
	if err == nil {
		return "."
	}
	return err.Error()
}

func TestSeededLeavesMostCallsAlone(t *testing.T) {
	hook := Seeded(3, Chances{Fail: 0.1})
	failed := 0
	for i := range 1000 {
		switch f := hook(Call{N: i + 1, Op: OpGet}); {
		case errors.Is(f.Err, objstore.ErrUnavailable):
			failed++
		case f != (Fault{}):
			t.Fatalf("an unasked fault: %+v", f)
		}
	}
	if failed < 60 || failed > 140 {
		t.Errorf("%d of 1000 calls failed, want about 100", failed)
	}
}
