-- +goose Up
-- How much time has really passed, as running servers measured it, so that nobody shortens
-- a wait by setting the clock of the server. All lengths are in microseconds.

-- A stretch of time in which the clock of the server was not set: from and to by that clock,
-- and what had passed in all at its beginning and at its end.
CREATE TABLE backup_clock (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    passed_from INTEGER NOT NULL,
    passed_to INTEGER NOT NULL,
    mac TEXT NOT NULL
) STRICT;

-- What had passed in all when the wait began. Waits from before this are by the clock alone.
ALTER TABLE backup_tokens ADD COLUMN wait_from INTEGER;
ALTER TABLE backup_policy ADD COLUMN next_from INTEGER;
