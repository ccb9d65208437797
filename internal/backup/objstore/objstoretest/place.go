package objstoretest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

// place is the state of a simulated store: every object that was ever there, so
// that a list can be as old as a fault wants it.
type place struct {
	mu sync.Mutex
	// objects are ordered by name, then by birth. The slice is shared with
	// clones until one of them changes it; the objects themselves never change.
	objects []object
	shared  bool
	// version counts changes and calls counts calls of all clients.
	version, calls int
	now            time.Time
	quota, used    int64
}

// object is one life of a name: from version born until version died, 0 while
// it lives. It is seen from a number of calls on.
type object struct {
	name       string
	data       []byte // nil when it is dead
	size       int64
	stored     time.Time
	born, died int
	seen       int
}

func (o object) info() objstore.Info {
	return objstore.Info{Name: o.name, Size: o.size, Modified: o.stored}
}

func newPlace() *place { return &place{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (p *place) clone() *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared = true
	return &place{
		objects: p.objects, shared: true, version: p.version, calls: p.calls, now: p.now, quota: p.quota, used: p.used,
	}
}

// tick lets a millisecond pass with each call, so that times differ.
func (p *place) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	p.now = p.now.Add(time.Millisecond)
}

func (p *place) time() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *place) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

func (p *place) setQuota(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quota = n
}

// find returns where the living object of a name is, or where it would go.
func (p *place) find(name string) (int, bool) {
	end, _ := slices.BinarySearchFunc(p.objects, name, func(o object, name string) int {
		if o.name <= name {
			return -1
		}
		return 1
	})
	if end > 0 && p.objects[end-1].name == name && p.objects[end-1].died == 0 {
		return end - 1, true
	}
	return end, false
}

// own makes the slice this place's alone before it changes.
func (p *place) own() {
	if p.shared {
		p.objects, p.shared = slices.Clone(p.objects), false
	}
	p.version++
}

func (p *place) put(name string, data []byte, f Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, taken := p.find(name)
	switch {
	case taken && !f.IgnoreCondition:
		return objstore.ErrExists
	case p.quota > 0 && p.used+int64(len(data)) > p.quota:
		return objstore.ErrFull
	case f.Vanish:
		return nil
	}
	p.set(name, data, f.Hide)
	return nil
}

// set stores data under name whether it is taken or not.
func (p *place) set(name string, data []byte, hide int) {
	p.drop(name)
	p.own()
	at, _ := p.find(name)
	p.used += int64(len(data))
	o := object{name: name, data: data, size: int64(len(data)), stored: p.now, born: p.version}
	if hide > 0 {
		o.seen = p.calls + 1 + hide
	}
	p.objects = slices.Insert(p.objects, at, o)
}

func (p *place) drop(name string) {
	at, ok := p.find(name)
	if !ok {
		return
	}
	p.own()
	o := p.objects[at]
	p.used -= o.size
	o.died, o.data = p.version, nil
	p.objects[at] = o
}

func (p *place) look(name string) (object, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.find(name)
	if !ok || p.objects[at].seen > p.calls {
		return object{}, objstore.ErrNotFound
	}
	return p.objects[at], nil
}

func (p *place) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(name)
}

func (p *place) replace(name string, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if data == nil {
		p.drop(name)
		return
	}
	p.set(name, data, 0)
}

// list gives what had a prefix as many changes ago as stale says.
func (p *place) list(prefix string, stale int) []objstore.Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.version - stale
	var all []objstore.Info
	for _, o := range p.from(prefix) {
		if o.born <= at && (o.died == 0 || o.died > at) && o.seen <= p.calls {
			all = append(all, o.info())
		}
	}
	return all
}

// from returns the objects with a prefix, living or not.
func (p *place) from(prefix string) []object {
	begin, _ := slices.BinarySearchFunc(p.objects, prefix, func(o object, s string) int { return strings.Compare(o.name, s) })
	for begin > 0 && strings.HasPrefix(p.objects[begin-1].name, prefix) { // earlier lives of that very name
		begin--
	}
	end := begin
	for end < len(p.objects) && strings.HasPrefix(p.objects[end].name, prefix) {
		end++
	}
	return p.objects[begin:end]
}

func (p *place) names(prefix string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, o := range p.from(prefix) {
		if o.died == 0 {
			names = append(names, o.name)
		}
	}
	return names
}

func (p *place) bytes(name string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.find(name); ok {
		return slices.Clone(p.objects[at].data)
	}
	return nil
}
