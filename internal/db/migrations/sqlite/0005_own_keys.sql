-- +goose Up
-- Single keys can be given another key by each person: one line for each choice, what it does and
-- the key, such as "create n". Empty is what everybody has.
ALTER TABLE users ADD COLUMN own_keys TEXT NOT NULL DEFAULT '';
