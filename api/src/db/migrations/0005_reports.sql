-- The daily reports that leave by mail. Times are microseconds since 1970 in UTC.

-- Since when somebody gets the report of a store: days before that are not sent to them.
CREATE TABLE report_recipients (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    recipient TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, store, recipient)
);

-- One mail a store, business day, recipient and revision. `state`: waiting, sent, refused, given_up. Who works on one holds
-- it until `claimed_until`; `content` is what is held against late data, `changes` what a revision names.
CREATE TABLE report_mails (
    mail_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    business_day TEXT NOT NULL,
    recipient TEXT NOT NULL,
    revision BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    claim TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    changes TEXT NOT NULL,
    content TEXT,
    look_at BIGINT,
    ended_at BIGINT,
    said TEXT
);
CREATE UNIQUE INDEX report_mails_key ON report_mails (tenant, store, business_day, recipient, revision);
CREATE INDEX report_mails_next ON report_mails (state, next_at);
CREATE INDEX report_mails_look ON report_mails (look_at);

-- One-time links of the mails: SHA-256 of the token, never the token itself.
CREATE TABLE report_links (
    sha256 TEXT NOT NULL PRIMARY KEY,
    recipient TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    action TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX report_links_expires ON report_links (expires_at);
