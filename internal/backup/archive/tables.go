package archive

import "slices"

// Type is a logical column type, the same on both engines.
type Type string

// The logical types; docs/backup-format.md says how each is written.
const (
	Int     Type = "int"
	Bool    Type = "bool"
	Text    Type = "text"
	Instant Type = "instant"
	Day     Type = "day"
	JSON    Type = "json"
)

// Column is one column of a table.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// Table is a table that an archive carries.
type Table struct {
	Name    string   `json:"name"`
	Key     []string `json:"key"`
	Columns []Column `json:"columns"`
	// Where keeps rows out of the archive: only those that meet it are carried.
	Where string `json:"where,omitempty"`
}

// Numbered says whether the engine gives out the numbers of the table.
func (t Table) Numbered() bool {
	return len(t.Key) == 1 && t.Key[0] == "id" && t.column("id").Type == Int
}

func (t Table) column(name string) Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}
	}
	return t.Columns[i]
}

func (t Table) names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Excluded is a table that no archive carries, with the reason.
type Excluded struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Tables returns the tables of the newest schema in the order of an archive.
func Tables() []Table { return slices.Clone(tables) }

// ExcludedTables returns the tables of the newest schema that stay behind.
func ExcludedTables() []Excluded { return slices.Clone(excluded) }

// tables stand in the order of the schema. The text of audit_entries.detail is
// not rewritten as JSON: the audit chain hashes its bytes.
var tables = []Table{
	{Name: "settings", Key: []string{"name"}, Columns: []Column{
		{"name", Text}, {"value", Text}, {"updated_at", Instant},
	}},
	{Name: "users", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"kind", Text},
		{"login", Text},
		{"login_folded", Text},
		{"firstname", Text},
		{"lastname", Text},
		{"name_folded", Text},
		{"mail", Text},
		{"mail_folded", Text},
		{"admin", Bool},
		{"status", Int},
		{"language", Text},
		{"time_zone", Text},
		{"theme", Text},
		{"density", Text},
		{"keys_off", Bool},
		{"force_password_change", Bool},
		{"last_login_at", Instant},
		{"rights_changed_at", Instant},
		{"mail_changed_at", Instant},
		{"created_at", Instant},
		{"updated_at", Instant},
		{"deleted_at", Instant},
		{"own_keys", Text},
	}},
	{Name: "user_passwords", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"user_id", Int}, {"hash", Text}, {"created_at", Instant},
	}},
	{Name: "identities", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"user_id", Int}, {"provider", Text}, {"subject", Text}, {"created_at", Instant},
	}},
	{Name: "tokens", Key: []string{"id"}, Where: "kind = 'api'", Columns: []Column{
		{"id", Int},
		{"user_id", Int},
		{"kind", Text},
		{"name", Text},
		{"hash", Text},
		{"created_at", Instant},
		{"expires_at", Instant},
		{"last_used_at", Instant},
	}},
	{Name: "group_users", Key: []string{"group_id", "user_id"}, Columns: []Column{
		{"group_id", Int}, {"user_id", Int},
	}},
	{Name: "roles", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"name", Text}, {"kind", Text}, {"builtin", Int}, {"position", Int}, {"created_at", Instant}, {"updated_at", Instant},
	}},
	{Name: "role_permissions", Key: []string{"role_id", "permission"}, Columns: []Column{
		{"role_id", Int}, {"permission", Text},
	}},
	{Name: "projects", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"identifier", Text},
		{"identifier_folded", Text},
		{"name", Text},
		{"name_folded", Text},
		{"description", Text},
		{"public", Bool},
		{"active", Bool},
		{"templated", Bool},
		{"parent_id", Int},
		{"status_code", Text},
		{"status_explanation", Text},
		{"created_at", Instant},
		{"updated_at", Instant},
		{"deleted_at", Instant},
		{"deleted_by", Int},
	}},
	{Name: "enabled_modules", Key: []string{"project_id", "name"}, Columns: []Column{
		{"project_id", Int}, {"name", Text},
	}},
	{Name: "favorites", Key: []string{"user_id", "project_id"}, Columns: []Column{
		{"user_id", Int}, {"project_id", Int}, {"created_at", Instant},
	}},
	{Name: "members", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"user_id", Int}, {"project_id", Int}, {"created_at", Instant}, {"updated_at", Instant},
	}},
	{Name: "member_roles", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"member_id", Int}, {"role_id", Int}, {"inherited_from", Int},
	}},
	{Name: "types", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"name", Text},
		{"color", Text},
		{"position", Int},
		{"is_default", Bool},
		{"is_milestone", Bool},
		{"is_in_roadmap", Bool},
		{"description", Text},
		{"created_at", Instant},
		{"updated_at", Instant},
	}},
	{Name: "projects_types", Key: []string{"project_id", "type_id"}, Columns: []Column{
		{"project_id", Int}, {"type_id", Int},
	}},
	{Name: "statuses", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"name", Text},
		{"color", Text},
		{"position", Int},
		{"is_default", Bool},
		{"is_closed", Bool},
		{"is_readonly", Bool},
		{"excluded_from_totals", Bool},
		{"default_done_ratio", Int},
		{"created_at", Instant},
		{"updated_at", Instant},
	}},
	{Name: "priorities", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"name", Text},
		{"color", Text},
		{"position", Int},
		{"is_default", Bool},
		{"active", Bool},
		{"created_at", Instant},
		{"updated_at", Instant},
	}},
	{Name: "workflows", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"type_id", Int}, {"role_id", Int}, {"old_status_id", Int}, {"new_status_id", Int}, {"author", Bool}, {"assignee", Bool},
	}},
	{Name: "versions", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"project_id", Int},
		{"name", Text},
		{"name_folded", Text},
		{"description", Text},
		{"start_date", Day},
		{"effective_date", Day},
		{"status", Text},
		{"sharing", Text},
		{"created_at", Instant},
		{"updated_at", Instant},
	}},
	{Name: "categories", Key: []string{"id"}, Columns: []Column{
		{"id", Int}, {"project_id", Int}, {"name", Text}, {"name_folded", Text}, {"assigned_to_id", Int}, {"created_at", Instant}, {"updated_at", Instant},
	}},
	{Name: "work_packages", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"project_id", Int},
		{"type_id", Int},
		{"status_id", Int},
		{"priority_id", Int},
		{"subject", Text},
		{"subject_folded", Text},
		{"description", Text},
		{"author_id", Int},
		{"assigned_to_id", Int},
		{"responsible_id", Int},
		{"parent_id", Int},
		{"start_date", Day},
		{"due_date", Day},
		{"duration", Int},
		{"ignore_non_working_days", Bool},
		{"schedule_manually", Bool},
		{"done_ratio", Int},
		{"estimated_seconds", Int},
		{"remaining_seconds", Int},
		{"lock_version", Int},
		{"created_at", Instant},
		{"updated_at", Instant},
		{"deleted_at", Instant},
		{"deleted_by", Int},
		{"version_id", Int},
		{"category_id", Int},
		{"description_folded", Text},
	}},
	{Name: "watchers", Key: []string{"work_package_id", "user_id"}, Columns: []Column{
		{"work_package_id", Int}, {"user_id", Int}, {"created_at", Instant},
	}},
	{Name: "journals", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"entity_type", Text},
		{"entity_id", Int},
		{"version", Int},
		{"user_id", Int},
		{"notes", Text},
		{"internal", Bool},
		{"cause", Text},
		{"data", JSON},
		{"replaced", Text},
		{"created_at", Instant},
		{"updated_at", Instant},
		{"notes_folded", Text},
		{"notes_replaced", Text},
		{"notes_editor_id", Int},
	}},
	{Name: "notifications", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"recipient_id", Int},
		{"actor_id", Int},
		{"reason", Text},
		{"work_package_id", Int},
		{"journal_id", Int},
		{"read_at", Instant},
		{"created_at", Instant},
		{"updated_at", Instant},
		{"done_at", Instant},
		{"snoozed_until", Instant},
	}},
	{Name: "notification_mutes", Key: []string{"user_id", "work_package_id"}, Columns: []Column{
		{"user_id", Int}, {"work_package_id", Int}, {"created_at", Instant},
	}},
	{Name: "notification_switches", Key: []string{"user_id", "reason"}, Columns: []Column{
		{"user_id", Int}, {"reason", Text}, {"told", Bool},
	}},
	{Name: "attachments", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"container_type", Text},
		{"container_id", Int},
		{"author_id", Int},
		{"file_name", Text},
		{"content_type", Text},
		{"size", Int},
		{"sha256", Text},
		{"md5", Text},
		{"description", Text},
		{"created_at", Instant},
		{"updated_at", Instant},
		{"deleted_at", Instant},
	}},
	{Name: "audit_entries", Key: []string{"id"}, Columns: []Column{
		{"id", Int},
		{"at", Instant},
		{"actor_id", Int},
		{"actor_name", Text},
		{"ip", Text},
		{"action", Text},
		{"object", Text},
		{"result", Text},
		{"detail", Text},
		{"prev_hash", Text},
		{"hash", Text},
	}},
	{Name: "non_working_days", Key: []string{"date"}, Columns: []Column{
		{"date", Day}, {"name", Text}, {"created_at", Instant},
	}},
}

var excluded = []Excluded{
	{"sessions", "nobody stays signed in across a restore"},
	{"blobs", "bookkeeping of the file store, made anew from the files"},
	{"jobs", "work in progress belongs to the running instance"},
	{"job_schedule", "work in progress belongs to the running instance"},
	{"job_statuses", "work in progress belongs to the running instance"},
	{"mails", "old messages must not be sent again"},
	{"backup_tokens", "a restored copy must not open backups; owners create new tokens"},
	{"backup_clock", "how long this instance has run is no content, and nothing that waits is restored"},
	{"backup_failures", "the lock they count for belongs to tokens that are gone"},
	{"backups", "the list of archives describes the instance's disk, not its content"},
	{"backup_policy", "a restore must not weaken how backups are made and kept"},
	{"backup_holds", "which snapshots stay is told of the instance's repository, not of its content"},
	{"backup_checks", "what was verified is told of the instance's repository, not of its content"},
	{"blob_pins", "bookkeeping of the file store, made anew from the files"},
	{"goose_db_version", "the schema version stands in the manifest"},
}
