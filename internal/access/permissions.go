package access

import "slices"

// Permission is a named right, with OpenProject's name.
type Permission string

// Holder says who can be given a permission at all.
type Holder int

// Holders, from the widest to the narrowest.
const (
	// Anyone: also visitors who are not signed in.
	Anyone Holder = iota
	// LoggedIn: people who are signed in, also without a membership.
	LoggedIn
	// MemberOnly: people with a membership in the project.
	MemberOnly
)

// Definition declares a permission once.
type Definition struct {
	Permission Permission
	// Module must be enabled in the project; "" belongs to every project.
	Module string
	// Global permissions hold for the instance, the others in a project.
	Global bool
	// Holder is who can be given it.
	Holder Holder
	// Public permissions are held by everyone who may see the project.
	Public bool
	// Needs are the permissions that must be held as well.
	Needs []Permission
}

// Permissions.
const (
	AddProject                    Permission = "add_project"
	AddPortfolios                 Permission = "add_portfolios"
	AddPrograms                   Permission = "add_programs"
	ArchiveProject                Permission = "archive_project"
	CreateBackup                  Permission = "create_backup"
	CreateUser                    Permission = "create_user"
	ManageUser                    Permission = "manage_user"
	ViewAllPrincipals             Permission = "view_all_principals"
	ManagePlaceholderUser         Permission = "manage_placeholder_user"
	ViewUserEmail                 Permission = "view_user_email"
	ViewProject                   Permission = "view_project"
	SearchProject                 Permission = "search_project"
	EditProject                   Permission = "edit_project"
	SelectProjectModules          Permission = "select_project_modules"
	ViewProjectAttributes         Permission = "view_project_attributes"
	ExportProjects                Permission = "export_projects"
	EditProjectAttributes         Permission = "edit_project_attributes"
	SelectProjectCustomFields     Permission = "select_project_custom_fields"
	ViewProjectPhases             Permission = "view_project_phases"
	EditProjectPhases             Permission = "edit_project_phases"
	SelectProjectPhases           Permission = "select_project_phases"
	ManageMembers                 Permission = "manage_members"
	InviteMembersByEmail          Permission = "invite_members_by_email"
	ViewMembers                   Permission = "view_members"
	ManageVersions                Permission = "manage_versions"
	ManageTypes                   Permission = "manage_types"
	SelectCustomFields            Permission = "select_custom_fields"
	AddSubprojects                Permission = "add_subprojects"
	CopyProjects                  Permission = "copy_projects"
	EditAttributeHelpTexts        Permission = "edit_attribute_help_texts"
	ManagePublicProjectQueries    Permission = "manage_public_project_queries"
	ViewProjectQuery              Permission = "view_project_query"
	EditProjectQuery              Permission = "edit_project_query"
	ManageOwnWorkingTimes         Permission = "manage_own_working_times"
	ManageWorkingTimes            Permission = "manage_working_times"
	ViewWorkPackages              Permission = "view_work_packages"
	AddWorkPackages               Permission = "add_work_packages"
	EditWorkPackages              Permission = "edit_work_packages"
	MoveWorkPackages              Permission = "move_work_packages"
	CopyWorkPackages              Permission = "copy_work_packages"
	AddWorkPackageComments        Permission = "add_work_package_comments"
	EditOwnWorkPackageComments    Permission = "edit_own_work_package_comments"
	EditWorkPackageComments       Permission = "edit_work_package_comments"
	ViewInternalComments          Permission = "view_internal_comments"
	AddInternalComments           Permission = "add_internal_comments"
	EditOwnInternalComments       Permission = "edit_own_internal_comments"
	EditOthersInternalComments    Permission = "edit_others_internal_comments"
	AddWorkPackageAttachments     Permission = "add_work_package_attachments"
	ManageCategories              Permission = "manage_categories"
	ExportWorkPackages            Permission = "export_work_packages"
	DeleteWorkPackages            Permission = "delete_work_packages"
	ManageWorkPackageRelations    Permission = "manage_work_package_relations"
	ManageSubtasks                Permission = "manage_subtasks"
	ManagePublicQueries           Permission = "manage_public_queries"
	SaveQueries                   Permission = "save_queries"
	ViewWorkPackageWatchers       Permission = "view_work_package_watchers"
	AddWorkPackageWatchers        Permission = "add_work_package_watchers"
	DeleteWorkPackageWatchers     Permission = "delete_work_package_watchers"
	ShareWorkPackages             Permission = "share_work_packages"
	ViewSharedWorkPackages        Permission = "view_shared_work_packages"
	AssignVersions                Permission = "assign_versions"
	ChangeWorkPackageStatus       Permission = "change_work_package_status"
	WorkPackageAssigned           Permission = "work_package_assigned"
	ViewNews                      Permission = "view_news"
	ManageNews                    Permission = "manage_news"
	CommentNews                   Permission = "comment_news"
	ViewWikiPages                 Permission = "view_wiki_pages"
	ViewWikiEdits                 Permission = "view_wiki_edits"
	EditWikiPages                 Permission = "edit_wiki_pages"
	ManageWiki                    Permission = "manage_wiki"
	BrowseRepository              Permission = "browse_repository"
	CommitAccess                  Permission = "commit_access"
	ManageRepository              Permission = "manage_repository"
	ViewChangesets                Permission = "view_changesets"
	ViewCommitAuthorStatistics    Permission = "view_commit_author_statistics"
	ManageForums                  Permission = "manage_forums"
	ViewMessages                  Permission = "view_messages"
	AddMessages                   Permission = "add_messages"
	EditMessages                  Permission = "edit_messages"
	EditOwnMessages               Permission = "edit_own_messages"
	DeleteMessages                Permission = "delete_messages"
	DeleteOwnMessages             Permission = "delete_own_messages"
	ViewProjectActivity           Permission = "view_project_activity"
	ViewSprints                   Permission = "view_sprints"
	SelectBacklogTypesAndStatuses Permission = "select_backlog_types_and_statuses"
	CreateSprints                 Permission = "create_sprints"
	StartCompleteSprint           Permission = "start_complete_sprint"
	ManageSprintItems             Permission = "manage_sprint_items"
	ShareSprint                   Permission = "share_sprint"
	ViewIFCModels                 Permission = "view_ifc_models"
	ManageIFCModels               Permission = "manage_ifc_models"
	ViewLinkedIssues              Permission = "view_linked_issues"
	ManageBCF                     Permission = "manage_bcf"
	DeleteBCF                     Permission = "delete_bcf"
	SaveBCFQueries                Permission = "save_bcf_queries"
	ManagePublicBCFQueries        Permission = "manage_public_bcf_queries"
	ShowBoardViews                Permission = "show_board_views"
	ManageBoardViews              Permission = "manage_board_views"
	ViewBudgets                   Permission = "view_budgets"
	EditBudgets                   Permission = "edit_budgets"
	ViewCalendar                  Permission = "view_calendar"
	ManageCalendars               Permission = "manage_calendars"
	ShareCalendars                Permission = "share_calendars"
	ViewTimeEntries               Permission = "view_time_entries"
	ViewOwnTimeEntries            Permission = "view_own_time_entries"
	LogOwnTime                    Permission = "log_own_time"
	LogTime                       Permission = "log_time"
	EditOwnTimeEntries            Permission = "edit_own_time_entries"
	EditTimeEntries               Permission = "edit_time_entries"
	ManageProjectActivities       Permission = "manage_project_activities"
	ViewOwnHourlyRate             Permission = "view_own_hourly_rate"
	ViewHourlyRates               Permission = "view_hourly_rates"
	EditOwnHourlyRate             Permission = "edit_own_hourly_rate"
	EditHourlyRates               Permission = "edit_hourly_rates"
	ViewCostRates                 Permission = "view_cost_rates"
	LogOwnCosts                   Permission = "log_own_costs"
	LogCosts                      Permission = "log_costs"
	EditOwnCostEntries            Permission = "edit_own_cost_entries"
	EditCostEntries               Permission = "edit_cost_entries"
	ViewCostEntries               Permission = "view_cost_entries"
	ViewOwnCostEntries            Permission = "view_own_cost_entries"
	ViewDocuments                 Permission = "view_documents"
	ManageDocuments               Permission = "manage_documents"
	ShowGitHubContent             Permission = "show_github_content"
	Introspection                 Permission = "introspection"
	ShowGitLabContent             Permission = "show_gitlab_content"
	ViewMeetings                  Permission = "view_meetings"
	CreateMeetings                Permission = "create_meetings"
	EditMeetings                  Permission = "edit_meetings"
	DeleteMeetings                Permission = "delete_meetings"
	SendMeetingInvitesAndOutcomes Permission = "send_meeting_invites_and_outcomes"
	ManageAgendas                 Permission = "manage_agendas"
	ManageOutcomes                Permission = "manage_outcomes"
	ManageDashboards              Permission = "manage_dashboards"
	SaveCostReports               Permission = "save_cost_reports"
	SavePrivateCostReports        Permission = "save_private_cost_reports"
	ViewResourcePlanners          Permission = "view_resource_planners"
	ManagePublicResourcePlanners  Permission = "manage_public_resource_planners"
	AllocateUserResources         Permission = "allocate_user_resources"
	ManageFilesInProject          Permission = "manage_files_in_project"
	ViewFileLinks                 Permission = "view_file_links"
	ManageFileLinks               Permission = "manage_file_links"
	ViewTeamPlanner               Permission = "view_team_planner"
	ManageTeamPlanner             Permission = "manage_team_planner"
	ManageWikiPageLinks           Permission = "manage_wiki_page_links"
	ReadFiles                     Permission = "read_files"
	WriteFiles                    Permission = "write_files"
	CreateFiles                   Permission = "create_files"
	DeleteFiles                   Permission = "delete_files"
	ShareFiles                    Permission = "share_files"
)

// Definitions lists every permission in the order of the role form.
var Definitions = []Definition{
	{Permission: AddProject, Global: true, Holder: LoggedIn},
	{Permission: AddPortfolios, Global: true, Holder: LoggedIn},
	{Permission: AddPrograms, Global: true, Holder: LoggedIn},
	{Permission: ArchiveProject, Holder: MemberOnly},
	{Permission: CreateBackup, Global: true, Holder: LoggedIn},
	{Permission: CreateUser, Global: true, Holder: LoggedIn, Needs: []Permission{ViewAllPrincipals}},
	{Permission: ManageUser, Global: true, Holder: LoggedIn, Needs: []Permission{ViewAllPrincipals}},
	{Permission: ViewAllPrincipals, Global: true, Holder: LoggedIn},
	{Permission: ManagePlaceholderUser, Global: true, Holder: LoggedIn, Needs: []Permission{ViewAllPrincipals}},
	{Permission: ViewUserEmail, Global: true, Holder: LoggedIn},
	{Permission: ViewProject, Public: true},
	{Permission: SearchProject, Public: true},
	{Permission: EditProject, Holder: MemberOnly},
	{Permission: SelectProjectModules, Holder: MemberOnly},
	{Permission: ViewProjectAttributes, Needs: []Permission{ViewProject}},
	{Permission: ExportProjects, Needs: []Permission{ViewProject}},
	{Permission: EditProjectAttributes, Holder: MemberOnly, Needs: []Permission{ViewProjectAttributes}},
	{Permission: SelectProjectCustomFields, Holder: MemberOnly},
	{Permission: ViewProjectPhases, Needs: []Permission{ViewProject}},
	{Permission: EditProjectPhases, Holder: MemberOnly, Needs: []Permission{ViewProjectPhases}},
	{Permission: SelectProjectPhases, Holder: MemberOnly, Needs: []Permission{EditProjectPhases}},
	{Permission: ManageMembers, Holder: MemberOnly, Needs: []Permission{ViewMembers}},
	{Permission: InviteMembersByEmail, Holder: MemberOnly, Needs: []Permission{ManageMembers}},
	{Permission: ViewMembers},
	{Permission: ManageVersions, Holder: MemberOnly},
	{Permission: ManageTypes, Holder: MemberOnly},
	{Permission: SelectCustomFields, Holder: MemberOnly},
	{Permission: AddSubprojects, Holder: MemberOnly},
	{Permission: CopyProjects, Holder: MemberOnly},
	{Permission: EditAttributeHelpTexts, Global: true, Holder: LoggedIn},
	{Permission: ManagePublicProjectQueries, Global: true, Holder: LoggedIn},
	{Permission: ViewProjectQuery, Global: true, Holder: LoggedIn},
	{Permission: EditProjectQuery, Global: true, Holder: LoggedIn},
	{Permission: ManageOwnWorkingTimes, Global: true},
	{Permission: ManageWorkingTimes, Global: true},
	{Permission: ViewWorkPackages, Module: "work_package_tracking"},
	{Permission: AddWorkPackages, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: EditWorkPackages, Module: "work_package_tracking", Holder: MemberOnly, Needs: []Permission{ViewWorkPackages}},
	{Permission: MoveWorkPackages, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewWorkPackages}},
	{Permission: CopyWorkPackages, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewWorkPackages}},
	{Permission: AddWorkPackageComments, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: EditOwnWorkPackageComments, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewWorkPackages}},
	{Permission: EditWorkPackageComments, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewWorkPackages}},
	{Permission: ViewInternalComments, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewWorkPackages}},
	{Permission: AddInternalComments, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewProject, ViewInternalComments}},
	{Permission: EditOwnInternalComments, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewProject, ViewInternalComments}},
	{Permission: EditOthersInternalComments, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewProject, ViewInternalComments}},
	{Permission: AddWorkPackageAttachments, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageCategories, Module: "work_package_tracking", Holder: MemberOnly},
	{Permission: ExportWorkPackages, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: DeleteWorkPackages, Module: "work_package_tracking", Holder: MemberOnly, Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageWorkPackageRelations, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageSubtasks, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManagePublicQueries, Module: "work_package_tracking", Holder: MemberOnly},
	{Permission: SaveQueries, Module: "work_package_tracking", Holder: LoggedIn, Needs: []Permission{ViewWorkPackages}},
	{Permission: ViewWorkPackageWatchers, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: AddWorkPackageWatchers, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: DeleteWorkPackageWatchers, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: ShareWorkPackages, Module: "work_package_tracking", Holder: MemberOnly, Needs: []Permission{EditWorkPackages, ViewSharedWorkPackages}},
	{Permission: ViewSharedWorkPackages, Module: "work_package_tracking", Holder: MemberOnly},
	{Permission: AssignVersions, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: ChangeWorkPackageStatus, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: WorkPackageAssigned, Module: "work_package_tracking", Holder: MemberOnly},
	{Permission: ViewNews, Module: "news", Public: true},
	{Permission: ManageNews, Module: "news", Holder: MemberOnly},
	{Permission: CommentNews, Module: "news"},
	{Permission: ViewWikiPages, Module: "wiki"},
	{Permission: ViewWikiEdits, Module: "wiki", Needs: []Permission{ViewWikiPages}},
	{Permission: EditWikiPages, Module: "wiki", Needs: []Permission{ViewWikiPages}},
	{Permission: ManageWiki, Module: "wiki", Holder: MemberOnly, Needs: []Permission{EditWikiPages}},
	{Permission: BrowseRepository, Module: "repository"},
	{Permission: CommitAccess, Module: "repository"},
	{Permission: ManageRepository, Module: "repository", Holder: MemberOnly},
	{Permission: ViewChangesets, Module: "repository"},
	{Permission: ViewCommitAuthorStatistics, Module: "repository"},
	{Permission: ManageForums, Module: "forums", Holder: MemberOnly},
	{Permission: ViewMessages, Module: "forums", Public: true},
	{Permission: AddMessages, Module: "forums"},
	{Permission: EditMessages, Module: "forums", Holder: MemberOnly},
	{Permission: EditOwnMessages, Module: "forums", Holder: LoggedIn},
	{Permission: DeleteMessages, Module: "forums", Holder: MemberOnly},
	{Permission: DeleteOwnMessages, Module: "forums", Holder: LoggedIn},
	{Permission: ViewProjectActivity, Module: "activity", Public: true},
	{Permission: ViewSprints, Module: "backlogs", Needs: []Permission{ViewWorkPackages, ShowBoardViews}},
	{Permission: SelectBacklogTypesAndStatuses, Module: "backlogs", Holder: MemberOnly},
	{Permission: CreateSprints, Module: "backlogs", Holder: MemberOnly, Needs: []Permission{ViewSprints}},
	{Permission: StartCompleteSprint, Module: "backlogs", Holder: MemberOnly, Needs: []Permission{ViewSprints, ManageBoardViews, ManageSprintItems}},
	{Permission: ManageSprintItems, Module: "backlogs", Holder: MemberOnly, Needs: []Permission{ViewSprints, EditWorkPackages}},
	{Permission: ShareSprint, Module: "backlogs", Holder: MemberOnly, Needs: []Permission{CreateSprints}},
	{Permission: ViewIFCModels, Module: "bim"},
	{Permission: ManageIFCModels, Module: "bim", Needs: []Permission{ViewIFCModels}},
	{Permission: ViewLinkedIssues, Module: "bim", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageBCF, Module: "bim", Needs: []Permission{ViewLinkedIssues, ViewWorkPackages, AddWorkPackages, EditWorkPackages}},
	{Permission: DeleteBCF, Module: "bim", Needs: []Permission{ViewLinkedIssues, ManageBCF, ViewWorkPackages, AddWorkPackages, EditWorkPackages, DeleteWorkPackages}},
	{Permission: SaveBCFQueries, Module: "bim", Needs: []Permission{SaveQueries}},
	{Permission: ManagePublicBCFQueries, Module: "bim", Needs: []Permission{ManagePublicQueries, SaveBCFQueries}},
	{Permission: ShowBoardViews, Module: "board_view", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageBoardViews, Module: "board_view", Needs: []Permission{ManagePublicQueries, SaveQueries}},
	{Permission: ViewBudgets, Module: "budgets"},
	{Permission: EditBudgets, Module: "budgets", Needs: []Permission{ViewBudgets}},
	{Permission: ViewCalendar, Module: "calendar_view", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageCalendars, Module: "calendar_view", Needs: []Permission{ViewCalendar, AddWorkPackages, EditWorkPackages, SaveQueries, ManagePublicQueries}},
	{Permission: ShareCalendars, Module: "calendar_view", Needs: []Permission{ViewCalendar}},
	{Permission: ViewTimeEntries, Module: "costs"},
	{Permission: ViewOwnTimeEntries, Module: "costs"},
	{Permission: LogOwnTime, Module: "costs", Holder: LoggedIn, Needs: []Permission{ViewOwnTimeEntries}},
	{Permission: LogTime, Module: "costs", Holder: LoggedIn, Needs: []Permission{ViewTimeEntries}},
	{Permission: EditOwnTimeEntries, Module: "costs", Holder: LoggedIn},
	{Permission: EditTimeEntries, Module: "costs", Holder: MemberOnly},
	{Permission: ManageProjectActivities, Module: "costs", Holder: MemberOnly},
	{Permission: ViewOwnHourlyRate, Module: "costs"},
	{Permission: ViewHourlyRates, Module: "costs"},
	{Permission: EditOwnHourlyRate, Module: "costs", Holder: MemberOnly},
	{Permission: EditHourlyRates, Module: "costs", Holder: MemberOnly},
	{Permission: ViewCostRates, Module: "costs"},
	{Permission: LogOwnCosts, Module: "costs", Holder: LoggedIn},
	{Permission: LogCosts, Module: "costs", Holder: MemberOnly},
	{Permission: EditOwnCostEntries, Module: "costs", Holder: LoggedIn},
	{Permission: EditCostEntries, Module: "costs", Holder: MemberOnly},
	{Permission: ViewCostEntries, Module: "costs"},
	{Permission: ViewOwnCostEntries, Module: "costs"},
	{Permission: ViewDocuments, Module: "documents"},
	{Permission: ManageDocuments, Module: "documents", Holder: LoggedIn},
	{Permission: ShowGitHubContent, Module: "github"},
	{Permission: Introspection, Module: "github", Global: true, Holder: LoggedIn},
	{Permission: ShowGitLabContent, Module: "gitlab"},
	{Permission: ViewMeetings, Module: "meetings"},
	{Permission: CreateMeetings, Module: "meetings", Holder: MemberOnly, Needs: []Permission{ViewMeetings}},
	{Permission: EditMeetings, Module: "meetings", Holder: MemberOnly, Needs: []Permission{ViewMeetings}},
	{Permission: DeleteMeetings, Module: "meetings", Holder: MemberOnly, Needs: []Permission{ViewMeetings}},
	{Permission: SendMeetingInvitesAndOutcomes, Module: "meetings", Holder: MemberOnly, Needs: []Permission{ViewMeetings}},
	{Permission: ManageAgendas, Module: "meetings", Holder: MemberOnly, Needs: []Permission{ViewMeetings}},
	{Permission: ManageOutcomes, Module: "meetings", Holder: MemberOnly, Needs: []Permission{ViewMeetings}},
	{Permission: ManageDashboards, Holder: MemberOnly},
	{Permission: SaveCostReports, Module: "costs"},
	{Permission: SavePrivateCostReports, Module: "costs"},
	{Permission: ViewResourcePlanners, Module: "resource_management"},
	{Permission: ManagePublicResourcePlanners, Module: "resource_management", Needs: []Permission{ViewResourcePlanners}},
	{Permission: AllocateUserResources, Module: "resource_management", Needs: []Permission{ViewResourcePlanners}},
	{Permission: ManageFilesInProject},
	{Permission: ViewFileLinks, Module: "work_package_tracking", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageFileLinks, Module: "work_package_tracking", Needs: []Permission{ViewFileLinks}},
	{Permission: ViewTeamPlanner, Module: "team_planner_view", Needs: []Permission{ViewWorkPackages}},
	{Permission: ManageTeamPlanner, Module: "team_planner_view", Needs: []Permission{ViewTeamPlanner, AddWorkPackages, EditWorkPackages, SaveQueries, ManagePublicQueries}},
	{Permission: ManageWikiPageLinks, Module: "work_package_tracking", Needs: []Permission{EditWorkPackages}},
	{Permission: ReadFiles},
	{Permission: WriteFiles},
	{Permission: CreateFiles},
	{Permission: DeleteFiles},
	{Permission: ShareFiles},
}

var byName = func() map[Permission]*Definition {
	m := make(map[Permission]*Definition, len(Definitions))
	for i := range Definitions {
		m[Definitions[i].Permission] = &Definitions[i]
	}
	return m
}()

// Lookup returns the definition of a permission, and whether there is one.
func Lookup(p Permission) (Definition, bool) {
	d, ok := byName[p]
	if !ok {
		return Definition{}, false
	}
	return *d, true
}

// Modules are the names of all modules that a project can turn on, sorted:
// those that permissions belong to, and two that only add pages.
var Modules = func() []string {
	names := []string{"calendar", "gantt"}
	for _, d := range Definitions {
		if d.Module != "" {
			names = append(names, d.Module)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}()
