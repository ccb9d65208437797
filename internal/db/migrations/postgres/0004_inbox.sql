-- +goose Up
-- Notifications become an inbox: what is done with is apart from what was read, can be put off, and the
-- rest of what happens to a work package can be kept quiet. An edited comment can be taken back.

-- done_at: it left the inbox. snoozed_until: until then it is not in the inbox.
ALTER TABLE notifications ADD COLUMN done_at BIGINT;
ALTER TABLE notifications ADD COLUMN snoozed_until BIGINT;
UPDATE notifications SET done_at = read_at WHERE read_at IS NOT NULL;
CREATE INDEX notifications_inbox ON notifications (recipient_id, work_package_id) WHERE done_at IS NULL;

-- Work packages of which a person is told only where something mentions them.
CREATE TABLE notification_mutes (
    user_id BIGINT NOT NULL REFERENCES users (id),
    work_package_id BIGINT NOT NULL REFERENCES work_packages (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, work_package_id)
);
CREATE INDEX notification_mutes_work_package ON notification_mutes (work_package_id);

-- What the last edit of a note replaced, and whose edit that was, for undo.
ALTER TABLE journals ADD COLUMN notes_replaced TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE journals ADD COLUMN notes_editor_id BIGINT REFERENCES users (id);
