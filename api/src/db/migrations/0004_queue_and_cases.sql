-- How people work with alerts: items of the queue, who was given what, cases, saved searches.

-- The item that an alert belongs to ('' until it was placed, which the first start of this version does), what lists
-- filter and sort by, and who was given it. `prior` is how likely an alert of its severity is confirmed, in percent.
ALTER TABLE alerts ADD COLUMN item TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN operator TEXT;
ALTER TABLE alerts ADD COLUMN amount BIGINT;
ALTER TABLE alerts ADD COLUMN prior BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN assignee TEXT;
CREATE INDEX alerts_item ON alerts (item);
-- The queue reads nothing else of rows that it does not show.
CREATE INDEX alerts_queue ON alerts (tenant, state, disposition, store, rule, operator, assignee, item, event_time, amount, prior);

-- The video of alerts that stand, by operator and camera: what overlaps belongs together.
CREATE TABLE alert_spans (
    alert_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    operator TEXT NOT NULL,
    camera TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL
);
CREATE INDEX alert_spans_alert ON alert_spans (alert_id);
CREATE INDEX alert_spans_end ON alert_spans (tenant, store, operator, camera, to_at);

-- Who gave an alert to whom, all of it; nobody has it when the last assignee is null.
CREATE TABLE assignments (
    seq BIGINT NOT NULL PRIMARY KEY,
    alert_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    assigned_by TEXT NOT NULL,
    assignee TEXT
);
CREATE INDEX assignments_alert ON assignments (alert_id, seq);

-- How the alerts of a rule were decided, each by its last decision; those to be followed up are not decided yet.
CREATE TABLE odds (
    tenant TEXT NOT NULL,
    rule TEXT NOT NULL,
    decided BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    PRIMARY KEY (tenant, rule)
);
INSERT INTO odds (tenant, rule, decided, confirmed)
    SELECT tenant, rule, count(*), count(CASE WHEN disposition = 'confirmed' THEN 1 END)
    FROM alerts WHERE disposition IS NOT NULL AND disposition <> 'follow_up' GROUP BY tenant, rule;

-- Cases. `revision` rises when what is said about one is edited, `change` whenever anything of it changes.
CREATE TABLE cases (
    case_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    summary_text TEXT NOT NULL,
    loss_minor BIGINT,
    recovered_minor BIGINT,
    currency TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    change BIGINT NOT NULL
);
CREATE UNIQUE INDEX cases_number ON cases (tenant, number);
CREATE INDEX cases_updated ON cases (tenant, updated_at);
CREATE INDEX cases_change ON cases (change);

-- The stores that a case is, or ever was, about: who may see it.
CREATE TABLE case_stores (
    case_id TEXT NOT NULL,
    store TEXT NOT NULL,
    PRIMARY KEY (case_id, store)
);

-- What a case holds; `subject` is the alert or the transaction, of which each is there once.
CREATE TABLE case_items (
    item_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT,
    seq BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX case_items_subject ON case_items (case_id, kind, subject);
CREATE INDEX case_items_of ON case_items (kind, subject);

-- Who a case is about, and who has to do with it.
CREATE TABLE case_people (
    person_id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,
    operator TEXT,
    name TEXT,
    note TEXT,
    added_at BIGINT NOT NULL
);
CREATE INDEX case_people_case ON case_people (case_id);

-- Everything that was done to a case; rows are added and never changed.
CREATE TABLE case_history (
    seq BIGINT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX case_history_case ON case_history (case_id, seq);

-- Searches that people keep, and when each of them last looked.
CREATE TABLE searches (
    search_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    q TEXT NOT NULL,
    shared BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX searches_name ON searches (tenant, owner, name);
CREATE TABLE search_looks (
    search_id TEXT NOT NULL,
    person TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (search_id, person)
);
