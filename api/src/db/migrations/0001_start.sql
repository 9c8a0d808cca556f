-- Times are microseconds since 1970 in UTC; ids are UUIDs as text. The text is the same for SQLite and PostgreSQL.

-- People who log in.
CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    role TEXT NOT NULL,
    stores TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

-- What programs log in with. Only a hash is kept; for SQL also a verifier of SCRAM-SHA-256 (RFC 5802).
CREATE TABLE tokens (
    login TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    scram_verifier TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX tokens_sha256 ON tokens (sha256);

-- Who reads a landing partition, and from where.
CREATE TABLE partition_claim (
    topic TEXT NOT NULL,
    number BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    next_offset BIGINT,
    PRIMARY KEY (topic, number)
);

-- Which POS records were accepted.
CREATE TABLE pos_identity (
    event_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    payload_sha256 TEXT NOT NULL,
    PRIMARY KEY (event_id, revision)
);

-- Secrets of the installation, made when they are first needed.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    hex TEXT NOT NULL
);
