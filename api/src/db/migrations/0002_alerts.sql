-- What the rules found and what people decided. Documents are the records of `schemas` as JSON.

-- The engine's partitions: who works on one, and how far it is.
CREATE TABLE engine_checkpoint (
    topic TEXT NOT NULL,
    number BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    document TEXT,
    PRIMARY KEY (topic, number)
);

-- Numbers that only rise: `change` of alerts, `outbox`.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- The last word of each rule about each anchor.
CREATE TABLE judgements (
    judgement_id TEXT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    rule TEXT NOT NULL,
    anchor_event_id TEXT NOT NULL,
    event_time BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    why TEXT NOT NULL,
    provisional BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX judgements_anchor ON judgements (anchor_event_id);
CREATE INDEX judgements_store ON judgements (tenant, store, event_time);

-- Alerts as they stand, with the last disposition. `change` rises whenever anything of the row changes.
CREATE TABLE alerts (
    alert_id TEXT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    rule TEXT NOT NULL,
    event_time BIGINT NOT NULL,
    business_day TEXT NOT NULL,
    change BIGINT NOT NULL,
    disposition TEXT,
    reviewed_by TEXT,
    reviewed_at BIGINT,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX alerts_change ON alerts (change);
CREATE INDEX alerts_time ON alerts (tenant, event_time);
CREATE INDEX alerts_day ON alerts (tenant, store, business_day);

-- Every revision of every alert.
CREATE TABLE alert_revisions (
    alert_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (alert_id, revision)
);

-- The transactions that alerts are about.
CREATE TABLE alert_events (
    alert_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (alert_id, event_id)
);

-- What people decided, all of it.
CREATE TABLE reviews (
    review_id TEXT NOT NULL PRIMARY KEY,
    alert_id TEXT NOT NULL,
    reviewed_at BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX reviews_alert ON reviews (alert_id, reviewed_at);

-- Records that were committed and must reach the log.
CREATE TABLE outbox (
    seq BIGINT NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    record_key TEXT NOT NULL,
    value TEXT NOT NULL
);
