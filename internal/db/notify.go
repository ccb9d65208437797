package db

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Heard is what a listener gets.
type Heard struct {
	Topic, Text string
	// Lost says that something may have been missed while the connection to the
	// server was down; Topic and Text are empty.
	Lost bool
}

// channel is the one channel of an instance on PostgreSQL, before the name of its
// schema: channels belong to the whole database. Topics are told apart in the
// payload, so that a listener needs one connection whatever it listens to.
const channel = "holdfast "

// maxNotice is what PostgreSQL takes as a payload, less room for the topic.
const maxNotice = 7900

// Notify announces text under a topic, once the transaction is durable and never
// when it is not, to the listeners of this process and, on PostgreSQL, of every
// process on the database. It holds ids, not content, and is not kept: who is not
// listening misses it. A topic is a plain word.
func Notify(ctx context.Context, tx *Tx, topic, text string) error {
	if !tx.write {
		return fmt.Errorf("notify %s in a read transaction", topic)
	}
	if len(topic)+len(text) > maxNotice {
		return fmt.Errorf("notify %s: %d bytes are too many", topic, len(text))
	}
	if tx.d.dialect == SQLite {
		hub := &tx.d.hub
		tx.AfterCommit(func() { hub.tell(Heard{Topic: topic, Text: text}) })
		return nil
	}
	rows, err := tx.Rows(ctx, SQL(`SELECT pg_notify(? || current_schema(), ?)`, channel, topic+" "+text))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		continue // one row without content
	}
	return rows.Err()
}

// Listen calls fn with everything that is announced from now on, until the
// returned function is called, which waits for a running fn. fn is quick: others
// wait for it. On PostgreSQL one connection serves all listeners of d; when it
// breaks it is opened again, with longer and longer pauses up to maxPause, and then
// every listener is told that something may be Lost.
func Listen(d *DB, fn func(Heard)) (stop func()) {
	leave := d.hub.join(fn)
	if d.dialect == Postgres {
		d.hub.follow(d)
	}
	return leave
}

// hub passes announcements to the listeners of one DB.
type hub struct {
	mu        sync.RWMutex // held for reading while listeners are told
	listeners map[*func(Heard)]struct{}
	end       context.CancelFunc // of the following goroutine, nil where there is none
	done      chan struct{}
}

func (h *hub) join(fn func(Heard)) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners == nil {
		h.listeners = map[*func(Heard)]struct{}{}
	}
	key := &fn
	h.listeners[key] = struct{}{}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, key)
	}
}

func (h *hub) tell(n Heard) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for fn := range h.listeners {
		(*fn)(n)
	}
}

// follow starts the goroutine that hears PostgreSQL, once; close ends it.
func (h *hub) follow(d *DB) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.end, h.done = cancel, make(chan struct{})
	go func() {
		defer close(h.done)
		h.hear(ctx, d)
	}()
}

func (h *hub) close() {
	h.mu.Lock()
	end, done := h.end, h.done
	h.mu.Unlock()
	if end != nil {
		end()
		<-done
	}
}

// Pauses between attempts to hear the server.
const (
	minPause = 200 * time.Millisecond
	maxPause = 15 * time.Second
)

func (h *hub) hear(ctx context.Context, d *DB) {
	for pause, first := minPause, true; ctx.Err() == nil; first = false {
		err := h.hearOnce(ctx, d, func() {
			pause = minPause
			if !first {
				h.tell(Heard{Lost: true})
			}
		})
		if ctx.Err() != nil {
			return
		}
		d.opt.Log.LogAttrs(ctx, slog.LevelWarn, "live updates are interrupted", slog.Any("error", err), slog.Duration("pause", pause))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// hearOnce hears until the connection breaks. The connection leaves the pool, as
// it would not be fit for others afterwards.
func (h *hub) hearOnce(ctx context.Context, d *DB, ready func()) error {
	c, err := d.read.Conn(ctx)
	if err != nil {
		return err
	}
	var conn *pgx.Conn
	err = c.Raw(func(driver any) error {
		conn = driver.(*stdlib.Conn).Conn()
		var schema string
		if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel + schema}.Sanitize()); err != nil {
			return err
		}
		ready()
		for {
			n, err := conn.WaitForNotification(ctx)
			if err != nil {
				return err
			}
			topic, text, _ := strings.Cut(n.Payload, " ")
			h.tell(Heard{Topic: topic, Text: text})
		}
	})
	if conn != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // what broke it is in err
	}
	_ = c.Close()
	return err
}
