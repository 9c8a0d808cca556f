-- What people are told of, and how often rules are right.

-- Why an alert was sent or held back ('sent': it is older than this), the chance in thousandths with which it was picked from
-- what was held back (0: it was not), what it was worth when it was weighed, and the version of its rule ('' until the first
-- start of this version has found out).
ALTER TABLE alerts ADD COLUMN sending TEXT NOT NULL DEFAULT 'sent';
ALTER TABLE alerts ADD COLUMN picked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN worth BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN version TEXT NOT NULL DEFAULT '';
CREATE INDEX alerts_unweighed ON alerts (alert_id) WHERE version = '';
CREATE INDEX alerts_decided ON alerts (tenant, rule, version, disposition, sending, picked, event_time);
-- The queue reads nothing else of rows that it does not show.
DROP INDEX alerts_queue;
CREATE INDEX alerts_queue ON alerts (tenant, state, disposition, store, rule, operator, assignee, asked_at, sending, picked, item, event_time, amount, prior, alert_id);

-- When a version of a rule was held back because it was wrong too often, and when it was sent again, with the numbers that
-- decided it: shares in thousandths. Rows are added and never changed; the last one of a version holds.
CREATE TABLE rule_standings (
    seq BIGINT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    rule TEXT NOT NULL,
    version TEXT NOT NULL,
    at BIGINT NOT NULL,
    demoted BIGINT NOT NULL,
    decided BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    share BIGINT NOT NULL,
    low BIGINT NOT NULL,
    high BIGINT NOT NULL,
    floor BIGINT NOT NULL
);
CREATE INDEX rule_standings_rule ON rule_standings (tenant, rule, version, seq);
