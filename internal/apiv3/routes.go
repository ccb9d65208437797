package apiv3

import (
	"net/http"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/hal"
)

// routes is the table of operations. Tests walk it: every route answers
// visitors and strangers as it should.
func (s *API) routes() []route {
	get, post, patch, del := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []route{
		{get, "/", s.root, true},
		{get, "/configuration", s.configuration, false},
		{post, "/render/markdown", s.renderMarkdown, false},
		{post, "/render/plain", s.renderPlain, false},

		{get, "/types", s.listTypes, false},
		{get, "/types/{id}", s.showType, false},
		{get, "/statuses", s.listStatuses, false},
		{get, "/statuses/{id}", s.showStatus, false},
		{get, "/priorities", s.listPriorities, false},
		{get, "/priorities/{id}", s.showPriority, false},

		{get, "/days", s.listDays, false},
		{get, "/days/non_working", s.listNonWorkingDays, false},
		{get, "/days/non_working/{date}", s.showNonWorkingDay, false},
		{get, "/days/week", s.listWeekDays, false},
		{get, "/days/week/{day}", s.showWeekDay, false},
		{get, "/days/{date}", s.showDay, false},

		{get, "/users", s.listUsers, false},
		{post, "/users", s.createUser, false},
		{get, "/users/{id}", s.showUser, false},
		{patch, "/users/{id}", s.updateUser, false},
		{del, "/users/{id}", s.deleteUser, false},
		{post, "/users/{id}/lock", s.lockUser, false},
		{del, "/users/{id}/lock", s.unlockUser, false},
		{get, "/principals", s.listPrincipals, false},
		{get, "/groups", s.listGroups, false},
		{post, "/groups", s.createGroup, false},
		{get, "/groups/{id}", s.showGroup, false},
		{patch, "/groups/{id}", s.updateGroup, false},
		{del, "/groups/{id}", s.deleteGroup, false},
		{get, "/roles", s.listRoles, false},
		{get, "/roles/{id}", s.showRole, false},
		{get, "/memberships", s.listMemberships, false},
		{post, "/memberships", s.createMembership, false},
		{get, "/memberships/schema", s.membershipSchema, false},
		{get, "/memberships/available_projects", s.availableMembershipProjects, false},
		{post, "/memberships/form", s.newMembershipForm, false},
		{get, "/memberships/{id}", s.showMembership, false},
		{patch, "/memberships/{id}", s.updateMembership, false},
		{del, "/memberships/{id}", s.deleteMembership, false},
		{post, "/memberships/{id}/form", s.membershipForm, false},

		{get, "/projects", s.listProjects, false},
		{post, "/projects", s.createProject, false},
		{get, "/projects/schema", s.projectSchema, false},
		{get, "/projects/available_parent_projects", s.availableParents, false},
		{post, "/projects/form", s.newProjectForm, false},
		{get, "/projects/{id}", s.showProject, false},
		{patch, "/projects/{id}", s.updateProject, false},
		{del, "/projects/{id}", s.deleteProject, false},
		{post, "/projects/{id}/form", s.editProjectForm, false},
		{post, "/projects/{id}/favorite", s.favorProject, false},
		{del, "/projects/{id}/favorite", s.disfavorProject, false},
		{post, "/workspaces/{id}/favorite", s.favorProject, false},
		{del, "/workspaces/{id}/favorite", s.disfavorProject, false},
		{get, "/projects/{id}/types", s.listProjectTypes, false},
		{get, "/projects/{id}/available_assignees", s.availableAssignees, false},
		{get, "/projects/{id}/work_packages", s.listProjectWorkPackages, false},
		{post, "/projects/{id}/work_packages", s.createProjectWorkPackage, false},
		{post, "/projects/{id}/work_packages/form", s.newProjectWorkPackageForm, false},

		{get, "/projects/{id}/versions", s.listProjectVersions, false},
		{get, "/projects/{id}/categories", s.listProjectCategories, false},
		{get, "/workspaces/{id}/versions", s.listProjectVersions, false},
		{get, "/workspaces/{id}/categories", s.listProjectCategories, false},

		{get, "/versions", s.listVersions, false},
		{post, "/versions", s.createVersion, false},
		{get, "/versions/available_projects", s.availableVersionProjects, false},
		{get, "/versions/schema", s.versionSchema, false},
		{post, "/versions/form", s.newVersionForm, false},
		{get, "/versions/{id}", s.showVersion, false},
		{patch, "/versions/{id}", s.updateVersion, false},
		{del, "/versions/{id}", s.deleteVersion, false},
		{post, "/versions/{id}/form", s.editVersionForm, false},
		{get, "/versions/{id}/projects", s.listVersionProjects, false},
		{get, "/versions/{id}/workspaces", s.listVersionProjects, false},
		{get, "/categories/{id}", s.showCategory, false},

		{get, "/work_packages", s.listWorkPackages, false},
		{post, "/work_packages", s.createWorkPackage, false},
		{post, "/work_packages/form", s.newWorkPackageForm, false},
		{get, "/work_packages/available_projects", s.availableWorkPackageProjects, false},
		{get, "/work_packages/schemas", s.workPackageSchemas, false},
		{get, "/work_packages/schemas/{schema}", s.workPackageSchema, false},
		{get, "/work_packages/{id}", s.showWorkPackage, false},
		{patch, "/work_packages/{id}", s.updateWorkPackage, false},
		{del, "/work_packages/{id}", s.deleteWorkPackage, false},
		{post, "/work_packages/{id}/form", s.editWorkPackageForm, false},
		{get, "/work_packages/{id}/activities", s.listActivities, false},
		{post, "/work_packages/{id}/activities", s.createActivity, false},
		{get, "/work_packages/{id}/attachments", s.listWorkPackageAttachments, false},
		{post, "/work_packages/{id}/attachments", s.createWorkPackageAttachment, false},
		{get, "/work_packages/{id}/available_assignees", s.workPackageAssignees, false},
		{get, "/work_packages/{id}/available_projects", s.projectsToMoveTo, false},
		{get, "/work_packages/{id}/available_watchers", s.availableWatchers, false},
		{get, "/work_packages/{id}/watchers", s.listWatchers, false},
		{post, "/work_packages/{id}/watchers", s.addWatcher, false},
		{del, "/work_packages/{id}/watchers/{user}", s.removeWatcher, false},
		{get, "/work_packages/{id}/relations", s.noneOf, false},
		{get, "/work_packages/{id}/revisions", s.noneOf, false},
		{get, "/activities/{id}", s.showActivity, false},
		{patch, "/activities/{id}", s.updateActivity, false},

		{post, "/attachments", s.createAttachment, false},
		{get, "/attachments/{id}", s.showAttachment, false},
		{del, "/attachments/{id}", s.deleteAttachment, false},
		{get, "/attachments/{id}/content", s.attachmentContent, false},

		{get, "/notifications", s.listNotifications, false},
		{post, "/notifications/read_ian", s.readNotifications, false},
		{post, "/notifications/unread_ian", s.unreadNotifications, false},
		{get, "/notifications/{id}", s.showNotification, false},
		{post, "/notifications/{id}/read_ian", s.readNotification, false},
		{post, "/notifications/{id}/unread_ian", s.unreadNotification, false},
		{get, "/notifications/{id}/details/{detail}", s.showNotificationDetail, false},

		{post, "/backups", s.createBackup, true},
		{get, "/job_statuses/{id}", s.showJobStatus, false},
	}
}

// noneOf answers with an empty list for what work packages cannot have here,
// to those who may see the work package.
func (s *API) noneOf(w http.ResponseWriter, r *http.Request, a access.Actor) error {
	n, err := packageID(r)
	if err != nil {
		return err
	}
	if _, err := s.app.WorkPackages.Find(r.Context(), a, n); err != nil {
		return err
	}
	return respond(w, r, http.StatusOK, hal.NewCollection(hal.TypeCollection).All(r.URL.Path))
}
