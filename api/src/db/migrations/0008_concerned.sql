-- Who an alert, a blind spot or a case is about: somebody who reads here does not see what they took part in themselves.

-- The operators and approvers of the transactions of an alert, or of the anchor of a judgement that could not see; `id` is
-- the id of both. Rows are added and never taken away.
CREATE TABLE concerned (
    id TEXT NOT NULL,
    operator TEXT NOT NULL,
    PRIMARY KEY (id, operator)
);
CREATE INDEX concerned_operator ON concerned (operator, id);

-- The same beside the alert, with semicolons between; null until the first start of this version has found out. When the
-- store last asked, from its report, to look at the alert, and under which address.
ALTER TABLE alerts ADD COLUMN people TEXT;
ALTER TABLE alerts ADD COLUMN asked_at BIGINT;
ALTER TABLE alerts ADD COLUMN asked_by TEXT;
CREATE INDEX alerts_undescribed ON alerts (alert_id) WHERE people IS NULL;
-- The queue reads nothing else of rows that it does not show.
DROP INDEX alerts_queue;
CREATE INDEX alerts_queue ON alerts (tenant, state, disposition, store, rule, operator, assignee, asked_at, item, event_time, amount, prior, alert_id);

-- The operators that a case is or ever was about.
CREATE TABLE case_concerned (
    case_id TEXT NOT NULL,
    operator TEXT NOT NULL,
    PRIMARY KEY (case_id, operator)
);

-- Operators who read here, or once did: alerts about them are never in one item with alerts that are not.
CREATE TABLE apart (
    tenant TEXT NOT NULL,
    operator TEXT NOT NULL,
    PRIMARY KEY (tenant, operator)
);
INSERT INTO apart (tenant, operator) SELECT DISTINCT tenant, operator_id FROM users WHERE operator_id IS NOT NULL;

-- The recipients of reports as the configuration names them; who does not work at a till has an empty operator.
CREATE TABLE report_operators (
    tenant TEXT NOT NULL,
    recipient TEXT NOT NULL,
    operator TEXT NOT NULL,
    role TEXT NOT NULL,
    stores TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (tenant, recipient, operator)
);

-- What the store said before this version.
UPDATE alerts SET asked_at = (SELECT max(l.used_at) FROM report_links l WHERE l.alert_id = alerts.alert_id AND l.action = 'look_at_it'),
    asked_by = (SELECT max(l.recipient) FROM report_links l WHERE l.alert_id = alerts.alert_id AND l.action = 'look_at_it'
                AND l.used_at IS NOT NULL);
