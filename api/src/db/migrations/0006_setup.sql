-- What is set up on the pages: stores, cameras, zones, registers, operators, and what was said of users. Every change is
-- a version of its own; the one without `ended_at` holds. A version without a document says that it was removed.
CREATE TABLE setup_versions (
    what TEXT NOT NULL,
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    ended_at BIGINT,
    changed_by TEXT NOT NULL,
    document TEXT,
    PRIMARY KEY (what, tenant, store, id, version)
);
CREATE INDEX setup_versions_held ON setup_versions (ended_at, what);

-- Passwords of cameras that were typed on a page. No statement that lists anything reads this table.
CREATE TABLE camera_passwords (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    id TEXT NOT NULL,
    password TEXT NOT NULL,
    PRIMARY KEY (tenant, store, id)
);

-- Where reports go, and which operator a person is: who appears in an item does not receive it.
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN operator_id TEXT;
ALTER TABLE users ADD COLUMN last_seen_at BIGINT;
