-- +goose Up
-- The first schema: people and rights, planning, files, jobs, mail, backups.
-- Instants are integer microseconds UTC, days are YYYY-MM-DD text, JSON is text.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Principals of every kind, as in OpenProject: people, groups, placeholders and the built-in ones.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('User', 'Group', 'PlaceholderUser', 'AnonymousUser', 'SystemUser', 'DeletedUser')),
    login TEXT,
    login_folded TEXT,
    firstname TEXT NOT NULL DEFAULT '',
    lastname TEXT NOT NULL DEFAULT '',
    name_folded TEXT NOT NULL DEFAULT '',
    mail TEXT,
    mail_folded TEXT,
    admin INTEGER NOT NULL DEFAULT FALSE CHECK (admin IN (0, 1)),
    status INTEGER NOT NULL DEFAULT 1 CHECK (status IN (1, 2, 3, 4)),
    language TEXT NOT NULL DEFAULT 'en',
    time_zone TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark', 'contrast')),
    density TEXT NOT NULL DEFAULT '' CHECK (density IN ('', 'compact', 'roomy')),
    keys_off INTEGER NOT NULL DEFAULT FALSE CHECK (keys_off IN (0, 1)),
    force_password_change INTEGER NOT NULL DEFAULT FALSE CHECK (force_password_change IN (0, 1)),
    last_login_at INTEGER,
    rights_changed_at INTEGER,
    mail_changed_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX users_login ON users (login_folded) WHERE login_folded IS NOT NULL;
CREATE UNIQUE INDEX users_mail ON users (mail_folded) WHERE mail_folded IS NOT NULL;
CREATE INDEX users_kind_name ON users (kind, name_folded, id);

-- The newest row is the password in force; older ones are history.
CREATE TABLE user_passwords (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX user_passwords_user ON user_passwords (user_id, id);

-- Links to OpenID Connect providers.
CREATE TABLE identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (provider, subject)
) STRICT;
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    provider TEXT NOT NULL DEFAULT '',
    ip TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- API keys (kept) and one-time links: invitation, recovery, setup.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('api', 'invitation', 'recovery', 'setup')),
    name TEXT NOT NULL DEFAULT '',
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id, kind);
CREATE UNIQUE INDEX tokens_setup ON tokens (kind) WHERE kind = 'setup';

CREATE TABLE group_users (
    group_id INTEGER NOT NULL REFERENCES users (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
) STRICT;
CREATE INDEX group_users_user ON group_users (user_id);

-- builtin: 0 none, 1 non member, 2 anonymous, 8 standard global role.
CREATE TABLE roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('ProjectRole', 'GlobalRole')),
    builtin INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE role_permissions (
    role_id INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, permission)
) STRICT;
CREATE INDEX role_permissions_permission ON role_permissions (permission, role_id);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier TEXT NOT NULL,
    identifier_folded TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    public INTEGER NOT NULL DEFAULT FALSE CHECK (public IN (0, 1)),
    active INTEGER NOT NULL DEFAULT TRUE CHECK (active IN (0, 1)),
    templated INTEGER NOT NULL DEFAULT FALSE CHECK (templated IN (0, 1)),
    parent_id INTEGER REFERENCES projects (id),
    status_code TEXT,
    status_explanation TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    deleted_by INTEGER REFERENCES users (id)
) STRICT;
CREATE UNIQUE INDEX projects_identifier ON projects (identifier_folded);
CREATE INDEX projects_parent ON projects (parent_id);
CREATE INDEX projects_name ON projects (name_folded, id);

CREATE TABLE enabled_modules (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
) STRICT;

-- project_id NULL: global roles. entity columns of work package shares come with their issue.
CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX members_project ON members (user_id, project_id) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX members_global ON members (user_id) WHERE project_id IS NULL;
CREATE INDEX members_of_project ON members (project_id, user_id);

-- inherited_from names the row of the group that this one comes from.
CREATE TABLE member_roles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    member_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    role_id INTEGER NOT NULL REFERENCES roles (id),
    inherited_from INTEGER REFERENCES member_roles (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX member_roles_member ON member_roles (member_id, role_id);
CREATE INDEX member_roles_role ON member_roles (role_id);
CREATE INDEX member_roles_inherited ON member_roles (inherited_from);

CREATE TABLE types (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    color TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL,
    is_default INTEGER NOT NULL DEFAULT FALSE CHECK (is_default IN (0, 1)),
    is_milestone INTEGER NOT NULL DEFAULT FALSE CHECK (is_milestone IN (0, 1)),
    is_in_roadmap INTEGER NOT NULL DEFAULT TRUE CHECK (is_in_roadmap IN (0, 1)),
    description TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE projects_types (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    type_id INTEGER NOT NULL REFERENCES types (id) ON DELETE CASCADE,
    PRIMARY KEY (project_id, type_id)
) STRICT;

CREATE TABLE statuses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    color TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL,
    is_default INTEGER NOT NULL DEFAULT FALSE CHECK (is_default IN (0, 1)),
    is_closed INTEGER NOT NULL DEFAULT FALSE CHECK (is_closed IN (0, 1)),
    is_readonly INTEGER NOT NULL DEFAULT FALSE CHECK (is_readonly IN (0, 1)),
    excluded_from_totals INTEGER NOT NULL DEFAULT FALSE CHECK (excluded_from_totals IN (0, 1)),
    default_done_ratio INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX statuses_one_default ON statuses (is_default) WHERE is_default;

CREATE TABLE priorities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    color TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL,
    is_default INTEGER NOT NULL DEFAULT FALSE CHECK (is_default IN (0, 1)),
    active INTEGER NOT NULL DEFAULT TRUE CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX priorities_one_default ON priorities (is_default) WHERE is_default;

-- author and assignee: the step is open only to the author or assignee of the work package.
CREATE TABLE workflows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type_id INTEGER NOT NULL REFERENCES types (id) ON DELETE CASCADE,
    role_id INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    old_status_id INTEGER NOT NULL REFERENCES statuses (id),
    new_status_id INTEGER NOT NULL REFERENCES statuses (id),
    author INTEGER NOT NULL DEFAULT FALSE CHECK (author IN (0, 1)),
    assignee INTEGER NOT NULL DEFAULT FALSE CHECK (assignee IN (0, 1)),
    UNIQUE (type_id, role_id, old_status_id, new_status_id, author, assignee)
) STRICT;

-- Estimates are whole seconds; duration is days, both ends included.
CREATE TABLE work_packages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    type_id INTEGER NOT NULL REFERENCES types (id),
    status_id INTEGER NOT NULL REFERENCES statuses (id),
    priority_id INTEGER NOT NULL REFERENCES priorities (id),
    subject TEXT NOT NULL,
    subject_folded TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    author_id INTEGER NOT NULL REFERENCES users (id),
    assigned_to_id INTEGER REFERENCES users (id),
    responsible_id INTEGER REFERENCES users (id),
    parent_id INTEGER REFERENCES work_packages (id),
    start_date TEXT,
    due_date TEXT,
    duration INTEGER,
    ignore_non_working_days INTEGER NOT NULL DEFAULT FALSE CHECK (ignore_non_working_days IN (0, 1)),
    schedule_manually INTEGER NOT NULL DEFAULT TRUE CHECK (schedule_manually IN (0, 1)),
    done_ratio INTEGER CHECK (done_ratio BETWEEN 0 AND 100),
    estimated_seconds INTEGER CHECK (estimated_seconds >= 0),
    remaining_seconds INTEGER CHECK (remaining_seconds >= 0),
    lock_version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    deleted_by INTEGER REFERENCES users (id),
    description_folded TEXT NOT NULL DEFAULT '', -- long and rarely read, so behind everything else
    CHECK (due_date >= start_date)
) STRICT;
CREATE INDEX work_packages_project ON work_packages (project_id, status_id, id) WHERE deleted_at IS NULL;
CREATE INDEX work_packages_updated ON work_packages (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX work_packages_parent ON work_packages (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX work_packages_assignee ON work_packages (assigned_to_id) WHERE assigned_to_id IS NOT NULL;
CREATE INDEX work_packages_trash ON work_packages (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE watchers (
    work_package_id INTEGER NOT NULL REFERENCES work_packages (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (work_package_id, user_id)
) STRICT;
CREATE INDEX watchers_user ON watchers (user_id);

-- Every change of every record: who, when, why, the note, and the full state after it.
CREATE TABLE journals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    entity_type TEXT NOT NULL,
    entity_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    notes TEXT NOT NULL DEFAULT '',
    internal INTEGER NOT NULL DEFAULT FALSE CHECK (internal IN (0, 1)),
    cause TEXT NOT NULL DEFAULT '',
    data TEXT NOT NULL,
    replaced TEXT NOT NULL DEFAULT '', -- what the last merge into this entry replaced, for undo
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    notes_folded TEXT NOT NULL DEFAULT '',
    UNIQUE (entity_type, entity_id, version)
) STRICT;

-- The bytes are in the blob store under sha256. An upload that no record claims has no container.
CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    container_type TEXT,
    container_id INTEGER,
    author_id INTEGER NOT NULL REFERENCES users (id),
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    md5 TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX attachments_container ON attachments (container_type, container_id);
CREATE INDEX attachments_sha256 ON attachments (sha256);

-- Files of the blob store. unreferenced_since is the collector's note.
CREATE TABLE blobs (
    sha256 TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    unreferenced_since INTEGER
) STRICT;
CREATE INDEX blobs_unreferenced ON blobs (unreferenced_since) WHERE unreferenced_since IS NOT NULL;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL DEFAULT 'default',
    kind TEXT NOT NULL,
    args TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'dead', 'cancelled')),
    priority INTEGER NOT NULL DEFAULT 0,
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    lease_until INTEGER,
    leased_by TEXT NOT NULL DEFAULT '',
    unique_key TEXT,
    last_error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'running');
CREATE INDEX jobs_queued ON jobs (priority DESC, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- When the periodic jobs ran last.
CREATE TABLE job_schedule (
    name TEXT NOT NULL PRIMARY KEY,
    next_run_at INTEGER NOT NULL,
    last_run_at INTEGER
) STRICT;

-- What a requester follows through the API, by UUID.
CREATE TABLE job_statuses (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    job_id INTEGER,
    reference_type TEXT NOT NULL DEFAULT '',
    reference_id INTEGER,
    status TEXT NOT NULL CHECK (status IN ('in_queue', 'in_process', 'success', 'failure', 'error', 'cancelled')),
    message TEXT,
    payload TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),
    address TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    failed_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX mails_created ON mails (created_at);

-- Hash-chained: hash covers prev_hash and every other column.
CREATE TABLE audit_entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor_id INTEGER,
    actor_name TEXT NOT NULL,
    ip TEXT NOT NULL DEFAULT '',
    action TEXT NOT NULL,
    object TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT 'ok',
    detail TEXT NOT NULL DEFAULT '{}',
    prev_hash TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL
) STRICT;

-- activates_at NULL: the waiting period has not begun, because no notice was accepted yet.
CREATE TABLE backup_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id),
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    wait_seconds INTEGER NOT NULL,
    activates_at INTEGER,
    notice_mail_ids TEXT NOT NULL DEFAULT '[]',
    cancel_hash TEXT NOT NULL,
    waived_by TEXT NOT NULL DEFAULT '',
    waived_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    mac TEXT NOT NULL
) STRICT;

-- Wrong backup tokens, for the lock of the backup function.
CREATE TABLE backup_failures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    ip TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX backup_failures_at ON backup_failures (at);

CREATE TABLE backups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL CHECK (source IN ('page', 'api', 'command', 'schedule', 'safety')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'complete', 'incomplete', 'failed', 'cancelled')),
    user_id INTEGER REFERENCES users (id),
    requested_by TEXT NOT NULL,
    include_attachments INTEGER NOT NULL CHECK (include_attachments IN (0, 1)),
    job_status_id TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT FALSE CHECK (cancel_requested IN (0, 1)),
    progress TEXT NOT NULL DEFAULT '{}',
    file TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0,
    snapshot TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '',
    added INTEGER NOT NULL DEFAULT 0,
    row_count INTEGER NOT NULL DEFAULT 0,
    file_count INTEGER NOT NULL DEFAULT 0,
    file_bytes INTEGER NOT NULL DEFAULT 0,
    missing TEXT NOT NULL DEFAULT '[]',
    verified_at INTEGER,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX backups_one_at_a_time ON backups ((1)) WHERE state IN ('queued', 'running');
CREATE INDEX backups_created ON backups (created_at);

-- One row: what is done without being asked, and what it becomes when next_at is over.
CREATE TABLE backup_policy (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    policy TEXT NOT NULL,
    next TEXT NOT NULL DEFAULT '',
    next_at INTEGER,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- Verifications, drills and prunes, with what they found.
CREATE TABLE backup_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('structure', 'share', 'full', 'drill', 'prune', 'restore', 'undo')),
    state TEXT NOT NULL CHECK (state IN ('running', 'ok', 'failed')),
    snapshot TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    report TEXT NOT NULL DEFAULT '{}',
    started_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX backup_checks_kind ON backup_checks (kind, id);

-- Snapshots that stay whatever the policy says.
CREATE TABLE backup_holds (
    snapshot TEXT PRIMARY KEY,
    reason TEXT NOT NULL DEFAULT '',
    held_by TEXT NOT NULL,
    held_at INTEGER NOT NULL
) STRICT;

-- A running backup needs every blob that was there when it began.
CREATE TABLE blob_pins (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    holder TEXT NOT NULL,
    since INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

-- The built-in principals; journals name them, so they are there before anything else.
INSERT INTO users (id, kind, lastname, name_folded, created_at, updated_at) VALUES
    (1, 'SystemUser', 'System', 'system', 0, 0),
    (2, 'AnonymousUser', 'Anonymous', 'anonymous', 0, 0),
    (3, 'DeletedUser', 'Deleted user', 'deleted user', 0, 0);
