package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
)

// States of a target.
const (
	TargetEmpty   = "empty"
	TargetInUse   = "in use"
	TargetDamaged = "damaged"
)

// Plan is what a restore would do; --dry-run prints it.
type Plan struct {
	Origin        Origin     `json:"origin"`
	State         string     `json:"state"`
	CreatedAt     string     `json:"created_at"`
	SchemaVersion int64      `json:"schema_version"`
	NewestSchema  int64      `json:"newest_schema"`
	Tables        []TableSum `json:"tables"`
	Rows          int64      `json:"rows"`
	Files         int64      `json:"files"`
	FileBytes     int64      `json:"file_bytes"`
	Missing       []Missing  `json:"missing"`
	// Target is what stands where the archive would go.
	Target string `json:"target"`
	// Lost is what the target holds and would no longer, by table, for one in use.
	Lost []TableCount `json:"lost"`
	// Needed and Free are bytes on the disk of the data directory.
	Needed int64 `json:"needed"`
	Free   int64 `json:"free"`

	damage error
	rights error
	safety repo.Snapshot
}

// MakePlan says what Restore would do, and changes nothing.
func MakePlan(ctx context.Context, b Backup, t Target) (Plan, error) {
	p, live, err := openPlace(ctx, t.DB)
	if err != nil {
		return Plan{}, err
	}
	defer func() { _ = p.close() }()
	return plan(ctx, b.head(), t, p, live)
}

func plan(ctx context.Context, a *Head, t Target, p place, live string) (Plan, error) {
	m := a.Manifest
	out := Plan{
		Origin: a.Origin, State: a.Seal.State, CreatedAt: m.CreatedAt, SchemaVersion: m.SchemaVersion, Tables: a.Sums(), Rows: m.Rows,
		Files: a.Seal.Files.Count, FileBytes: a.Seal.Files.Bytes, Missing: a.Seal.Missing,
	}
	var err error
	if out.NewestSchema, err = db.NewestSchema(); err != nil {
		return out, err
	}
	out.Needed = 2*a.rowBytes() + out.FileBytes // rows with their indexes, files
	if err := out.inspect(ctx, t, p.options(live)); err != nil {
		return out, err
	}
	out.rights = p.rights(ctx, live)
	out.Free, err = freeSpace(t.DataDir)
	return out, err
}

// inspect looks at what is there now.
func (p *Plan) inspect(ctx context.Context, t Target, o db.Options) error {
	p.Target = TargetEmpty
	if o.Path != "" {
		info, err := os.Stat(o.Path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		p.Needed += info.Size() // for the safety copy
	}
	d, err := db.Open(ctx, o)
	if err == nil {
		err = errors.Join(p.look(ctx, d), d.Close())
	}
	if err != nil && o.Path != "" && ctx.Err() == nil && !db.IsFull(err) {
		p.Target, p.damage, err = TargetDamaged, err, nil
	}
	return err
}

func (p *Plan) look(ctx context.Context, d *db.DB) error {
	if err := db.IntegrityCheck(ctx, d); err != nil {
		return err
	}
	var content int64
	_, err := db.Read(ctx, d, func(tx *db.Tx) (struct{}, error) {
		found, err := present(ctx, tx)
		for _, t := range found {
			if err != nil {
				break
			}
			var n TableCount
			if n, err = countTable(ctx, tx, t); n.Rows == 0 {
				continue
			}
			p.Lost = append(p.Lost, n)
			if t.Name == "projects" || t.Name == "work_packages" || t.Name == "user_passwords" || t.Name == "identities" {
				content += n.Rows
			}
		}
		return struct{}{}, err
	})
	if content > 0 {
		p.Target = TargetInUse
	} else {
		p.Lost = nil
	}
	return err
}

// Refusal returns why a restore with these options would not begin, or nil.
func (p *Plan) Refusal(o RestoreOptions) error {
	switch {
	case p.SchemaVersion > p.NewestSchema:
		return fault.WithHint(fmt.Errorf("the archive has schema version %d, this program knows only %d", p.SchemaVersion, p.NewestSchema),
			"use the Holdfast version that wrote it, or a newer one")
	case p.Target == TargetInUse && !o.Replace:
		return fault.WithHint(fault.Conflict("the instance is in use"), "add --replace to put the archive in its place; the present is archived first")
	case p.Target == TargetDamaged && !(o.Replace && o.AcknowledgeDamaged):
		return fault.WithHint(fmt.Errorf("the present database is damaged and cannot be archived first: %w", p.damage),
			"add --replace and acknowledge the damage: the damaged files are then kept aside as they are")
	case p.rights != nil:
		return p.rights
	case p.Needed > p.Free:
		return fault.WithHint(fmt.Errorf("the restore needs %d MiB, %d MiB are free", p.Needed>>20, p.Free>>20), "free space on the disk of the data directory")
	}
	return nil
}

// freeSpace of the disk that holds dir, or would when it is made.
func freeSpace(dir string) (int64, error) {
	dir = filepath.Clean(dir)
	for !there(dir) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
