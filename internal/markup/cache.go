package markup

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// cache keeps the most recently used renderings within a number of bytes. The key is a
// cryptographic hash, because readers of one text must never be served another that somebody
// constructed to collide with it.
type cache struct {
	limit int

	mu    sync.Mutex
	used  int
	order *list.List // of *entry, most recently used first
	byKey map[key]*list.Element
}

type key [sha256.Size]byte

type entry struct {
	key key
	out HTML
}

// entryCost estimates what an entry occupies beside its text: key, list element, map slot.
const entryCost = 256

func keyOf(raw string) key { return sha256.Sum256([]byte(raw)) }

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), byKey: map[key]*list.Element{}}
}

func (c *cache) find(k key) (HTML, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[k]
	if !ok {
		return "", false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry).out, true
}

// keep stores out, unless it would push out more than an eighth of everything else.
func (c *cache) keep(k key, out HTML) {
	cost := len(out) + entryCost
	if cost > c.limit/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[k]; ok {
		return
	}
	for c.used+cost > c.limit {
		last := c.order.Remove(c.order.Back()).(*entry)
		delete(c.byKey, last.key)
		c.used -= len(last.out) + entryCost
	}
	c.byKey[k] = c.order.PushFront(&entry{key: k, out: out})
	c.used += cost
}
