-- +goose Up
-- What teams plan by: versions and categories of projects, and where work packages name them.

-- effective_date is the finish. sharing: which other projects may plan for the version.
CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    start_date TEXT,
    effective_date TEXT,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'locked', 'closed')),
    sharing TEXT NOT NULL DEFAULT 'none' CHECK (sharing IN ('none', 'descendants', 'hierarchy', 'tree', 'system')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (effective_date >= start_date)
) STRICT;
CREATE UNIQUE INDEX versions_name ON versions (project_id, name_folded);

-- assigned_to_id gets new work packages of the category that name nobody.
CREATE TABLE categories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    assigned_to_id INTEGER REFERENCES users (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX categories_name ON categories (project_id, name_folded);

ALTER TABLE work_packages ADD COLUMN version_id INTEGER REFERENCES versions (id);
ALTER TABLE work_packages ADD COLUMN category_id INTEGER REFERENCES categories (id);
CREATE INDEX work_packages_version ON work_packages (version_id) WHERE version_id IS NOT NULL;
CREATE INDEX work_packages_category ON work_packages (category_id) WHERE category_id IS NOT NULL;
-- When a project changed last, and its work packages from the newest on, are one step into this.
CREATE INDEX work_packages_recent ON work_packages (project_id, updated_at) WHERE deleted_at IS NULL;
-- What a person worked on last.
CREATE INDEX journals_user ON journals (user_id, id);

-- The long text moves behind the new columns, so that reading them does not read through it.
ALTER TABLE work_packages RENAME COLUMN description_folded TO folded_before;
ALTER TABLE work_packages ADD COLUMN description_folded TEXT NOT NULL DEFAULT '';
UPDATE work_packages SET description_folded = folded_before;
ALTER TABLE work_packages DROP COLUMN folded_before;

-- Days on which nobody works, such as holidays; the days of the week are a setting.
CREATE TABLE non_working_days (
    date TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Notifications: one for each recipient of a change. updated_at is the change's instant, or when the
-- mark was set last; a later change makes it unread again.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient_id INTEGER NOT NULL REFERENCES users (id),
    actor_id INTEGER NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL,
    work_package_id INTEGER NOT NULL REFERENCES work_packages (id) ON DELETE CASCADE,
    journal_id INTEGER NOT NULL REFERENCES journals (id) ON DELETE CASCADE,
    read_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (journal_id, recipient_id)
) STRICT;
CREATE INDEX notifications_recipient ON notifications (recipient_id, id);
CREATE INDEX notifications_unread ON notifications (recipient_id, work_package_id) WHERE read_at IS NULL;
CREATE INDEX notifications_work_package ON notifications (work_package_id);
CREATE INDEX notifications_read ON notifications (read_at) WHERE read_at IS NOT NULL;

-- What a person wants to be told of, where that is not what everybody is told.
CREATE TABLE notification_switches (
    user_id INTEGER NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL,
    told INTEGER NOT NULL CHECK (told IN (0, 1)),
    PRIMARY KEY (user_id, reason)
) STRICT;
CREATE INDEX notification_switches_told ON notification_switches (reason) WHERE told;

-- Projects that people marked, to have them at hand.
CREATE TABLE favorites (
    user_id INTEGER NOT NULL REFERENCES users (id),
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, project_id)
) STRICT;
CREATE INDEX favorites_project ON favorites (project_id);
