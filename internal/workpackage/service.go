package workpackage

import (
	"context"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/db"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/id"
)

// Settings are the instance's settings that the rules depend on.
type Settings interface {
	// WorkingDays are ISO day numbers, 1 Monday to 7 Sunday.
	WorkingDays() []int
	// NonWorkingDays are days on which nobody works, such as holidays.
	NonWorkingDays() []db.Day
	// StatusBasedProgress says that % complete comes from the status.
	StatusBasedProgress() bool
	// CompleteOnClose says that closing sets 100 %.
	CompleteOnClose() bool
}

// Attachments is what this package needs of uploaded files.
type Attachments interface {
	// Claim gives the actor's unclaimed uploads a container.
	Claim(ctx context.Context, tx *db.Tx, a access.Actor, files []id.Attachment, containerType string, container int64) error
	// TrashAll moves the files of containers to the trash with them.
	TrashAll(ctx context.Context, tx *db.Tx, containerType string, containers []int64) error
}

// Deps are what the service is built from.
type Deps struct {
	DB          *db.DB
	Settings    Settings
	Attachments Attachments
}

// Service offers everything that can be done with work packages.
type Service struct {
	db          *db.DB
	settings    Settings
	attachments Attachments
}

// New returns the service.
func New(d Deps) *Service {
	return &Service{db: d.DB, settings: d.Settings, attachments: d.Attachments}
}

// container is the name under which work packages hold attachments.
const container = "WorkPackage"

// visible returns the work package, or NotFound when it is not there, in the
// trash, or the actor may not see it.
func visible(ctx context.Context, tx *db.Tx, a access.Actor, wp id.WorkPackage) (*WorkPackage, error) {
	w, err := db.Find[WorkPackage](ctx, tx, "work package", db.SQL(`SELECT `+columns+` FROM work_packages w
		WHERE w.id = ? AND w.deleted_at IS NULL AND`, wp).Append(access.VisibleEach("w.project_id", a, access.ViewWorkPackages)))
	if err != nil {
		return nil, err
	}
	return &w, nil
}

// Find returns one work package.
//
// Faults: NotFound when actor may not see it.
func (s *Service) Find(ctx context.Context, a access.Actor, wp id.WorkPackage) (*WorkPackage, error) {
	return db.Read(ctx, s.db, func(tx *db.Tx) (*WorkPackage, error) { return visible(ctx, tx, a, wp) })
}

// Visible answers for package attachment whether the actor may see the container.
func (s *Service) Visible(ctx context.Context, tx *db.Tx, a access.Actor, containerID int64) error {
	_, err := visible(ctx, tx, a, id.WorkPackage(containerID))
	return err
}

// MayAttach answers for package attachment whether the actor may add and
// remove files: with the right to edit, or the one to attach.
func (s *Service) MayAttach(ctx context.Context, tx *db.Tx, a access.Actor, containerID int64) error {
	w, err := visible(ctx, tx, a, id.WorkPackage(containerID))
	if err != nil {
		return err
	}
	for _, p := range []access.Permission{access.EditWorkPackages, access.AddWorkPackageAttachments} {
		ok, err := access.Allowed(ctx, tx, a, p, w.ProjectID)
		if ok || err != nil {
			return err
		}
	}
	return fault.Forbidden("you are not allowed to attach files to this work package")
}

// FilesChanged journals for package attachment that the files of a work
// package are different now.
func (s *Service) FilesChanged(ctx context.Context, tx *db.Tx, a access.Actor, containerID int64) error {
	w, err := db.Find[WorkPackage](ctx, tx, "work package", db.SQL(`SELECT `+columns+` FROM work_packages w WHERE w.id = ?`, containerID))
	if err != nil {
		return err
	}
	if err := touch(ctx, tx, w.ID); err != nil {
		return err
	}
	return record(ctx, tx, a, &w, change{})
}
