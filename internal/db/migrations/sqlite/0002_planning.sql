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
