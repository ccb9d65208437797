package web

import "net/http"

// routes is the table of pages. Tests walk it: every route answers visitors
// and strangers as it should.
func (s *Site) routes() []page {
	get, post := http.MethodGet, http.MethodPost
	return append([]page{
		{get, "/login", s.loginForm, true},
		{post, "/login", s.signIn, true},
		{post, "/login/password", s.forcedChange, true},
		{get, "/login/recovery", s.recoveryForm, true},
		{post, "/login/recovery", s.requestRecovery, true},
		{post, "/logout", s.signOut, true},
		{get, "/setup", s.setupForm, true},
		{post, "/setup", s.completeSetup, true},
		{post, "/setup/demo", s.setupDemo, true},
		{post, "/setup/restore", s.setupRestore, true},
		{get, "/register", s.registerForm, true},
		{post, "/register", s.register, true},
		{get, "/account/lost_password", s.recoverForm, true},
		{post, "/account/lost_password", s.completeRecovery, true},
		{get, "/account/activate", s.activationForm, true},
		{post, "/account/activate", s.activate, true},
		{get, "/auth/{slug}", s.beginOIDC, true},
		{get, "/auth/{slug}/callback", s.finishOIDC, true},

		{get, "/styleguide", s.styleguide, true},
		{get, "/styleguide/{name}", s.styleguide, true},

		{get, "/", s.home, false},
		{get, "/search", s.search, false},
		{get, "/palette", s.palette, false},
		{get, "/keyboard", s.keyboard, false},
		{get, "/my/account", s.myAccount, false},
		{post, "/my/account", s.saveAccount, false},
		{post, "/my/appearance", s.saveAppearance, false},
		{post, "/my/password", s.changePassword, false},
		{post, "/my/keys", s.createKey, false},
		{post, "/my/keys/{id}/revocation", s.revokeKey, false},
		{post, "/my/sessions/{id}/end", s.endSession, false},

		{get, "/projects", s.projects, false},
		{post, "/projects", s.createProject, false},
		{get, "/projects/new", s.newProject, false},
		{get, "/projects/{project}", s.showProject, false},
		{post, "/projects/{project}", s.updateProject, false},
		{get, "/projects/{project}/edit", s.editProject, false},
		{post, "/projects/{project}/archival", s.archive, false},
		{get, "/projects/{project}/members", s.projectMembers, false},
		{get, "/projects/{project}/work_packages", s.projectPackages, false},
		{get, "/projects/{project}/work_packages/new", s.newPackage, false},
		{post, "/projects/{project}/work_packages", s.createPackage, false},

		{get, "/work_packages", s.workPackages, false},
		{get, "/work_packages/new", s.choosePackageProject, false},
		{post, "/work_packages/bulk", s.bulk, false},
		{get, "/work_packages/{id}/cell/{field}", s.editCell, false},
		{post, "/work_packages/{id}/cell/{field}", s.saveCell, false},
		{post, "/work_packages/{id}/shift", s.shift, false},
		{get, "/work_packages/{id}", s.showPackage, false},
		{post, "/work_packages/{id}", s.updatePackage, false},
		{get, "/work_packages/{id}/edit", s.editPackage, false},
		{post, "/work_packages/{id}/undo", s.undo, false},
		{post, "/work_packages/{id}/comments", s.comment, false},
		{post, "/work_packages/{id}/watching", s.watch, false},
		{post, "/work_packages/{id}/files", s.attach, false},
		{get, "/work_packages/{id}/deletion", s.confirmDelete, false},
		{post, "/work_packages/{id}/deletion", s.deletePackage, false},
		{get, "/attachments/{id}", s.download, false},
		{get, "/attachments/{id}/deletion", s.confirmFileDelete, false},
		{post, "/attachments/{id}/deletion", s.deleteFile, false},
	}, s.adminRoutes()...)
}
