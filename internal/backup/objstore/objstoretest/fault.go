package objstoretest

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// Fault is what becomes of one call of a Sim; the zero Fault lets it be.
type Fault struct {
	// Crash kills the program before the call has any effect; CrashDone kills
	// it after the effect and before the answer. All later calls get ErrCrashed.
	Crash, CrashDone bool
	// Err fails the call, which has no effect. Lost lets it have its effect and
	// then fails it: the answer was lost. A List breaks off in the middle.
	Err, Lost error
	// ReadFlipped changes one bit of what Get and ReadAt return; ReadCut makes
	// Get return half of it, and ReadAt fail as an object that is too short.
	ReadFlipped, ReadCut bool
	// StoreFlipped and StoreCut do the same to what Put stores; Vanish makes
	// Put store nothing. Put answers as if all were well.
	StoreFlipped, StoreCut, Vanish bool
	// IgnoreCondition makes Put replace an object that is there.
	IgnoreCondition bool
	// Hide keeps what Put stores from being seen by that many later calls. The
	// condition of another Put sees it nevertheless.
	Hide int
	// Stale makes List answer as it was that many changes ago.
	Stale int
	// Skew is added to what Now answers.
	Skew time.Duration
	// Bit says which bit is flipped, counted around.
	Bit uint64
}

func (f Fault) spoil(data []byte, flip, cut bool) []byte {
	if cut {
		data = data[:len(data)/2]
	}
	if flip && len(data) > 0 {
		bit := f.Bit % uint64(len(data)*8)
		data[bit/8] ^= 1 << (bit % 8)
	}
	return data
}

// CrashAfter lets n calls pass and kills the program at the next, which has no
// effect: the process died between the two.
func CrashAfter(n int) func(Call) Fault {
	return func(c Call) Fault { return Fault{Crash: c.N > n} }
}

// CrashIn kills the program in the n-th call, whose effect is done and whose
// answer never comes.
func CrashIn(n int) func(Call) Fault {
	return func(c Call) Fault { return Fault{CrashDone: c.N == n} }
}

// At gives the n-th call a fault.
func At(n int, f Fault) func(Call) Fault {
	return func(c Call) Fault {
		if c.N == n {
			return f
		}
		return Fault{}
	}
}

// First asks hooks in turn and takes the first that has a fault for the call.
func First(hooks ...func(Call) Fault) func(Call) Fault {
	return func(c Call) Fault {
		for _, h := range hooks {
			if f := h(c); f != (Fault{}) {
				return f
			}
		}
		return Fault{}
	}
}

// Chances are probabilities of faults, each for the calls it can hit.
type Chances struct {
	Fail, Lost, Crash          float64
	ReadFlipped, ReadCut       float64
	StoreFlipped, Vanish       float64
	IgnoreCondition            float64
	Hide, Stale, Skew, Refused float64
}

// Seeded returns a hook whose faults follow from the seed alone, as far as the
// calls come in the same order.
func Seeded(seed uint64, chances Chances) func(Call) Fault {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0x5bd1e995))
	return func(c Call) Fault {
		mu.Lock()
		defer mu.Unlock()
		return draw(r, c, chances)
	}
}

// draw uses up the same numbers for each call, so that one more chance does not
// change where the others fall.
func draw(r *rand.Rand, c Call, ch Chances) Fault {
	hit := func(chance float64) bool { return r.Float64() < chance }
	f := Fault{Bit: r.Uint64()}
	if hit(ch.Fail) {
		f.Err = objstore.ErrUnavailable
	}
	if hit(ch.Lost) {
		f.Lost = objstore.ErrUnavailable
	}
	if hit(ch.Refused) {
		f.Err = objstore.ErrDenied
	}
	if before := r.IntN(2) == 0; hit(ch.Crash) {
		f.Crash, f.CrashDone = before, !before
	}
	f.ReadFlipped, f.ReadCut = hit(ch.ReadFlipped), hit(ch.ReadCut)
	f.StoreFlipped, f.Vanish = hit(ch.StoreFlipped), hit(ch.Vanish)
	f.IgnoreCondition = hit(ch.IgnoreCondition)
	if n := 1 + r.IntN(5); hit(ch.Hide) {
		f.Hide = n
	}
	if n := 1 + r.IntN(5); hit(ch.Stale) {
		f.Stale = n
	}
	if d := time.Duration(r.IntN(96)-48) * time.Hour; hit(ch.Skew) && c.Op == OpNow {
		f.Skew = d
	}
	if f == (Fault{Bit: f.Bit}) {
		return Fault{}
	}
	return f
}
