-- How people sign in to the pages. Times are microseconds since 1970 in UTC.

-- Passwords as argon2id hashes (PHC string format); who has none cannot sign in.
CREATE TABLE passwords (
    name TEXT NOT NULL PRIMARY KEY,
    phc TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- Who is signed in: SHA-256 of the cookie, never the cookie itself.
CREATE TABLE sessions (
    sha256 TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_name ON sessions (name);

-- From a transaction to its alerts.
CREATE INDEX alert_events_event ON alert_events (event_id);
