package repo

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast/holdfast/internal/backup/objstore"
)

type mem struct {
	mu   sync.Mutex
	objs map[string][]byte
	at   map[string]time.Time
	now  time.Time
}

func newMem() *mem {
	return &mem{objs: map[string][]byte{}, at: map[string]time.Time{}, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

func (m *mem) Put(_ context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objs[name]; ok {
		return objstore.ErrExists
	}
	m.objs[name] = bytes.Clone(data)
	m.at[name] = m.now
	return nil
}

func (m *mem) Get(_ context.Context, name string, limit int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objs[name]
	if !ok {
		return nil, objstore.ErrNotFound
	}
	return bytes.Clone(b), nil
}

func (m *mem) ReadAt(_ context.Context, name string, p []byte, off int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objs[name]
	if !ok {
		return objstore.ErrNotFound
	}
	if off+int64(len(p)) > int64(len(b)) {
		return objstore.ErrDamaged
	}
	copy(p, b[off:])
	return nil
}

func (m *mem) Stat(_ context.Context, name string) (objstore.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objs[name]
	if !ok {
		return objstore.Info{}, objstore.ErrNotFound
	}
	return objstore.Info{Name: name, Size: int64(len(b)), Modified: m.at[name]}, nil
}

func (m *mem) List(_ context.Context, prefix string, fn func(objstore.Info) error) error {
	m.mu.Lock()
	var all []objstore.Info
	for n, b := range m.objs {
		if strings.HasPrefix(n, prefix) {
			all = append(all, objstore.Info{Name: n, Size: int64(len(b)), Modified: m.at[n]})
		}
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b objstore.Info) int { return strings.Compare(a.Name, b.Name) })
	for _, i := range all {
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

func (m *mem) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objs, name)
	return nil
}

func (m *mem) Now(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(time.Second)
	return m.now, nil
}
