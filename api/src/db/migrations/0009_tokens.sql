-- A name that no token has any more can be given to another: of the tokens that hold, one has it. SQLite cannot take a key
-- off a table, so the table is made anew.
ALTER TABLE tokens RENAME TO tokens_before;
CREATE TABLE tokens (
    sha256 TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    scram_verifier TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    stores TEXT NOT NULL DEFAULT '',
    created_by TEXT,
    last_used_at BIGINT
);
INSERT INTO tokens (sha256, login, kind, owner, scram_verifier, created_at, revoked_at, stores, created_by, last_used_at)
    SELECT sha256, login, kind, owner, scram_verifier, created_at, revoked_at, stores, created_by, last_used_at
    FROM tokens_before;
DROP TABLE tokens_before;
CREATE UNIQUE INDEX tokens_login ON tokens (login) WHERE revoked_at IS NULL;
