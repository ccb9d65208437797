// Package retrieve brings single things back out of a snapshot, beside everything
// that goes on: a work package with its history, a project with what is in it, a
// file. It reads the repository and lets the services write, so that every rule and
// every journal holds; what is there now is shown first and never lost.
//
// Only administrators and the operator may: a snapshot holds what others may not see.
package retrieve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/attachment"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/backup"
	"github.com/holdfast/holdfast/internal/backup/archive"
	"github.com/holdfast/holdfast/internal/backup/repo"
	"github.com/holdfast/holdfast/internal/category"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/membership"
	"github.com/holdfast/holdfast/internal/project"
	"github.com/holdfast/holdfast/internal/secret"
	"github.com/holdfast/holdfast/internal/version"
	"github.com/holdfast/holdfast/internal/workpackage"
)

// Kind is what is brought back.
type Kind string

// Kinds.
const (
	WorkPackage Kind = "work package"
	Project     Kind = "project"
	File        Kind = "file"
)

// Wanted names one thing in one snapshot.
type Wanted struct {
	// Snapshot is the name, the beginning of it, or latest.
	Snapshot string
	Kind     Kind
	ID       int64
}

// Choice says how much of it comes back.
type Choice struct {
	// Fields are the fields of a work package that are set back; none means all.
	Fields []string
	// Everything sets back, in a project, also what was changed since, and not only
	// what is gone or in the trash.
	Everything bool
	// LockVersion is that of the Preview, for a work package.
	LockVersion int
}

// Preview is what is in the snapshot, beside what is there now.
type Preview struct {
	Snapshot string    `json:"snapshot"`
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind"`
	ID       int64     `json:"id"`
	Title    string    `json:"title"`
	// Gone: there is none now; InTrash: it is in the trash.
	Gone    bool     `json:"gone"`
	InTrash bool     `json:"in_trash"`
	Changes []Change `json:"changes"`
	// History, Watchers and Members come back with something that is gone.
	History  int `json:"history"`
	Watchers int `json:"watchers"`
	Members  int `json:"members"`
	// Versions and Categories of a project are those that are gone.
	Versions   int `json:"versions"`
	Categories int `json:"categories"`
	// Files are those that are not there any more; FileCount is of how many.
	Files     []FileState `json:"files"`
	FileCount int         `json:"file_count"`
	// Contents counts the work packages of a project.
	Contents    Contents `json:"contents"`
	Notes       []string `json:"notes"`
	LockVersion int      `json:"-"`
	// Size is that of a file.
	Size int64 `json:"size,omitempty"`
}

// Change is a field that differs: now, and in the snapshot.
type Change struct {
	Field string `json:"field"`
	Label string `json:"label"`
	Now   string `json:"now"`
	Then  string `json:"then"`
}

// FileState is a file that is not as it was.
type FileState struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	// Why is "gone", "in the trash" or "damaged".
	Why string `json:"why"`
}

// Contents are the work packages of a project in the snapshot.
type Contents struct {
	All     int `json:"all"`
	Gone    int `json:"gone"`
	InTrash int `json:"in_trash"`
	Changed int `json:"changed"`
}

// Same says that nothing differs.
func (p Preview) Same() bool {
	return !p.Gone && !p.InTrash && len(p.Changes) == 0 && len(p.Files) == 0 && p.Versions+p.Categories == 0 && p.Contents.Gone+p.Contents.InTrash+p.Contents.Changed == 0
}

// Result is what came back.
type Result struct {
	Wanted Kind  `json:"kind"`
	ID     int64 `json:"id"`
	// Projects, WorkPackages, Entries and Files count what was brought back or set back.
	Projects     int `json:"projects"`
	WorkPackages int `json:"work_packages"`
	Entries      int `json:"entries"`
	Files        int `json:"files"`
	Members      int `json:"members"`
	Versions     int `json:"versions"`
	Categories   int `json:"categories"`
	// Notes say what came back otherwise than it was; Failed what did not.
	Notes  []string `json:"notes"`
	Failed []string `json:"failed"`
}

// Deps are what the service is built from.
type Deps struct {
	DB           *db.DB
	Place        *backup.Place
	Keys         *secret.Keyring
	Audit        *audit.Log
	WorkPackages *workpackage.Service
	Projects     *project.Service
	Attachments  *attachment.Service
	Memberships  *membership.Service
	Versions     *version.Service
	Categories   *category.Service
}

// Service reads snapshots and brings things back.
type Service struct{ Deps }

// New returns the service.
func New(d Deps) *Service { return &Service{d} }

// run is one use of a snapshot.
type run struct {
	*Service
	a      access.Actor
	stored *archive.Stored
	want   Wanted
}

func (s *Service) open(ctx context.Context, a access.Actor, w Wanted) (*run, error) {
	if a.Kind != access.Machine {
		if err := access.RequireAdmin(a); err != nil {
			return nil, err
		}
	}
	r, err := s.Place.Existing(ctx)
	if errors.Is(err, repo.ErrNoRepository) {
		return nil, fault.NotFound("snapshot")
	}
	if err != nil {
		return nil, err
	}
	snap, err := r.Snapshot(ctx, w.Snapshot)
	if errors.Is(err, repo.ErrNoSnapshot) {
		return nil, fault.WithHint(fault.NotFound("snapshot"), "holdfast backup list shows the snapshots")
	}
	if err != nil {
		return nil, err
	}
	stored, err := archive.Load(r, snap, s.Keys)
	return &run{s, a, stored, w}, err
}

// cause is what the journal says of what came back.
func (r *run) cause() string { return "retrieved from snapshot " + r.stored.Snapshot.ID }

// Preview compares. It changes nothing.
//
// Faults: Unauthenticated; Forbidden for everyone but administrators and the
// operator; NotFound for the snapshot and what is wanted in it; Conflict where what it
// belongs to is not there. Damage in the repository is archive.ErrBroken.
func (s *Service) Preview(ctx context.Context, a access.Actor, w Wanted) (Preview, error) {
	r, err := s.open(ctx, a, w)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Snapshot: r.stored.Snapshot.ID, At: r.stored.Snapshot.At, Kind: w.Kind, ID: w.ID, Changes: []Change{}, Files: []FileState{}}
	switch w.Kind {
	case WorkPackage:
		err = r.previewPackage(ctx, &p)
	case Project:
		err = r.previewProject(ctx, &p)
	case File:
		err = r.previewFile(ctx, &p)
	default:
		err = fault.InvalidField("kind", "inclusion")
	}
	return p, err
}

// Retrieve brings back. What fails in a project is told and does not stop the rest;
// doing it again goes on with that. Progress counts work packages and may be nil.
//
// Faults: as Preview; Conflict where a work package was changed since the preview.
func (s *Service) Retrieve(ctx context.Context, a access.Actor, w Wanted, c Choice, progress func(done int)) (Result, error) {
	r, err := s.open(ctx, a, w)
	if err != nil {
		return Result{}, err
	}
	if progress == nil {
		progress = func(int) {}
	}
	out := Result{Wanted: w.Kind, ID: w.ID, Notes: []string{}, Failed: []string{}}
	switch w.Kind {
	case WorkPackage:
		err = r.retrievePackage(ctx, c, &out)
	case Project:
		err = r.retrieveProject(ctx, c, &out, progress)
	case File:
		err = r.retrieveFile(ctx, &out)
	default:
		err = fault.InvalidField("kind", "inclusion")
	}
	if err == nil {
		err = r.audit(ctx, out)
	}
	return out, err
}

func (r *run) audit(ctx context.Context, out Result) error {
	act := audit.Act{
		ActorName: r.a.Name, IP: r.a.IP, Action: "backup.retrieve", Object: fmt.Sprintf("%s %d", r.want.Kind, r.want.ID), Result: audit.OK,
		Detail: map[string]any{"snapshot": r.stored.Snapshot.ID, "work_packages": out.WorkPackages, "files": out.Files, "failed": len(out.Failed)},
	}
	if r.a.SignedIn() {
		act.ActorID, act.ActorName = r.a.ID, r.a.Login
	}
	return db.Do(ctx, r.DB, func(tx *db.Tx) error { return r.Audit.Record(ctx, tx, act) })
}

// Open returns a file of the snapshot as it was, with its name and size. Reading ends
// with an error where it is not what its hash says.
//
// Faults: as Preview.
func (s *Service) Open(ctx context.Context, a access.Actor, w Wanted) (attachment.Attachment, io.ReadCloser, error) {
	r, err := s.open(ctx, a, w)
	if err != nil {
		return attachment.Attachment{}, nil, err
	}
	f, err := r.file(ctx, w.ID)
	if err != nil {
		return f, nil, err
	}
	content, err := r.stored.File(ctx, f.SHA256)
	return f, content, err
}
