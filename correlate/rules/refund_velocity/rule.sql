WITH refunds AS (
  SELECT a.event_id, count(r.event_id) AS refunds, string_agg(r.event_id, ',' ORDER BY r.event_us, r.event_id) AS members,
         sum(r.total_minor) AS amount_minor, max(p.more_than) AS more_than, max(p.within_seconds) / 60 AS within_minutes
  FROM anchor a
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos r ON r.tenant_id = a.tenant_id AND r.store_id = a.store_id AND r.operator_id = a.operator_id
            AND r.kind = 'RETURN' AND NOT r.training AND NOT r.test
            AND r.event_us > a.event_us - p.within_seconds * 1000000
            AND (r.event_us < a.event_us OR (r.event_us = a.event_us AND r.event_id <= a.event_id))
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
),
work AS (
  SELECT a.event_id, sum(CASE WHEN w.kind = 'SALE' THEN 1 ELSE 0 END) AS sales,
         sum(CASE WHEN w.kind = 'RETURN' THEN 1 ELSE 0 END) AS refunds
  FROM anchor a
  JOIN pos w ON w.tenant_id = a.tenant_id AND w.store_id = a.store_id AND w.operator_id = a.operator_id
            AND w.kind IN ('SALE', 'RETURN') AND NOT w.training AND NOT w.test
            AND w.event_us BETWEEN a.event_us - 28800000000 AND a.event_us
  GROUP BY a.event_id
)
SELECT r.event_id AS anchor_id,
       CASE WHEN r.refunds = r.more_than + 1 AND w.sales >= w.refunds THEN 'fired' ELSE 'silent' END AS outcome,
       CASE WHEN r.refunds > r.more_than + 1 THEN 'goes_on'
            WHEN w.sales < w.refunds THEN 'service_desk'
            ELSE 'one_too_many' END AS why,
       r.amount_minor, r.members, r.refunds, r.within_minutes
FROM refunds r
JOIN work w ON w.event_id = r.event_id
WHERE r.refunds > r.more_than
