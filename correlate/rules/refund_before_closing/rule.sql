WITH closed AS (
  SELECT a.event_id, max(c.event_us) AS before_us
  FROM anchor a
  JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id
            AND c.kind = 'CLOSE' AND NOT c.training AND NOT c.test
            AND c.event_us >= a.event_us - 86400000000 AND c.event_us < a.event_us
  GROUP BY a.event_id
),
counted AS (
  SELECT a.event_id, a.event_us, count(r.event_id) AS refunds, count(r.total_minor) AS known, sum(r.total_minor) AS amount_minor,
         max(r.event_us) AS last_us, max(r.operator_id) AS rung_by,
         string_agg(r.event_id, ',' ORDER BY r.event_us, r.event_id) AS members
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  LEFT JOIN closed c ON c.event_id = a.event_id
  JOIN pos r ON r.tenant_id = a.tenant_id AND r.store_id = a.store_id AND r.register_id = a.register_id
            AND r.kind IN ('RETURN', 'POST_VOID') AND NOT r.training AND NOT r.test
            AND coalesce(r.supervisor_id = r.operator_id, true) AND coalesce(r.total_minor >= p.smallest_minor, true)
            AND r.event_us > coalesce(c.before_us, a.event_us - 86400000000)
            AND r.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id, a.event_us
)
SELECT event_id AS anchor_id,
       CASE WHEN known = 0 THEN 'indeterminate' ELSE 'fired' END AS outcome,
       CASE WHEN known = 0 THEN 'missing_total_minor' ELSE 'just_before_closing' END AS why, amount_minor, members,
       concat(CAST(refunds AS VARCHAR), CASE WHEN refunds = 1 THEN ' refund or void' ELSE ' refunds or voids' END) AS refunds,
       (event_us - last_us) / 60000000 AS minutes_before, coalesce(rung_by, 'unknown') AS rung_by
FROM counted
