-- Tokens that are limited to some stores (ids with commas between; empty: whatever their owner may), who made them, and
-- when they were last used, to the minute.
ALTER TABLE tokens ADD COLUMN stores TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN created_by TEXT;
ALTER TABLE tokens ADD COLUMN last_used_at BIGINT;
