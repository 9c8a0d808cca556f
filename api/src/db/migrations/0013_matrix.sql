-- How rules see in stores, registers that nobody knows, and canaries.

-- How each rule sees in each store, by what is looked at itself (records, zones, cameras, adjustments): `live`, `degraded`, `blind`
-- or `off`, since when, and why: a JSON array. The process that answers HTTP writes it, a row when it changes.
CREATE TABLE rule_sights (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    rule TEXT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    trial BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    PRIMARY KEY (tenant, store, rule)
);

-- Each time that people were to be told of a register that sends records and that no zone and no name knows: when, when it was
-- over (known, silent, or told anew), and when they were told (or nobody is to be told by mail). Rows are kept.
CREATE TABLE unknown_registers (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    register TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    ended_at BIGINT,
    told_at BIGINT,
    PRIMARY KEY (tenant, store, register, raised_at)
);
CREATE INDEX unknown_registers_open ON unknown_registers (tenant, store) WHERE ended_at IS NULL;

-- What rules could not judge of late is counted every few seconds.
CREATE INDEX judgements_blind ON judgements (event_time) WHERE outcome = 'indeterminate';

-- The canary of each store and day (of the store's clock): when it was sent, and when what became of it came out.
CREATE TABLE canaries (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    day TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    came_at BIGINT,
    PRIMARY KEY (tenant, store, day)
);
