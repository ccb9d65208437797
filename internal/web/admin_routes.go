package web

import (
	"net/http"
	"strings"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/serve"
	"github.com/holdfast/holdfast/internal/web/ui"
)

// adminRoutes are the pages of the administration. Those for backups are also
// for people who may make backups and are no administrators; their services
// ask for the right.
func (s *Site) adminRoutes() []page {
	get, post := http.MethodGet, http.MethodPost
	pages := []page{
		{get, "/admin", s.admin(s.overview), false},
		{get, "/admin/users", s.admin(s.userList), false},
		{get, "/admin/users/new", s.admin(s.newUser), false},
		{post, "/admin/users", s.admin(s.createUser), false},
		{get, "/admin/users/invitations", s.admin(s.inviteForm), false},
		{post, "/admin/users/invitations", s.admin(s.inviteMany), false},
		{get, "/admin/users/{id}", s.admin(s.editUser), false},
		{post, "/admin/users/{id}", s.admin(s.updateUser), false},
		{post, "/admin/users/{id}/password", s.admin(s.setPassword), false},
		{post, "/admin/users/{id}/lock", s.admin(s.lockUser), false},
		{post, "/admin/users/{id}/invitation", s.admin(s.invite), false},
		{get, "/admin/users/{id}/deletion", s.admin(s.confirmUserDelete), false},
		{post, "/admin/users/{id}/deletion", s.admin(s.deleteUser), false},
		{get, demoHref, s.confirmDemo, false},
		{post, demoHref, s.removeDemo, false},
		{get, "/admin/groups", s.admin(s.groupList), false},
		{get, "/admin/groups/new", s.admin(s.newGroup), false},
		{post, "/admin/groups", s.admin(s.createGroup), false},
		{get, "/admin/groups/{id}", s.admin(s.editGroup), false},
		{post, "/admin/groups/{id}", s.admin(s.updateGroup), false},
		{get, "/admin/groups/{id}/deletion", s.admin(s.confirmGroupDelete), false},
		{post, "/admin/groups/{id}/deletion", s.admin(s.deleteGroup), false},
		{get, "/admin/roles", s.admin(s.roleList), false},
		{get, "/admin/roles/new", s.admin(s.newRole), false},
		{post, "/admin/roles", s.admin(s.createRole), false},
		{get, "/admin/roles/permissions", s.admin(s.permissionMatrix), false},
		{post, "/admin/roles/permissions", s.admin(s.savePermissions), false},
		{get, "/admin/roles/{id}", s.admin(s.editRole), false},
		{post, "/admin/roles/{id}", s.admin(s.updateRole), false},
		{post, "/admin/roles/{id}/position", s.admin(s.moveRole), false},
		{get, "/admin/roles/{id}/deletion", s.admin(s.confirmRoleDelete), false},
		{post, "/admin/roles/{id}/deletion", s.admin(s.deleteRole), false},
		{get, "/admin/workflow", s.admin(s.workflow), false},
		{post, "/admin/workflow", s.admin(s.saveWorkflow), false},
		{post, "/admin/workflow/copies", s.admin(s.copyWorkflow), false},
		{get, daysHref, s.admin(s.workingDays), false},
		{post, daysHref, s.admin(s.saveWeek), false},
		{post, daysHref + "/days", s.admin(s.addDay), false},
		{get, daysHref + "/days/{date}/deletion", s.admin(s.confirmDayRemove), false},
		{post, daysHref + "/days/{date}/deletion", s.admin(s.removeDay), false},
		{get, "/admin/settings", s.admin(s.generalSettings), false},
		{post, "/admin/settings", s.admin(s.saveSettings), false},
		{get, "/admin/authentication", s.admin(s.authentication), false},
		{post, "/admin/authentication", s.admin(s.saveAuthentication), false},
		{get, "/admin/info", s.admin(s.info), false},
		{get, "/admin/mail", s.admin(s.mailPage), false},
		{post, "/admin/mail/test", s.admin(s.testMail), false},
		{post, "/admin/mail/release", s.admin(s.releaseMail), false},
		{post, "/admin/mail/{id}/retry", s.admin(s.retryMail), false},
		{get, "/admin/audit", s.admin(s.auditLog), false},
		{get, "/admin/jobs", s.admin(s.jobs), false},
		{post, "/admin/jobs/{id}/retry", s.admin(s.retryJob), false},

		{get, "/admin/backups", s.backups, false},
		{get, "/admin/backups/reset_token", s.backups, false},
		{get, "/admin/backups/care", s.admin(s.backupCare), false},
		{post, "/admin/backups/policy", s.admin(s.savePolicy), false},
		{post, "/admin/backups/checks", s.admin(s.requestCheck), false},
		{get, "/admin/backups/prune", s.admin(s.prunePreview), false},
		{post, "/admin/backups/holds", s.admin(s.holdSnapshot), false},
		{post, "/admin/backups/holds/release", s.admin(s.releaseSnapshot), false},
		{post, "/admin/backups/reset_token", s.resetToken, false},
		{post, "/admin/backups/delete_token", s.deleteToken, false},
		{post, "/admin/backups/request_backup", s.requestBackup, false},
		{get, "/admin/backups/retrieve", s.admin(s.retrieveForm), false},
		{post, "/admin/backups/retrieve", s.admin(s.retrievePiece), false},
		{post, "/admin/backups/retrieve/file", s.admin(s.retrieveContent), false},
		{get, "/admin/backups/undo", s.admin(s.undoForm), false},
		{post, "/admin/backups/undo", s.admin(s.orderUndo), false},
		{get, "/admin/backups/{id}/restore", s.admin(s.restoreForm), false},
		{post, "/admin/backups/{id}/restore", s.admin(s.orderRestore), false},
		{post, "/admin/backups/{id}/cancellation", s.cancelBackup, false},
		{get, "/admin/backups/{id}/download", s.downloadForm, false},
		{post, "/admin/backups/{id}/download", s.sendBackup, false},
		{get, "/backup_tokens/cancel", s.confirmCancel, true},
		{post, "/backup_tokens/cancel", s.cancelToken, true},
	}
	for _, k := range s.adminCatalog() {
		pages = append(pages, s.catalogRoutes(k)...)
	}
	return pages
}

// admin keeps everyone but administrators out.
func (s *Site) admin(h serve.HandlerFunc) serve.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, a access.Actor) error {
		if a.Kind == access.Visitor {
			return fault.Unauthenticated("you need to be signed in")
		}
		if err := access.RequireAdmin(a); err != nil {
			return err
		}
		return h(w, r, a)
	}
}

// adminFrame is the frame of the administration: for administrators with the
// navigation beside the page.
func (s *Site) adminFrame(r *http.Request, a access.Actor, title string) ui.Page {
	say := speak(r)
	p := s.frame(r, a, title)
	if !a.Admin {
		return p
	}
	groups := s.adminSide(say)
	for _, g := range groups {
		for i := range g.Items {
			h := g.Items[i].Href
			g.Items[i].Current = r.URL.Path == h || h != "/admin" && strings.HasPrefix(r.URL.Path, h)
		}
	}
	p.SideClosed = sideClosed(r)
	p.Side = ui.SideNav{Title: say.T("common.administration"), Groups: groups}
	p.Breadcrumbs = []ui.Crumb{{Label: say.T("common.administration"), Href: "/admin"}, {Label: title}}
	return p
}

// adminSide is the navigation of the administration, by what things are about.
func (s *Site) adminSide(say reader) []ui.NavGroup {
	people := ui.NavGroup{Title: say.T("admin.people"), Items: []ui.NavItem{
		{Label: say.T("common.users"), Href: "/admin/users", Icon: "user"},
		{Label: say.T("manage.groups"), Href: groupsHref, Icon: "users"},
		{Label: say.T("admin.roles"), Href: rolesHref, Icon: "shield"},
	}}
	planning := ui.NavGroup{Title: say.T("admin.planning"), Items: []ui.NavItem{
		{Label: say.T("catalog.types"), Href: typesHref, Icon: "milestone"},
		{Label: say.T("catalog.statuses"), Href: statusesHref, Icon: "circle-check"},
		{Label: say.T("catalog.priorities"), Href: prioritiesHref, Icon: "chevrons-up"},
		{Label: say.T("flow.title"), Href: workflowHref, Icon: "arrow-up-down"},
		{Label: say.T("days.title"), Href: daysHref, Icon: "calendar"},
	}}
	system := ui.NavGroup{Title: say.T("admin.system"), Items: []ui.NavItem{
		{Label: say.T("general.title"), Href: "/admin/settings", Icon: "settings"},
		{Label: say.T("authn.title"), Href: "/admin/authentication", Icon: "key-round"},
		{Label: say.T("common.mail"), Href: "/admin/mail", Icon: "mail"},
		{Label: say.T("common.jobs"), Href: "/admin/jobs", Icon: "list-checks"},
		{Label: say.T("common.audit_log"), Href: "/admin/audit", Icon: "scroll-text"},
	}}
	if s.app.Backups.Enabled() {
		system.Items = append(system.Items, ui.NavItem{Label: say.T("common.backup"), Href: "/admin/backups", Icon: "archive"})
	}
	system.Items = append(system.Items, ui.NavItem{Label: say.T("info.title"), Href: "/admin/info", Icon: "info"})
	return []ui.NavGroup{{Items: []ui.NavItem{{Label: say.T("admin.overview"), Href: "/admin", Icon: "layout-dashboard"}}}, people, planning, system}
}
