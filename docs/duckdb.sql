-- The tables of head office's SQL over the Delta tables on disk, for DuckDB: the same names, the same rows.
--
-- Before it, the delta extension is loaded and the variable `lake` says where the tables are:
--
--   LOAD delta; SET VARIABLE lake = 'data/lake'; .read docs/duckdb.sql
--
-- A table on disk holds every record as it was logged, repetitions and earlier revisions included. Of those one holds: of a
-- transaction the highest revision that no other event replaces, of everything else the last record of its key. These
-- views leave the others out, as the views behind the SQL endpoint do. DuckDB reads a table up to its last commit: a few
-- seconds less than the endpoint, which reads the log as well.

SET TimeZone = 'UTC';

CREATE SCHEMA IF NOT EXISTS lake;
CREATE SCHEMA IF NOT EXISTS pos;
CREATE SCHEMA IF NOT EXISTS cam;
CREATE SCHEMA IF NOT EXISTS lp;
CREATE SCHEMA IF NOT EXISTS rec;
CREATE SCHEMA IF NOT EXISTS ref;

CREATE OR REPLACE VIEW lake.pos_transactions AS SELECT * FROM delta_scan(getvariable('lake') || '/pos_transactions');
CREATE OR REPLACE VIEW lake.pos_lines AS SELECT * FROM delta_scan(getvariable('lake') || '/pos_lines');
CREATE OR REPLACE VIEW lake.pos_tenders AS SELECT * FROM delta_scan(getvariable('lake') || '/pos_tenders');
CREATE OR REPLACE VIEW lake.cam_presence AS SELECT * FROM delta_scan(getvariable('lake') || '/cam_presence');
CREATE OR REPLACE VIEW lake.cam_events AS SELECT * FROM delta_scan(getvariable('lake') || '/cam_events');
CREATE OR REPLACE VIEW lake.lp_alerts AS SELECT * FROM delta_scan(getvariable('lake') || '/lp_alerts');
CREATE OR REPLACE VIEW lake.lp_judgements AS SELECT * FROM delta_scan(getvariable('lake') || '/lp_judgements');
CREATE OR REPLACE VIEW lake.lp_reviews AS SELECT * FROM delta_scan(getvariable('lake') || '/lp_reviews');
CREATE OR REPLACE VIEW lake.rec_segments AS SELECT * FROM delta_scan(getvariable('lake') || '/rec_segments');
CREATE OR REPLACE VIEW lake.ref_clock AS SELECT * FROM delta_scan(getvariable('lake') || '/ref_clock');

-- Minor units as an amount of the currency, two places (the endpoint shows three where a store's currency has three).
CREATE OR REPLACE MACRO money(minor, currency) AS CAST(CASE
  WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV',
                    'XAF', 'XOF', 'XPF') THEN minor
  WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN minor * 0.001
  ELSE minor * 0.01 END AS DECIMAL(18, 2));
CREATE OR REPLACE MACRO seconds_between(began, ended) AS
  CAST((epoch_us(ended) - epoch_us(began)) * 0.000001 AS DECIMAL(18, 6));

-- The stores that have sent a record. Their names are in the configuration, which is no table on disk.
CREATE OR REPLACE VIEW ref.stores AS
SELECT tenant_id, store_id, max_by(tz, event_time) AS tz, max_by(currency, event_time) AS currency
FROM lake.pos_transactions GROUP BY tenant_id, store_id;

CREATE OR REPLACE VIEW lake.newer AS
SELECT tenant_id, event_id, max(revision) AS revision FROM lake.pos_transactions WHERE revision > 0 GROUP BY ALL;
CREATE OR REPLACE VIEW lake.moved AS
SELECT DISTINCT tenant_id, replaces FROM lake.pos_transactions WHERE replaces IS NOT NULL;

CREATE OR REPLACE VIEW pos.transactions AS
SELECT t.* EXCLUDE (event_month, store_bucket), money(gross_minor, currency) AS gross, money(net_minor, currency) AS net,
       money(tax_minor, currency) AS tax, money(total_minor, currency) AS total,
       timezone(tz, event_time) AS event_time_local, timezone(tz, begin_time) AS begin_time_local,
       timezone(tz, received_at) AS received_at_local
FROM lake.pos_transactions t
WHERE NOT EXISTS (FROM lake.newer n
                  WHERE n.tenant_id = t.tenant_id AND n.event_id = t.event_id AND n.revision > t.revision)
  AND NOT EXISTS (FROM lake.moved m WHERE m.tenant_id = t.tenant_id AND m.replaces = t.event_id);

CREATE OR REPLACE VIEW pos.transaction_revisions AS
SELECT t.* EXCLUDE (event_month, store_bucket), money(gross_minor, currency) AS gross, money(net_minor, currency) AS net,
       money(tax_minor, currency) AS tax, money(total_minor, currency) AS total,
       timezone(tz, event_time) AS event_time_local, timezone(tz, begin_time) AS begin_time_local,
       timezone(tz, received_at) AS received_at_local,
       coalesce(n.revision > t.revision, false) OR m.replaces IS NOT NULL AS superseded
FROM lake.pos_transactions t
LEFT JOIN lake.newer n ON n.tenant_id = t.tenant_id AND n.event_id = t.event_id
LEFT JOIN lake.moved m ON m.tenant_id = t.tenant_id AND m.replaces = t.event_id;

CREATE OR REPLACE VIEW pos.lines AS
SELECT t.* EXCLUDE (event_month, store_bucket), CAST(qty_milli * 0.001 AS DECIMAL(18, 3)) AS qty,
       money(unit_price_minor, currency) AS unit_price, money(regular_price_minor, currency) AS regular_price,
       money(extended_minor, currency) AS extended, money(discount_minor, currency) AS discount,
       timezone(tz, event_time) AS event_time_local
FROM lake.pos_lines t
WHERE NOT EXISTS (FROM lake.newer n
                  WHERE n.tenant_id = t.tenant_id AND n.event_id = t.event_id AND n.revision > t.revision)
  AND NOT EXISTS (FROM lake.moved m WHERE m.tenant_id = t.tenant_id AND m.replaces = t.event_id);

CREATE OR REPLACE VIEW pos.tenders AS
SELECT t.* EXCLUDE (event_month, store_bucket), money(amount_minor, currency) AS amount, money(change_minor, currency) AS change,
       timezone(tz, event_time) AS event_time_local
FROM lake.pos_tenders t
WHERE NOT EXISTS (FROM lake.newer n
                  WHERE n.tenant_id = t.tenant_id AND n.event_id = t.event_id AND n.revision > t.revision)
  AND NOT EXISTS (FROM lake.moved m WHERE m.tenant_id = t.tenant_id AND m.replaces = t.event_id);

CREATE OR REPLACE VIEW cam.presence AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), timezone(s.tz, start_at) AS start_at_local,
       timezone(s.tz, end_at) AS end_at_local, timezone(s.tz, published_at) AS published_at_local,
       seconds_between(start_at, end_at) AS seconds
FROM lake.cam_presence t LEFT JOIN ref.stores s USING (tenant_id, store_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, camera_id, zone_id, start_at, event_date
                           ORDER BY logged_at DESC, log_offset DESC) = 1;

CREATE OR REPLACE VIEW cam.events AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), timezone(s.tz, event_time) AS event_time_local,
       timezone(s.tz, received_at) AS received_at_local
FROM lake.cam_events t LEFT JOIN ref.stores s USING (tenant_id, store_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, event_id, event_time, event_date
                           ORDER BY logged_at DESC, log_offset DESC) = 1;

CREATE OR REPLACE VIEW lp.reviews AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), timezone(s.tz, reviewed_at) AS reviewed_at_local
FROM lake.lp_reviews t LEFT JOIN ref.stores s USING (tenant_id, store_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, review_id
                           ORDER BY logged_at DESC, log_offset DESC) = 1;

CREATE OR REPLACE VIEW lp.judgements AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), timezone(s.tz, event_time) AS event_time_local,
       timezone(s.tz, judged_at) AS judged_at_local
FROM lake.lp_judgements t LEFT JOIN ref.stores s USING (tenant_id, store_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, judgement_id
                           ORDER BY revision DESC, logged_at DESC, log_offset DESC) = 1;

-- The last decision about an alert stands beside it; what a store said from its report is none.
CREATE OR REPLACE VIEW lake.decisions AS
SELECT tenant_id, store_id, alert_id, disposition, note AS review_note, reviewer, reviewed_at FROM lake.lp_reviews
WHERE disposition NOT IN ('explained', 'look_at_it')
QUALIFY row_number() OVER (PARTITION BY tenant_id, store_id, alert_id
                           ORDER BY reviewed_at DESC, logged_at DESC, log_offset DESC) = 1;

CREATE OR REPLACE VIEW lp.alerts AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), money(amount_minor, t.currency) AS amount,
       timezone(s.tz, event_time) AS event_time_local, timezone(s.tz, anchor_logged_at) AS anchor_logged_at_local,
       timezone(s.tz, raised_at) AS raised_at_local, d.disposition, d.review_note, d.reviewer, d.reviewed_at
FROM lake.lp_alerts t
LEFT JOIN ref.stores s USING (tenant_id, store_id)
LEFT JOIN lake.decisions d USING (tenant_id, store_id, alert_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, alert_id
                           ORDER BY revision DESC, logged_at DESC, log_offset DESC) = 1;

CREATE OR REPLACE VIEW lake.spans AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), timezone(s.tz, start_at) AS start_at_local,
       timezone(s.tz, end_at) AS end_at_local, seconds_between(start_at, end_at) AS seconds
FROM lake.rec_segments t LEFT JOIN ref.stores s USING (tenant_id, store_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, camera_id, stream, kind, run, seq
                           ORDER BY logged_at DESC, log_offset DESC) = 1;

CREATE OR REPLACE VIEW rec.segments AS
SELECT * EXCLUDE (kind, gap_reason) FROM lake.spans WHERE kind = 'RECORDED' AND state <> 'deleted';

CREATE OR REPLACE VIEW rec.gaps AS
SELECT tenant_id, store_id, camera_id, stream, run, seq, start_at, start_at_local, end_at, end_at_local, logged_at,
       event_date, seconds, CASE WHEN state = 'deleted' THEN 'expired' ELSE gap_reason END AS cause
FROM lake.spans WHERE state = 'deleted' OR (kind = 'GAP' AND (end_at IS NULL OR end_at > start_at));

CREATE OR REPLACE VIEW ref.clock AS
SELECT t.* EXCLUDE (event_month, store_bucket, log_offset), timezone(s.tz, valid_from) AS valid_from_local,
       timezone(s.tz, measured_at) AS measured_at_local
FROM lake.ref_clock t LEFT JOIN ref.stores s USING (tenant_id, store_id)
QUALIFY row_number() OVER (PARTITION BY t.tenant_id, t.store_id, register_id, version
                           ORDER BY logged_at DESC, log_offset DESC) = 1;
